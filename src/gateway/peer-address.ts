import type { Socket } from 'node:net';

/** Address of a socket's other end; IPv4 as such, also over a socket for both families. Empty when nobody is there any more. */
export function peerAddress(socket: Pick<Socket, 'remoteAddress'> | undefined): string {
  return (socket?.remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)/i, '');
}
