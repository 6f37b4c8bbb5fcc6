import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { CordonError, newToken } from '#base';
import type { CliWorld } from '../world.ts';
import { ownerOfPeer } from './peer.ts';

const CODE = /^[A-Za-z0-9_-]{43}$/;
/** How long a person may take to sign in and to answer, milliseconds. */
const PATIENCE_MS = 5 * 60_000;
const OTHER_TRIED =
  'another user of this computer tried to answer in your place; that was ignored. If it was your own browser, as under `sudo`, interrupt this and take the token with `cordon token APP --no-browser`\n';

/**
 * Asks for a code in a browser of this computer, which brings it back over loopback. Throws `token-refused`, `token-wait-ended`.
 *
 * Other users of the computer can read the address among the arguments of the browser, and with it the challenge and the path. A code that the
 * browser brings is worth nothing to them without the verifier (RFC 7636). But one that they allowed themselves would fit it too, and the
 * commands would act as them from then on (attack: to get what somebody uploads); so nobody else's process is listened to.
 */
export async function codeFromBrowser(world: CliWorld, addressFor: (redirect: string) => string): Promise<string> {
  // Only the page that was sent here knows the path: no other can bring a code of its own (RFC 8252 section 8.1).
  const path = `/${newToken()}`;
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let isTold = false;
  const server = createServer((request, response) => {
    if (ownerOfPeer(request.socket) !== 'other') {
      answer(request, response, { path, resolve, reject });
      return;
    }
    if (!isTold) world.stderr.write(OTHER_TRIED);
    isTold = true;
    say(response, 404, 'There is nothing here.');
  });
  const port = await listen(server);
  const timer = setTimeout(() => reject(waitEnded('nobody answered within five minutes')), PATIENCE_MS);
  const onAbort = (): void => reject(waitEnded('interrupted before anybody answered'));
  world.signal.addEventListener('abort', onAbort);
  try {
    const address = addressFor(`http://127.0.0.1:${port}${path}`);
    const isOpen = await world.person.openBrowser(address);
    const what = isOpen
      ? 'a browser was opened to ask you; if none appears, open'
      : 'open this in a browser of this computer:';
    world.stderr.write(`${what} ${address}\n`);
    return await promise;
  } finally {
    clearTimeout(timer);
    world.signal.removeEventListener('abort', onAbort);
    server.close();
    server.closeIdleConnections();
  }
}

/** Prints the address to open anywhere, and reads the code that the person brings back. Throws `token-refused`, `token-wait-ended`. */
export async function codeFromPerson({ stdin, stderr }: CliWorld, address: string): Promise<string> {
  stderr.write(`open this address in a browser, allow the program, and paste the code here:\n${address}\ncode: `);
  const lines = createInterface({ input: stdin });
  try {
    for await (const line of lines) {
      const code = line.trim();
      if (code === '') continue;
      if (CODE.test(code)) return code;
      throw new CordonError('token-refused', 'this is not a code', {
        hint: 'copy all 43 characters, then run this again',
      });
    }
  } finally {
    lines.close();
  }
  throw waitEnded('the input ended without a code');
}

interface Waiting {
  readonly path: string;
  readonly resolve: (code: string) => void;
  readonly reject: (error: Error) => void;
}

function answer(request: IncomingMessage, response: ServerResponse, { path, resolve, reject }: Waiting): void {
  const { host = '' } = request.headers;
  const url = new URL(request.url ?? '/', 'http://127.0.0.1');
  // Another name that leads here (DNS rebinding) is no browser that Cordon sent.
  if (request.method !== 'GET' || url.pathname !== path || !/^127\.0\.0\.1:\d+$/.test(host)) {
    say(response, 404, 'There is nothing here.');
    return;
  }
  const [code = '', ...more] = url.searchParams.getAll('code');
  if (url.searchParams.get('error') === 'access_denied') {
    say(response, 200, 'Nothing was given. You can close this page.');
    reject(new CordonError('token-refused', 'you refused in the browser', { hint: 'run this again and allow it' }));
  } else if (CODE.test(code) && more.length === 0) {
    say(response, 200, 'Done. You can close this page and go back to the terminal.');
    resolve(code);
  } else say(response, 400, 'This is not an answer. Go back and try again.');
}

function say(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'referrer-policy': 'no-referrer',
    connection: 'close',
  });
  response.end(`<!doctype html><html lang="en"><meta charset="utf-8"><title>Cordon</title><p>${text}</p></html>\n`);
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: '127.0.0.1', port: 0 }, resolve);
  });
  return (server.address() as AddressInfo).port;
}

function waitEnded(message: string): CordonError {
  return new CordonError('token-wait-ended', message, {
    hint: 'run this again; on a computer without a browser, `cordon token APP --no-browser` prints an address for another one',
  });
}
