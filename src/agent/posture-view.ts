import { type Clock, CordonError, formatDuration } from '#base';
import type { PostureResult } from '#model';
import type { Facts } from '#wire';
import { factCollector } from './facts/collect.ts';
import type { Host } from './host.ts';
import { readIdentity } from './identity.ts';
import { type LastReport, readReport } from './last-report.ts';
import { addressText } from './server.ts';
import type { StateDirectory } from './state.ts';

/** What `cordon agent posture` shows. */
export interface PostureView {
  readonly isHealthy: boolean;
  readonly json: object;
  readonly text: string;
}

/** Looks at the host now, and at what the server said last. */
export async function postureView(state: StateDirectory, host: Host, clock: Clock): Promise<PostureView> {
  const identity = await identityOf(state);
  const now = clock.now();
  const facts = await factCollector(host).collect(now);
  const report = await readReport(state);
  const posture = report?.posture;
  return {
    isHealthy: posture?.verdict === 'healthy',
    json: {
      ...identity,
      facts,
      ...(report === undefined ? {} : { reportedAt: report.at }),
      ...(posture === undefined ? {} : { posture }),
    },
    text: [...factLines(facts), '', ...verdictLines(report, identity !== undefined, now), ''].join('\n'),
  };
}

async function identityOf(state: StateDirectory): Promise<{ deviceId: string; server: string } | undefined> {
  try {
    const { deviceId, server } = await readIdentity(state);
    return { deviceId, server: addressText(server) };
  } catch (error) {
    if (error instanceof CordonError && error.code === 'agent-not-enrolled') return undefined;
    throw error;
  }
}

function factLines(facts: Facts): string[] {
  const rows: (readonly [string, string])[] = [
    ['operating system', seen(facts.os, (os) => `${os.prettyName}, kernel ${os.kernel}`)],
    [
      'runs on',
      seen(facts.virtualization, ({ kind, product }) => (kind === 'none' ? 'hardware' : `${kind} (${product})`)),
    ],
    [
      'security updates',
      seen(facts.securityUpdates, ({ pending, packages, rebootRequired }) => {
        const names = pending === 0 ? '' : `: ${packages.slice(0, 5).join(', ')}${pending > 5 ? ', …' : ''}`;
        return `${pending} pending${names}${rebootRequired ? '; restart required' : ''}`;
      }),
    ],
    [
      'disks',
      seen(facts.mounts, (mounts) =>
        mounts.map((one) => `${one.mountpoint} ${one.encrypted ? 'encrypted' : 'plain'}`).join(', '),
      ),
    ],
    [
      'input chains',
      seen(facts.inputChains, (chains) =>
        chains
          .map((one) => `${one.family} ${one.table} ${one.chain} ${one.terminalDrop ? 'ends in drop' : one.policy}`)
          .join(', '),
      ),
    ],
    [
      'ssh server',
      seen(facts.sshServer, (ssh) =>
        ssh.installed
          ? `root ${ssh.permitRootLogin}, password ${ssh.passwordAuthentication}, keyboard-interactive ${ssh.keyboardInteractive}`
          : 'not installed',
      ),
    ],
    [
      'clock',
      seen(
        facts.timeSync,
        ({ synchronized, source }) => `${synchronized ? 'synchronized' : 'not synchronized'} (${source})`,
      ),
    ],
  ];
  return [`seen now on ${printable(facts.hostname)}:`, ...table(rows)];
}

function seen<T>(fact: { readonly value: T } | { readonly unknown: string }, show: (value: T) => string): string {
  if ('unknown' in fact) return `unknown: ${fact.unknown}`;
  const text = show(fact.value);
  return text === '' ? 'none' : text;
}

function verdictLines(report: LastReport | undefined, isEnrolled: boolean, now: number): string[] {
  if (!isEnrolled) return ['not enrolled: make a token with `cordon devices token`, then run `cordon agent enrol`'];
  if (report?.posture === undefined) return ['not judged yet: start the agent with `cordon agent run`'];
  const { verdict, results } = report.posture;
  const away = Math.max(0, now - report.at);
  const age = away < 1000 ? 'just now' : `${formatDuration(away)} ago`;
  return [
    `the server judged it ${verdict}, ${age}:`,
    ...table(results.map((result) => [result.check, outcomeText(result)])),
    ...results.flatMap((result) => (result.fix === undefined ? [] : [`fix ${result.check}: ${printable(result.fix)}`])),
  ];
}

function outcomeText({ outcome, detail }: PostureResult): string {
  return `${outcome.padEnd('not-applicable'.length)}  ${detail}`;
}

function table(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(0, ...rows.map(([name]) => name.length));
  return rows.map(([name, text]) => `  ${name.padEnd(width)}  ${printable(text)}`);
}

/** Names on a host may hold anything; on a terminal they must only be text. */
function printable(text: string): string {
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, ' ');
}
