import { mkdtemp, rmdir, stat, statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { CordonError, formatProblem, type Problem } from '#base';
import { type Configuration, defaultConfiguration, type ListenAddress } from '#config';
import type { CONTROL_ROUTES, ResponseOf } from '#contract';
import { serverOf, toProblem } from '../client.ts';
import type { CommandContext } from '../command.ts';
import { configurationFile, controlSocket, dataDirectory } from '../control-socket.ts';
import { readConfiguration, reasonOf } from '../local-files.ts';
import { agoText, wordPiece } from '../pieces.ts';

/** What one check found. */
interface Finding {
  readonly check: string;
  readonly outcome: 'pass' | 'warn' | 'fail';
  readonly detail: string;
  /** What to do; present unless it passed. */
  readonly fix?: string;
}

type Status = ResponseOf<(typeof CONTROL_ROUTES)['status']>;

/** The line of Node that Cordon is made for. */
const NODE_MAJOR = 24;
const LEAST_FREE_BYTES = 1024 ** 3;

/** `cordon doctor` */
export async function doctor(context: CommandContext): Promise<number> {
  const { out } = context;
  const findings = [checkNode()];
  const { finding, configuration } = checkConfiguration(context);
  findings.push(finding, ...(await checkDataDirectory(dataDirectory(context))));
  const { finding: reached, status } = await checkServer(context);
  findings.push(reached);
  if (status !== undefined) findings.push(...checkStatus(status), checkProbes(status));
  else if (configuration !== undefined) findings.push(...(await checkPorts(configuration)));
  const isWell = findings.every(({ outcome }) => outcome !== 'fail');
  if (out.isJson) out.document({ ok: isWell, checks: findings });
  else {
    for (const { check, outcome, detail, fix } of findings) {
      out.line(wordPiece(outcome), `  ${check.padEnd(16)}${detail}`);
      if (fix !== undefined) out.line(`      ${''.padEnd(16)}`, { text: 'fix: ', look: 'cyan' }, fix);
    }
  }
  return isWell ? 0 : 1;
}

function checkNode(): Finding {
  const { node } = process.versions;
  if (Number(node.split('.')[0]) === NODE_MAJOR) return { check: 'node', outcome: 'pass', detail: node };
  return {
    check: 'node',
    outcome: 'fail',
    detail: `${node}; Cordon is made for Node ${NODE_MAJOR}`,
    fix: 'start Cordon with `npm start` or `bin/cordon.js`, which bring their own Node',
  };
}

function checkConfiguration(context: CommandContext): { finding: Finding; configuration?: Configuration } {
  const check = 'configuration';
  if (context.args.text('data') !== undefined || configurationFile(context) === undefined) {
    const defaults = defaultConfiguration(context.world.cwd);
    const finding: Finding = { check, outcome: 'pass', detail: 'embedded defaults' };
    return defaults.ok ? { finding, configuration: defaults.value } : { finding };
  }
  try {
    const { name, configuration } = readConfiguration(context);
    return { finding: { check, outcome: 'pass', detail: name }, configuration };
  } catch (error) {
    if (!(error instanceof CordonError)) throw error;
    const [first] = error.problems;
    const more = error.problems.length > 1 ? ` and ${error.problems.length - 1} more` : '';
    const detail = first === undefined ? error.message : `${firstLine(first)}${more}`;
    return { finding: { check, outcome: 'fail', detail, fix: 'correct it; `cordon check` shows everything' } };
  }
}

function firstLine(problem: Problem): string {
  return formatProblem(problem).split('\n')[0] ?? '';
}

async function checkDataDirectory(path: string): Promise<Finding[]> {
  const check = 'data directory';
  const place = await firstThatIs(path);
  try {
    const found = await stat(place);
    if (!found.isDirectory()) throw new Error(`${place} is not a directory`);
    // Permission bits do not tell everything: read-only mounts, other file systems. Only trying does.
    await rmdir(await mkdtemp(join(place, '.cordon-')));
    const { bavail, bsize } = await statfs(place);
    const isOpen = place === path && (found.mode & 0o077) !== 0;
    return [
      isOpen
        ? { check, outcome: 'warn', detail: `others may look into ${path}`, fix: `\`chmod 700 ${path}\`` }
        : { check, outcome: 'pass', detail: place === path ? path : `${path}, which is made at the start` },
      checkSpace(bavail * bsize),
    ];
  } catch (cause) {
    const detail = `cannot use ${path}: ${reasonOf(cause)}`;
    return [
      { check, outcome: 'fail', detail, fix: 'give it to the user that runs Cordon, or choose another with `--data`' },
    ];
  }
}

function checkSpace(freeBytes: number): Finding {
  const check = 'disk';
  const detail = `${(freeBytes / 1024 ** 3).toFixed(1)} GiB free`;
  if (freeBytes >= LEAST_FREE_BYTES) return { check, outcome: 'pass', detail };
  return {
    check,
    outcome: 'warn',
    detail,
    fix: 'free space: without it nothing can be recorded, and T0 and T1 are denied',
  };
}

/** The path, or the nearest directory above it that is there. */
async function firstThatIs(path: string): Promise<string> {
  for (let place = path; ; place = dirname(place)) {
    const isThere = await stat(place).then(
      () => true,
      () => false,
    );
    if (isThere || dirname(place) === place) return place;
  }
}

async function checkServer(context: CommandContext): Promise<{ finding: Finding; status?: Status }> {
  const check = 'server';
  try {
    const status = await serverOf(context).ask('status', {});
    const detail = `Cordon ${status.version} answers at ${controlSocket(context)}`;
    if (status.version === context.world.version) return { finding: { check, outcome: 'pass', detail }, status };
    const fix = `restart it: this command is of version ${context.world.version}`;
    return { finding: { check, outcome: 'warn', detail, fix }, status };
  } catch (error) {
    if (!(error instanceof CordonError)) throw error;
    const isDown = error.code === 'server-unreachable';
    const fix = error.hint ?? 'see its log';
    return { finding: { check, outcome: isDown ? 'warn' : 'fail', detail: error.message, fix } };
  }
}

function checkProbes({ probe, now }: Status): Finding {
  const check = 'probes';
  if (probe === undefined) {
    const fix = 'wait for the first round, or ask for one with `cordon probe`; see `probe` in the configuration';
    return { check, outcome: 'warn', detail: 'Cordon has not probed itself yet', fix };
  }
  const { findings, sent, unanswered, startedAt, notProbed } = probe;
  const [first] = findings;
  if (first !== undefined) {
    const more = findings.length > 1 ? ` and ${findings.length - 1} more` : '';
    const fix = 'take the app off the network until the way is closed; `cordon alerts list` names the evidence';
    return { check, outcome: 'fail', detail: `${first.host} is open: ${first.detail}${more}`, fix };
  }
  const rest = notProbed.length === 0 ? '' : `; not probed: ${notProbed.join(', ')}`;
  const detail = `${sent} ${agoText(startedAt, now)} found no way past the decision${rest}`;
  if (unanswered === 0) return { check, outcome: 'pass', detail };
  const fix = 'see whether this machine reaches its own listeners, and the log of the server';
  return { check, outcome: 'warn', detail: `${unanswered} of ${sent} were not answered`, fix };
}

function checkStatus({ journal, configurationProblem, policyVersion }: Status): Finding[] {
  const [problem] = (configurationProblem?.problems ?? []).map(toProblem);
  return [
    journal.writable
      ? { check: 'journal', outcome: 'pass', detail: 'can be written' }
      : {
          check: 'journal',
          outcome: 'fail',
          detail: `cannot be written in ${journal.directory}`,
          fix: 'free space or correct the permissions; writing is tried again with the next event',
        },
    policyVersion > 0
      ? { check: 'policies', outcome: 'pass', detail: `version ${policyVersion} is in force` }
      : {
          check: 'policies',
          outcome: 'fail',
          detail: 'none are in force, so everything is denied',
          fix: 'activate some with `cordon apply`',
        },
    ...(configurationProblem === undefined
      ? []
      : [
          {
            check: 'reload',
            outcome: 'fail' as const,
            detail: `the newest configuration does not load${problem === undefined ? '' : `: ${firstLine(problem)}`}`,
            fix: 'correct it; the last good one stays in force until then',
          },
        ]),
  ];
}

async function checkPorts({ listen }: Configuration): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const [name, address] of Object.entries(listen)) {
    if (address !== undefined) findings.push(await checkPort(name, address));
  }
  return findings;
}

async function checkPort(name: string, { host, port }: ListenAddress): Promise<Finding> {
  const check = `port ${name}`;
  const failure = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
    const server = createServer();
    server.once('error', resolve);
    server.listen({ host, port, exclusive: true }, () => {
      server.close(() => resolve(undefined));
    });
  });
  if (failure === undefined) return { check, outcome: 'pass', detail: `${host}:${port} is free` };
  const fix =
    failure.code === 'EADDRINUSE'
      ? `stop what uses it, or choose another port with \`listen.${name}\` in the configuration`
      : `choose another address with \`listen.${name}\` in the configuration`;
  const why = failure.code === 'EADDRINUSE' ? 'is in use' : `cannot be used: ${reasonOf(failure)}`;
  return { check, outcome: 'fail', detail: `${host}:${port} ${why}`, fix };
}
