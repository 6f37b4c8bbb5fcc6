import { z } from 'zod';
import { parseCidr } from '#base';
import { IDENTITY_HEADER_PRESETS, SSH_EXTENSIONS } from '#model';
import { gatewayKeys, metrics, probe, traces } from './running-schema.ts';

const labels = z.record(z.string(), z.string());
const host = z
  .string()
  .regex(
    /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/,
    'must be a lower-case host name without port',
  );
const name = z.string().min(1).max(200);
const id = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,62}$/, 'must be lower-case letters, digits and hyphens, and begin with a letter');
const LISTEN_TEXT = 'must be `address:port`, for example `127.0.0.1:8080`';
const listen = z.string(LISTEN_TEXT).regex(/^(\[[0-9a-f:]+\]|[^:[\]]+):\d{1,5}$/, LISTEN_TEXT);
const upstream = z.url({
  protocol: /^(https?|tcp)$/,
  error: 'must be a URL, for example `http://127.0.0.1:9000`, `https://10.0.0.5:8443` or `tcp://10.0.0.5:5432`',
});

const app = z.strictObject({
  name: name.optional().describe('Name shown to people. Default: the key.'),
  host: host.optional().describe('Exact host name. Default: `<key>.<domain>`.'),
  builtin: z
    .literal('verify')
    .optional()
    .describe('`verify` shows exactly which identity, device and headers arrived.'),
  upstream: upstream
    .or(z.array(upstream).min(1).max(64))
    .optional()
    .describe(
      'Base URL of the application: scheme (`http`, `https` or `tcp`), host and port, nothing else. Several: the load is spread over those that are healthy.',
    ),
  upstream_protocol: z
    .enum(['http1', 'http2'])
    .default('http1')
    .describe(
      'What the upstream speaks. `http2` without TLS is HTTP/2 with prior knowledge, as gRPC servers speak it.',
    ),
  upstream_tls: z
    .strictObject({
      ca: z
        .string()
        .min(1)
        .optional()
        .describe('PEM file of the only authorities the upstream’s certificate may come from.'),
      certificate: z.string().min(1).optional().describe('PEM file of the certificate that the gateway shows.'),
      key: z.string().min(1).optional().describe('PEM file of its private key.'),
      server_name: host.optional().describe('Name the certificate must be for. Default: the host of the URL.'),
    })
    .optional()
    .describe('TLS towards the upstream.'),
  health_path: z
    .string()
    .regex(/^\/[!-~]*$/, 'must be a path')
    .optional()
    .describe('Path that answers 2xx while an upstream is healthy. Default: only failures of requests count.'),
  enforced_by: z
    .enum(['gateway', 'forward-auth'])
    .default('gateway')
    .describe('`forward-auth`: a proxy of your own carries the traffic and asks Cordon about each request.'),
  identity_headers: z
    .array(z.enum(IDENTITY_HEADER_PRESETS))
    .default([])
    .describe(
      'Headers that tell the application who is there, beside the signed assertion; named after what it was made for.',
    ),
  client_certificate: z
    .enum(['optional', 'required'])
    .default('optional')
    .describe('`required`: clients that did not prove a device certificate in the TLS handshake are refused.'),
  encoded_slash: z
    .enum(['refuse', 'allow'])
    .default('refuse')
    .describe('Whether `%2F` in a path is forwarded as it is.'),
  limits: z
    .strictObject({
      requests_per_second: z.int().min(1).optional().describe('Requests per second, all people together.'),
      body_bytes: z.int().min(0).optional().describe('Size of a request’s body.'),
    })
    .optional()
    .describe('Budgets of this application.'),
  ssh: z
    .strictObject({
      principals: z
        .array(z.string().regex(/^[a-z_][a-z0-9_-]{0,31}$/, 'must be a login name'))
        .min(1)
        .max(32)
        .describe('Login names that a certificate is good for.'),
      lifetime_seconds: z.int().min(30).max(86_400).default(300).describe('How long a certificate is good for.'),
      extensions: z
        .array(z.enum(SSH_EXTENSIONS))
        .default(['permit-pty'])
        .describe('What a session may do beyond running commands.'),
      source_addresses: z
        .array(z.string().refine((text) => parseCidr(text).ok, 'must be an address or a CIDR block'))
        .default([])
        .describe('Where the gateway reaches the hosts from; a certificate is worth nothing from elsewhere.'),
    })
    .optional()
    .describe('The hosts behind the app trust Cordon’s SSH authority.'),
  kubernetes: z
    .strictObject({
      token_file: z.string().min(1).describe('File with the token of the account that may impersonate people.'),
    })
    .optional()
    .describe('The application is a Kubernetes API; people are impersonated by e-mail address and groups.'),
  asset: z
    .string()
    .min(1)
    .optional()
    .describe('Id of the asset behind the app. Its tier rules; an id that is not known counts as T0.'),
  tier: z
    .enum(['T0', 'T1', 'T2', 'T3'])
    .default('T3')
    .describe('Own tier. The stricter of this and the asset’s counts.'),
  device: z
    .enum(['any', 'known', 'managed', 'healthy'])
    .default('any')
    .describe('The least a device must be, whatever the tier says.'),
  allowed_origins: z
    .array(z.url())
    .default([])
    .describe('Origins, besides the app’s own, that may open a WebSocket; without a path, as browsers send them.'),
});

const acme = z.strictObject({
  directory: z
    .url({ protocol: /^https$/ })
    .default('https://acme-v02.api.letsencrypt.org/directory')
    .describe('Directory of the authority. Default: Let’s Encrypt.'),
  accept_terms: z.literal(true).describe('You accept the terms of service of the authority.'),
  email: z.email().optional().describe('Address to which the authority writes.'),
  challenge: z
    .enum(['http-01', 'tls-alpn-01'])
    .default('http-01')
    .describe(
      'How names are proven: on port 80 (`http-01`) or on the TLS listener, which must be port 443 from outside.',
    ),
  listen: listen
    .default('0.0.0.0:80')
    .describe('Where `http-01` is answered; everything else there is sent on to HTTPS. Not used with `tls-alpn-01`.'),
  ca: z
    .string()
    .min(1)
    .optional()
    .describe('PEM file of the roots that the authority’s own servers are trusted by. Default: those of Node.'),
  external_account: z
    .strictObject({
      key_id: z.string().min(1).describe('Key identifier that the authority gave you.'),
      hmac_key_file: z.string().min(1).describe('File with the HMAC key, in base64url.'),
    })
    .optional()
    .describe('External account binding, where the authority demands one.'),
});

const attributes = z.record(z.string().min(1), z.string().min(1));

const model = z.strictObject({
  // Endings, so that a document sent by somebody cannot have any file of this machine read and quoted in a problem.
  schema: z
    .string()
    .regex(/\.cedarschema$/, 'must be a file that ends in `.cedarschema`')
    .describe('File with the Cedar schema of the application, ending in `.cedarschema`.'),
  policies: z.string().min(1).describe('Directory of its `*.cedar` files.'),
  entities: z
    .string()
    .regex(/\.json$/, 'must be a file that ends in `.json`')
    .optional()
    .describe('File with its entities in Cedar’s JSON, ending in `.json`. Default: none are known.'),
  namespace: z
    .string()
    .regex(/^[A-Za-z_]\w*(::[A-Za-z_]\w*)*$/, 'must be a Cedar namespace, for example `Shop::Orders`')
    .optional()
    .describe('Cedar namespace of the entity types and actions named below.'),
  types: z
    .record(
      z.string().min(1),
      z.strictObject({
        entity: z
          .string()
          .regex(/^[A-Za-z_]\w*(::[A-Za-z_]\w*)*$/, 'must be the name of a Cedar entity type')
          .describe('Cedar entity type.'),
        properties: attributes
          .default({})
          .describe('Properties that become attributes for one request; others are ignored. Property: attribute.'),
      }),
    )
    .describe('AuthZEN types of subjects and resources.'),
  actions: z
    .record(
      z.string().min(1),
      z.strictObject({
        action: z.string().min(1).describe('Id of the Cedar action.'),
        properties: attributes.default({}).describe('Properties of the action that become part of Cedar’s context.'),
        context: attributes.default({}).describe('Members of AuthZEN’s context that become part of Cedar’s context.'),
      }),
    )
    .describe('AuthZEN actions, by name.'),
});

/** The shape of `cordon.yaml`. Unknown keys are refused, so that a typing error cannot switch a control off. */
export const configurationSchema = z.strictObject({
  domain: host
    .default('localhost')
    .describe(
      'Domain of the identity, console, agent and decision hosts (`id.`, `console.`, `agent.`, `authz.`). Anything but `localhost` is served over TLS only.',
    ),
  listen: z
    .strictObject({
      http: listen.or(z.literal('off')).default('127.0.0.1:8080').describe('Plain HTTP; allowed on loopback only.'),
      tls: listen
        .or(z.literal('off'))
        .default('127.0.0.1:8443')
        .describe('TLS with Cordon’s own CA: apps that see device certificates, and agents.'),
    })
    .prefault({}),
  tls: z
    .strictObject({
      certificate: z
        .string()
        .min(1)
        .optional()
        .describe('PEM file with the certificate chain that browsers are shown, leaf first.'),
      key: z.string().min(1).optional().describe('PEM file with its private key.'),
      acme: acme.optional().describe('Certificates from a public authority, by ACME (RFC 8555), instead of files.'),
    })
    .prefault({}),
  gateway: z
    .strictObject({
      workers: z
        .union([z.int().min(1).max(64), z.literal('auto')])
        .default(1)
        .describe(
          'Processes that run the gateway: 1, the main process itself; `auto`, one per core. More than 1 needs Linux or FreeBSD.',
        ),
      ...gatewayKeys,
    })
    .prefault({}),
  forward_auth: z
    .strictObject({
      listen: listen
        .or(z.literal('off'))
        .default('off')
        .describe(
          'Where nginx, Traefik, Caddy, HAProxy and Envoy ask about requests that they carry: plain HTTP on loopback, TLS on any other address.',
        ),
      grpc: listen
        .or(z.literal('off'))
        .default('off')
        .describe('Where Envoy asks over gRPC; plain HTTP/2 on loopback, TLS on any other address.'),
      trusted_proxies: z
        .array(z.string())
        .default([])
        .describe('CIDR blocks of the proxies that may ask, and whose word about a client’s address counts.'),
      public_port: z
        .int()
        .min(1)
        .max(65_535)
        .optional()
        .describe('Port at which people reach those proxies. Default: 443, and 80 below `localhost`.'),
    })
    .prefault({}),
  data: z.string().min(1).default('data').describe('Directory of the store, the journal and the control socket.'),
  apps: z
    .record(id, app)
    .prefault({ verify: { builtin: 'verify' } })
    .describe('Published applications, by id.'),
  groups: z
    .record(
      id,
      z.strictObject({
        name: name.optional().describe('Name shown to people. Default: the key.'),
        parents: z.array(id).default([]).describe('Groups of this document whose permissions the members have too.'),
      }),
    )
    .default({})
    .describe('Groups of people. `admins` and `analysts` always exist.'),
  segments: z
    .record(
      id,
      z.strictObject({
        name: name.optional().describe('Name shown to people. Default: the key.'),
        labels: labels.describe('Labels a workload must carry, all of them.'),
      }),
    )
    .default({})
    .describe('Sets of workloads for `connect` policies.'),
  workloads: z
    .record(
      id,
      z.strictObject({
        name: name.optional().describe('Name shown to people. Default: the key.'),
        labels: labels.default({}).describe('What segments and policies select it by.'),
        addresses: z.array(z.string()).default([]).describe('Its IPv4 and IPv6 addresses.'),
      }),
    )
    .default({})
    .describe('Workloads without an agent and outside every import.'),
  network: z
    .strictObject({
      external_egress: z
        .enum(['allow', 'deny'])
        .default('allow')
        .describe('Connections of enforced hosts to addresses that belong to no workload.'),
      external_ingress: z
        .enum(['allow', 'deny'])
        .default('deny')
        .describe('Connections from such addresses to enforced hosts.'),
      management_sources: z
        .array(z.string())
        .default([])
        .describe('CIDR blocks that may always reach SSH on enforced hosts.'),
    })
    .prefault({}),
  responses: z
    .record(
      id,
      z.strictObject({
        when: z.string().describe('Id of the detection; `detections.md` lists them.'),
        action: z
          .enum(['quarantine', 'revoke-sessions', 'alert-only'])
          .describe('What to do to the subject of the alert.'),
        mode: z.enum(['dry-run', 'enforce']).default('dry-run').describe('`dry-run` only says what it would do.'),
      }),
    )
    .default({})
    .describe('What to do when a detection fires.'),
  authzen: z
    .strictObject({
      models: z
        .record(id, model)
        .default({})
        .describe('Models of applications that ask `authz.<domain>/<id>` for decisions, by id.'),
    })
    .prefault({}),
  probe,
  metrics,
  traces,
  policies: z
    .string()
    .min(1)
    .default('policies')
    .describe(
      'Directory of `*.cedar` files and their tests (`*.cedartest.yaml`), its folders included. Names that begin with a dot are left out.',
    ),
});

/** What `configurationSchema` yields: keys as people write them, defaults filled in. */
export type ConfigurationDocument = z.infer<typeof configurationSchema>;
