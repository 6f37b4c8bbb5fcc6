import { parseAddress } from '#base';
import type { App, Group, ResponseRule, Segment, Tier } from '#model';
import type { ForeignModel } from '#policy';
import type { RunningSettings } from './running.ts';

/** An address to listen on. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** What `address:port` names, which the schema let through; undefined for `off`. */
export function parseListen(text: string): ListenAddress | undefined {
  if (text === 'off') return undefined;
  const at = text.lastIndexOf(':');
  return { host: text.slice(0, at).replace(/^\[(.*)\]$/, '$1'), port: Number(text.slice(at + 1)) };
}

/** Only what the machine itself takes for loopback: a name such as `127.0.0.1.example.org` is whatever its owner says. */
export function isLoopback(host: string): boolean {
  if (host === 'localhost' || host === '::1') return true;
  const address = parseAddress(host);
  return address.ok && address.value.family === 4 && address.value.value >> 24n === 127n;
}

/** A workload declared by hand: something without an agent and outside every import. */
export interface DeclaredWorkload {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly addresses: readonly string[];
}

/** The model of an application that asks for decisions over AuthZEN, with what its words mean there. */
export interface AuthzenModel {
  readonly id: string;
  readonly model: ForeignModel;
  /** AuthZEN type -> Cedar entity type, and the properties that become attributes of one request (property -> attribute). */
  readonly types: ReadonlyMap<string, { readonly entity: string; readonly properties: ReadonlyMap<string, string> }>;
  /** AuthZEN action -> Cedar action, and what becomes part of Cedar's context (name -> attribute). */
  readonly actions: ReadonlyMap<
    string,
    {
      readonly action: { readonly type: string; readonly id: string };
      readonly properties: ReadonlyMap<string, string>;
      readonly context: ReadonlyMap<string, string>;
    }
  >;
  /** Where it was read from: files, and the directory of its policies. */
  readonly files: readonly string[];
  readonly policyDirectory: string;
}

/** What segmentation does with addresses that belong to no workload. */
export interface ExternalTraffic {
  readonly egress: 'allow' | 'deny';
  readonly ingress: 'allow' | 'deny';
}

/** Where certificates for browsers come from by ACME (RFC 8555). Paths are absolute. */
export interface AcmeSettings {
  readonly directory: string;
  readonly email: string | undefined;
  readonly challenge: 'http-01' | 'tls-alpn-01';
  /** Where `http-01` is answered; undefined for `tls-alpn-01`. */
  readonly listen: ListenAddress | undefined;
  /** PEM file of the roots that the authority's own servers are trusted by; undefined: those of Node. */
  readonly ca: string | undefined;
  readonly externalAccount: { readonly keyId: string; readonly hmacKeyFile: string } | undefined;
}

/** Where proxies ask about requests that they carry. */
export interface ForwardAuthSettings {
  readonly http: ListenAddress | undefined;
  readonly grpc: ListenAddress | undefined;
  /** CIDR blocks; empty: nobody may ask. */
  readonly trustedProxies: readonly string[];
  /** Port at which people reach the proxies; undefined: that of the scheme. */
  readonly publicPort: number | undefined;
}

/** One checked configuration document with every default filled in. Paths are absolute. */
export interface Configuration extends RunningSettings {
  /** The file it came from; undefined for the embedded defaults. */
  readonly file: string | undefined;
  readonly domain: string;
  readonly listen: { readonly http: ListenAddress | undefined; readonly tls: ListenAddress | undefined };
  /** Files of the certificate that browsers are shown; undefined: one by Cordon's own CA. Agents always see the latter, which they pin. */
  readonly tls: { readonly certificate: string; readonly key: string } | undefined;
  /** Certificates by ACME instead of files. */
  readonly acme: AcmeSettings | undefined;
  /** Processes that run the gateway: 1, the main process itself; `auto`, one per core. */
  readonly workers: number | 'auto';
  readonly forwardAuth: ForwardAuthSettings;
  /** Directory of the store, the journal and the control socket. */
  readonly data: string;
  readonly apps: readonly App[];
  readonly groups: readonly Group[];
  readonly segments: readonly Segment[];
  readonly workloads: readonly DeclaredWorkload[];
  readonly responses: readonly ResponseRule[];
  readonly external: ExternalTraffic;
  /** CIDR blocks that may always reach a host's SSH port, so that segmentation cannot lock its operator out. */
  readonly managementSources: readonly string[];
  readonly authzen: readonly AuthzenModel[];
  /** Where the policies were read from; undefined when they came with the document. */
  readonly policyDirectory: string | undefined;
  /** File name -> Cedar text, or the text of the tests beside them. */
  readonly policies: Readonly<Record<string, string>>;
}

/** The tier names people write. */
export const TIER_NAMES: Readonly<Record<string, Tier>> = { T0: 0, T1: 1, T2: 2, T3: 3 };
