import assert from 'node:assert/strict';
import * as cedar from '@cedar-policy/cedar-wasm/nodejs';
import fc from 'fast-check';
import type { Json } from '#base';
import type { Segment, Workload } from '#model';
import { segmentsOf } from '../classes.ts';
import type { ConnectPolicy } from '../intent.ts';

/** Parses one Cedar policy on `Action::"connect"` with the official implementation. */
export function connectPolicy(id: string, text: string): ConnectPolicy {
  const answer = cedar.policyToJson(text);
  assert.ok(answer.type === 'success', `${text}: ${JSON.stringify(answer)}`);
  const { effect, principal, resource, conditions } = answer.json;
  // EST is JSON by definition; cedar-wasm types it more precisely than is needed here.
  return {
    id,
    effect,
    principal: principal as unknown as Json,
    resource: resource as unknown as Json,
    conditions: conditions as unknown as ConnectPolicy['conditions'],
    text,
  };
}

/** A workload with as little said as possible. */
export function workload(id: string, labels: Record<string, string>, ...addresses: string[]): Workload {
  return { id, name: `${id}.example`, labels, addresses, source: 'declared' };
}

/** A segment of workloads with `app=<id>`. */
export function segment(id: string): Segment {
  return { id, name: id, selector: { app: id } };
}

/** Cedar's own answer, with Cordon's rule that a forbid that errs denies. Needs parsed policies and the same estate. */
export function cedarVerdict(
  input: { policies: readonly ConnectPolicy[]; workloads: readonly Workload[]; segments: readonly Segment[] },
  flow: { from: string; to: string; protocol: string; port: number },
): { verdict: 'allowed' | 'denied'; policyIds: string[]; reason: string } {
  const uid = (type: string, id: string): { type: string; id: string } => ({ type, id });
  const answer = cedar.isAuthorized({
    principal: uid('Workload', flow.from),
    action: uid('Action', 'connect'),
    resource: uid('Workload', flow.to),
    context: { protocol: flow.protocol, port: flow.port },
    policies: { staticPolicies: Object.fromEntries(input.policies.map(({ id, text }) => [id, text])) },
    entities: [
      ...input.segments.map(({ id, name }) => ({ uid: uid('Segment', id), attrs: { name }, parents: [] })),
      ...input.workloads.map((one) => ({
        uid: uid('Workload', one.id),
        attrs: { name: one.name },
        tags: one.labels,
        parents: segmentsOf(one, input.segments).map((id) => uid('Segment', id)),
      })),
    ],
  });
  assert.ok(answer.type === 'success', JSON.stringify(answer));
  const { decision, diagnostics } = answer.response;
  const effectOf = new Map(input.policies.map(({ id, effect }) => [id, effect]));
  const erring = diagnostics.errors.map(({ policyId }) => policyId).filter((id) => effectOf.get(id) === 'forbid');
  const reasons = [...diagnostics.reason].sort();
  if (reasons.some((id) => effectOf.get(id) === 'forbid'))
    return { verdict: 'denied', policyIds: reasons, reason: 'forbidden' };
  if (erring.length > 0) return { verdict: 'denied', policyIds: erring.sort(), reason: 'policy-error' };
  if (decision === 'allow') return { verdict: 'allowed', policyIds: reasons, reason: 'permit' };
  return { verdict: 'denied', policyIds: [], reason: 'no-permit' };
}

const PORTS = [0, 1, 22, 79, 80, 81, 443, 65_534, 65_535];
/** Ports at and beside every number that generated policies use. */
export const port: fc.Arbitrary<number> = fc.constantFrom(...PORTS, 2, 21, 23, 442, 444, 30_000);
/** The protocols of the profile. */
export const protocol: fc.Arbitrary<'tcp' | 'udp'> = fc.constantFrom('tcp', 'udp');

const side = fc.constantFrom('principal', 'resource');
const key = fc.constantFrom('app', 'env', 'tier');
const value = fc.constantFrom('web', 'db', 'prod', 'tcp', '');
const segmentId = fc.constantFrom('web', 'db', 'none');
const workloadId = fc.constantFrom('w0', 'w1', 'w9');
const number = fc.constantFrom(...PORTS, -5, 70_000);
const operator = fc.constantFrom('==', '!=', '<', '<=', '>', '>=');
const equality = fc.constantFrom('==', '!=');
const entity = fc.oneof(
  segmentId.map((id) => `Segment::"${id}"`),
  workloadId.map((id) => `Workload::"${id}"`),
);

const clause: fc.Arbitrary<string> = fc.oneof(
  fc.tuple(equality, fc.constantFrom('tcp', 'udp', 'icmp')).map(([op, name]) => `context.protocol ${op} "${name}"`),
  fc.tuple(operator, number).map(([op, n]) => `context.port ${op} ${n}`),
  fc.tuple(operator, number).map(([op, n]) => `${n} ${op} context.port`),
  fc.array(number, { maxLength: 3 }).map((all) => `[${all.join(', ')}].contains(context.port)`),
  fc
    .array(value, { maxLength: 3 })
    .map((all) => `[${all.map((one) => `"${one}"`).join(', ')}].contains(context.protocol)`),
  fc.tuple(side, key).map(([of, label]) => `${of}.hasTag("${label}")`),
  fc.tuple(side, key, equality, value).map(([of, label, op, text]) => `${of}.getTag("${label}") ${op} "${text}"`),
  fc.tuple(key, key, equality).map(([a, b, op]) => `principal.getTag("${a}") ${op} resource.getTag("${b}")`),
  fc.tuple(side, key, equality).map(([of, label, op]) => `${of}.getTag("${label}") ${op} context.protocol`),
  fc.tuple(side, key).map(([of, label]) => `["web", "prod"].contains(${of}.getTag("${label}"))`),
  fc
    .tuple(side, key, fc.constantFrom('w*', '*o*', '*b', 'web', '*', 'p*o*d'))
    .map(([of, label, text]) => `${of}.getTag("${label}") like "${text}"`),
  fc.constantFrom(
    'context.protocol like "*c*"',
    'context has port',
    'principal has name',
    'resource has color',
    'true',
    'false',
  ),
  fc.tuple(side, entity).map(([of, one]) => `${of} in ${one}`),
  fc.tuple(side, entity, entity).map(([of, a, b]) => `${of} in [${a}, ${b}]`),
  fc.tuple(side, equality, workloadId).map(([of, op, id]) => `${of} ${op} Workload::"${id}"`),
  fc.tuple(side, segmentId).map(([of, id]) => `${of} is Workload in Segment::"${id}"`),
  fc.tuple(side, fc.constantFrom('Workload', 'User')).map(([of, type]) => `${of} is ${type}`),
  fc.tuple(side, equality, workloadId).map(([of, op, id]) => `${of}.name ${op} "${id}.example"`),
);

const { expression } = fc.letrec<{ expression: string }>((tie) => ({
  expression: fc.oneof(
    { maxDepth: 3, depthIdentifier: 'cedar' },
    clause,
    fc
      .tuple(tie('expression'), fc.constantFrom('&&', '||'), tie('expression'))
      .map(([a, op, b]) => `(${a} ${op} ${b})`),
    tie('expression').map((a) => `!(${a})`),
    fc
      .tuple(tie('expression'), tie('expression'), tie('expression'))
      .map(([a, b, c]) => `(if ${a} then ${b} else ${c})`),
  ),
}));

const scope = (name: string): fc.Arbitrary<string> =>
  fc.oneof(
    fc.constant(name),
    segmentId.map((id) => `${name} in Segment::"${id}"`),
    workloadId.map((id) => `${name} == Workload::"${id}"`),
    fc.constant(`${name} is Workload`),
    segmentId.map((id) => `${name} is Workload in Segment::"${id}"`),
  );

const policyText: fc.Arbitrary<string> = fc
  .tuple(
    fc.constantFrom('permit', 'permit', 'forbid'),
    scope('principal'),
    scope('resource'),
    fc.array(fc.tuple(fc.constantFrom('when', 'when', 'unless'), expression), { maxLength: 2 }),
  )
  .map(
    ([effect, principal, resource, conditions]) =>
      `${effect} (${principal}, action == Action::"connect", ${resource})${conditions.map(([kind, body]) => ` ${kind} { ${body} }`).join('')};`,
  );

/** Random policies of the network profile. */
export const policies: fc.Arbitrary<ConnectPolicy[]> = fc
  .array(policyText, { maxLength: 5 })
  .map((texts) => texts.map((text, i) => connectPolicy(`p${i}`, text)));

const labels: fc.Arbitrary<Record<string, string>> = fc
  .record({ app: value, env: value, tier: value }, { requiredKeys: [] })
  .map((all) => ({ ...all }));

/** Four workloads `w0` to `w3` with random labels, each with an IPv4 and an IPv6 address of its own. */
export const workloads: fc.Arbitrary<Workload[]> = fc
  .array(labels, { minLength: 4, maxLength: 4 })
  .map((all) => all.map((one, i) => workload(`w${i}`, one, `10.0.0.${i + 1}`, `fd00::${i + 1}`)));

/** The segments that generated policies name. */
export const SEGMENTS: readonly Segment[] = [segment('web'), segment('db')];
