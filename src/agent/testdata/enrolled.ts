import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { type Json, systemClock } from '#base';
import { enrol } from '../enrol.ts';
import type { Log } from '../log.ts';
import { run } from '../run.ts';
import type { SessionOptions, Timing } from '../session.ts';
import { openState, type StateDirectory } from '../state.ts';
import { type FakeHost, fakeHost } from './fake-host.ts';
import { type TestServer, testServer } from './server.ts';

/** An agent in this process that was enrolled at a server of its own. */
export interface Enrolled {
  readonly server: TestServer;
  readonly host: FakeHost;
  readonly state: StateDirectory;
  /** Every event so far: name, message, and what came with it. */
  readonly events: { readonly event: string; readonly message: string; readonly [key: string]: Json }[];
  /** Starts the agent. `stopped` settles when it has ended. */
  start(o?: { enforce?: boolean; timing?: Partial<Timing>; state?: StateDirectory }): {
    stop(): Promise<void>;
    readonly stopped: Promise<void>;
  };
  /** Waits until an event was told. */
  told(event: string): Promise<void>;
}

/** Timing of tests: a thousand times less patient. */
const FAST: Timing = {
  watchMs: 10,
  askMs: 500,
  pollMs: 2000,
  pollRestMs: 5,
  trialMs: 200,
  backoff: { firstMs: 10, mostMs: 50 },
};

/** Enrols a fake host at a test server. */
export async function enrolled(): Promise<Enrolled> {
  const server = await testServer();
  const host = fakeHost();
  const path = mkdtempSync(join(tmpdir(), 'cordon-agent-'));
  const uid = process.getuid?.() ?? 0;
  await enrol({ stateDirectory: path, token: server.token, server: server.address, uid, host, clock: systemClock });
  const state = await openState(path, { create: false, uid });
  const events: Enrolled['events'] = [];
  const log: Log = (event, message, fields) => void events.push({ ...fields, event, message });
  return {
    server,
    host,
    state,
    events,
    start: ({ enforce = false, timing = {}, state: other } = {}) => {
      const control = new AbortController();
      const options: SessionOptions = {
        state: other ?? state,
        host,
        clock: systemClock,
        log,
        enforce,
        timing: { ...FAST, ...timing },
        signal: control.signal,
      };
      const stopped = run(options);
      stopped.catch(() => {}); // a test that expects it awaits `stopped`
      return {
        stopped,
        stop: async () => {
          control.abort();
          await stopped;
        },
      };
    },
    told: async (event) => {
      await until(() => events.some((one) => one.event === event), `an event \`${event}\``);
    },
  };
}

/** Waits until something holds; fails after five seconds. */
export async function until(holds: () => boolean, what: string): Promise<void> {
  for (const deadline = performance.now() + 5000; !holds(); await wait(5)) {
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`);
  }
}
