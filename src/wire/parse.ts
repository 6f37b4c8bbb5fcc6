import { z } from 'zod';
import { err, isJsonObject, ok, parseJson, type Problem, type Result } from '#base';
import type { Posture } from '#model';
import type { Facts, Observed } from './facts.ts';
import {
  type DeniedFlow,
  type EnrolRequest,
  type HostProgram,
  type Instruction,
  type IssuedIdentity,
  type PostureClaims,
  type ProgramStatus,
  type Refusal,
  type RenewRequest,
  type Report,
  WIRE_LIMITS,
} from './message.ts';
import { WIRE_VERSION } from './version.ts';

/** Every message by its name. */
export interface MessageOf {
  readonly enrolRequest: EnrolRequest;
  readonly renewRequest: RenewRequest;
  readonly issuedIdentity: IssuedIdentity;
  readonly postureClaims: PostureClaims;
  readonly report: Report;
  readonly instruction: Instruction;
  readonly refusal: Refusal;
}

const word = z.string().min(1).max(128);
const line = z.string().max(512);
const pem = z.string().min(1).max(8192);
const chain = z.string().min(1).max(32_768);
const time = z.number().int().min(0).max(8_640_000_000_000_000);
const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const address = z.string().min(2).max(45);
const addresses = z.array(address).max(WIRE_LIMITS.addresses);
const wire = z.literal(WIRE_VERSION);

function observed<T>(value: z.ZodType<T>): z.ZodType<Observed<T>> {
  return z.union([z.object({ value }), z.object({ unknown: line })]);
}

const facts = z.object({
  hostname: z.string().max(253),
  os: observed(
    z.object({
      id: z.string().max(64),
      idLike: z.array(z.string().max(64)).max(16),
      versionId: z.string().max(64),
      prettyName: line,
      kernel: z.string().max(128),
    }),
  ),
  virtualization: observed(z.object({ kind: z.enum(['none', 'vm', 'container']), product: z.string().max(64) })),
  securityUpdates: observed(
    z.object({
      manager: z.enum(['apt', 'dnf']),
      pending: count,
      packages: z.array(word).max(WIRE_LIMITS.packages),
      indexAgeSeconds: count.exactOptional(),
      rebootRequired: z.boolean(),
    }),
  ),
  mounts: observed(
    z.array(z.object({ mountpoint: line, device: line, encrypted: z.boolean() })).max(WIRE_LIMITS.mounts),
  ),
  inputChains: observed(
    z
      .array(
        z.object({
          family: z.string().max(16),
          table: word,
          chain: word,
          policy: z.enum(['accept', 'drop']),
          terminalDrop: z.boolean(),
        }),
      )
      .max(WIRE_LIMITS.inputChains),
  ),
  sshServer: observed(
    z.object({
      installed: z.boolean(),
      permitRootLogin: z.string().max(64),
      passwordAuthentication: z.string().max(64),
      keyboardInteractive: z.string().max(64),
    }),
  ),
  timeSync: observed(z.object({ synchronized: z.boolean(), source: z.string().max(64) })),
}) satisfies z.ZodType<Facts>;

const deniedFlow = z.object({
  saddr: address,
  daddr: address.exactOptional(),
  protocol: z.string().regex(/^[a-z0-9-]{1,32}$/),
  dport: z.number().int().min(0).max(65_535),
  packets: count,
  firstAt: time,
  lastAt: time,
}) satisfies z.ZodType<DeniedFlow>;

const version = z.string().min(1).max(128);

const programStatus = z.object({
  applied: version.exactOptional(),
  attempted: version.exactOptional(),
  ok: z.boolean(),
  error: z.string().max(2000).exactOptional(),
  at: time,
  checks: z.array(z.object({ name: word, ok: z.boolean(), detail: line })).max(WIRE_LIMITS.checks),
}) satisfies z.ZodType<ProgramStatus>;

const program = z.object({
  version,
  document: z.custom<HostProgram['document']>(
    (value) => isJsonObject(value) && Array.isArray(value['nftables']),
    'must be an object with the list `nftables`',
  ),
}) satisfies z.ZodType<HostProgram>;

const posture = z.object({
  collectedAt: time,
  verdict: z.enum(['healthy', 'unhealthy', 'unknown']),
  results: z
    .array(
      z.object({
        check: word,
        title: line,
        outcome: z.enum(['pass', 'fail', 'unknown', 'not-applicable']),
        detail: z.string().max(2000),
        fix: z.string().max(2000).exactOptional(),
      }),
    )
    .max(64),
}) satisfies z.ZodType<Posture>;

const SCHEMAS: { readonly [K in keyof MessageOf]: z.ZodType<MessageOf[K]> } = {
  enrolRequest: z.object({ wire, token: word, csr: pem, hostname: z.string().min(1).max(253), facts, addresses }),
  renewRequest: z.object({ wire, csr: pem }),
  issuedIdentity: z.object({ deviceId: word, certificate: chain, ca: chain, notBefore: time, notAfter: time }),
  postureClaims: z.object({
    sub: word,
    iat: time,
    jti: z.string().min(16).max(128),
    sequence: count,
    collectedAt: time,
    facts,
  }),
  report: z.object({
    wire,
    sequence: count,
    collectedAt: time,
    posture: z.string().min(1).max(262_144),
    addresses,
    deniedFlows: z.array(deniedFlow).max(WIRE_LIMITS.deniedFlows),
    program: programStatus.exactOptional(),
  }),
  instruction: z.object({
    wire,
    program: program.exactOptional(),
    posture: posture.exactOptional(),
    reportEverySeconds: z.number().min(1).max(3600),
    renewalDue: z.boolean(),
  }),
  refusal: z.object({
    error: z.object({ code: word, message: z.string().max(2000), hint: z.string().max(2000).exactOptional() }),
  }),
} satisfies { readonly [K in keyof MessageOf]: z.ZodType<MessageOf[K]> };

/**
 * Parses the JSON text of a message. Unknown fields are ignored, so that a newer peer may say more; a missing field, a
 * wrong type or a size beyond `WIRE_LIMITS` is `message-invalid`, another version is `wire-version-unsupported`.
 */
export function parseMessage<K extends keyof MessageOf>(kind: K, text: string): Result<MessageOf[K], Problem[]> {
  const json = parseJson(text);
  if (!json.ok) return err([json.error]);
  const parsed = SCHEMAS[kind].safeParse(json.value);
  if (parsed.success) return ok(parsed.data);
  return err(
    parsed.error.issues.slice(0, 10).map((issue): Problem => {
      const path = issue.path.map(String).join('.');
      return path === 'wire'
        ? {
            code: 'wire-version-unsupported',
            message: `this side speaks version ${WIRE_VERSION} of the wire format`,
            hint: 'install the same release of Cordon on the server and on the host',
          }
        : { code: 'message-invalid', message: `field \`${path}\` of the message: ${issue.message.toLowerCase()}` };
    }),
  );
}
