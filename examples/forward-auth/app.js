// The application: it shows who it is told is there, and which cookies reach it.
import { createServer } from 'node:http';

createServer((request, response) => {
  const { 'remote-user': user, 'remote-groups': groups, cookie = 'none' } = request.headers;
  response.setHeader('content-type', 'text/plain; charset=utf-8');
  response.end(`${request.method} ${request.url}\nuser: ${user}\ngroups: ${groups}\ncookies: ${cookie}\n`);
}).listen(9000, '127.0.0.1');
