/**
 * As much of a Kubernetes API as kubectl needs to find pods and to run a command in one; it notes who asks.
 */
import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

const POD = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'default', uid: '1' },
  spec: { containers: [{ name: 'web', image: 'web' }] },
  status: { phase: 'Running' },
};

const ANSWERS: Readonly<Record<string, object>> = {
  '/version': { major: '1', minor: '32', gitVersion: 'v1.32.0' },
  '/api': { kind: 'APIVersions', versions: ['v1'] },
  '/apis': { kind: 'APIGroupList', apiVersion: 'v1', groups: [] },
  '/api/v1': {
    kind: 'APIResourceList',
    groupVersion: 'v1',
    resources: [
      { name: 'pods', singularName: 'pod', namespaced: true, kind: 'Pod', verbs: ['get', 'list'], shortNames: ['po'] },
      { name: 'pods/exec', singularName: '', namespaced: true, kind: 'PodExecOptions', verbs: ['create', 'get'] },
    ],
  },
  '/api/v1/namespaces/default/pods': { kind: 'PodList', apiVersion: 'v1', metadata: {}, items: [POD] },
  '/api/v1/namespaces/default/pods/web': POD,
};

/** Answers kubectl. */
export function kubernetesApi(request: IncomingMessage, response: ServerResponse): void {
  request.resume();
  const found = ANSWERS[new URL(request.url ?? '', 'http://api').pathname];
  response.writeHead(found === undefined ? 404 : 200, { 'content-type': 'application/json' });
  const missing = {
    kind: 'Status',
    apiVersion: 'v1',
    status: 'Failure',
    reason: 'NotFound',
    code: 404,
    message: 'none',
  };
  response.end(JSON.stringify(found ?? missing));
}

/** Runs a command in the pod: says `hello` on its output, and that it went well (v5.channel.k8s.io). */
export function kubernetesExec(request: IncomingMessage, socket: Duplex): void {
  const key = request.headers['sec-websocket-key'] ?? '';
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: ${accept}\r\nsec-websocket-protocol: v5.channel.k8s.io\r\n\r\n`,
  );
  const send = (opcode: number, payload: Buffer): void => {
    socket.write(Buffer.concat([Buffer.from([0x80 | opcode, payload.length]), payload]));
  };
  send(2, Buffer.from('\x01hello\n'));
  send(2, Buffer.from(`\x03${JSON.stringify({ metadata: {}, status: 'Success' })}`));
  send(8, Buffer.from([3, 232]));
  socket.resume().on('end', () => socket.end());
}
