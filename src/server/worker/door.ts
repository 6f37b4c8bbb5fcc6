import { X509Certificate } from 'node:crypto';
import { chmodSync, rmSync } from 'node:fs';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer, type Socket } from 'node:net';
import { CordonError, isJsonObject, newToken, parseJson, secretsEqual } from '#base';
import { hardenServer, SERVER_OPTIONS } from '#gateway';
import type { DoorKey } from './messages.ts';

/** The private entrance of the main process, by which workers pass on what is meant for Cordon's own hosts. */
export interface Door {
  readonly key: DoorKey;
  close(): Promise<void>;
}

/** Longest introduction; a client's certificate is most of it. */
const MAX_INTRODUCTION_BYTES = 128 * 1024;
/** How long a worker may take to introduce a client, milliseconds. */
const INTRODUCTION_MS = 10_000;

/**
 * Opens the door at `path`, for this user only, and answers behind it. Whoever cannot say the secret of this start is not heard. Throws
 * `data-unwritable`.
 */
export async function openDoor(
  path: string,
  handle: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Door> {
  const key: DoorKey = { path, secret: newToken() };
  const http = createHttpServer({ ...SERVER_OPTIONS, keepAliveTimeout: 0 }, handle);
  hardenServer(http);
  const open = new Set<Socket>();
  const door = createServer((socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    socket.on('error', () => socket.destroy());
    admit(socket, key.secret, () => http.emit('connection', socket));
  });
  rmSync(path, { force: true });
  await new Promise<void>((resolve, reject) => {
    door.once('error', (cause) => {
      reject(new CordonError('data-unwritable', `cannot listen on \`${path}\`: ${cause.message}`, { cause }));
    });
    door.listen(path, resolve);
  });
  chmodSync(path, 0o600);
  return {
    key,
    close: async () => {
      const closed = new Promise<void>((resolve) => {
        door.close(() => resolve());
      });
      for (const socket of open) socket.destroy();
      await closed;
      rmSync(path, { force: true });
    },
  };
}

/** Reads the introduction, and gives the connection the face of the client's. */
function admit(socket: Socket, secret: string, enter: () => void): void {
  const late = setTimeout(() => socket.destroy(), INTRODUCTION_MS);
  socket.once('close', () => {
    clearTimeout(late);
  });
  let seen: Buffer = Buffer.alloc(0);
  const read = (chunk: Buffer): void => {
    seen = Buffer.concat([seen, chunk]);
    const end = seen.indexOf('\n');
    if (end === -1 && seen.length <= MAX_INTRODUCTION_BYTES) return;
    socket.off('data', read);
    socket.pause();
    clearTimeout(late);
    if (end === -1 || !introduce(socket, seen.toString('utf8', 0, end), secret)) {
      socket.destroy();
      return;
    }
    if (end + 1 < seen.length) socket.unshift(seen.subarray(end + 1));
    enter();
    socket.resume();
  };
  socket.on('data', read);
}

/** False for whoever does not know the secret. What is set here is what the socket of a client has in a process without workers. */
function introduce(socket: Socket, text: string, secret: string): boolean {
  const parsed = parseJson(text);
  const said = parsed.ok && isJsonObject(parsed.value) ? parsed.value : {};
  if (typeof said['secret'] !== 'string' || !secretsEqual(said['secret'], secret)) return false;
  const { address, certificate, isEncrypted, isAuthorized } = said;
  Object.defineProperty(socket, 'remoteAddress', { value: typeof address === 'string' ? address : '' });
  if (isEncrypted !== true) return true;
  const presented = typeof certificate === 'string' ? certificateOf(certificate) : undefined;
  if (presented === null) return false;
  Object.assign(socket, {
    encrypted: true,
    authorized: isAuthorized === true,
    getPeerX509Certificate: () => presented,
  });
  return true;
}

/** Null for what cannot be read: whoever showed it was let in by a parser that is not ours. */
function certificateOf(text: string): X509Certificate | null {
  try {
    return new X509Certificate(Buffer.from(text, 'base64'));
  } catch {
    return null;
  }
}
