import { err, ok, type Problem, type Result } from '#base';
import type { Actor, Alert, OcsfEvent } from '#model';
import { joined, outdatedAlerts, openAlert, overflowOf, type Pending, pendingKey, pendingOf } from './alerts.ts';
import { commitDetections, type Cursor, type Ledger, readCursor } from './commit.ts';
import { Engine } from './engine.ts';
import { readHistory } from './history.ts';
import type { Monitor, MonitorOptions } from './monitor.ts';
import { Outbox } from './outbox.ts';
import { forgetRisk, isRiskDue, settleRisk } from './risks.ts';
import type { RuleSummary } from './rule.ts';
import { detectionMemoryFull } from './rules/detection-memory-full.ts';
import { findingEvent } from './told.ts';
import { Troubles } from './troubles.ts';
import { WorkloadAddresses } from './workload-addresses.ts';

/** Detections waiting for the store at most; those about further subjects are joined, by rule. */
const PENDING = 1000;
/** Events kept while the history is being read. */
const QUEUED = 50_000;
/** Attempts to write before the next sweep. */
const ATTEMPTS = 3;
/** What the journal holds in memory at most. */
const RECENT = 2000;

/** The monitor: judges each event as it is told, and writes what follows, one thing after the other. */
export class Watch implements Monitor {
  readonly rules: readonly RuleSummary[];
  readonly #options: Required<MonitorOptions>;
  readonly #engine: Engine;
  readonly #addresses: WorkloadAddresses;
  readonly #outbox: Outbox;
  readonly #ledger: Ledger;
  readonly #troubles: Troubles;
  readonly #recent: readonly OcsfEvent[];
  readonly #unsubscribe: () => void;
  /** Events that came before the history was read; undefined from then on. */
  #early: OcsfEvent[] | undefined = [];
  #lost = 0;
  #pending = new Map<string, Pending>();
  #cursor: Cursor | undefined;
  #tail: Promise<void> = Promise.resolve();
  #isScheduled = false;
  #evictions = 0;

  constructor(options: Required<MonitorOptions>) {
    const { rules, graph, journal, clock, limits } = options;
    this.#options = options;
    this.rules = rules;
    this.#addresses = new WorkloadAddresses(graph);
    const workloadAt = (address: string) => this.#addresses.at(address);
    this.#engine = new Engine(rules, { graph, workloadAt }, limits);
    this.#outbox = new Outbox({ ...options, now: () => clock.now() });
    this.#ledger = { means: options, outbox: this.#outbox, graph, toldAt: new Map() };
    this.#troubles = new Troubles(journal, clock);
    // Both in one go: nothing is between what the journal remembers and what it will tell.
    this.#recent = journal.recent(RECENT);
    this.#unsubscribe = journal.subscribe((event) => this.#hear(event));
    this.#schedule();
  }

  async sweep(): Promise<void> {
    await this.#inTurn(async () => {
      this.#countEvictions();
      const isWritten = await this.#work({ isRetry: true });
      const now = this.#options.clock.now();
      this.#engine.expire(now);
      // Not while the store fails: having nothing to tidy would look as if it worked again, and be told anew every second.
      if (isWritten) await this.#troubles.watch('store-failed', async () => await this.#tidy(now));
    });
  }

  async closeAlert({ alertId, by, reason }: Parameters<Monitor['closeAlert']>[0]): Promise<Result<void, Problem>> {
    return await this.#inTurn(async () => {
      // What was seen up to now belongs to this alert, not to the next.
      await this.#work();
      const { store, clock } = this.#options;
      const at = clock.now();
      const closed = await store.transact(by, async (tx) => {
        const alert = await tx.get('alert', alertId);
        if (alert === undefined) return err(alertUnknown(alertId));
        if (alert.status === 'closed') return err(alertClosed(alertId));
        const next: Alert = { ...alert, status: 'closed', closed: { by, at, reason } };
        await tx.put('alert', next);
        const rule = this.rules.find(({ id }) => id === alert.ruleId);
        const events = [findingEvent(next, { activity: 'close', rule, time: at, by })];
        return ok({ alert, committed: await this.#outbox.put(tx, { events, jobs: [] }) });
      });
      if (!closed.ok) return closed;
      closed.value.committed();
      this.#engine.forget(closed.value.alert.ruleId, closed.value.alert.subjectId, at);
      this.#ledger.toldAt.delete(alertId);
      await this.#deliver();
      return ok(undefined);
    });
  }

  async clearRisk({ subjectId, by }: { subjectId: string; by: Actor }): Promise<Result<void, Problem>> {
    return await this.#inTurn(async () => {
      await this.#work();
      const { store, graph, clock } = this.#options;
      const isMeant = (risk: { id: string; subjectId: string }) =>
        risk.id === subjectId || risk.subjectId === subjectId;
      const ids = [...graph.all('risk')].filter(isMeant).map(({ id }) => id);
      if (ids.length === 0) return err(riskUnknown(subjectId));
      const committed = await store.transact(by, async (tx) => {
        const events: OcsfEvent[] = [];
        for (const id of ids) {
          const risk = await tx.get('risk', id);
          if (risk !== undefined) events.push(await forgetRisk(tx, risk, { by, now: clock.now(), graph }));
        }
        return await this.#outbox.put(tx, { events, jobs: [] });
      });
      committed();
      await this.#deliver();
      return ok(undefined);
    });
  }

  async idle(): Promise<void> {
    await this.#inTurn(async () => {
      await this.#work();
    });
  }

  async close(): Promise<void> {
    this.#unsubscribe();
    await this.idle();
    this.#addresses.close();
  }

  #hear(event: OcsfEvent): void {
    if (this.#early === undefined) {
      this.#judge(event);
      return;
    }
    this.#early.push(event);
    if (this.#early.length <= QUEUED) return;
    this.#early.shift();
    this.#lost++;
  }

  #judge(event: OcsfEvent): void {
    const { clock, graph } = this.#options;
    const detections = this.#engine.judge(event, clock.now(), (rule, cause) => {
      void this.#troubles.tell('rule-failed', `the detection \`${rule.id}\` failed on an event`, cause);
    });
    if (detections.length === 0) return;
    this.#cursor = { eventId: event.metadata.uid, time: event.time };
    for (const detection of detections) {
      const pending = pendingOf(detection);
      // More of the same can wait for the sweep; a flood is then one write a second.
      if (openAlert(graph, pending) === undefined && !this.#pending.has(pendingKey(pending))) this.#schedule();
      this.#gather(pending);
    }
  }

  #gather(pending: Pending): void {
    let key = pendingKey(pending);
    let one = pending;
    if (!this.#pending.has(key) && this.#pending.size >= PENDING) {
      one = overflowOf(pending);
      key = pendingKey(one);
    }
    const earlier = this.#pending.get(key);
    this.#pending.set(key, earlier === undefined ? one : joined(earlier, one));
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    void this.#inTurn(async () => {
      this.#isScheduled = false;
      await this.#work();
    });
  }

  /** One after the other: whoever reads and then writes must not meet another doing the same. */
  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#tail.then(work);
    this.#tail = turn.then(
      () => {},
      () => {},
    );
    return await turn;
  }

  /** Brings everything up to date as far as store and journal allow. Never rejects; false while the store fails. */
  async #work({ isRetry }: { isRetry: boolean } = { isRetry: false }): Promise<boolean> {
    if (this.#early !== undefined) await this.#troubles.watch('store-failed', async () => await this.#start());
    if (this.#early !== undefined) return false;
    const isWritten = await this.#troubles.watch('store-failed', async () => await this.#flush());
    await this.#deliver({ isRetry });
    return isWritten;
  }

  async #deliver({ isRetry }: { isRetry: boolean } = { isRetry: false }): Promise<void> {
    await this.#troubles.watch('not-delivered', async () => await this.#outbox.deliver({ isRetry }));
  }

  async #start(): Promise<void> {
    const { store, graph, journal, clock } = this.#options;
    const cursor = await readCursor(store);
    await this.#outbox.load();
    const now = clock.now();
    const { known, unknown } = await readHistory(journal, this.#recent, {
      cursor,
      since: now - this.#engine.horizonMs,
      classIds: this.#engine.classIds,
      isWhole: this.#recent.length < RECENT,
      onFailure: (cause) => {
        void this.#troubles.tell('history-unreadable', 'what happened before the start counts only in part', cause);
      },
    });
    for (const { ruleId, subjectId, closed } of graph.all('alert')) {
      if (closed !== undefined) this.#engine.forget(ruleId, subjectId, closed.at);
    }
    for (const event of known) this.#engine.judge(event, now, () => {});
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const event of [...unknown, ...early]) this.#judge(event);
    if (this.#lost > 0) {
      const message = `${this.#lost} events came before the monitor was ready and were not judged`;
      await this.#troubles.tell('events-not-judged', message);
      this.#lost = 0;
    }
  }

  async #flush(): Promise<void> {
    for (let attempt = 1; this.#pending.size > 0; attempt++) {
      const taken = this.#pending;
      this.#pending = new Map();
      try {
        const now = this.#options.clock.now();
        await commitDetections(this.#ledger, { pending: [...taken.values()], cursor: this.#cursor, now });
        return;
      } catch (cause) {
        const since = this.#pending;
        this.#pending = taken;
        for (const pending of since.values()) this.#gather(pending);
        if (attempt >= ATTEMPTS) throw cause;
      }
    }
  }

  #countEvictions(): void {
    const evicted = this.#engine.takeEvicted();
    if (evicted.size === 0) return;
    const now = this.#options.clock.now();
    const parts = [...evicted].map(([ruleId, count]) => `${count} of \`${ruleId}\``);
    this.#gather({
      rule: detectionMemoryFull,
      subjectKind: 'system',
      subjectId: 'monitor',
      firstAt: now,
      lastAt: now,
      count: [...evicted.values()].reduce((sum, count) => sum + count, 0),
      // No event is the evidence; a name of its own keeps two of them apart.
      eventIds: [`evicted-${now}-${this.#evictions++}`],
      firstEventId: `evicted-${now}`,
      detail: `counts were given up before their window ended: ${parts.join(', ')}`,
    });
  }

  /** What time alone brings: risk that decays, alerts that are kept no longer. */
  async #tidy(now: number): Promise<void> {
    const { store, graph } = this.#options;
    const due = [...graph.all('risk')].filter((risk) => isRiskDue(risk, now, graph)).map(({ id }) => id);
    const outdated = outdatedAlerts(graph, now);
    if (due.length === 0 && outdated.length === 0) return;
    const committed = await store.transact('system', async (tx) => {
      const events: OcsfEvent[] = [];
      for (const id of due) events.push(...(await settleRisk(tx, id, { now, graph })));
      for (const id of outdated) await tx.delete('alert', id);
      return await this.#outbox.put(tx, { events, jobs: [] });
    });
    committed();
    for (const id of this.#ledger.toldAt.keys()) {
      if (graph.get('alert', id)?.status !== 'open') this.#ledger.toldAt.delete(id);
    }
    await this.#deliver();
  }
}

function alertUnknown(id: string): Problem {
  return {
    code: 'alert-unknown',
    message: `there is no alert \`${id}\``,
    hint: 'list them with `cordon alerts list --all`',
  };
}

function alertClosed(id: string): Problem {
  return {
    code: 'alert-closed',
    message: `the alert \`${id}\` is closed already`,
    hint: 'a new alert opens when it happens again',
  };
}

function riskUnknown(id: string): Problem {
  return {
    code: 'risk-unknown',
    message: `nothing is held against \`${id}\``,
    hint: 'list people with `cordon users`',
  };
}
