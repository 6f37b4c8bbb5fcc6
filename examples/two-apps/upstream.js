// The application behind the gateway: it says what reached it. Run it with `node examples/two-apps/upstream.js`.
import { createServer } from 'node:http';

createServer((request, response) => {
  response.setHeader('content-type', 'text/plain');
  const headers = Object.entries(request.headers).map(([name, value]) => `${name}: ${String(value)}`);
  response.end(`The handbook.\n\n${request.method} ${request.url}\n${headers.join('\n')}\n`);
}).listen(9000, '127.0.0.1');
