import { createPrivateKey, X509Certificate } from 'node:crypto';
import { open, readFile } from 'node:fs/promises';
import { lookup as ask } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { join } from 'node:path';
import { type ConnectionOptions, getCACertificates } from 'node:tls';
import { CordonError } from '#base';
import type { CliWorld } from '../world.ts';
import { readPrivate } from './private-files.ts';

/** Which installation this person's commands talk to. */
export interface Login {
  /** Origin of the identity host: `https://id.example.org`. */
  readonly url: string;
  /** PEM of the only authorities that may certify its hosts; absent: those of this computer. */
  readonly ca?: string;
  /** Absolute path of the agent's state directory, whose certificate says which device this is. */
  readonly device?: string;
  /** Absolute paths of a certificate and its key, PEM, in place of that directory: only root can read the agent's. */
  readonly certificate?: string;
  readonly key?: string;
}

/** What a TLS connection to the installation is made with. */
export type Connection = Pick<
  ConnectionOptions,
  'ca' | 'cert' | 'key' | 'lookup' | 'minVersion' | 'rejectUnauthorized'
>;

/** Name of the file that holds it. */
export const LOGIN_FILE = 'login.json';

/** Reads the login. Throws `login-missing`. */
export async function readLogin({ person }: Pick<CliWorld, 'person'>): Promise<Login> {
  const kept = await readPrivate(person.directory, LOGIN_FILE);
  const { url, ca, device, certificate, key } = kept ?? {};
  if (typeof url !== 'string') {
    throw new CordonError('login-missing', 'this computer is not told which Cordon to talk to', {
      hint: 'run `cordon login --url https://id.<domain>`',
    });
  }
  return {
    url: parseIdentityUrl(url),
    ...(typeof ca === 'string' ? { ca } : {}),
    ...(typeof device === 'string' ? { device } : {}),
    ...(typeof certificate === 'string' && typeof key === 'string' ? { certificate, key } : {}),
  };
}

/**
 * Reads the address of an identity host and returns its origin. Plain HTTP is taken only for this computer itself. Throws
 * `login-address-invalid`.
 */
export function parseIdentityUrl(text: string): string {
  const url = URL.parse(text.includes('://') ? text : `https://${text}`);
  const why = flawOf(url);
  if (url !== null && why === undefined) return url.origin;
  throw new CordonError('login-address-invalid', `\`${text}\` is not the address of an identity host: ${why}`, {
    hint: 'write it as your browser shows it at the sign-in, for example `https://id.example.org`',
  });
}

function flawOf(url: URL | null): string | undefined {
  if (url === null || url.username !== '') return 'it is no address';
  if (!url.hostname.startsWith('id.')) return 'its name begins with `id.`';
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') return 'it has no path';
  if (url.protocol === 'https:' || (url.protocol === 'http:' && url.hostname.endsWith('.localhost'))) return undefined;
  return 'it begins with `https://`, or with `http://` below `localhost`';
}

/** Host and origin of an app that is named by its host, its address, or the first label of its host. Throws `login-address-invalid`. */
export function appAddress({ url }: Login, app: string): { readonly host: string; readonly origin: string } {
  const origin = new URL(url);
  const named = URL.parse(app)?.hostname ?? app;
  const host = (named.includes('.') ? named : `${named}.${origin.hostname.slice('id.'.length)}`).toLowerCase();
  if (!/^[a-z0-9-]+(?:\.[a-z0-9-]+)*$/.test(host)) {
    throw new CordonError('login-address-invalid', `\`${app}\` is not the name of an app`, {
      hint: 'name it by its host, or by the first part of it, as your page at the identity host shows it',
    });
  }
  origin.hostname = host;
  return { host, origin: origin.origin };
}

/** What connections are made with. Throws `device-certificate-unreadable`. */
export async function connectionOf(login: Login): Promise<Connection> {
  const { ca } = login;
  const device = deviceFiles(login);
  return {
    ca: ca ?? [...getCACertificates('default'), ...getCACertificates('system')],
    minVersion: 'TLSv1.2',
    rejectUnauthorized: true, // whatever NODE_TLS_REJECT_UNAUTHORIZED says
    lookup: findAddress,
    ...(device === undefined ? {} : await deviceCertificate(device)),
  };
}

/** Names below `localhost` are this computer (RFC 6761 section 6.3), which not every resolver knows. */
const findAddress: LookupFunction = (hostname, options, callback) => {
  if (!hostname.endsWith('.localhost')) ask(hostname, options, callback);
  else if (options.all === true) callback(null, [{ address: '127.0.0.1', family: 4 }]);
  else callback(null, '127.0.0.1', 4);
};

function deviceFiles({ device, certificate, key }: Login): DeviceFiles | undefined {
  if (certificate !== undefined && key !== undefined) return { certificate, key };
  return device === undefined
    ? undefined
    : { certificate: join(device, 'certificate.pem'), key: join(device, 'key.pem') };
}

/** Paths of what says which device this is. */
interface DeviceFiles {
  readonly certificate: string;
  readonly key: string;
}

async function deviceCertificate(files: DeviceFiles): Promise<{ readonly cert: string; readonly key: string }> {
  try {
    const [cert, key] = [await readFile(files.certificate, 'utf8'), await readKey(files.key)];
    if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) throw new Error('it is for another key');
    return { cert, key };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CordonError('device-certificate-unreadable', `the certificate of this device cannot be used: ${why}`, {
      cause,
      hint: 'enrol this computer with `cordon agent enrol`, and run this as a user that may read the state of the agent, or copies of its files',
    });
  }
}

/** Of one and the same file: what is looked at by its name may be another one by then. */
async function readKey(path: string): Promise<string> {
  const file = await open(path);
  try {
    if (((await file.stat()).mode & 0o077) !== 0) {
      throw new Error(`\`${path}\` may be read by others, and whoever reads it is this device`);
    }
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}
