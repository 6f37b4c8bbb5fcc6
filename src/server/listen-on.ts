import type { Server as HttpServer } from 'node:http';
import type { Server } from 'node:net';
import { CordonError } from '#base';
import type { ListenAddress } from '#config';

/** Binds a server; resolves with the port, which differs from the wanted one when that is 0. `isShared`: other processes of this user may bind it too, and the kernel deals connections out among them. Throws `port-in-use`, `port-refused` or `address-unusable`. */
export async function listenOn(
  server: Server,
  { host, port }: ListenAddress,
  options: { readonly isShared?: boolean } = {},
): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      reject(listenError(cause, host, port));
    });
    server.listen({ host, port, reusePort: options.isShared === true }, resolve);
  });
  server.removeAllListeners('error');
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : port;
}

/** Accepts nothing more, and ends what is still open. */
export async function endServer(server: HttpServer): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve()); // also when it never listened
  });
  server.closeAllConnections();
  await closed;
}

function listenError(cause: NodeJS.ErrnoException, host: string, port: number): CordonError {
  const at = `${host}:${port}`;
  if (cause.code === 'EADDRINUSE') {
    return new CordonError('port-in-use', `something else listens on \`${at}\` already`, {
      cause,
      hint: `stop it (\`ss -ltnp 'sport = :${port}'\` names it), or choose another port under \`listen\` in cordon.yaml`,
    });
  }
  if (cause.code === 'EACCES') {
    return new CordonError('port-refused', `this user may not listen on \`${at}\``, {
      cause,
      hint: 'choose a port above 1023, or give the process the capability CAP_NET_BIND_SERVICE',
    });
  }
  return new CordonError('address-unusable', `cannot listen on \`${at}\`: ${cause.code ?? cause.message}`, {
    cause,
    hint: 'name an address of this machine under `listen` in cordon.yaml',
  });
}
