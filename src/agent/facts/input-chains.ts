import { isJsonObject, type Json, parseJson } from '#base';
import { type InputChain, type Observed, WIRE_LIMITS } from '#wire';
import { outputOf } from '../command.ts';
import type { Host } from '../host.ts';
import { type FactSource, fitting, unknown } from './source.ts';

/** Without the elements of sets and the values of counters, so that a large ruleset stays cheap to look at. */
const LIST = ['-j', '-s', '-t', 'list', 'ruleset'];

/** The base chains on the input hook. Cordon's own table counts like any other. */
export const inputChains: FactSource<readonly InputChain[]> = { observe: observeChains, maxAgeMs: 0, restMs: 0 };

async function observeChains(host: Host): Promise<Observed<readonly InputChain[]>> {
  const printed = outputOf('nft', await host.run('nft', LIST, { maxBytes: 32 * 1024 * 1024 }));
  if ('unknown' in printed) return printed;
  const json = parseJson(printed.text);
  const objects = json.ok && isJsonObject(json.value) ? json.value['nftables'] : undefined;
  if (!Array.isArray(objects)) return unknown('`nft` printed something that is not its JSON');
  const chains = chainsOf(objects as readonly Json[]);
  const legacy = await legacyChains(host);
  if ('unknown' in legacy) return legacy;
  // Chains that refuse come first: a list that is cut must not lose them.
  const all = [...chains, ...legacy.value].sort((a, b) => Number(isClosed(b)) - Number(isClosed(a)));
  return { value: fitting(all, WIRE_LIMITS.inputChains) };
}

function isClosed(chain: InputChain): boolean {
  return chain.policy === 'drop' || chain.terminalDrop;
}

function chainsOf(objects: readonly Json[]): InputChain[] {
  const lastRules = new Map<string, Json>();
  for (const object of objects) {
    const rule = part(object, 'rule');
    if (rule !== undefined) lastRules.set(place(rule, 'chain'), rule['expr'] ?? null);
  }
  return objects.flatMap((object) => {
    const chain = part(object, 'chain');
    if (chain === undefined || chain['hook'] !== 'input' || chain['type'] !== 'filter') return [];
    return [
      {
        family: word(chain, 'family').slice(0, 16),
        table: word(chain, 'table').slice(0, 128),
        chain: word(chain, 'name').slice(0, 128),
        policy: chain['policy'] === 'drop' ? 'drop' : 'accept',
        terminalDrop: dropsEverything(lastRules.get(place(chain, 'name'))),
      },
    ];
  });
}

/** True for `drop` or `reject` behind nothing but counters and logging: a match or a limit would let something pass. */
function dropsEverything(expression: Json | undefined): boolean {
  if (!Array.isArray(expression)) return false;
  const verbs = (expression as readonly Json[]).map((one) => (isJsonObject(one) ? Object.keys(one).join() : ''));
  const last = verbs.pop();
  return (last === 'drop' || last === 'reject') && verbs.every((verb) => verb === 'counter' || verb === 'log');
}

function part(object: Json, kind: string): { readonly [key: string]: Json } | undefined {
  const body = isJsonObject(object) ? object[kind] : undefined;
  return isJsonObject(body) ? body : undefined;
}

function place(body: { readonly [key: string]: Json }, nameKey: string): string {
  return [word(body, 'family'), word(body, 'table'), word(body, nameKey)].join('\n');
}

function word(body: { readonly [key: string]: Json }, key: string): string {
  const value = body[key];
  return typeof value === 'string' && value !== '' ? value : '-';
}

/** Filters of the old iptables, which nft does not show. They are there when the kernel has loaded their table. */
async function legacyChains(host: Host): Promise<Observed<readonly InputChain[]>> {
  const chains: InputChain[] = [];
  for (const [family, file, command] of [
    ['ip', 'proc/net/ip_tables_names', 'iptables-legacy'],
    ['ip6', 'proc/net/ip6_tables_names', 'ip6tables-legacy'],
  ] as const) {
    if (!((await host.read(file)) ?? '').split('\n').includes('filter')) continue;
    const printed = outputOf(command, await host.run(command, ['-S', 'INPUT']));
    if ('unknown' in printed) return unknown(`the firewall is one of the old iptables: ${printed.unknown}`);
    const lines = printed.text.trim().split('\n');
    const policy = /^-P INPUT (ACCEPT|DROP)$/.exec(lines[0] ?? '')?.[1];
    if (policy === undefined) return unknown(`\`${command}\` printed something that is no chain`);
    chains.push({
      family,
      table: 'filter',
      chain: 'INPUT',
      policy: policy === 'DROP' ? 'drop' : 'accept',
      terminalDrop: /^-A INPUT -j (?:DROP|REJECT)(?: --reject-with \S+)?$/.test(lines.at(-1) ?? ''),
    });
  }
  return { value: chains };
}
