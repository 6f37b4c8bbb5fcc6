// The application: it shows who it is told is there, and which cookies reach it.
import { createServer } from 'node:http';

createServer((request, response) => {
  const told = ['remote-user', 'remote-groups', 'cookie'].map((name) => `${name}: ${String(request.headers[name])}\n`);
  response.setHeader('content-type', 'text/plain; charset=utf-8');
  response.end(`${request.method} ${request.url}\n${told.join('')}`);
}).listen(9000, '127.0.0.1');
