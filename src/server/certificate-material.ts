import { createSecureContext, type SecureContext } from 'node:tls';

/** A certificate chain and its private key, PEM. */
export interface CertificatePem {
  readonly certificate: string;
  readonly key: string;
}

/** What the TLS listener shows to whom, in a form that another process can be told. It holds private keys. */
export interface CertificateMaterial {
  readonly pems: readonly CertificatePem[];
  /** Index of the one for a host, by name. */
  readonly hosts: Readonly<Record<string, number>>;
  /** Index of the one for other names. */
  readonly other: number;
  /** Index of the one for whoever names none. */
  readonly nameless: number;
}

const OLDEST_TLS = 'TLSv1.2';
/** From what a context was made: a context does not say. */
const sources = new WeakMap<SecureContext, CertificatePem>();

/** A context that shows the certificate and, where there is an `authority` (PEM), accepts client certificates of that one only. */
export function contextOf(pem: CertificatePem, authority?: string): SecureContext {
  const context = createSecureContext({
    cert: pem.certificate,
    key: pem.key,
    ...(authority === undefined ? {} : { ca: authority }),
    minVersion: OLDEST_TLS,
  });
  sources.set(context, pem);
  return context;
}

/** Gathers what is shown for the hosts and for everything else. Throws on a context that `contextOf` did not make. */
export function materialOf(
  hosts: readonly string[],
  contextFor: (serverName: string | undefined) => SecureContext,
): CertificateMaterial {
  const pems: CertificatePem[] = [];
  const indexOf = (context: SecureContext): number => {
    const pem = sources.get(context);
    if (pem === undefined) throw new Error('this TLS context was not made here');
    const known = pems.indexOf(pem);
    return known === -1 ? pems.push(pem) - 1 : known;
  };
  return {
    hosts: Object.fromEntries(hosts.map((host) => [host, indexOf(contextFor(host))])),
    other: indexOf(contextFor('')),
    nameless: indexOf(contextFor(undefined)),
    pems,
  };
}

/** What another process's `contextFor` said, said here. */
export function contextsOf(
  { pems, hosts, other, nameless }: CertificateMaterial,
  authority: string,
): (serverName: string | undefined) => SecureContext {
  const contexts = pems.map((pem) => contextOf(pem, authority));
  const byHost = new Map(Object.entries(hosts));
  return (serverName) => {
    const context = contexts[serverName === undefined ? nameless : (byHost.get(serverName) ?? other)];
    if (context === undefined) throw new Error('no certificate for this name');
    return context;
  };
}
