import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ManualClock, manualClock } from '#base';
import { type Journal, openJournal } from '#journal';
import {
  type Alert,
  buildEvent,
  type Device,
  type OcsfEvent,
  type ResponseRule,
  type Risk,
  TrustGraph,
  type User,
  type Workload,
} from '#model';
import { createMonitor, type Monitor, type MonitorOptions } from '#monitor';
import { openStore, type Store } from '#store';

/** When the tests begin. */
export const START: number = Date.parse('2026-03-01T09:00:00Z');
export const MINUTE = 60_000;
export const HOUR: number = 60 * MINUTE;

/** A monitor on a real store and a real journal in a folder of its own. */
export interface MonitorBench {
  readonly clock: ManualClock;
  readonly store: Store;
  readonly graph: TrustGraph;
  readonly journal: Journal;
  readonly monitor: Monitor;
  /** Every order to quarantine, in order. */
  readonly quarantined: string[];
  /** Warnings of the process since the start. */
  readonly warnings: string[];
  /** Makes the monitor's own calls to the store, the journal or the quarantine fail, until set back. */
  readonly broken: { store: boolean; journal: boolean; quarantine: boolean; query: boolean };
  /** Workloads whose quarantine fails. */
  readonly failing: Set<string>;
  /** The present monitor dies as with kill -9: it writes nothing more. */
  die(): void;
  /** The present monitor dies, and another begins on the same store and journal. */
  crash(): void;
  /** Appends to the journal and waits until the monitor has handled it. */
  happen(...events: readonly OcsfEvent[]): Promise<void>;
  alerts(): Alert[];
  risk(id: string): Risk | undefined;
  /** Events of a class in the journal, oldest first. */
  told(classUid: number): OcsfEvent[];
  add(entities: {
    readonly users?: readonly User[];
    readonly devices?: readonly Device[];
    readonly workloads?: readonly Workload[];
    readonly responses?: readonly ResponseRule[];
  }): Promise<void>;
  close(): Promise<void>;
}

/** Opens a bench. */
export async function openMonitorBench(
  options: Pick<MonitorOptions, 'isServer' | 'rules' | 'limits'> = {},
): Promise<MonitorBench> {
  const directory = mkdtempSync(join(tmpdir(), 'cordon-monitor-'));
  const clock = manualClock(START);
  const store = await openStore({ path: join(directory, 'state.db'), clock });
  const journal = await openJournal({ directory: join(directory, 'journal'), clock });
  const graph = new TrustGraph();
  graph.load(await store.snapshot());
  store.onChanges((changes) => {
    for (const change of changes) graph.apply(change);
  });
  const warnings: string[] = [];
  const onWarning = (warning: Error & { code?: string }): void => {
    warnings.push(`${warning.code}`);
  };
  process.on('warning', onWarning);
  const quarantined: string[] = [];
  const failing = new Set<string>();
  const broken = { store: false, journal: false, quarantine: false, query: false };
  const start = (): { monitor: Monitor; die: () => void } => {
    const life = { isOver: false };
    const fail = (what: string, isBroken: boolean): void => {
      if (life.isOver) throw new Error('the process is gone');
      if (isBroken) throw new Error(`${what} is broken`);
    };
    const monitor = createMonitor({
      ...options,
      clock,
      graph,
      store: {
        transact: async (actor, work) => {
          fail('the store', broken.store);
          return await store.transact(actor, work);
        },
        read: async (work) => {
          fail('the store', broken.store);
          return await store.read(work);
        },
      },
      journal: {
        append: async (event) => {
          fail('the journal', broken.journal);
          return await journal.append(event);
        },
        subscribe: (listener) =>
          journal.subscribe((event, receipt) => (life.isOver ? undefined : listener(event, receipt))),
        recent: (limit) => journal.recent(limit),
        query: async (sql, parameters) => {
          fail('the query', broken.query);
          return await journal.query(sql, parameters);
        },
      },
      quarantine: async ({ workloadId, by, reason, at }) => {
        fail('the quarantine', broken.quarantine || failing.has(workloadId));
        quarantined.push(workloadId);
        await store.transact(by, async (tx) => {
          const workload = await tx.get('workload', workloadId);
          if (workload !== undefined) await tx.put('workload', { ...workload, quarantine: { since: at, by, reason } });
        });
      },
    });
    return {
      monitor,
      die: () => {
        life.isOver = true;
      },
    };
  };
  let current = start();
  return {
    clock,
    store,
    graph,
    journal,
    get monitor() {
      return current.monitor;
    },
    quarantined,
    warnings,
    broken,
    failing,
    die: () => current.die(),
    crash: () => {
      current.die();
      current = start();
    },
    happen: async (...events) => {
      await Promise.all(events.map(async (event) => await journal.append(event)));
      await current.monitor.idle();
    },
    alerts: () => [...graph.all('alert')],
    risk: (id) => graph.get('risk', id),
    told: (classUid) => journal.recent(2000).filter((event) => event.class_uid === classUid),
    add: async ({ users = [], devices = [], workloads = [], responses = [] }) => {
      await store.transact('system', async (tx) => {
        for (const user of users) await tx.put('user', user);
        for (const device of devices) await tx.put('device', device);
        for (const workload of workloads) await tx.put('workload', workload);
        for (const response of responses) await tx.put('responseRule', response);
      });
    },
    close: async () => {
      process.off('warning', onWarning);
      await current.monitor.close();
      await journal.close();
      await store.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** A person with an account. */
export function person(id: string): User {
  return { id, email: `${id}@example.org`, name: id, groups: [], status: 'active', createdAt: START };
}

/** A workload at `10.0.0.<number>`. */
export function host(number: number, more: Partial<Workload> = {}): Workload {
  const id = `wl-${number}`;
  return { id, name: `host-${number}`, labels: {}, addresses: [`10.0.0.${number}`], source: 'agent', ...more };
}

/** A refused sign-in, as identity records it. */
export function refusedSignIn(input: {
  readonly userId?: string;
  readonly email?: string;
  readonly address?: string;
  readonly at: number;
  readonly code?: string;
  readonly factors?: readonly number[];
}): OcsfEvent {
  const { userId, address = '203.0.113.9', at, code = 'password-wrong', factors = [11] } = input;
  const email = input.email ?? `${userId ?? 'nobody'}@example.org`;
  return buildEvent({
    class: 'authentication',
    activity: 'logon',
    time: at,
    message: `sign-in of ${email} refused: ${code}`,
    severity: 'low',
    status: 'failure',
    statusCode: code,
    attributes: {
      auth_factors: factors.map((id) => ({ factor_type: 'factor', factor_type_id: id })),
      user: { ...(userId === undefined ? {} : { uid: userId }), email_addr: email },
      src_endpoint: { ip: address },
    },
  });
}

/** A flow that a host's firewall refused, as its agent reports it. */
export function refusedFlow(input: {
  readonly from: Workload;
  readonly to: Workload;
  readonly reporter: string;
  readonly at: number;
  readonly port?: number;
}): OcsfEvent {
  const { from, to, reporter, at, port = 22 } = input;
  return buildEvent({
    class: 'networkActivity',
    activity: 'refuse',
    time: at,
    message: `${from.name} -> ${to.name}:${port} refused`,
    action: 'denied',
    attributes: {
      disposition_id: 2,
      src_endpoint: { ip: from.addresses[0] ?? '', uid: from.id },
      dst_endpoint: { ip: to.addresses[0] ?? '', uid: to.id, port },
      connection_info: { protocol_name: 'tcp', direction_id: 0 },
    },
    cordon: { reporter },
  });
}

/** `count` times what `make` makes. */
export function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}
