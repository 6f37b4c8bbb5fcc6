import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { askBoth, type Setting } from './testdata/both-sides.ts';

const SCHEMA = `
namespace Ns { entity Guest; }
type Place = { city: String, zip?: Long };
entity Group; entity User in [Group]; entity Doc;
entity Colour enum ["red", "blue"];
action any;
action read in [any] appliesTo { principal: [User, Colour, Ns::Guest], resource: [Doc], context: {
  n?: Long, flag?: Bool, name?: String, who?: User, ip?: ipaddr, ips?: Set<ipaddr>, d?: decimal, at?: datetime, lasts?: duration,
  place?: Place, colour?: Colour, nested?: { more: Set<{ who: User }> },
} };
action need appliesTo { principal: [User], resource: [Doc], context: { n: Long } };
action nothing;
`;
const POLICIES = { p: 'permit (principal, action, resource);' };
const uid = (type: string, id: string): { type: string; id: string } => ({ type, id });
const extension = (fn: string, arg: unknown): object => ({ __extn: { fn, arg } });

const asked: [string, Setting, 'allow' | 'refused'][] = [
  ['what the action applies to', {}, 'allow'],
  ['another principal type it applies to', { principal: uid('Ns::Guest', 'g') }, 'allow'],
  ['a principal of an enumerated type', { principal: uid('Colour', 'red') }, 'allow'],
  ['an id that the enumerated type does not have', { principal: uid('Colour', 'green') }, 'refused'],
  ['a declared principal type it does not apply to', { principal: uid('Group', 'g') }, 'refused'],
  ['a principal type nobody declared', { principal: uid('Robot', 'r') }, 'refused'],
  ['a resource type it does not apply to', { resource: uid('User', 'u') }, 'refused'],
  ['an action nobody declared', { action: uid('Action', 'write') }, 'refused'],
  ['an action of another namespace', { action: uid('Ns::Action', 'read') }, 'refused'],
  ['a group of actions', { action: uid('Action', 'any') }, 'refused'],
  ['an action that applies to nothing', { action: uid('Action', 'nothing') }, 'refused'],
  ['something else than an action', { action: uid('User', 'read') }, 'refused'],
  ['a context that the action needs', { action: uid('Action', 'need'), context: { n: 1 } }, 'allow'],
  ['no context where one is needed', { action: uid('Action', 'need') }, 'refused'],
  ['an attribute that is not declared', { context: { other: 1 } }, 'refused'],
  ['a long', { context: { n: 2n ** 60n } }, 'allow'],
  ['text for a long', { context: { n: '1' } }, 'refused'],
  ['a truth value', { context: { flag: false } }, 'allow'],
  ['a long for a truth value', { context: { flag: 0 } }, 'refused'],
  ['a text', { context: { name: '' } }, 'allow'],
  ['a list for a text', { context: { name: [] } }, 'refused'],
  ['a reference with __entity', { context: { who: { __entity: uid('User', 'b') } } }, 'allow'],
  ['a reference without __entity', { context: { who: uid('User', 'b') } }, 'allow'],
  ['a reference of another type', { context: { who: uid('Doc', 'b') } }, 'refused'],
  ['a reference of a bad type', { context: { who: uid('a b', 'b') } }, 'refused'],
  ['an address', { context: { ip: extension('ip', '10.0.0.1') } }, 'allow'],
  ['an address written as text', { context: { ip: '10.0.0.1' } }, 'allow'],
  ['an address written as call', { context: { ip: { fn: 'ip', arg: '10.0.0.1' } } }, 'allow'],
  ['an address that is none', { context: { ip: '10.0.0' } }, 'refused'],
  ['another extension value', { context: { ip: extension('decimal', '1.0') } }, 'refused'],
  ['addresses', { context: { ips: ['10.0.0.1', extension('ip', '::1')] } }, 'allow'],
  ['no addresses', { context: { ips: [] } }, 'allow'],
  ['addresses, one of them none', { context: { ips: ['10.0.0.1', 1] } }, 'refused'],
  ['the other types as texts', { context: { d: '1.0', at: '2024-01-01', lasts: '1d' } }, 'allow'],
  [
    'a moment that a method makes',
    {
      context: {
        at: { __extn: { fn: 'offset', args: [extension('datetime', '2024-01-01'), extension('duration', '1d')] } },
      },
    },
    'allow',
  ],
  ['a long that a method makes', { context: { n: extension('toDays', extension('duration', '2d')) } }, 'allow'],
  ['a record', { context: { place: { city: 'x', zip: 1 } } }, 'allow'],
  ['a record that lacks something', { context: { place: { zip: 1 } } }, 'refused'],
  ['a record with too much', { context: { place: { city: 'x', street: 'y' } } }, 'refused'],
  ['an enumerated entity', { context: { colour: uid('Colour', 'blue') } }, 'allow'],
  ['an enumerated entity that is not listed', { context: { colour: uid('Colour', 'green') } }, 'refused'],
  ['what is nested', { context: { nested: { more: [{ who: uid('User', 'b') }] } } }, 'allow'],
  ['what is nested wrongly', { context: { nested: { more: [{ who: uid('Doc', 'b') }] } } }, 'refused'],
];

describe('a request that is checked by a schema', () => {
  for (const [name, setting, outcome] of asked) {
    it(`${outcome === 'allow' ? 'may have' : 'is refused for'} ${name}, as Cedar says`, () => {
      const answer = askBoth(POLICIES, { schema: SCHEMA, ...setting });
      assert.equal(answer === 'refused' ? answer : answer.decision, outcome);
    });
  }

  it('means what the schema lets it mean', () => {
    const policies = {
      p: 'permit (principal, action == Action::"read", resource) when { context has who && context.who == User::"b" && context has ip && context.ip.isIpv4() };',
      q: 'permit (principal, action in Action::"any", resource);',
    };
    const context = { who: uid('User', 'b'), ip: '10.0.0.1' };
    assert.deepEqual(askBoth(policies, { schema: SCHEMA, context }), {
      decision: 'allow',
      reason: ['p', 'q'],
      errors: [],
    });
  });
});
