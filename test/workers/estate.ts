/** A Cordon with two workers, and people who are signed in to its apps. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashToken, newToken, systemClock } from '#base';
import { type Cordon, startCordon, textSource } from '#server';

const CONSOLE = join(import.meta.dirname, '../../console/dist');
const MINUTE = 60_000;

/** Policies that let Ada in everywhere. */
export const OPEN = '@id("all") permit (principal, action == Action::"access", resource);';
/** Policies that let nobody in. */
export const CLOSED = '@id("none") permit (principal in Group::"admins", action == Action::"access", resource);';

/** The configuration: an ordinary app, one whose uses are written down first, and the crown jewel. All of them are built in. */
export const TEXT = `listen: { http: "127.0.0.1:0", tls: "off" }
gateway: { workers: 2 }
apps:
  verify: { builtin: verify, tier: T3, device: any }
  books: { builtin: verify, tier: T1, device: managed }
  crown: { builtin: verify, tier: T0, device: managed }
`;

/** A folder of its own, and whether somebody wants to hear what is logged. */
export interface Place {
  readonly folder: string;
  readonly logged: string[];
  remove(): void;
}

/** Makes a place. */
export function place(): Place {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-workers-'));
  return {
    folder,
    logged: [],
    remove: () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }),
  };
}

/** Starts Cordon in this process, its workers in theirs. */
export async function startHere({ folder, logged }: Pick<Place, 'folder' | 'logged'>, text = TEXT): Promise<Cordon> {
  const note = (fields: object, message: string): void => {
    logged.push(`${message} ${JSON.stringify(fields)}`);
  };
  return await startCordon({
    version: '0',
    clock: systemClock,
    source: textSource({ text, policies: { 'a.cedar': OPEN } }, join(folder, 'data')),
    consoleDirectory: CONSOLE,
    uid: 0,
    log: { info: note, warn: note, error: note },
  });
}

/** What Ada's browser holds. */
export interface Ada {
  readonly userId: string;
  readonly sessionId: string;
  /** Cookie of the identity host. */
  readonly session: string;
  /** Cookie of an app host. */
  readonly cookie: (host: string) => string;
}

/** Signs Ada in, as far as the store is concerned: with a passkey, from a managed and healthy laptop. */
export async function signAdaIn({ services }: Pick<Cordon, 'services'>): Promise<Ada> {
  const now = systemClock.now();
  const [userId, deviceId, sessionId] = ['usr_ada', 'dev_ada', 'ses_ada'];
  const [token, app] = [newToken(), newToken()];
  await services.store.transact('system', async (tx) => {
    await tx.put('user', {
      id: userId,
      email: 'ada@example.org',
      name: 'Ada',
      groups: [],
      status: 'active',
      createdAt: now,
    });
    await tx.put('device', {
      ...{
        id: deviceId,
        name: 'Laptop',
        form: 'agent',
        ownerId: userId,
        status: 'active',
        managed: true,
        enrolledAt: now,
      },
      posture: {
        collectedAt: now,
        verdict: 'healthy',
        results: [{ check: 'firewall', title: 'Firewall', outcome: 'pass', detail: 'on' }],
      },
    });
    await tx.put('session', {
      ...{ id: sessionId, userId, tokenHash: hashToken(token), acr: 'urn:cordon:aal3', amr: ['hwk', 'user', 'mfa'] },
      ...{ authenticatedAt: now, createdAt: now, expiresAt: now + 60 * MINUTE, deviceId },
      ...{ address: '127.0.0.1', userAgent: 'test' },
    });
    for (const name of ['verify', 'books', 'crown']) {
      const host = `${name}.localhost`;
      await tx.put('appSession', {
        ...{ id: `app_${name}`, tokenHash: hashToken(`${app}-${host}`), sessionId, host, createdAt: now },
      });
    }
  });
  return {
    userId,
    sessionId,
    session: `__Host-cordon_session=${token}`,
    cookie: (host) => `__Host-cordon_app=${app}-${host}`,
  };
}

/** An answer, whole. */
export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** One request on a connection of its own, so that the kernel chooses a worker for it. */
export async function get(
  to: { readonly port?: number | undefined; readonly socketPath?: string; readonly localAddress?: string },
  host: string,
  path: string,
  more: {
    readonly headers?: Readonly<Record<string, string>>;
    readonly method?: string;
    /** Sent as JSON. */
    readonly body?: object;
    /** Sent as it is. */
    readonly raw?: string;
  } = {},
): Promise<Answered> {
  const { headers = {}, method = 'GET', body, raw } = more;
  return await new Promise((resolve, reject) => {
    const type = body === undefined ? {} : { 'content-type': 'application/json' };
    const sent = request(
      { host: '127.0.0.1', ...to, path, method, headers: { host, ...type, ...headers }, agent: false },
      (response) => {
        let text = '';
        response.on('data', (chunk) => (text += String(chunk)));
        response.on('error', reject);
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
      },
    );
    sent.on('error', reject);
    sent.end(body === undefined ? raw : JSON.stringify(body));
  });
}

/** A WebSocket that is open to the built-in app. */
export interface Live {
  readonly status: number;
  isOpen(): boolean;
  /** Resolves when it has ended, with the moment. */
  readonly ended: Promise<number>;
  end(): void;
}

/** Opens a WebSocket and waits for the answer. */
export async function openLive(port: number | undefined, host: string, cookie: string): Promise<Live> {
  const socket = connect(port ?? 0, '127.0.0.1');
  socket.write(
    `GET /live HTTP/1.1\r\nHost: ${host}\r\nCookie: ${cookie}\r\nOrigin: http://${host}\r\nConnection: Upgrade\r\n` +
      'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
  );
  const ended = Promise.withResolvers<number>();
  const answered = Promise.withResolvers<number>();
  socket.on('data', (chunk) => {
    const status = /^HTTP\/1\.1 (\d{3})/.exec(chunk.toString('latin1'))?.[1];
    if (status !== undefined) answered.resolve(Number(status));
  });
  socket.on('error', () => undefined);
  socket.on('end', () => socket.end());
  socket.on('close', () => {
    ended.resolve(performance.now());
    answered.resolve(0);
  });
  return {
    status: await answered.promise,
    isOpen: () => !socket.destroyed,
    ended: ended.promise,
    end: () => socket.destroy(),
  };
}

/** Everything in the journal's open files, as text. */
export function journalText(folder: string): string {
  const segments = join(folder, 'data/journal/segments');
  return readdirSync(segments)
    .map((name) => readFileSync(join(segments, name), 'utf8'))
    .join('');
}

/** Process ids of all workers that this process has started and that are there, ready or not. */
export function workersStarted(): number[] {
  const tasks = readdirSync(`/proc/${process.pid}/task`);
  const children = tasks.flatMap((task) =>
    readFileSync(`/proc/${process.pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  );
  return children.filter(
    (pid) => isAlive(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('worker/process'),
  );
}

/** True while there is such a process, stopped or not. A killed one that nobody has waited for is none. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
