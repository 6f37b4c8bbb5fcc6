import { EVENT_CLASSES, type OcsfEvent } from '#model';
import type { DetectionRule, Facts, Match } from './rule.ts';
import { CountingWindow } from './window.ts';

/** How much the engine remembers. */
export interface EngineLimits {
  /** Keys per rule. Beyond, the one that was quiet for longest is given up. */
  readonly keysPerRule: number;
  /** Different values per key. */
  readonly valuesPerKey: number;
  /** Event ids remembered, to know an event that comes twice. */
  readonly eventIds: number;
}

/** The limits in force by default. */
export const ENGINE_LIMITS: EngineLimits = { keysPerRule: 10_000, valuesPerKey: 64, eventIds: 20_000 };

/** A rule that found its threshold reached, or kept reached, by an event. */
export interface Detection {
  readonly rule: DetectionRule;
  readonly subjectId: string;
  /** When the first and last of `eventIds` happened. */
  readonly firstAt: number;
  readonly lastAt: number;
  /** Evidence no earlier detection has told, oldest first. */
  readonly eventIds: readonly string[];
  readonly detail: string;
}

interface Counter {
  readonly subjectId: string;
  readonly window: CountingWindow;
  /** When it was last added to, by the clock. */
  touchedAt: number;
}

const FAILURE = 2; // OCSF 1.8 status_id
const DENIED = 2; // OCSF 1.8 action_id
const BLOCKED = 2; // OCSF 1.8 disposition_id

/** True for the events that rules look at. */
function isRefusal(event: OcsfEvent): boolean {
  return event.status_id === FAILURE || event.action_id === DENIED || event['disposition_id'] === BLOCKED;
}

/** Counts what the rules count. Knows neither store nor journal; the same events in the same order always give the same detections. */
export class Engine {
  readonly #rules: readonly DetectionRule[];
  readonly #limits: EngineLimits;
  readonly #facts: Facts;
  readonly #byClass = new Map<number, DetectionRule[]>();
  readonly #counters = new Map<string, Map<string, Counter>>();
  /** When a person closed the last alert about a subject; what happened before does not count again. */
  readonly #closedAt = new Map<string, number>();
  readonly #seen = new Set<string>();
  readonly #evicted = new Map<string, number>();

  constructor(rules: readonly DetectionRule[], facts: Facts, limits: EngineLimits = ENGINE_LIMITS) {
    this.#rules = rules;
    this.#facts = facts;
    this.#limits = limits;
    for (const rule of rules) {
      this.#counters.set(rule.id, new Map());
      for (const name of rule.classes) {
        const { uid } = EVENT_CLASSES[name];
        this.#byClass.set(uid, [...(this.#byClass.get(uid) ?? []), rule]);
      }
    }
  }

  /** The time within which events can still matter, milliseconds. */
  get horizonMs(): number {
    return Math.max(...this.#rules.map(({ windowMs }) => 2 * windowMs));
  }

  /** OCSF class ids that rules look at. */
  get classIds(): readonly number[] {
    return [...this.#byClass.keys()];
  }

  /** Judges one event. A rule that throws loses this event only for itself, and says so through `onFailure`. */
  judge(event: OcsfEvent, now: number, onFailure: (rule: DetectionRule, cause: unknown) => void): Detection[] {
    const rules = this.#byClass.get(event.class_uid);
    if (rules === undefined || !isRefusal(event) || this.#isRepeated(event.metadata.uid)) return [];
    const detections: Detection[] = [];
    for (const rule of rules) {
      try {
        const match = rule.match(event, this.#facts);
        const detection = match === undefined ? undefined : this.#count(rule, match, { event, now });
        if (detection !== undefined) detections.push(detection);
      } catch (cause) {
        onFailure(rule, cause);
      }
    }
    return detections;
  }

  /** Starts from zero for a subject: what happened up to `at` counts no more. */
  forget(ruleId: string, subjectId: string, at: number): void {
    this.#closedAt.set(JSON.stringify([ruleId, subjectId]), at);
    const counters = this.#counters.get(ruleId);
    for (const [key, counter] of counters ?? []) if (counter.subjectId === subjectId) counters?.delete(key);
  }

  /** Lets go of what can matter no more. */
  expire(now: number): void {
    for (const rule of this.#rules) {
      const counters = this.#counters.get(rule.id);
      for (const [key, { touchedAt }] of counters ?? []) {
        // The least recently touched come first.
        if (now - touchedAt <= 2 * rule.windowMs) break;
        counters?.delete(key);
      }
    }
    for (const [key, at] of this.#closedAt) if (now - at > this.horizonMs) this.#closedAt.delete(key);
  }

  /** How many counts each rule gave up before their window ended, since the last call. */
  takeEvicted(): ReadonlyMap<string, number> {
    const taken = new Map(this.#evicted);
    this.#evicted.clear();
    return taken;
  }

  #count(rule: DetectionRule, match: Match, { event, now }: { event: OcsfEvent; now: number }): Detection | undefined {
    const { subjectId, value } = match;
    // A clock that was ahead, here or at an agent, must not push the window into the future.
    const time = Math.min(event.time, now);
    if (time < (this.#closedAt.get(JSON.stringify([rule.id, subjectId])) ?? 0)) return undefined;
    const { window } = this.#counterOf(rule, match, now);
    const { windowMs, threshold } = rule;
    const shape = { windowMs, threshold, values: Math.max(this.#limits.valuesPerKey, 4 * threshold) };
    const hit = window.add({ time, value, eventId: event.metadata.uid }, shape);
    const first = hit?.fresh[0];
    if (hit === undefined || first === undefined) return undefined;
    const values = hit.entries.map((entry) => entry.value);
    return {
      rule,
      subjectId,
      firstAt: first.time,
      lastAt: hit.fresh.at(-1)?.time ?? first.time,
      eventIds: hit.fresh.map(({ eventId }) => eventId),
      detail: rule.detail({ subjectId, values, event, graph: this.#facts.graph }),
    };
  }

  #counterOf(rule: DetectionRule, { key, subjectId }: Match, now: number): Counter {
    const counters = this.#counters.get(rule.id) ?? new Map<string, Counter>();
    const known = counters.get(key);
    const counter = known ?? { subjectId, window: new CountingWindow(), touchedAt: now };
    counter.touchedAt = now;
    // Deleted and set again, so that the map stays in order of last use.
    counters.delete(key);
    counters.set(key, counter);
    if (counters.size > this.#limits.keysPerRule) this.#evict(rule, counters, now);
    return counter;
  }

  #evict(rule: DetectionRule, counters: Map<string, Counter>, now: number): void {
    for (const [key, { touchedAt }] of counters) {
      counters.delete(key);
      if (now - touchedAt <= rule.windowMs) this.#evicted.set(rule.id, (this.#evicted.get(rule.id) ?? 0) + 1);
      return;
    }
  }

  #isRepeated(eventId: string): boolean {
    if (this.#seen.has(eventId)) return true;
    this.#seen.add(eventId);
    if (this.#seen.size > this.#limits.eventIds) {
      for (const oldest of this.#seen) {
        this.#seen.delete(oldest);
        break;
      }
    }
    return false;
  }
}
