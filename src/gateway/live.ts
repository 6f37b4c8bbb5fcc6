import type { Decision, Reason, TrustGraph, Touched } from '#model';
import type { AccessRequest } from '#policy';

/** A connection through the gateway that is open now. */
export interface LiveConnection {
  readonly id: string;
  readonly userId: string;
  readonly email: string;
  readonly sessionId: string;
  readonly deviceId?: string;
  readonly appId: string;
  /** Name of the app. */
  readonly app: string;
  readonly kind: 'http' | 'websocket' | 'tcp';
  readonly method: string;
  readonly path: string;
  readonly address: string;
  readonly since: number;
}

/** Which connections to cut: those that match every field given; none given means all. */
export type CutFilter = Partial<Pick<LiveConnection, 'id' | 'userId' | 'sessionId' | 'deviceId' | 'appId' | 'kind'>>;

/** Why and by what an open exchange is ended. */
export interface Cut {
  readonly reason: Reason;
  /** Present when deciding again denied it. */
  readonly decision?: Decision;
  /** Close code of a WebSocket; 4403 unless said otherwise. */
  readonly closeCode?: number;
}

/** An open exchange as the registry keeps it. */
export interface LiveEntry {
  readonly view: LiveConnection;
  readonly access: AccessRequest;
  readonly appSessionId: string;
  /** Foreign origin that the app allowed to open it. */
  readonly origin?: string;
  /** Of the request that opened it. */
  readonly correlationId: string;
  decidedAt: number;
  /** Keys `kind:id` of the graph that the decision depends on. */
  keys: readonly string[];
  /** Ends the exchange at once: no byte passes after it returns. */
  close: (cut: Cut) => void;
}

/** What the registry asks and tells. */
export interface LiveOptions {
  readonly graph: TrustGraph;
  readonly now: () => number;
  /** Decides an open exchange again: what to cut it with, or undefined to let it go on. Never throws. */
  readonly judge: (entry: LiveEntry, memo: Map<string, Decision>) => Cut | undefined;
  /** Told of every cut, soon after. */
  readonly onCut: (entry: LiveEntry, cut: Cut) => void;
  /** Age at which `sweep` decides again, milliseconds. */
  readonly sweepMs: number;
}

/** Milliseconds of deciding in one go; between two goes, closes reach the network and new requests are served. */
const SLICE_MS = 20;
/** Cuts told of in one go. */
const TOLD_AT_ONCE = 20;

/**
 * All open exchanges, found by what they depend on. INVARIANT: an exchange is in here before its upstream is dialled and until
 * both sides are closed, so that no change of the graph misses it.
 */
export class LiveRegistry {
  readonly #options: LiveOptions;
  /** In the order of `decidedAt`, oldest first. */
  readonly #entries = new Map<string, LiveEntry>();
  readonly #byKey = new Map<string, Set<LiveEntry>>();
  readonly #bySession = new Map<string, number>();
  readonly #touched = new Set<LiveEntry>();
  /** Cut, but not told yet. */
  readonly #untold: { readonly entry: LiveEntry; readonly cut: Cut }[] = [];
  #isScheduled = false;
  readonly #unsubscribe: () => void;

  constructor(options: LiveOptions) {
    this.#options = options;
    this.#unsubscribe = options.graph.onTouched((touched) => {
      this.#onTouched(touched);
    });
  }

  /** Open exchanges of one session. */
  countOf(sessionId: string): number {
    return this.#bySession.get(sessionId) ?? 0;
  }

  /** Views of all open exchanges, longest undecided first. */
  list(): LiveConnection[] {
    return Array.from(this.#entries.values(), (entry) => entry.view);
  }

  /** Adds an exchange. */
  add(entry: LiveEntry): void {
    this.#entries.set(entry.view.id, entry);
    const { sessionId } = entry.view;
    this.#bySession.set(sessionId, this.countOf(sessionId) + 1);
    this.#link(entry);
  }

  /** Removes an exchange whose both sides are closed. Doing it twice is harmless. */
  remove(entry: LiveEntry): void {
    if (this.#entries.get(entry.view.id) !== entry) return;
    this.#entries.delete(entry.view.id);
    this.#touched.delete(entry);
    const rest = this.countOf(entry.view.sessionId) - 1;
    if (rest > 0) this.#bySession.set(entry.view.sessionId, rest);
    else this.#bySession.delete(entry.view.sessionId);
    this.#unlink(entry);
  }

  /** True while the exchange is registered and not cut. */
  has(entry: LiveEntry): boolean {
    return this.#entries.get(entry.view.id) === entry;
  }

  /** Cuts what matches, without asking policies. Returns how many. */
  cut(filter: CutFilter, cut: Cut): number {
    const wanted = Object.entries(filter);
    const found = [...this.#entries.values()].filter(({ view }) =>
      wanted.every(([field, value]) => view[field as keyof CutFilter] === value),
    );
    for (const entry of found) this.#end(entry, cut);
    return found.length;
  }

  /** Decides again what was not decided for a sweep's time. Called several times per second. */
  sweep(): void {
    const now = this.#options.now();
    // Oldest first, so the first recent one ends the search; a clock that jumped back makes every one due.
    for (const entry of this.#entries.values()) {
      const age = now - entry.decidedAt;
      if (age >= 0 && age < this.#options.sweepMs) break;
      this.#touched.add(entry);
    }
    this.#work();
  }

  /** Decides all of them again, soon: policies have changed. */
  touchAll(): void {
    for (const entry of this.#entries.values()) this.#touched.add(entry);
    this.#schedule();
  }

  /** Stops listening, and tells what was not told yet. Whatever is open stays in the list until it is closed. */
  close(): void {
    this.#unsubscribe();
    this.#tell(Number.POSITIVE_INFINITY);
  }

  #onTouched({ kind, id }: Touched): void {
    if (kind === 'policyActivation') {
      this.touchAll();
      return;
    }
    const affected = this.#byKey.get(`${kind}:${id}`);
    if (affected === undefined) return;
    for (const entry of affected) this.#touched.add(entry);
    this.#schedule();
  }

  /** After the commit's last change and before anything else: a decision between two changes of one commit would be about neither state. */
  #schedule(): void {
    if (this.#isScheduled || this.#touched.size === 0) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#work();
    });
  }

  #work(): void {
    this.#isScheduled = false;
    const start = performance.now();
    // One memo per go: the graph and the time do not change within it, so equal questions have equal answers.
    const memo = new Map<string, Decision>();
    for (const entry of this.#touched) {
      this.#touched.delete(entry);
      this.#decideAgain(entry, memo);
      if (performance.now() - start > SLICE_MS && this.#touched.size > 0) {
        this.#isScheduled = true;
        setImmediate(() => {
          this.#work();
        });
        return;
      }
    }
  }

  #decideAgain(entry: LiveEntry, memo: Map<string, Decision>): void {
    if (!this.has(entry)) return;
    const cut = this.#options.judge(entry, memo);
    if (cut !== undefined) {
      this.#end(entry, cut);
      return;
    }
    this.#unlink(entry);
    this.#link(entry);
    // Re-inserting keeps the order by time.
    this.#entries.delete(entry.view.id);
    this.#entries.set(entry.view.id, entry);
    entry.decidedAt = this.#options.now();
  }

  #end(entry: LiveEntry, cut: Cut): void {
    this.remove(entry);
    entry.close(cut);
    // Writing about a cut takes longer than cutting; the next connection must not wait for it.
    if (this.#untold.push({ entry, cut }) === 1) setImmediate(() => this.#tell(TOLD_AT_ONCE));
  }

  #tell(most: number): void {
    for (const { entry, cut } of this.#untold.splice(0, most)) this.#options.onCut(entry, cut);
    if (this.#untold.length > 0) setImmediate(() => this.#tell(TOLD_AT_ONCE));
  }

  #link(entry: LiveEntry): void {
    entry.keys = dependenciesOf(this.#options.graph, entry);
    for (const key of entry.keys) {
      const entries = this.#byKey.get(key);
      if (entries === undefined) this.#byKey.set(key, new Set([entry]));
      else entries.add(entry);
    }
  }

  #unlink(entry: LiveEntry): void {
    for (const key of entry.keys) {
      const entries = this.#byKey.get(key);
      entries?.delete(entry);
      if (entries?.size === 0) this.#byKey.delete(key);
    }
  }
}

/** Everything in the graph that a decision about an exchange reads, as keys `kind:id`. */
export function dependenciesOf(graph: TrustGraph, { access, view, appSessionId }: LiveEntry): string[] {
  const { app, session, device } = access;
  const asset = graph.get('app', app.id)?.assetId ?? app.assetId;
  const keys = new Set([`app:${app.id}`, `session:${view.sessionId}`, `appSession:${appSessionId}`]);
  if (asset !== undefined) keys.add(`asset:${asset}`);
  addUser(graph, view.userId, keys);
  for (const id of [device?.id, session?.deviceId]) {
    if (id === undefined) continue;
    keys.add(`device:${id}`).add(`risk:device:${id}`);
    const owner = graph.get('device', id)?.ownerId;
    if (owner !== undefined) addUser(graph, owner, keys);
  }
  return [...keys];
}

function addUser(graph: TrustGraph, id: string, keys: Set<string>): void {
  keys.add(`user:${id}`).add(`risk:user:${id}`);
  for (const group of graph.groupsOf(id)) keys.add(`group:${group}`);
}
