import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { err, ok, type Problem, type Result } from '#base';
import type { App, Group, Tier } from '#model';
import { checkDocument, type Locate } from './check.ts';
import { type Configuration, parseListen, TIER_NAMES } from './configuration.ts';
import { issueProblems } from './issue-problems.ts';
import { readPolicies, unreadable } from './read-policies.ts';
import { readModels } from './read-models.ts';
import { readYaml } from './read-yaml.ts';
import { resolveRunning } from './running.ts';
import { type ConfigurationDocument, configurationSchema } from './schema.ts';

/** A configuration document and its policies, as text. What a file system holds, or what a client sends. */
export interface ConfigurationSource {
  /** Name used in messages. */
  readonly file: string;
  readonly text: string;
  /** File name -> Cedar text; read from the document's `policies` directory when absent. */
  readonly policies?: Readonly<Record<string, string>>;
  /** Directory that relative paths start from. */
  readonly directory: string;
  /** Ids of the detections there are; a response to another is refused. Absent: responses are not compared. */
  readonly detections?: readonly string[];
}

type AppDocument = ConfigurationDocument['apps'][string];

const MAX_CONFIGURATION_BYTES = 1_000_000;
/** Groups that the built-in management policies name. */
const BUILTIN_GROUPS: readonly Group[] = [
  { id: 'admins', name: 'Administrators', parents: [] },
  { id: 'analysts', name: 'Analysts', parents: [] },
];

/** Reads and checks `cordon.yaml` and its policies. Returns every problem with file, line and column. */
export function loadConfiguration(
  file: string,
  known: Pick<ConfigurationSource, 'detections'> = {},
): Result<Configuration, readonly Problem[]> {
  const absolute = resolve(file);
  let text: string;
  try {
    text = readFileSync(absolute, 'utf8');
  } catch (cause) {
    const hint = 'check the path, or start without `-c` for the embedded defaults';
    return err([unreadable('configuration-unreadable', file, { cause, hint })]);
  }
  return parseConfiguration({ ...known, file, text, directory: dirname(absolute) });
}

/** The configuration of a fresh start: the verify app, policies that let members of `staff` and `admins` open it. */
export function defaultConfiguration(directory: string): Result<Configuration, readonly Problem[]> {
  return parseConfiguration({
    file: 'built-in defaults',
    text: 'groups: { staff: { name: Staff } }',
    directory,
    policies: { 'default.cedar': DEFAULT_POLICIES },
  });
}

/** The policies of a start without a configuration file. */
const DEFAULT_POLICIES = `// Everybody in \`staff\` or \`admins\` may open the verify app.
@id("verify-for-staff")
permit (principal, action == Action::"access", resource == App::"verify")
when { principal in Group::"staff" || principal in Group::"admins" };
`;

/** Checks a configuration document. Nothing is applied; all problems are returned at once. */
export function parseConfiguration(source: ConfigurationSource): Result<Configuration, readonly Problem[]> {
  if (Buffer.byteLength(source.text) > MAX_CONFIGURATION_BYTES) {
    return err([
      {
        code: 'configuration-invalid',
        message: `the document is larger than ${MAX_CONFIGURATION_BYTES} bytes`,
        source: { file: source.file },
      },
    ]);
  }
  const yaml = readYaml(source.text, source.file);
  if (!yaml.ok) return yaml;
  const { value, locate } = yaml.value;
  const parsed = configurationSchema.safeParse(value);
  if (parsed.success) return resolveDocument(parsed.data, source, locate);
  const codes = { unknownKey: 'configuration-unknown-key', invalid: 'configuration-invalid' };
  return err(issueProblems(parsed.error.issues, locate, codes));
}

function resolveDocument(
  document: ConfigurationDocument,
  source: ConfigurationSource,
  locate: Locate,
): Result<Configuration, readonly Problem[]> {
  const apps = Object.entries(document.apps).map(([id, app]) => resolveApp(id, app, document.domain, source.directory));
  const groups = resolveGroups(document);
  const listen = { http: parseListen(document.listen.http), tls: parseListen(document.listen.tls) };
  const problems = checkDocument({ document, apps, groups, listen, detections: source.detections, locate });
  const policyDirectory = source.policies === undefined ? resolve(source.directory, document.policies) : undefined;
  const read = policyDirectory === undefined ? ok(source.policies ?? {}) : readPolicies(policyDirectory);
  if (!read.ok) problems.push(read.error);
  const models = readModels(document, source.directory, locate);
  problems.push(...models.problems);
  if (!read.ok || problems.length > 0) return err(problems);
  return ok({
    file: source.file === 'built-in defaults' ? undefined : resolve(source.directory, source.file),
    domain: document.domain,
    listen,
    tls: resolveTls(document, source.directory),
    acme: resolveAcme(document, source.directory),
    workers: document.gateway.workers,
    forwardAuth: resolveForwardAuth(document),
    data: resolve(source.directory, document.data),
    apps,
    groups,
    segments: Object.entries(document.segments).map(([id, segment]) => ({
      id,
      name: segment.name ?? id,
      selector: segment.labels,
    })),
    workloads: Object.entries(document.workloads).map(([id, workload]) => ({
      id,
      name: workload.name ?? id,
      labels: workload.labels,
      addresses: workload.addresses,
    })),
    responses: Object.entries(document.responses).map(([id, rule]) => ({ id, ...rule })),
    external: { egress: document.network.external_egress, ingress: document.network.external_ingress },
    managementSources: document.network.management_sources,
    authzen: models.models,
    ...resolveRunning(document),
    policyDirectory,
    policies: read.value,
  });
}

function resolveGroups(document: ConfigurationDocument): Group[] {
  const named = Object.entries(document.groups).map(([id, { name = id, parents }]) => ({ id, name, parents }));
  return [...BUILTIN_GROUPS.filter(({ id }) => !named.some((group) => group.id === id)), ...named];
}

function resolveTls({ tls }: ConfigurationDocument, directory: string): Configuration['tls'] {
  if (tls.certificate === undefined || tls.key === undefined) return undefined;
  return { certificate: resolve(directory, tls.certificate), key: resolve(directory, tls.key) };
}

function resolveForwardAuth({ forward_auth: document }: ConfigurationDocument): Configuration['forwardAuth'] {
  return {
    http: parseListen(document.listen),
    grpc: parseListen(document.grpc),
    trustedProxies: document.trusted_proxies,
    publicPort: document.public_port,
  };
}

function resolveAcme({ tls: { acme } }: ConfigurationDocument, directory: string): Configuration['acme'] {
  if (acme === undefined) return undefined;
  const { external_account: account } = acme;
  return {
    directory: acme.directory,
    email: acme.email,
    challenge: acme.challenge,
    listen: acme.challenge === 'http-01' ? parseListen(acme.listen) : undefined,
    ca: acme.ca === undefined ? undefined : resolve(directory, acme.ca),
    externalAccount:
      account === undefined
        ? undefined
        : { keyId: account.key_id, hmacKeyFile: resolve(directory, account.hmac_key_file) },
  };
}

function resolveApp(id: string, app: AppDocument, domain: string, directory: string): App {
  const [upstream] = upstreamsOf(app);
  return {
    id,
    name: app.name ?? id,
    host: app.host ?? `${id}.${domain}`,
    ...(app.builtin === undefined ? {} : { builtin: app.builtin }),
    ...(upstream === undefined ? {} : { upstream }),
    ...resolveUpstreamOptions(app, directory),
    ...(app.asset === undefined ? {} : { assetId: app.asset }),
    tier: TIER_NAMES[app.tier] ?? (0 satisfies Tier),
    device: app.device,
    allowedOrigins: app.allowed_origins,
    ...(app.enforced_by === 'gateway' ? {} : { enforcedBy: app.enforced_by }),
    ...(app.identity_headers.length === 0 ? {} : { identityHeaders: app.identity_headers }),
    ...(app.client_certificate === 'optional' ? {} : { clientCertificate: app.client_certificate }),
    ...(app.encoded_slash === 'refuse' ? {} : { encodedSlash: app.encoded_slash }),
    ...(app.limits === undefined ? {} : { limits: resolveLimits(app.limits) }),
    ...(app.ssh === undefined ? {} : { ssh: resolveSsh(app.ssh) }),
    ...(app.kubernetes === undefined
      ? {}
      : { kubernetes: { tokenFile: resolve(directory, app.kubernetes.token_file) } }),
  };
}

function resolveSsh(ssh: NonNullable<AppDocument['ssh']>): NonNullable<App['ssh']> {
  const { principals, lifetime_seconds: lifetimeSeconds, extensions, source_addresses: sourceAddresses } = ssh;
  return { principals, lifetimeSeconds, extensions, ...(sourceAddresses.length === 0 ? {} : { sourceAddresses }) };
}

function upstreamsOf({ upstream }: AppDocument): readonly string[] {
  return upstream === undefined ? [] : typeof upstream === 'string' ? [upstream] : upstream;
}

function resolveUpstreamOptions(app: AppDocument, directory: string): Pick<App, 'upstreamOptions'> {
  const others = upstreamsOf(app).slice(1);
  const { ca, certificate, key, server_name: serverName } = app.upstream_tls ?? {};
  const upstreamOptions = {
    ...(others.length === 0 ? {} : { others }),
    ...(app.upstream_protocol === 'http1' ? {} : { protocol: app.upstream_protocol }),
    ...(ca === undefined ? {} : { ca: resolve(directory, ca) }),
    ...(certificate === undefined ? {} : { certificate: resolve(directory, certificate) }),
    ...(key === undefined ? {} : { key: resolve(directory, key) }),
    ...(serverName === undefined ? {} : { serverName }),
    ...(app.health_path === undefined ? {} : { healthPath: app.health_path }),
  };
  return Object.keys(upstreamOptions).length === 0 ? {} : { upstreamOptions };
}

function resolveLimits(limits: NonNullable<AppDocument['limits']>): NonNullable<App['limits']> {
  const { requests_per_second: requestsPerSecond, body_bytes: bodyBytes } = limits;
  return {
    ...(requestsPerSecond === undefined ? {} : { requestsPerSecond }),
    ...(bodyBytes === undefined ? {} : { bodyBytes }),
  };
}
