import type { ConnectionOptions } from 'node:tls';
import { CordonError } from '#base';
import type { CliWorld } from '../world.ts';

/** A token of this person for one app, with what is needed to use it. */
export interface AppToken {
  /** Host of the app, without port. */
  readonly host: string;
  /** Origin that the token is good at, for example `https://wiki.example.org`; plain HTTP only below `localhost`. */
  readonly origin: string;
  readonly form: 'bearer' | 'dpop';
  readonly text: string;
  /** Milliseconds. It may end earlier, with the session. */
  readonly expiresAt: number;
  /** What a TLS connection to the origin is made with: trusted authorities, this device's certificate, where the host is. */
  readonly connection: Pick<ConnectionOptions, 'ca' | 'cert' | 'key' | 'lookup' | 'minVersion'>;
  /** Fields that authenticate one request, to be made anew for each: a proof is accepted once. `url` may hold a query. */
  proofFor(method: string, url: string): Readonly<Record<string, string>>;
}

/** How a token may be obtained. */
export interface TokenWish {
  /** `dpop` unless said: such a token is worth nothing without the key that stays on this machine. */
  readonly form?: 'bearer' | 'dpop';
  /** Do not use a token that is kept: the gateway refused it. */
  readonly isFresh?: boolean;
  /** `open`: a browser of this machine (default). `paste`: print the address, and read the code from standard input. */
  readonly way?: 'open' | 'paste';
}

/**
 * The token of this machine's person for an app, named by its host or the first label of it: a kept one, or a new one that the person
 * allows in a browser. Throws `login-missing`, `token-refused` and what the connection fails with.
 */
export async function appToken(world: CliWorld, app: string, wish: TokenWish = {}): Promise<AppToken> {
  throw await Promise.resolve(new CordonError('login-missing', `no token for \`${app}\` (${wish.form ?? 'dpop'}) in \`${world.cwd}\``));
}
