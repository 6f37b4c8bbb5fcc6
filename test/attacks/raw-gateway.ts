/**
 * What the attacks on the gateway share: a world whose app notes every byte, and requests as bytes.
 */
import { type World, world, type WorldOptions } from '../gateway/world.ts';

/** Lets everybody who is signed in open everything. */
export const EVERYBODY = 'permit (principal, action == Action::"access", resource);';
/** Everybody may, except below /admin. */
export const NOT_ADMIN = `${EVERYBODY}
@id("admin") forbid (principal, action == Action::"access", resource) when { context.path like "/admin*" };`;

/** A world whose app speaks bytes. */
export interface RawWorld extends World {
  /** Everything that reached the app, on any connection. */
  bytes(): string;
}

/** A world whose app notes bytes and answers each connection once. */
export async function rawWorld(options: WorldOptions = {}): Promise<RawWorld> {
  let bytes = '';
  const made = await world({
    policies: EVERYBODY,
    rawUpstream: (socket) => {
      socket.on('data', (chunk) => (bytes += chunk.toString('latin1')));
      socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'));
    },
    ...options,
  });
  return Object.assign(made, { bytes: () => bytes });
}

/** A request by somebody who may, with the fields given, as bytes. */
export function authorised(made: World, lines: readonly string[], rest = ''): string {
  return `${[...lines, 'host: wiki.localhost', `cookie: ${made.signIn()}`, 'connection: close'].join('\r\n')}\r\n\r\n${rest}`;
}
