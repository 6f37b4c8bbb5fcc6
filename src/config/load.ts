import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { isMap, LineCounter, parseDocument, type Document } from 'yaml';
import { err, ok, type Problem, type Result } from '#base';
import { type App, type Group, type Tier } from '#model';
import { type Configuration, type ListenAddress, TIER_NAMES } from './configuration.ts';
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
}

const MAX_CONFIGURATION_BYTES = 1_000_000;
/** Groups that the built-in management policies name. */
const BUILTIN_GROUPS: readonly Group[] = [
  { id: 'admins', name: 'Administrators', parents: [] },
  { id: 'analysts', name: 'Analysts', parents: [] },
];

/** Reads and checks `cordon.yaml` and its policies. Returns every problem with file, line and column. */
export function loadConfiguration(file: string): Result<Configuration, readonly Problem[]> {
  const absolute = resolve(file);
  try {
    return parseConfiguration({ file, text: readFileSync(absolute, 'utf8'), directory: dirname(absolute) });
  } catch (cause) {
    return err([
      fileProblem(
        'configuration-unreadable',
        file,
        cause,
        'check the path, or start without `-c` for the embedded defaults',
      ),
    ]);
  }
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
  if (source.text.length > MAX_CONFIGURATION_BYTES) {
    return err([
      {
        code: 'configuration-invalid',
        message: `the document is larger than ${MAX_CONFIGURATION_BYTES} bytes`,
        source: { file: source.file },
      },
    ]);
  }
  const lines = new LineCounter();
  const document = parseDocument(source.text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  if (document.errors.length > 0) {
    return err(
      document.errors.map((error) => {
        const { line, col } = lines.linePos(error.pos[0]);
        return {
          code: 'yaml-invalid',
          message: lowerFirst(error.message),
          source: { file: source.file, line, column: col },
        };
      }),
    );
  }
  const value: unknown = document.contents === null ? {} : document.toJS({ maxAliasCount: 50 });
  const parsed = configurationSchema.safeParse(value);
  if (!parsed.success) {
    return err(
      parsed.error.issues.map((issue) => ({
        ...issueText(issue),
        source: { file: source.file, ...positionOf(document, lines, issue) },
      })),
    );
  }
  return resolveDocument(parsed.data, source, (path) => ({ file: source.file, ...locate(document, lines, path) }));
}

type Locate = (path: readonly PropertyKey[]) => Problem['source'] & object;

function resolveDocument(
  document: ConfigurationDocument,
  source: ConfigurationSource,
  locateAt: Locate,
): Result<Configuration, readonly Problem[]> {
  const problems: Problem[] = [];
  const apps = Object.entries(document.apps).map(([id, app]) => resolveApp(id, app, document.domain));
  problems.push(...checkApps(apps, document, locateAt), ...checkListen(document, locateAt));
  const policyDirectory = source.policies === undefined ? resolve(source.directory, document.policies) : undefined;
  const read = policyDirectory === undefined ? ok(source.policies ?? {}) : readPolicies(policyDirectory);
  if (!read.ok) problems.push(read.error);
  if (!read.ok || problems.length > 0) return err(problems);
  const named = Object.entries(document.groups).map(([id, group]) => ({
    id,
    name: group.name ?? id,
    parents: group.parents,
  }));
  return ok({
    file: source.file === 'built-in defaults' ? undefined : resolve(source.directory, source.file),
    domain: document.domain,
    listen: { http: parseListen(document.listen.http), tls: parseListen(document.listen.tls) },
    tls: resolveTls(document, source.directory),
    data: resolve(source.directory, document.data),
    apps,
    groups: [...BUILTIN_GROUPS.filter(({ id }) => !named.some((group) => group.id === id)), ...named],
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
    policyDirectory,
    policies: read.value,
  });
}

function resolveTls({ tls }: ConfigurationDocument, directory: string): Configuration['tls'] {
  if (tls.certificate === undefined || tls.key === undefined) return undefined;
  return { certificate: resolve(directory, tls.certificate), key: resolve(directory, tls.key) };
}

function resolveApp(id: string, app: ConfigurationDocument['apps'][string], domain: string): App {
  return {
    id,
    name: app.name ?? id,
    host: app.host ?? `${id}.${domain}`,
    ...(app.builtin === undefined ? {} : { builtin: app.builtin }),
    ...(app.upstream === undefined ? {} : { upstream: app.upstream }),
    ...(app.asset === undefined ? {} : { assetId: app.asset }),
    tier: TIER_NAMES[app.tier] ?? (0 satisfies Tier),
    device: app.device,
    allowedOrigins: app.allowed_origins,
  };
}

function checkApps(apps: readonly App[], document: ConfigurationDocument, locateAt: Locate): Problem[] {
  const problems: Problem[] = [];
  const hosts = new Map<string, string>(
    ['id', 'console', 'agent'].map((name) => [`${name}.${document.domain}`, `Cordon's own \`${name}\` host`]),
  );
  for (const app of apps) {
    const source = locateAt(['apps', app.id]);
    if ((app.builtin === undefined) === (app.upstream === undefined)) {
      problems.push({
        code: 'configuration-invalid',
        message: `app \`${app.id}\` needs either \`upstream\` or \`builtin\``,
        source,
      });
    }
    if (app.upstream !== undefined && !['', '/'].includes(new URL(app.upstream).pathname)) {
      problems.push({
        code: 'configuration-invalid',
        message: `the upstream of app \`${app.id}\` must not have a path`,
        source,
      });
    }
    const taken = hosts.get(app.host);
    if (taken !== undefined)
      problems.push({
        code: 'configuration-invalid',
        message: `host \`${app.host}\` of app \`${app.id}\` is taken by ${taken}`,
        source,
      });
    hosts.set(app.host, `app \`${app.id}\``);
  }
  return problems;
}

/** Plain HTTP beyond loopback would send session cookies in the clear. */
function checkListen(document: ConfigurationDocument, locateAt: Locate): Problem[] {
  if ((document.tls.certificate === undefined) !== (document.tls.key === undefined)) {
    return [
      {
        code: 'configuration-invalid',
        message: '`tls` needs both `certificate` and `key`',
        source: locateAt(['tls']),
        hint: 'leave both out for a certificate by Cordon’s own CA',
      },
    ];
  }
  const http = parseListen(document.listen.http);
  if (http === undefined) return [];
  if (!/^(127\.\d+\.\d+\.\d+|::1|localhost)$/.test(http.host)) {
    return [
      {
        code: 'configuration-invalid',
        message: `plain HTTP on \`${http.host}\` would expose sessions; it is served on loopback only`,
        source: locateAt(['listen', 'http']),
        hint: 'use `listen.tls` for other addresses',
      },
    ];
  }
  if (document.domain !== 'localhost' && !document.domain.endsWith('.localhost')) {
    return [
      {
        code: 'configuration-invalid',
        message: `domain \`${document.domain}\` must be served over TLS`,
        source: locateAt(['domain']),
        hint: 'set `listen.http: "off"`',
      },
    ];
  }
  return [];
}

function parseListen(text: string): ListenAddress | undefined {
  if (text === 'off') return undefined;
  const at = text.lastIndexOf(':');
  return { host: text.slice(0, at).replace(/^\[(.*)\]$/, '$1'), port: Number(text.slice(at + 1)) };
}

/** Reads the `*.cedar` files below `directory`: relative path -> text, in order. Refuses with `policies-unreadable`. */
export function readPolicies(directory: string): Result<Readonly<Record<string, string>>, Problem> {
  const texts: Record<string, string> = {};
  try {
    for (const entry of readdirSync(directory, { withFileTypes: true, recursive: true })) {
      if (!entry.isFile() || !entry.name.endsWith('.cedar')) continue;
      const path = join(entry.parentPath, entry.name);
      texts[relative(directory, path)] = readFileSync(path, 'utf8');
    }
  } catch (cause) {
    const hint = 'create the directory with at least one `.cedar` file, or set `policies`';
    return err(fileProblem('policies-unreadable', directory, cause, hint));
  }
  return ok(Object.fromEntries(Object.entries(texts).sort(([a], [b]) => (a < b ? -1 : 1))));
}

function fileProblem(code: string, file: string, cause: unknown, hint: string): Problem {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return {
    code,
    message: `cannot read \`${file}\`: ${reason.replace(/^E[A-Z]+: /, '').replace(/, .*$/, '')}`,
    source: { file },
    hint,
  };
}

interface Issue {
  readonly code: string;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly keys?: readonly string[];
}

function issueText(issue: Issue): Pick<Problem, 'code' | 'message'> {
  const place = issue.path.length === 0 ? '' : `\`${issue.path.map(String).join('.')}\`: `;
  if (issue.code === 'unrecognized_keys' && issue.keys !== undefined) {
    return {
      code: 'configuration-unknown-key',
      message: `${place}unknown key ${issue.keys.map((key) => `\`${key}\``).join(', ')}`,
    };
  }
  return { code: 'configuration-invalid', message: `${place}${lowerFirst(issue.message)}` };
}

function positionOf(document: Document, lines: LineCounter, issue: Issue): { line?: number; column?: number } {
  const unknown = issue.code === 'unrecognized_keys' ? issue.keys?.[0] : undefined;
  return locate(document, lines, unknown === undefined ? issue.path : [...issue.path, unknown]);
}

/** The position of the key at `path`, or of the nearest ancestor that exists. */
function locate(
  document: Document,
  lines: LineCounter,
  path: readonly PropertyKey[],
): { line?: number; column?: number } {
  for (let depth = path.length; depth > 0; depth--) {
    const parent = depth === 1 ? document.contents : document.getIn(path.slice(0, depth - 1), true);
    if (!isMap(parent)) continue;
    const key = parent.items.find((item) => String(item.key) === String(path[depth - 1]))?.key;
    const range =
      typeof key === 'object' && key !== null && 'range' in key
        ? (key.range as readonly number[] | undefined)
        : undefined;
    if (range?.[0] !== undefined) {
      const { line, col } = lines.linePos(range[0]);
      return { line, column: col };
    }
  }
  return {};
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
