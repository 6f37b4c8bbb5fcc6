import type { ControlOutput } from '../client.ts';
import { holdsAll, searchWords } from '../parts/words.ts';

/** A published app, as the API gives one. */
export type App = ControlOutput<'apps'>['items'][number];
type Round = NonNullable<ControlOutput<'status'>['probe']>;

/** What is spoken with an app. */
export const KINDS: Readonly<Record<App['kind'], string>> = {
  builtin: 'built in',
  http: 'HTTP',
  http2: 'HTTP/2, gRPC',
  tcp: 'TCP',
  ssh: 'SSH',
  kubernetes: 'Kubernetes',
};

/** What becomes of streams when access ends, and why. */
export const STREAMS = {
  cut: {
    short: '',
    long: 'The gateway carries its requests: what is open is cut when access ends.',
  },
  uncut: {
    short: 'streams are not cut',
    long: 'A proxy carries its requests and asks Cordon about each. A stream that is open goes on when access ends, as nobody can cut it there.',
  },
  refused: {
    short: 'no WebSockets',
    long: 'A proxy carries its requests and asks Cordon about each. WebSockets are refused, as nobody could cut them there, and this app is at T0 or T1.',
  },
} as const satisfies Record<App['streams'], { short: string; long: string }>;

/** What the last round of Cordon's own probes says about an app. */
export interface Probed {
  readonly tone: 'good' | 'bad' | 'warn' | 'calm';
  readonly word: string;
  readonly detail: string;
  /** When the round began; absent when there is none that says anything. */
  readonly at?: number;
}

/** Reads a round for one app. Only a round in which every probe was answered, and by Cordon, is good news. */
export function probed({ id }: Pick<App, 'id'>, round: Round | undefined): Probed {
  if (round === undefined) return { tone: 'calm', word: 'not yet', detail: 'No round of probes has ended yet.' };
  const at = round.startedAt;
  const found = round.findings.filter(({ appId }) => appId === id);
  if (found.length > 0) {
    const detail = found.map(({ kind, status, detail: text }) => `${kind}: ${status}, ${text}`).join('; ');
    return { tone: 'bad', word: 'answered', detail, at };
  }
  if (round.notProbed.includes(id)) {
    const detail =
      'Only another proxy serves it, at an address that Cordon does not know (`forward_auth.public_port`).';
    return { tone: 'warn', word: 'not probed', detail };
  }
  if (round.unanswered > 0) {
    const detail = `${round.unanswered} of ${round.sent} probes of the round got no answer; whether one of this app is among them is not known.`;
    return { tone: 'warn', word: 'unclear', detail, at };
  }
  return { tone: 'good', word: 'refused', detail: 'Whoever may not see it got nothing but a refusal of Cordon.', at };
}

/** A way to open an app: what it is for, the lines to run, and what to know. */
export interface Way {
  readonly title: string;
  readonly command: string;
  readonly note?: string;
}

/** How to open an app without a browser, the usual way first. Empty where Cordon refuses programs. */
export function waysTo(app: Pick<App, 'id' | 'kind' | 'url' | 'enforcedBy' | 'upstream' | 'ssh'>): readonly Way[] {
  const { id } = app;
  if (app.enforcedBy === 'forward-auth') return [];
  switch (app.kind) {
    case 'tcp':
      return [
        { title: 'Listen on a port of your own', command: `cordon connect ${id} --listen 127.0.0.1:${portOf(app)}` },
      ];
    case 'ssh':
      return [
        { title: 'Log in', command: `cordon ssh ${id}`, note: loginNames(app) },
        {
          title: 'For scp, rsync, git and editors: as a ProxyCommand',
          command: `cordon ssh-certificate ${id} --key ~/.ssh/id_ed25519\nssh -o 'ProxyCommand cordon connect ${id} --stdio' ${app.ssh?.principals[0] ?? 'NAME'}@${id}`,
        },
      ];
    case 'kubernetes':
      return [
        {
          title: 'With kubectl',
          command: `cordon kubeconfig ${id} > ${id}.yaml\nkubectl --kubeconfig ${id}.yaml get pods`,
          note: 'The cluster sees your e-mail address, and your groups with `cordon:` in front.',
        },
      ];
    case 'builtin':
    case 'http':
    case 'http2':
      return [
        {
          title: 'With curl, as you',
          command: `url=${app.url}/\ncordon token ${id} --for "$url" > fields\ncurl -H @fields "$url"`,
          note: 'The token works for this one app, with a proof for each request.',
        },
      ];
  }
}

/** From this tier on up, a browser's word about its device is not enough. */
const PROVEN_DEVICE_UP_TO_TIER = 2;

/** What is run once per computer before any of the ways works. Where the device has to be a proven one, its certificate is shown. */
export function loginCommand(
  { tier, device, clientCertificate }: Pick<App, 'tier' | 'device' | 'clientCertificate'>,
  identityOrigin: string,
): string {
  const isProven =
    clientCertificate || tier <= PROVEN_DEVICE_UP_TO_TIER || device === 'managed' || device === 'healthy';
  const url =
    isProven && !identityOrigin.startsWith('https:')
      ? `https://${new URL(identityOrigin).hostname}:PORT`
      : identityOrigin;
  return `cordon login --url ${url}${isProven ? ' --device /var/lib/cordon-agent' : ''}`;
}

function loginNames({ ssh }: Pick<App, 'ssh'>): string {
  if (ssh === undefined) return '';
  return `As ${ssh.principals.map((name) => `\`${name}\``).join(' or ')}. A login with the certificate is possible for ${ssh.lifetimeSeconds} s; the session lasts as long as you may.`;
}

/** The port of the upstream is free on most computers, and what programs expect. Below 1024 only root may listen. */
function portOf({ upstream }: Pick<App, 'upstream'>): number {
  const port = Number(/:(\d+)$/.exec(upstream ?? '')?.[1] ?? 0);
  return port === 0 ? 15_000 : port < 1024 ? 10_000 + port : port;
}

/** `at most 50 requests per second, 1 MB per request body`; the gateway's own when there are none. */
export function budgetText({ requestsPerSecond, bodyBytes }: App['limits']): string {
  const parts = [
    requestsPerSecond === undefined ? '' : `${requestsPerSecond.toLocaleString('en')} requests per second`,
    bodyBytes === undefined ? '' : `${bodyBytes.toLocaleString('en')} bytes per request`,
  ].filter((part) => part !== '');
  return parts.length === 0 ? 'those of the gateway' : `at most ${parts.join(', ')}`;
}

/** Every word of the search has to occur in the name, id, host or kind; an empty choice means any. */
export function filterApps(
  apps: readonly App[],
  { search, by }: { readonly search: string; readonly by: string },
): readonly App[] {
  const words = searchWords(search);
  return apps.filter((app) => {
    if (by !== '' && app.enforcedBy !== by) return false;
    return holdsAll([app.name, app.id, app.host, KINDS[app.kind]], words);
  });
}

/** How many connections are open to each app, by its id. */
export function openByApp(connections: readonly { readonly appId: string }[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { appId } of connections) counts.set(appId, (counts.get(appId) ?? 0) + 1);
  return counts;
}
