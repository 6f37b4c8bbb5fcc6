import { parseAddress, parseCidr, type Problem, type SourceSpan } from '#base';
import type { App, Group } from '#model';
import { checkForwardAuth } from './check-forward-auth.ts';
import { isLoopback, type ListenAddress, parseListen } from './configuration.ts';
import { invalid } from './invalid.ts';
import { checkRunning } from './running.ts';
import type { ConfigurationDocument } from './schema.ts';

/** Where the key at a path stands in the document. */
export type Locate = (path: readonly PropertyKey[]) => SourceSpan;

/** What a check sees: the document, what became of it, and where its keys stand. */
export interface Checked {
  readonly document: ConfigurationDocument;
  readonly apps: readonly App[];
  readonly groups: readonly Group[];
  readonly listen: { readonly http: ListenAddress | undefined; readonly tls: ListenAddress | undefined };
  /** Ids of the detections a response may name; undefined when whoever asks does not know them. */
  readonly detections: readonly string[] | undefined;
  readonly locate: Locate;
}

/** What no schema can say: references that lead nowhere, hosts that clash, addresses that are none, and what would expose sessions. */
export function checkDocument(input: Checked): Problem[] {
  return [
    ...checkApps(input),
    ...checkPorts(input),
    ...checkListen(input),
    ...checkForwardAuth(input.document, input.locate),
    ...checkGroups(input),
    ...checkAddresses(input),
    ...checkResponses(input),
    ...checkRunning(input.document, input.apps, input.locate),
  ];
}

function checkApps({ document, apps, locate }: Checked): Problem[] {
  const problems: Problem[] = [];
  const hosts = new Map<string, string>(
    ['id', 'console', 'agent', 'authz'].map((name) => [`${name}.${document.domain}`, `Cordon's own \`${name}\` host`]),
  );
  for (const app of apps) {
    const at = ['apps', app.id];
    const ways = [app.builtin, app.upstream, app.enforcedBy].filter((way) => way !== undefined);
    if (ways.length !== 1) {
      problems.push(
        invalid(
          `app \`${app.id}\` needs exactly one of \`upstream\`, \`builtin\` and \`enforced_by: forward-auth\``,
          locate(at),
        ),
      );
    }
    problems.push(...checkUpstreams(app, locate([...at, 'upstream'])));
    for (const origin of app.allowedOrigins) {
      if (URL.parse(origin)?.origin === origin) continue;
      const written = URL.parse(origin)?.origin;
      const hint = written === undefined || written === 'null' ? 'https://app.example.org' : written;
      problems.push(
        invalid(
          `\`${origin}\` of app \`${app.id}\` is not an origin, so no browser would ever send it`,
          locate([...at, 'allowed_origins']),
          `write for example \`${hint}\``,
        ),
      );
    }
    const taken = hosts.get(app.host);
    if (taken !== undefined) {
      problems.push(invalid(`host \`${app.host}\` of app \`${app.id}\` is taken by ${taken}`, locate(at)));
    }
    hosts.set(app.host, `app \`${app.id}\``);
  }
  return problems;
}

/** Several upstreams are one application, so all are reached in the same way. */
function checkUpstreams({ id, upstream, upstreamOptions, kubernetes, ssh }: App, source: SourceSpan): Problem[] {
  if (upstream === undefined) {
    // Behind a proxy that asks, nobody would take away what a client says about who asks.
    return [
      ...(kubernetes === undefined ? [] : [needsHttps(id, source)]),
      ...(ssh === undefined ? [] : [needsTcp(id, source)]),
    ];
  }
  const all = [upstream, ...(upstreamOptions?.others ?? [])];
  const problems = all.flatMap((url) => checkUpstream(id, url, source));
  const schemes = new Set(all.map((url) => new URL(url).protocol));
  if (schemes.size > 1) problems.push(invalid(`the upstreams of app \`${id}\` must have one scheme`, source));
  if (schemes.has('tcp:') && all.some((url) => new URL(url).port === '')) {
    problems.push(
      invalid(`the upstream of app \`${id}\` needs a port`, source, 'write for example `tcp://10.0.0.5:22`'),
    );
  }
  const { certificate, key, ca, serverName, protocol, healthPath } = upstreamOptions ?? {};
  if ((certificate === undefined) !== (key === undefined)) {
    problems.push(invalid(`\`upstream_tls\` of app \`${id}\` needs both \`certificate\` and \`key\``, source));
  }
  if ([certificate, ca, serverName].some((part) => part !== undefined) && !schemes.has('https:')) {
    problems.push(invalid(`\`upstream_tls\` of app \`${id}\` needs an \`https\` upstream`, source));
  }
  // The account's token may act as anybody.
  if (kubernetes !== undefined && !schemes.has('https:')) {
    problems.push(needsHttps(id, source));
  }
  if (ssh !== undefined && !schemes.has('tcp:')) problems.push(needsTcp(id, source));
  if (schemes.has('tcp:') && [protocol, healthPath].some((part) => part !== undefined)) {
    problems.push(invalid(`app \`${id}\` forwards TCP, and has no HTTP settings`, source));
  }
  return problems;
}

function needsHttps(id: string, source: SourceSpan): Problem {
  return invalid(`the Kubernetes API behind app \`${id}\` needs an \`https\` upstream`, source);
}

function needsTcp(id: string, source: SourceSpan): Problem {
  const hint = 'write for example `tcp://10.0.0.5:22`';
  return invalid(`the hosts for SSH behind app \`${id}\` need a \`tcp\` upstream`, source, hint);
}

/** An upstream is a scheme, a host and a port. Whatever else it holds would be dropped without a word. */
function checkUpstream(id: string, upstream: string, source: SourceSpan): Problem[] {
  const url = new URL(upstream);
  const extra = [
    ...(url.pathname === '/' || url.pathname === '' ? [] : ['a path']),
    ...(url.search === '' && url.hash === '' ? [] : ['a query or a fragment']),
    ...(url.username === '' && url.password === '' ? [] : ['a user name or a password']),
  ];
  return extra.map((what) =>
    invalid(`the upstream of app \`${id}\` must not have ${what}`, source, `write \`${url.protocol}//${url.host}\``),
  );
}

function checkListen({ document, listen, locate }: Checked): Problem[] {
  const problems: Problem[] = [];
  if ((document.tls.certificate === undefined) !== (document.tls.key === undefined)) {
    problems.push(
      invalid(
        '`tls` needs both `certificate` and `key`',
        locate(['tls']),
        'leave both out for a certificate by Cordon’s own CA',
      ),
    );
  }
  problems.push(...checkAcme({ document, listen, locate }));
  // Plain HTTP beyond loopback would send session cookies in the clear.
  if (listen.http !== undefined && !isLoopback(listen.http.host)) {
    problems.push(
      invalid(
        `plain HTTP on \`${listen.http.host}\` would expose sessions; it is served on loopback only`,
        locate(['listen', 'http']),
        'use `listen.tls` for other addresses',
      ),
    );
  } else if (listen.http !== undefined && !/(^|\.)localhost$/.test(document.domain)) {
    problems.push(
      invalid(`domain \`${document.domain}\` must be served over TLS`, locate(['domain']), 'set `listen.http: "off"`'),
    );
  }
  return problems;
}

/** Every address that Cordon listens on. */
function checkPorts({ document, locate }: Checked): Problem[] {
  const { listen, forward_auth: asked, metrics, tls } = document;
  const places: readonly (readonly [path: readonly string[], address: string | undefined])[] = [
    [['listen', 'http'], listen.http],
    [['listen', 'tls'], listen.tls],
    [['forward_auth', 'listen'], asked.listen],
    [['forward_auth', 'grpc'], asked.grpc],
    [['metrics', 'listen'], metrics.listen],
    [['tls', 'acme', 'listen'], tls.acme?.listen],
  ];
  return places.flatMap(([path, address]) => {
    const port = address === undefined ? undefined : parseListen(address)?.port;
    if (port === undefined || port <= 65_535) return [];
    return [invalid(`\`${path.join('.')}\`: there is no port ${port}`, locate(path))];
  });
}

function checkAcme({ document, listen, locate }: Pick<Checked, 'document' | 'listen' | 'locate'>): Problem[] {
  const { acme, certificate } = document.tls;
  if (acme === undefined) return [];
  const source = locate(['tls', 'acme']);
  const problems: Problem[] = [];
  if (certificate !== undefined)
    problems.push(invalid('`tls` has both files and `acme`', source, 'leave one of them out'));
  if (/(^|\.)localhost$/.test(document.domain))
    problems.push(invalid(`no authority certifies names below \`${document.domain}\``, source, 'set `domain`'));
  if (listen.tls === undefined) problems.push(invalid('`tls.acme` needs a TLS listener', source, 'set `listen.tls`'));
  return problems;
}

/** A group inside one that is not there would match nothing, silently. */
function checkGroups({ groups, locate }: Checked): Problem[] {
  const parents = new Map(groups.map((group) => [group.id, group.parents]));
  const problems: Problem[] = [];
  for (const { id, parents: own } of groups) {
    const source = locate(['groups', id, 'parents']);
    for (const parent of own) {
      if (parents.has(parent)) continue;
      problems.push(
        invalid(
          `group \`${id}\` is inside \`${parent}\`, which is not a group`,
          source,
          `declare \`${parent}\` under \`groups\` too`,
        ),
      );
    }
    if (isInside(id, own, parents)) problems.push(invalid(`group \`${id}\` would be inside itself`, source));
  }
  return problems;
}

function isInside(id: string, start: readonly string[], parents: ReadonlyMap<string, readonly string[]>): boolean {
  const seen = new Set<string>();
  const queue = [...start];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    if (next === id) return true;
    if (seen.has(next)) continue;
    seen.add(next);
    queue.push(...(parents.get(next) ?? []));
  }
  return false;
}

function checkAddresses({ document, locate }: Checked): Problem[] {
  const problems: Problem[] = [];
  for (const [id, { addresses }] of Object.entries(document.workloads)) {
    for (const text of addresses) {
      const address = parseAddress(text);
      if (address.ok) continue;
      const hint = text.includes('/') ? 'write single addresses; a network is no workload' : undefined;
      problems.push(invalid(`workload \`${id}\`: ${address.error}`, locate(['workloads', id, 'addresses']), hint));
    }
  }
  for (const text of document.network.management_sources) {
    const network = parseCidr(text);
    if (network.ok) continue;
    problems.push(
      invalid(`\`network.management_sources\`: ${network.error}`, locate(['network', 'management_sources'])),
    );
  }
  return problems;
}

/** A response to a detection that does not exist would never come, and nobody would notice. */
function checkResponses({ document, detections, locate }: Checked): Problem[] {
  if (detections === undefined) return [];
  return Object.entries(document.responses)
    .filter(([, { when }]) => !detections.includes(when))
    .map(([id, { when }]) =>
      invalid(
        `response \`${id}\` waits for the detection \`${when}\`, which does not exist`,
        locate(['responses', id, 'when']),
        `there are ${detections.map((name) => `\`${name}\``).join(', ')}`,
      ),
    );
}
