import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { SecureContext } from 'node:tls';
import { type Clock, CordonError } from '#base';
import type { Authority } from '#devices';
import { type AcmeOptions, keepAcme } from './acme/acme.ts';
import { type CertificateMaterial, contextOf, materialOf } from './certificate-material.ts';

const DAY = 86_400_000;
/** A certificate of our own CA is made anew when it has this long left. */
const RENEW_BEFORE_MS = 10 * DAY;
/** How far the clock may be set back before a certificate of our own CA counts as one of the future, milliseconds. */
const SET_BACK_MS = 60_000;

/** Certificate files as the configuration names them. */
interface CertificateFiles {
  readonly certificate: string;
  readonly key: string;
}

/** What the TLS listener shows to whom. */
export interface Certificates {
  /** The context for a server name; without one, or for a name that is not ours, that of the own CA. */
  contextFor(serverName: string | undefined): SecureContext;
  /** The same for all hosts, for another process. */
  material(): CertificateMaterial;
  /** Makes the certificate anew when names were added or it ends soon, and reads the files. Throws `tls-files-invalid`. */
  refresh(): Promise<void>;
  /**
   * Refreshes when the certificate of the own CA ends soon, has ended, or is of the future, as it is after the clock was set. Costs nothing
   * otherwise. Tells once of each certificate that was shown after its end. Throws as `refresh` does, and `authority-expired`.
   */
  renew(): Promise<void>;
  /** Orders by ACME what is missing or ends soon. Never throws. */
  order(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Keeps the server's certificates. Agents pin Cordon's own CA, so their host always shows a certificate of it; browsers see the files when
 * the configuration names some. Every context asks for a device certificate and accepts only those of the own CA.
 */
export async function keepCertificates(options: {
  readonly authority: Authority;
  readonly clock: Clock;
  readonly agentHost: string;
  /** All host names that are served now. */
  readonly hosts: () => readonly string[];
  readonly files: () => CertificateFiles | undefined;
  /** Told when something else is to be shown; resolves when everybody shows it. */
  readonly onChange?: () => Promise<void>;
  /** Told once of each certificate that is, or was, shown after its end: in words, and until when it was valid (milliseconds since the epoch). */
  readonly onExpired?: (which: string, notAfter: number) => void;
  /** Present: browsers see certificates by ACME, for every host but that of the agents. */
  readonly acme?: Omit<AcmeOptions, 'hosts' | 'contextOf' | 'shown'>;
}): Promise<Certificates> {
  const { authority, clock, agentHost } = options;
  let names = '';
  let [madeAt, notAfter] = [0, 0];
  const isDue = (): boolean => notAfter - clock.now() < RENEW_BEFORE_MS || clock.now() < madeAt - SET_BACK_MS;
  let own: SecureContext | undefined;
  let shown: SecureContext | undefined;
  let filesEnd = Number.POSITIVE_INFINITY;
  const tellOnce = onceEach(options.onExpired);
  const tellExpired = (): void => {
    const now = clock.now();
    if (notAfter <= now) tellOnce('of the own authority', notAfter);
    if (filesEnd <= now) tellOnce('named under `tls`', filesEnd);
  };
  const refresh = async (): Promise<void> => {
    const hosts = [...new Set(options.hosts())].sort();
    if (own === undefined || hosts.join() !== names || isDue()) {
      const issued = await authority.issueServer(hosts);
      own = contextOf(issued, authority.certificate);
      names = hosts.join();
      madeAt = clock.now();
      notAfter = issued.notAfter;
    }
    const files = options.files();
    shown = fromFiles(authority, files);
    filesEnd = files === undefined ? Number.POSITIVE_INFINITY : endOf(files.certificate);
  };
  await refresh();
  const acme =
    options.acme === undefined
      ? undefined
      : await keepAcme({
          ...options.acme,
          ...(options.onChange === undefined ? {} : { shown: options.onChange }),
          hosts: () => options.hosts().filter((host) => host !== agentHost),
          contextOf: (certificate, key) => contextOf({ certificate, key }, authority.certificate),
        });
  const contextFor = (serverName: string | undefined): SecureContext => {
    const isOwn = serverName === undefined || serverName === agentHost;
    const context = isOwn ? own : (acme?.contextFor(serverName) ?? shown ?? own);
    if (context === undefined) throw new Error('no certificate yet');
    return context;
  };
  return {
    contextFor,
    material: () => materialOf(options.hosts(), contextFor),
    refresh: async () => {
      await refresh();
      await options.onChange?.();
    },
    renew: async () => {
      tellExpired();
      if (!isDue()) return;
      await refresh();
      await options.onChange?.();
    },
    order: async () => await acme?.refresh(),
    close: async () => await acme?.close(),
  };
}

function fromFiles(authority: Authority, files: CertificateFiles | undefined): SecureContext | undefined {
  if (files === undefined) return undefined;
  try {
    const [certificate, key] = [readFileSync(files.certificate, 'utf8'), readFileSync(files.key, 'utf8')];
    return contextOf({ certificate, key }, authority.certificate);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : 'unknown failure';
    throw new CordonError('tls-files-invalid', `cannot use \`${files.certificate}\` with \`${files.key}\`: ${reason}`, {
      cause,
      hint: 'name a PEM chain, leaf first, and its private key; both must be readable by the user that runs Cordon',
    });
  }
}

/** When the first certificate of a file ends, milliseconds since the epoch. */
function endOf(file: string): number {
  return new X509Certificate(readFileSync(file)).validToDate.getTime();
}

/** Tells of each certificate once, however often it is looked at. */
function onceEach(tell: ((which: string, notAfter: number) => void) | undefined): typeof tell & {} {
  const told = new Map<string, number>();
  return (which, notAfter) => {
    if (told.get(which) === notAfter) return;
    told.set(which, notAfter);
    tell?.(which, notAfter);
  };
}
