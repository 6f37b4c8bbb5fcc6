/**
 * The least that forwards: a Node HTTP server in front of an undici dispatcher, without a check of anything. What the gateway adds is
 * measured against it. Argument: port of the app.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Agent } from 'undici';

const origin = `http://127.0.0.1:${process.argv[2] ?? ''}`;
const agent = new Agent({ pipelining: 1 });
const server = createServer((request, response) => {
  const isPost = request.method === 'POST';
  const length = isPost ? { 'content-length': request.headers['content-length'] } : {};
  agent.dispatch(
    {
      origin,
      path: request.url ?? '/',
      method: isPost ? 'POST' : 'GET',
      headers: { host: request.headers.host, ...length },
      body: isPost ? request : null,
    },
    {
      onRequestStart: () => undefined,
      onResponseStart: (_controller, status, headers) => {
        response.writeHead(status, headers);
      },
      onResponseData: (controller, chunk) => {
        if (!response.write(chunk)) {
          controller.pause();
          response.once('drain', () => {
            controller.resume();
          });
        }
      },
      onResponseEnd: () => {
        response.end();
      },
      onResponseError: () => {
        response.destroy();
      },
    },
  );
});
process.on('disconnect', () => process.exit());
server.listen(0, '127.0.0.1', () => {
  process.send?.({ port: (server.address() as AddressInfo).port, lines: ['host: reports.localhost'] });
});
