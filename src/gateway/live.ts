import type { Decision, Reason, TrustGraph, Touched } from '#model';
import type { AccessRequest } from '#policy';
import type { Flow } from './flow.ts';

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
  readonly kind: 'http' | 'websocket' | 'grpc' | 'tcp';
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
  /** Whom a Kubernetes API was asked for: an open stream must not go on as somebody that the person is not any more. */
  impersonates?: string;
  /** Of the request that opened it. */
  readonly correlationId: string;
  decidedAt: number;
  /** Keys `kind:id` of the graph that the decision depends on. Empty until the first change or the first sweep after it was added. */
  keys: readonly string[];
  /** The registry's own. */
  place?: Place | undefined;
  /** What is asked about it, as `judge` writes it: it stays the same as long as it is open. */
  question?: string;
  /** What it has carried; absent until it is forwarded. */
  flow?: Flow | undefined;
  /** The registry's own: it was open for `LONG_MS` when it was last decided on. */
  isLong?: boolean;
  /** Whether the device that it counts as is still shown by the client's certificate. Absent: nothing rests on a certificate. */
  readonly isShown?: (() => boolean) | undefined;
  /** Ends the exchange at once: no byte passes after it returns. */
  close: (cut: Cut) => void;
}

/**
 * Where the registry keeps an entry. Entries are chained to each other, not put into maps: most come and go within milliseconds, and what a
 * map has let go of keeps the map that follows it, and all that was in there, out of reach of the quick collections of garbage.
 */
interface Place {
  readonly entry: LiveEntry;
  before: Place | undefined;
  after: Place | undefined;
  /** Index among the unlinked; -1 for one that is linked. */
  unlinkedAt: number;
}

/** What the registry asks and tells. */
export interface LiveOptions {
  readonly graph: TrustGraph;
  readonly now: () => number;
  /** Decides an open exchange again: what to cut it with, or undefined to let it go on. Never throws. */
  readonly judge: (entry: LiveEntry, memo: Map<string, Decision>) => Cut | undefined;
  /** Told of every cut, soon after; `latencyMs` from the change to the end of it, where there was one and not only time passed. */
  readonly onCut: (entry: LiveEntry, cut: Cut, latencyMs: number | undefined) => void;
  /** Told of an exchange whose end failed. */
  readonly onError: (error: unknown, entry: LiveEntry) => void;
  /** Age at which `sweep` decides again, milliseconds. */
  readonly sweepMs: number;
}

/** Milliseconds of deciding in one go; between two goes, closes reach the network and new requests are served. */
const SLICE_MS = 20;
/** What is open for this long, milliseconds, is no short request. */
const STAYING_MS = 100;
/** The end of what is open for this long, milliseconds, is told of. */
const LONG_MS = 60_000;
/** Cuts told of in one go. */
const TOLD_AT_ONCE = 20;

/**
 * All open exchanges, found by what they depend on. INVARIANT: an exchange is in here before its upstream is dialled and until
 * both sides are closed, so that no change of the graph misses it.
 */
export class LiveRegistry {
  readonly #options: LiveOptions;
  readonly #order = new Order();
  readonly #byKey = new Map<string, Set<LiveEntry>>();
  /** Entries whose keys are not looked up yet. */
  readonly #unlinked: Place[] = [];
  /** How many each session has open; what is 0 goes with a sweep. */
  readonly #bySession = new Map<string, number>();
  /** To be decided again. True: because something changed that they depend on, and not only time has passed. */
  readonly #touched = new Map<LiveEntry, boolean>();
  /** Cut, but not told yet. */
  readonly #untold: { readonly entry: LiveEntry; readonly cut: Cut; readonly latencyMs: number | undefined }[] = [];
  /** When the first change came that not everything was decided after (`performance.now()`). */
  #changedAt: number | undefined;
  #isScheduled = false;
  #tidiedAt = 0;
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
    return Array.from(this.#order, (entry) => entry.view);
  }

  /** Adds an exchange. */
  add(entry: LiveEntry): void {
    const place = { entry, before: undefined, after: undefined, unlinkedAt: this.#unlinked.length };
    entry.place = place;
    this.#order.append(place);
    this.#unlinked.push(place);
    const { sessionId } = entry.view;
    this.#bySession.set(sessionId, this.countOf(sessionId) + 1);
  }

  /** Removes an exchange whose both sides are closed. Doing it twice is harmless. */
  remove(entry: LiveEntry): void {
    const { place } = entry;
    if (place === undefined) return;
    entry.place = undefined;
    this.#order.takeOut(place);
    if (this.#touched.size > 0) this.#touched.delete(entry);
    this.#bySession.set(entry.view.sessionId, this.countOf(entry.view.sessionId) - 1);
    if (place.unlinkedAt === -1) this.#unlink(entry);
    else this.#takeUnlinked(place);
  }

  /** True while the exchange is registered and not cut. */
  has(entry: LiveEntry): boolean {
    return entry.place !== undefined;
  }

  /** Cuts what matches, without asking policies. Returns how many. */
  cut(filter: CutFilter, cut: Cut): number {
    const wanted = Object.entries(filter);
    const found = [...this.#order].filter(({ view }) =>
      wanted.every(([field, value]) => view[field as keyof CutFilter] === value),
    );
    const since = performance.now();
    for (const entry of found) this.#end(entry, cut, since);
    return found.length;
  }

  /** Decides again what was not decided for a sweep's time. Called several times per second. */
  sweep(): void {
    const now = this.#options.now();
    const isDue = (since: number): boolean => now < since || now - since >= this.#options.sweepMs;
    // Oldest first, so the first recent one ends the search; a clock that jumped back makes every one due.
    for (const entry of this.#order) {
      if (!isDue(entry.decidedAt)) break;
      if (!this.#touched.has(entry)) this.#touched.set(entry, false);
    }
    this.#linkStaying(now);
    if (isDue(this.#tidiedAt)) this.#tidy(now);
    this.#work();
  }

  /** Decides all of them again, soon: policies have changed. */
  touchAll(): void {
    this.#changedAt ??= performance.now();
    for (const entry of this.#order) this.#touched.set(entry, true);
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
    this.#linkAll();
    const affected = this.#byKey.get(`${kind}:${id}`);
    if (affected === undefined) return;
    this.#changedAt ??= performance.now();
    for (const entry of affected) this.#touched.set(entry, true);
    this.#schedule();
  }

  /** After the commit's last change and before anything else: a decision between two changes of one commit would be about neither state. */
  #schedule(): void {
    if (this.#touched.size === 0) this.#changedAt = undefined;
    if (this.#isScheduled || this.#touched.size === 0) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#work();
    });
  }

  #work(): void {
    this.#isScheduled = false;
    if (this.#touched.size === 0) {
      this.#changedAt = undefined;
      return;
    }
    const start = performance.now();
    // One memo per go: the graph and the time do not change within it, so equal questions have equal answers.
    const memo = new Map<string, Decision>();
    for (const [entry, isChanged] of this.#touched) {
      this.#touched.delete(entry);
      this.#decideAgain(entry, isChanged, memo);
      if (performance.now() - start > SLICE_MS && this.#touched.size > 0) {
        this.#isScheduled = true;
        setImmediate(() => {
          this.#work();
        });
        return;
      }
    }
    this.#changedAt = undefined;
  }

  #decideAgain(entry: LiveEntry, isChanged: boolean, memo: Map<string, Decision>): void {
    const { place } = entry;
    if (place === undefined) return;
    const cut = this.#options.judge(entry, memo);
    if (cut !== undefined) {
      this.#end(entry, cut, isChanged ? this.#changedAt : undefined);
      return;
    }
    // What an entry depends on follows from what it depends on: where none of that has changed, the keys are the same.
    if (isChanged && place.unlinkedAt === -1) {
      this.#unlink(entry);
      this.#link(entry);
    }
    this.#order.takeOut(place);
    this.#order.append(place);
    entry.decidedAt = this.#options.now();
    entry.isLong = entry.decidedAt - entry.view.since >= LONG_MS;
  }

  #end(entry: LiveEntry, cut: Cut, since?: number): void {
    this.remove(entry);
    try {
      entry.close(cut);
    } catch (error) {
      this.#options.onError(error, entry); // the others have to be cut all the same
    }
    // Writing about a cut takes longer than cutting; the next connection must not wait for it.
    const latencyMs = since === undefined ? undefined : performance.now() - since;
    if (this.#untold.push({ entry, cut, latencyMs }) === 1) setImmediate(() => this.#tell(TOLD_AT_ONCE));
  }

  #tell(most: number): void {
    for (const { entry, cut, latencyMs } of this.#untold.splice(0, most)) {
      this.#options.onCut(entry, cut, latencyMs);
    }
    if (this.#untold.length > 0) setImmediate(() => this.#tell(TOLD_AT_ONCE));
  }

  #tidy(now: number): void {
    this.#tidiedAt = now;
    for (const [sessionId, count] of this.#bySession) if (count === 0) this.#bySession.delete(sessionId);
  }

  /** Looks up the keys of what seems to stay, so that the next change finds few that have none. */
  #linkStaying(now: number): void {
    // From the end: what takes a place that is left has been looked at.
    for (let at = this.#unlinked.length - 1; at >= 0; at--) {
      const place = this.#unlinked[at];
      if (place === undefined || now - place.entry.view.since < STAYING_MS) continue;
      this.#takeUnlinked(place);
      place.unlinkedAt = -1;
      this.#link(place.entry);
    }
  }

  /**
   * Looks up the keys of what came since the last change: most is gone before the next one. INVARIANT: called right after each change and
   * before anything else. Whether an entry depends on what has changed does not depend on what it was changed to: the way there leads
   * through other things.
   */
  #linkAll(): void {
    for (const place of this.#unlinked.splice(0)) {
      place.unlinkedAt = -1;
      this.#link(place.entry);
    }
  }

  #takeUnlinked(place: Place): void {
    const last = this.#unlinked.pop();
    if (last === undefined || last === place) return;
    this.#unlinked[place.unlinkedAt] = last;
    last.unlinkedAt = place.unlinkedAt;
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

/** Entries in the order of `decidedAt`, oldest first. The entry that is being looked at may be taken out. */
class Order {
  #first: Place | undefined;
  #last: Place | undefined;

  append(place: Place): void {
    place.before = this.#last;
    if (this.#last === undefined) this.#first = place;
    else this.#last.after = place;
    this.#last = place;
  }

  takeOut(place: Place): void {
    const { before, after } = place;
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    // What is out of the chain must not hold on to it.
    place.before = undefined;
    place.after = undefined;
  }

  *[Symbol.iterator](): IterableIterator<LiveEntry> {
    for (let at = this.#first; at !== undefined; ) {
      const { entry, after } = at;
      yield entry;
      at = after;
    }
  }
}

/** Everything in the graph that a decision about an exchange reads, as keys `kind:id`. */
export function dependenciesOf(graph: TrustGraph, { access, view, appSessionId }: LiveEntry): string[] {
  const { app, device } = access;
  // As it is now: a session may have come to another browser.
  const session = graph.get('session', view.sessionId) ?? access.session;
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
