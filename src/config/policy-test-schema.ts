import { z } from 'zod';
import { parseAddress, parseDuration } from '#base';
import { ACR_VALUES, type Acr, type ReasonCode, REASONS } from '#model';

const SESSIONS = ['aal1', 'aal2', 'aal2-phr', 'aal3'] as const;
const id = z.string().min(1).max(2048);
/** One name, or a list of them. */
const names = z.preprocess((value) => (typeof value === 'string' ? [value] : value), z.array(id).min(1));
const labels = z.record(z.string(), z.string());
const tier = z.enum(['T0', 'T1', 'T2', 'T3']);
const duration = z.string().transform((text, context) => {
  const parsed = parseDuration(text);
  if (parsed.ok) return parsed.value;
  context.issues.push({ code: 'custom', message: parsed.error, input: text });
  return z.NEVER;
});
const moment = z
  .string()
  .transform((text) => Date.parse(text))
  .refine((time) => Number.isSafeInteger(time), 'must be a time such as `2026-01-31T09:05:00Z`');
const score = z.number().int().min(0).max(100);
const reason = z
  .string()
  .refine((code): code is ReasonCode => Object.hasOwn(REASONS, code), 'must be a code of the reasons');
const flow = z.string().regex(/^(?:tcp|udp)\/\d{1,5}$/, 'must be a protocol and a port, for example `tcp/5432`');

/** How and from where somebody asks; `defaults` says it for all tests of a file. */
const circumstances = {
  session: z
    .enum(SESSIONS)
    .optional()
    .transform((name) => (name === undefined ? undefined : acrOf(name))),
  methods: z.array(z.string()).optional(),
  signed_in: duration.optional(),
  device: z.enum(['none', 'foreign', 'known', 'managed', 'healthy', 'unhealthy']).optional(),
  failing: z.array(z.string()).optional(),
  checked: duration.optional(),
  user_risk: score.optional(),
  device_risk: score.optional(),
  method: z.string().optional(),
  path: z.string().optional(),
  address: z
    .string()
    .refine((text) => parseAddress(text).ok, 'must be an IPv4 or IPv6 address')
    .optional(),
  at: moment.optional(),
  tls: z.boolean().optional(),
};

const person = z.strictObject({
  name: z.string().optional(),
  email: z.string().optional(),
  groups: z.array(id).default([]),
  status: z.enum(['invited', 'active', 'disabled']).default('active'),
});

const app = z.strictObject({
  tier: tier.default('T3'),
  device: z.enum(['any', 'known', 'managed', 'healthy']).default('any'),
  host: z.string().optional(),
  asset: z
    .strictObject({
      kind: z.string().default('compute.instance'),
      account: z.string().default('test'),
      region: z.string().default('test'),
      tier: tier.default('T3'),
      labels: labels.default({}),
    })
    .optional(),
});

/** The document of a `*.cedartest.yaml` file. */
export const policyTestSchema = z.strictObject({
  people: z.record(id, person).default({}),
  groups: z.record(id, z.strictObject({ parents: z.array(id).default([]) })).default({}),
  apps: z.record(id, app).default({}),
  workloads: z
    .record(id, z.strictObject({ segments: z.array(id).default([]), labels: labels.default({}) }))
    .default({}),
  defaults: z.strictObject(circumstances).prefault({}),
  tests: z.record(
    z.string().min(1),
    z.strictObject({
      who: names.optional(),
      opens: names.optional(),
      does: z.enum(['view', 'manage']).optional(),
      from: names.optional(),
      to: names.optional(),
      over: flow.optional(),
      ...circumstances,
      expect: z.enum(['permit', 'forbid']),
      reason: reason.optional(),
      policies: z.array(id).optional(),
    }),
  ),
});

/** What `policyTestSchema` yields. */
export type PolicyTestDocument = z.infer<typeof policyTestSchema>;

function acrOf(name: (typeof SESSIONS)[number]): Acr | undefined {
  return ACR_VALUES.find((acr) => acr === `urn:cordon:${name}`);
}
