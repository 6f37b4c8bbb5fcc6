/**
 * The least that carries WebSockets: Node's server, a socket to the app, and bytes both ways. Argument: port of the app. `size` is
 * answered with the size of the process.
 */
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';

const server = createServer((_request, response) => {
  response.writeHead(426).end();
});
server.on('upgrade', (request, client, head) => {
  const app = connect(Number(process.argv[2]), '127.0.0.1');
  const lines = [`${request.method ?? ''} ${request.url ?? ''} HTTP/1.1`];
  for (let i = 0; i < request.rawHeaders.length; i += 2)
    lines.push(`${request.rawHeaders[i] ?? ''}: ${request.rawHeaders[i + 1] ?? ''}`);
  app.write(`${lines.join('\r\n')}\r\n\r\n`);
  if (head.length > 0) app.write(head);
  for (const socket of [app, client]) socket.on('error', () => socket.destroy());
  app.pipe(client).pipe(app);
});
process.on('message', () => {
  globalThis.gc?.();
  process.send?.({ bytes: process.memoryUsage.rss() });
});
process.on('disconnect', () => process.exit());
server.listen(0, '127.0.0.1', 2048, () => {
  process.send?.({ port: (server.address() as AddressInfo).port });
});
