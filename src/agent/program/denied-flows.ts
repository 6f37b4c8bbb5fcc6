import { formatAddress, isJsonObject, type Json, parseAddress } from '#base';
import { type DeniedFlow, WIRE_LIMITS } from '#wire';

/** Sets in which the program counts what it refused: by the other side's address, port and protocol. */
const SETS: Readonly<Record<string, 'in' | 'out'>> = {
  denied_in4: 'in',
  denied_in6: 'in',
  denied_out4: 'out',
  denied_out6: 'out',
};
/** Flows that wait to be reported. Beyond it new ones are dropped from the report: a flood must not exhaust the agent. */
const MOST_WAITING = 20_000;

interface Counted {
  readonly flow: Pick<DeniedFlow, 'saddr' | 'daddr' | 'protocol' | 'dport'>;
  packets: number;
  firstAt: number;
  lastAt: number;
}

/** Turns the counters of the firewall into flows since the last report. */
export class DeniedFlows {
  /** Counters as they were at the last look. */
  #seen = new Map<string, number>();
  readonly #waiting = new Map<string, Counted>();

  /** Takes in a listing of the table. `own` are this host's addresses: they are the source of what it was refused to send. */
  observe(objects: readonly Json[], own: readonly string[], now: number): void {
    const seen = new Map<string, number>();
    for (const object of objects) {
      const set = isJsonObject(object) ? object['set'] : undefined;
      if (!isJsonObject(set)) continue;
      const direction = SETS[String(set['name'])];
      if (direction === undefined || !Array.isArray(set['elem'])) continue;
      for (const element of set['elem'] as readonly Json[]) {
        const counted = parseElement(element, Number(set['timeout'] ?? 0));
        if (counted === undefined) continue;
        const flow = flowOf(counted, direction, own);
        const key = keyOf(flow);
        seen.set(key, counted.packets);
        const before = this.#seen.get(key) ?? 0;
        // A counter that is smaller than before began anew: the element ran out and came back.
        const packets = counted.packets < before ? counted.packets : counted.packets - before;
        if (packets > 0) this.#add(key, { flow, packets, firstAt: now, lastAt: now - counted.idleMs });
      }
    }
    this.#seen = seen;
  }

  /** The table was replaced, and with it the counters. */
  forgetCounters(): void {
    this.#seen = new Map();
  }

  /** The flows of the next report, the busiest first. They stay until `reported` is called with them. */
  next(): DeniedFlow[] {
    return [...this.#waiting.values()]
      .toSorted((a, b) => b.packets - a.packets)
      .slice(0, WIRE_LIMITS.deniedFlows)
      .map(({ flow, packets, firstAt, lastAt }) => ({ ...flow, packets, firstAt, lastAt }));
  }

  /** Takes reported flows off; what was counted meanwhile remains. */
  reported(flows: readonly DeniedFlow[]): void {
    for (const flow of flows) {
      const key = keyOf(flow);
      const counted = this.#waiting.get(key);
      if (counted === undefined) continue;
      counted.packets -= flow.packets;
      counted.firstAt = counted.lastAt;
      if (counted.packets <= 0) this.#waiting.delete(key);
    }
  }

  #add(key: string, counted: Counted): void {
    const waiting = this.#waiting.get(key);
    const firstAt = Math.min(counted.firstAt, counted.lastAt);
    if (waiting !== undefined) {
      waiting.packets += counted.packets;
      waiting.firstAt = Math.min(waiting.firstAt, firstAt);
      waiting.lastAt = Math.max(waiting.lastAt, counted.lastAt);
    } else if (this.#waiting.size < MOST_WAITING) this.#waiting.set(key, { ...counted, firstAt });
  }
}

/** What tells two flows apart. This host's own address does not: it may change while a flow waits. */
function keyOf(flow: Counted['flow']): string {
  const peer = flow.daddr === undefined ? `in ${flow.saddr}` : `out ${flow.daddr}`;
  return `${peer} ${flow.protocol} ${flow.dport}`;
}

interface Element {
  readonly address: string;
  readonly dport: number;
  readonly protocol: string;
  readonly packets: number;
  /** How long ago the last packet came; the element's timeout starts anew with each. */
  readonly idleMs: number;
}

/** Reads `{elem: {val: {concat: [address, port, protocol]}, expires, counter: {packets}}}`; undefined for anything else. */
function parseElement(element: Json, timeoutSeconds: number): Element | undefined {
  const body = isJsonObject(element) ? element['elem'] : undefined;
  if (!isJsonObject(body)) return undefined;
  const { val, counter, expires } = body;
  const concat = isJsonObject(val) ? val['concat'] : undefined;
  if (!Array.isArray(concat) || !isJsonObject(counter)) return undefined;
  const [address, dport, protocol] = concat as readonly Json[];
  const parsed = typeof address === 'string' ? parseAddress(address) : undefined;
  const packets = Number(counter['packets']);
  if (parsed?.ok !== true || typeof dport !== 'number' || typeof protocol !== 'string') return undefined;
  if (!Number.isInteger(dport) || dport < 0 || dport > 65_535) return undefined;
  if (!/^[a-z0-9-]{1,32}$/.test(protocol) || !Number.isSafeInteger(packets) || packets < 0) return undefined;
  const left = typeof expires === 'number' ? expires : timeoutSeconds;
  const idleMs = Math.min(timeoutSeconds, Math.max(0, timeoutSeconds - left - 1)) * 1000;
  return { address: formatAddress(parsed.value), dport, protocol, packets, idleMs };
}

function flowOf(element: Element, direction: 'in' | 'out', own: readonly string[]): Counted['flow'] {
  const { address, protocol, dport } = element;
  if (direction === 'in') return { saddr: address, protocol, dport };
  const isV6 = address.includes(':');
  const source = own.find((one) => one.includes(':') === isV6) ?? (isV6 ? '::' : '0.0.0.0');
  return { saddr: source, daddr: address, protocol, dport };
}
