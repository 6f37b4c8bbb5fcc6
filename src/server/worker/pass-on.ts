import { Agent, type IncomingMessage, request as httpRequest, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { DoorKey } from './messages.ts';

/** The first line on a connection to the door: who is on the client's end of it. */
export interface Introduction {
  readonly secret: string;
  readonly address: string;
  readonly isEncrypted: boolean;
  /** What the client presented in the handshake, DER in base64. */
  readonly certificate?: string;
  /** That certificate was valid under Cordon's own CA when the client proved its key. */
  readonly isAuthorized: boolean;
}

/** Fields that are about one connection only; the two connections here are not the same. */
const OF_ONE_CONNECTION = new Set(['connection', 'keep-alive', 'proxy-connection', 'upgrade', 'expect', 'te']);

/**
 * Answers requests for Cordon's own hosts: the main process does. Each client's connection has connections of its own to the door, so that
 * who is there is said once, and by us: nothing in a request can change it.
 */
export function passOn(door: DoorKey): (request: IncomingMessage, response: ServerResponse) => void {
  const agents = new WeakMap<Socket, Agent>();
  const agentOf = (socket: Socket): Agent => {
    const known = agents.get(socket);
    if (known !== undefined) return known;
    const agent = new Agent({ keepAlive: true, maxFreeSockets: 1 });
    agent.createConnection = () => {
      const connection = connect(door.path);
      connection.write(`${JSON.stringify(introduction(socket, door.secret))}\n`);
      return connection;
    };
    agents.set(socket, agent);
    socket.once('close', () => {
      agent.destroy();
    });
    return agent;
  };
  return (request, response) => {
    const { method, url: path } = request;
    const passed = httpRequest({
      agent: agentOf(request.socket),
      method,
      path,
      headers: fieldsOf(request.rawHeaders, request.headers.host),
    });
    passed.once('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.statusMessage ?? '', fieldsOf(answer.rawHeaders));
      answer.pipe(response);
      answer.once('error', () => response.destroy());
    });
    passed.once('error', () => {
      if (response.headersSent) response.destroy();
      else notNow(response);
    });
    response.once('close', () => passed.destroy());
    request.pipe(passed);
  };
}

function introduction(socket: Socket, secret: string): Introduction {
  const address = socket.remoteAddress ?? '';
  if (!isTls(socket)) return { secret, address, isEncrypted: false, isAuthorized: false };
  const certificate = socket.getPeerX509Certificate();
  return {
    secret,
    address,
    isEncrypted: true,
    isAuthorized: socket.authorized,
    ...(certificate === undefined ? {} : { certificate: certificate.raw.toString('base64') }),
  };
}

function isTls(socket: Socket): socket is TLSSocket {
  return 'encrypted' in socket;
}

/** Alternating names and values that go on. HTTP/2 names the host in a pseudo-header, which HTTP/1.1 does not know. */
function fieldsOf(raw: readonly string[], host?: string): string[] {
  const fields: string[] = [];
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const [name = '', value = ''] = [raw[index], raw[index + 1]];
    const isOther = name.startsWith(':') || OF_ONE_CONNECTION.has(name.toLowerCase());
    if (!isOther && (host === undefined || name.toLowerCase() !== 'host')) fields.push(name, value);
  }
  return host === undefined ? fields : ['host', host, ...fields];
}

function notNow(response: ServerResponse): void {
  response.writeHead(503, { 'content-type': 'text/plain; charset=utf-8', 'retry-after': '1' });
  response.end('Cordon is starting\n');
}
