import { chmodSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import { CordonError } from '#base';

/** Throws `already-running` when another Cordon answers on the control socket of this data directory. */
export async function refuseSecond(path: string): Promise<void> {
  if (!(await isAnswered(path))) return;
  throw new CordonError('already-running', `another Cordon runs on this data directory and answers at \`${path}\``, {
    hint: 'stop it first, or choose another data directory with `--data`',
  });
}

/**
 * Lets the control API listen on a Unix socket that only the owner may open; the directory it lies in is closed to others already. A socket
 * that nobody answers on is what a killed process left, and is replaced.
 */
export async function listenControl(server: Server, path: string): Promise<void> {
  await refuseSecond(path);
  rmSync(path, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      reject(new CordonError('data-unwritable', `cannot listen on \`${path}\`: ${cause.message}`, { cause }));
    });
    server.listen(path, resolve);
  });
  chmodSync(path, 0o600);
}

/** Ends the control API and removes its socket. */
export async function closeControl(server: Server, path: string): Promise<void> {
  if (!server.listening) return;
  await new Promise<void>((resolve) => {
    server.close(() => {
      resolve();
    });
    server.closeAllConnections();
  });
  rmSync(path, { force: true });
}

async function isAnswered(path: string): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => {
      resolve(false);
    });
  });
}
