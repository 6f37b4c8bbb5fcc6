import { parseDuration, type Problem } from '#base';
import type { App } from '#model';
import type { Locate } from './check.ts';
import { type ListenAddress, parseListen } from './configuration.ts';
import { invalid } from './invalid.ts';
import type { ConfigurationDocument } from './schema.ts';

/** What the gateway bears. Undefined: no bound. Times in milliseconds. */
export interface GatewayLimitSettings {
  readonly connections: number;
  readonly requestsAtOnce: number;
  readonly requestsAtOncePerAddress: number;
  readonly requestsAtOncePerSession: number;
  readonly streamsPerConnection: number;
  readonly requestsPerSecondPerConnection: number | undefined;
  readonly requestsPerSecondPerAddress: number | undefined;
  readonly requestsPerSecondPerAccount: number | undefined;
  readonly requestsPerSecondPerApp: number | undefined;
  readonly headerBytes: number;
  readonly bodyBytes: number | undefined;
  readonly headerTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly slowClientBytesPerSecond: number;
  readonly slowClientMs: number;
}

/** How the process runs. */
export interface RunningSettings {
  readonly gateway: { readonly drainMs: number; readonly limits: GatewayLimitSettings };
  readonly probe: {
    /** Undefined: never by itself. */
    readonly everyMs: number | undefined;
    readonly public: Readonly<Record<string, string>>;
  };
  readonly metrics: { readonly listen: ListenAddress | undefined };
  readonly traces: {
    /** Undefined: none are made. */
    readonly endpoint: string | undefined;
    /** Part of the requests, 0 to 1. */
    readonly sample: number;
  };
}

type Sections = Pick<ConfigurationDocument, 'gateway' | 'probe' | 'metrics' | 'traces'>;

/** What the sections say, in milliseconds and without words. */
export function resolveRunning({ gateway, probe, metrics, traces }: Sections): RunningSettings {
  const { limits: said } = gateway;
  return {
    gateway: {
      drainMs: milliseconds(gateway.drain),
      limits: {
        connections: said.connections,
        requestsAtOnce: said.requests_at_once,
        requestsAtOncePerAddress: said.requests_at_once_per_address,
        requestsAtOncePerSession: said.requests_at_once_per_session,
        streamsPerConnection: said.streams_per_connection,
        requestsPerSecondPerConnection: unlessOff(said.requests_per_second_per_connection),
        requestsPerSecondPerAddress: unlessOff(said.requests_per_second_per_address),
        requestsPerSecondPerAccount: unlessOff(said.requests_per_second_per_account),
        requestsPerSecondPerApp: unlessOff(said.requests_per_second_per_app),
        headerBytes: said.header_bytes,
        bodyBytes: unlessOff(said.body_bytes),
        headerTimeoutMs: milliseconds(said.header_timeout),
        idleTimeoutMs: milliseconds(said.idle_timeout),
        slowClientBytesPerSecond: said.slow_client.bytes_per_second,
        slowClientMs: milliseconds(said.slow_client.for),
      },
    },
    probe: { everyMs: probe.every === 'off' ? undefined : milliseconds(probe.every), public: probe.public },
    metrics: { listen: parseListen(metrics.listen) },
    traces: { endpoint: unlessOff(traces.endpoint), sample: traces.sample },
  };
}

function unlessOff<T>(value: T | 'off'): T | undefined {
  return value === 'off' ? undefined : value;
}

/** The schema let only durations through. */
function milliseconds(text: string): number {
  const parsed = parseDuration(text);
  return parsed.ok ? parsed.value : 0;
}

/** Durations below this would be outages, milliseconds. */
const LEAST: readonly (readonly [path: readonly string[], of: (said: Sections) => string, least: string])[] = [
  [['probe', 'every'], ({ probe }) => probe.every, '10s'],
  [['gateway', 'limits', 'header_timeout'], ({ gateway }) => gateway.limits.header_timeout, '1s'],
  [['gateway', 'limits', 'idle_timeout'], ({ gateway }) => gateway.limits.idle_timeout, '1s'],
  [['gateway', 'limits', 'slow_client', 'for'], ({ gateway }) => gateway.limits.slow_client.for, '5s'],
];
/** A stop that takes longer is none. */
const MOST_DRAIN = '10m';

/** What the schema cannot say of these sections. */
export function checkRunning(document: Sections, apps: readonly App[], locate: Locate): Problem[] {
  const problems: Problem[] = [];
  const wrong = (path: readonly string[], message: string): void => {
    problems.push(invalid(message, locate(path)));
  };
  for (const [path, of, least] of LEAST) {
    const said = of(document);
    if (said !== 'off' && milliseconds(said) < milliseconds(least)) {
      wrong(path, `\`${path.join('.')}\` must be at least \`${least}\``);
    }
  }
  if (milliseconds(document.gateway.drain) > milliseconds(MOST_DRAIN)) {
    wrong(['gateway', 'drain'], `\`gateway.drain\` must be at most \`${MOST_DRAIN}\``);
  }
  for (const id of Object.keys(document.probe.public)) {
    if (apps.some((app) => app.id === id && app.enforcedBy === 'forward-auth')) continue;
    wrong(
      ['probe', 'public', id],
      `\`probe.public\` names \`${id}\`, which is no app with \`enforced_by: forward-auth\``,
    );
  }
  return problems;
}
