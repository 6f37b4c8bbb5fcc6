import type { Json } from '#base';
import type { HostProgram } from '#wire';

const TABLE = { family: 'inet', table: 'cordon' };

/** A program that lets the TCP ports `allow` in and out and refuses everything else, in the form the server renders. */
export function closedProgram(version: string, o: { allow?: readonly number[] } = {}): HostProgram {
  const table: Json = { table: { family: 'inet', name: 'cordon' } };
  const set = (name: string, address: string): Json => ({
    add: {
      set: {
        ...TABLE,
        name,
        type: [address, 'inet_service', 'inet_proto'],
        flags: ['timeout'],
        timeout: 900,
        size: 16_384,
      },
    },
  });
  const chain = (hook: string): Json => ({
    add: { chain: { ...TABLE, name: hook, type: 'filter', hook, prio: 0, policy: 'drop' } },
  });
  const match = (left: Json, right: Json): Json => ({ match: { op: '==', left, right } });
  const rule = (hook: string, ...expr: Json[]): Json => ({ add: { rule: { ...TABLE, chain: hook, expr } } });
  const accept: Json = { accept: null };
  const denied = (hook: 'input' | 'output', family: 'ip' | 'ip6'): Json =>
    rule(
      hook,
      match({ meta: { key: 'nfproto' } }, family === 'ip' ? 'ipv4' : 'ipv6'),
      match({ meta: { key: 'l4proto' } }, { set: ['tcp', 'udp'] }),
      {
        set: {
          op: 'update',
          elem: {
            concat: [
              { payload: { protocol: family, field: hook === 'input' ? 'saddr' : 'daddr' } },
              { payload: { protocol: 'th', field: 'dport' } },
              { meta: { key: 'l4proto' } },
            ],
          },
          set: `@denied_${hook === 'input' ? 'in' : 'out'}${family === 'ip' ? 4 : 6}`,
          stmt: [{ counter: null }],
        },
      },
    );
  const hooks = (['input', 'output'] as const).flatMap((hook) => [
    chain(hook),
    rule(hook, match({ meta: { key: hook === 'input' ? 'iifname' : 'oifname' } }, 'lo'), accept),
    rule(
      hook,
      match({ payload: { protocol: 'icmpv6', field: 'type' } }, { set: ['nd-neighbor-solicit', 'nd-neighbor-advert'] }),
      accept,
    ),
    rule(hook, match({ ct: { key: 'state' } }, 'established'), match({ ct: { key: 'direction' } }, 'reply'), accept),
    ...(o.allow ?? []).map((port) => rule(hook, match({ payload: { protocol: 'tcp', field: 'dport' } }, port), accept)),
    denied(hook, 'ip'),
    denied(hook, 'ip6'),
    { add: { rule: { ...TABLE, chain: hook, comment: 'denied', expr: [{ counter: null }, { drop: null }] } } },
  ]);
  const nftables: Json[] = [
    { add: table },
    { delete: table },
    { add: table },
    set('denied_in4', 'ipv4_addr'),
    set('denied_in6', 'ipv6_addr'),
    set('denied_out4', 'ipv4_addr'),
    set('denied_out6', 'ipv6_addr'),
    ...hooks,
  ];
  return { version, document: { nftables } };
}
