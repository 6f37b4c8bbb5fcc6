import { z } from 'zod';

const DURATION_TEXT = 'must be a duration, for example `500ms`, `30s`, `5m` or `1h`';
const duration = z.string(DURATION_TEXT).regex(/^(\d{1,6}(ms|s|m|h|d))+$/, DURATION_TEXT);
const count = z.number().int().min(1).max(1_000_000_000);
const off = z.literal('off');
const rate = z.number().positive().max(10_000_000).or(off);

const limits = z.strictObject({
  connections: count
    .default(20_000)
    .describe(
      'Connections open at once at each listener, and never more than two fifths of the descriptors of the process; further ones are closed at once.',
    ),
  requests_at_once: count
    .default(20_000)
    .describe('Requests under way at once, WebSockets left out; further ones are shed with 503.'),
  requests_at_once_per_address: count
    .default(4096)
    .describe('Requests under way at once per client address (IPv6: /64).'),
  requests_at_once_per_session: count.default(512).describe('Requests under way at once per session.'),
  streams_per_connection: count.max(10_000).default(100).describe('HTTP/2 streams open at once on one connection.'),
  requests_per_second_per_connection: rate
    .default(2000)
    .describe('Requests per second on one connection; bursts of five seconds’ worth are let through.'),
  requests_per_second_per_address: rate
    .default(10_000)
    .describe('Requests per second of one client address (IPv6: /64).'),
  requests_per_second_per_account: rate
    .default(2000)
    .describe('Requests per second of one account, over all its sessions.'),
  requests_per_second_per_app: rate
    .default('off')
    .describe('Permitted requests per second to one app, unless its own `limits` say otherwise.'),
  header_bytes: count.min(4096).max(262_144).default(16_384).describe('Bytes of a request’s head.'),
  body_bytes: count
    .or(off)
    .default('off')
    .describe('Bytes of a request’s body, unless the `limits` of the app say otherwise.'),
  header_timeout: duration.default('10s').describe('How long the head of a request may take.'),
  idle_timeout: duration
    .default('2m')
    .describe('How long a connection or a body may stand still, in either direction.'),
  slow_client: z
    .strictObject({
      bytes_per_second: count
        .default(1024)
        .describe('A client that takes less than this while data waits for it is slow.'),
      for: duration.default('1m').describe('A client that is slow for this long is cut off.'),
    })
    .prefault({}),
});

/** Keys of the section `gateway` about what it bears and how it ends. */
export const gatewayKeys = {
  drain: duration
    .default('10s')
    .describe('How long requests under way may take when Cordon stops, before they are cut off.'),
  limits: limits.prefault({}),
};

/** Section `probe`: how Cordon watches itself. */
export const probe = z
  .strictObject({
    every: duration
      .or(off)
      .default('1m')
      .describe('How often Cordon asks its own listeners for what nobody may get; at least `10s`, or `off`.'),
    public: z
      .record(z.string(), z.url({ protocol: /^https?$/ }))
      .default({})
      .describe(
        'Public addresses at which apps that another proxy serves (`enforced_by: forward-auth`) are probed, by app.',
      ),
  })
  .prefault({});

/** Section `traces`: single requests, for a collector. */
export const traces = z
  .strictObject({
    endpoint: z
      .url({ protocol: /^https?$/ })
      .or(off)
      .default('off')
      .describe('Where spans are sent to, as OTLP over HTTP in JSON, for example `http://127.0.0.1:4318/v1/traces`.'),
    sample: z.number().min(0).max(1).default(0.1).describe('Part of the requests that is traced, from 0 to 1.'),
  })
  .prefault({});

const METRICS_TEXT = 'must be `address:port`, for example `127.0.0.1:9464`, or `off`';

/** Section `metrics`: what Cordon counts, for others. */
export const metrics = z
  .strictObject({
    listen: z
      .string(METRICS_TEXT)
      .regex(/^(off|(\[[0-9a-f:]+\]|[^:[\]]+):\d{1,5})$/, METRICS_TEXT)
      .default('off')
      .describe(
        'Where metrics are shown for Prometheus, at `/metrics`, over plain HTTP to whoever reaches the address.',
      ),
  })
  .prefault({});
