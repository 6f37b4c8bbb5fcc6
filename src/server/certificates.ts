import { readFileSync } from 'node:fs';
import type { SecureContext } from 'node:tls';
import { type Clock, CordonError } from '#base';
import type { Authority } from '#devices';
import { type AcmeOptions, keepAcme } from './acme/acme.ts';
import { type CertificateMaterial, contextOf, materialOf } from './certificate-material.ts';

const DAY = 86_400_000;
/** A certificate of our own CA is made anew when it has this long left. */
const RENEW_BEFORE_MS = 10 * DAY;

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
  /** Present: browsers see certificates by ACME, for every host but that of the agents. */
  readonly acme?: Omit<AcmeOptions, 'hosts' | 'contextOf' | 'shown'>;
}): Promise<Certificates> {
  const { authority, clock, agentHost } = options;
  let names = '';
  let notAfter = 0;
  let own: SecureContext | undefined;
  let shown: SecureContext | undefined;
  const refresh = async (): Promise<void> => {
    const hosts = [...new Set(options.hosts())].sort();
    if (own === undefined || hosts.join() !== names || notAfter - clock.now() < RENEW_BEFORE_MS) {
      const issued = await authority.issueServer(hosts);
      own = contextOf(issued, authority.certificate);
      names = hosts.join();
      notAfter = issued.notAfter;
    }
    shown = fromFiles(authority, options.files());
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
