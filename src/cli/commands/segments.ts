import type { CONTROL_ROUTES, ResponseOf } from '#contract';
import { misuse } from '../arguments.ts';
import { choose, chooseMaybe } from '../choose.ts';
import { classNames } from '../class-names.ts';
import { type Server, serverOf, toProblem } from '../client.ts';
import type { CommandContext } from '../command.ts';
import { writeWarnings } from '../failure.ts';
import { styled } from '../output.ts';
import { countText, labelsText, wordPiece } from '../pieces.ts';

type Workload = ResponseOf<(typeof CONTROL_ROUTES)['workloads']>['items'][number];

/** `cordon segments map` */
export async function map(context: CommandContext): Promise<number> {
  const { out } = context;
  const found = await serverOf(context).ask('workloads', {});
  if (out.isJson) {
    out.document(found);
    return 0;
  }
  out.table(
    [
      { title: 'NAME', shrinkTo: 12 },
      { title: 'SEGMENTS', shrinkTo: 10 },
      { title: 'LABELS', shrinkTo: 12 },
      { title: 'ADDRESSES', shrinkTo: 12 },
      { title: 'SOURCE' },
      { title: 'STATE', isWrapped: true },
    ],
    // In one order, whatever changed last.
    found.items
      .toSorted((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }))
      .map(({ name, segments, labels, addresses, source, quarantine }) => [
        name,
        segments.length === 0 ? styled('dim', 'none') : segments.join(' '),
        labelsText(labels),
        addresses.join(' '),
        source,
        quarantine === undefined ? '' : styled('red', `quarantined by ${quarantine.by}: ${quarantine.reason}`),
      ]),
    'no workloads yet; import an account, enrol an agent, or declare some in the configuration',
  );
  return 0;
}

/** `cordon segments plan` */
export async function plan(context: CommandContext): Promise<number> {
  const { out } = context;
  const found = await serverOf(context).ask('segmentsPlan', {});
  if (out.isJson) {
    out.document(found);
    return 0;
  }
  const names = classNames(found.classes);
  const rows = found.pairs.flatMap(({ from, to, pieces }) => pieces.map((piece) => ({ from, to, ...piece })));
  const shown = context.args.has('all') ? rows : rows.filter(({ effect }) => effect === 'allow');
  out.table(
    [
      { title: 'FROM' },
      { title: 'TO' },
      { title: 'EFFECT' },
      { title: 'PROTOCOL' },
      { title: 'PORTS', shrinkTo: 8 },
      { title: 'BY', isWrapped: true },
    ],
    shown.map(({ from, to, effect, protocol, ports, policies }) => [
      names.get(from) ?? from,
      names.get(to) ?? to,
      wordPiece(effect),
      protocol,
      ports,
      policies.join(' '),
    ]),
    'no policy on `connect` allows anything',
  );
  const workloads = found.classes.reduce((sum, { workloads: members }) => sum + members.length, 0);
  out.note(`everything else between ${countText(workloads, 'workload')} is denied`);
  if (shown.length < rows.length)
    out.note(`\`--all\` shows the ${rows.length - shown.length} that a forbid denies, too`);
  writeWarnings(out, found.problems.map(toProblem));
  return 0;
}

/** `cordon segments trace` */
export async function trace(context: CommandContext): Promise<number> {
  const { args, out } = context;
  const [, port, protocol = 'tcp'] = /^(\d{1,5})(?:\/(tcp|udp))?$/i.exec(args.at(2)) ?? [];
  if (port === undefined || Number(port) > 65_535) {
    throw misuse(args.row, `\`${args.at(2)}\` is not a port, for example \`5432\` or \`53/udp\``);
  }
  const server = serverOf(context);
  const workloads = await candidates(server);
  const found = await server.ask('segmentsTrace', {
    query: {
      from: idOf(workloads, args.at(0)),
      to: idOf(workloads, args.at(1)),
      protocol: protocol.toLowerCase() === 'udp' ? 'udp' : 'tcp',
      port: Number(port),
    },
  });
  if (out.isJson) out.document(found);
  else {
    const verdict = found.allowed ? styled('green', 'allowed') : styled('red', 'denied');
    out.line(verdict, `: ${found.from} -> ${found.to}, ${found.protocol} ${found.port}`);
    const by = found.policies.length === 0 ? '' : ` by ${found.policies.join(', ')}`;
    out.line(`  ${found.reason}${by}`);
  }
  return found.allowed ? 0 : 1;
}

async function candidates(server: Server): Promise<(Workload & { readonly names: string[] })[]> {
  const { items } = await server.ask('workloads', {});
  return items.map((workload) => ({ ...workload, names: [workload.name, ...workload.addresses] }));
}

/** What is no workload is left to the server: it names what it does not know. */
function idOf(workloads: Awaited<ReturnType<typeof candidates>>, text: string): string {
  return chooseMaybe('workload', text, workloads)?.id ?? text;
}

/** `cordon segments quarantine` */
export async function quarantine(context: CommandContext): Promise<number> {
  return await hold(context, 'quarantine', 'quarantined');
}

/** `cordon segments release` */
export async function release(context: CommandContext): Promise<number> {
  return await hold(context, 'release', 'released');
}

async function hold(context: CommandContext, route: 'quarantine' | 'release', done: string): Promise<number> {
  const { args, out } = context;
  const server = serverOf(context);
  const { id, name } = choose({ noun: 'workload', list: 'segments map' }, args.at(0), await candidates(server));
  await server.ask(route, { params: { id }, body: { reason: args.required('reason') } });
  if (out.isJson) out.document({ ok: true, id });
  else out.line(`workload ${name} is ${done}`);
  return 0;
}
