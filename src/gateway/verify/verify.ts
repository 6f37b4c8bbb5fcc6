import { send, sendPage, wantsPage } from '../answer.ts';
import { ASSERTION_HEADER, type AssertionClaims, shownClaims } from '../assertion.ts';
import { type Exchange, type GatewayParts, need, ownOrigin, type StageResult } from '../exchange.ts';
import { openLive } from './live-socket.ts';
import { verifyPage } from './verify-page.ts';

/** What arrived, as the built-in app shows it. Field names are stable: programs read them. */
export interface Arrived {
  readonly app: string;
  readonly user: { readonly id: string; readonly email: string; readonly name: string };
  readonly groups: readonly string[];
  readonly session: {
    readonly id: string;
    readonly acr: string;
    readonly amr: readonly string[];
    readonly authenticatedAt: number;
    readonly expiresAt: number;
  };
  readonly device?: {
    readonly id: string;
    readonly name: string;
    readonly form: string;
    readonly managed: boolean;
    readonly posture: string;
  };
  readonly decision: {
    readonly effect: string;
    readonly policies: readonly string[];
    readonly tier: number;
    readonly graphSeq: number;
    readonly policyVersion: number;
  };
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly address: string;
    readonly transport: string;
  };
  readonly correlationId: string;
  /** Names and values that an upstream would have got, in order. */
  readonly headers: readonly (readonly [string, string])[];
  readonly assertion: { readonly token: string; readonly claims: AssertionClaims };
}

/**
 * The built-in app: shows to the person who is there exactly what an upstream would have been told. The token it shows is the one
 * for this app, worth nothing at another. A WebSocket to any of its paths stays open until it is cut.
 */
export function serveVerify(exchange: Exchange, parts: GatewayParts, headers: string[]): StageResult {
  if (exchange.client.webSocket !== undefined) return openLive(exchange);
  const arrived = arrivedAt(exchange, parts, headers);
  if (wantsPage(exchange)) sendPage(exchange, 200, verifyPage(arrived, ownOrigin(exchange)));
  else send(exchange, { status: 200, type: 'application/json', body: `${JSON.stringify(arrived, undefined, 2)}\n` });
  return 'answered';
}

function arrivedAt(exchange: Exchange, { graph, clock }: GatewayParts, headers: readonly string[]): Arrived {
  const { device, address, transport, correlationId } = exchange;
  const app = need(exchange, 'app');
  const { id, email, name } = need(exchange, 'user');
  const { id: sessionId, acr, amr, authenticatedAt, expiresAt } = need(exchange, 'session');
  const { effect, policies, graphSeq, policyVersion } = need(exchange, 'decision');
  const { method, path } = need(exchange, 'access');
  const pairs = headers.flatMap((field, index) =>
    index % 2 === 0 ? [[field, headers[index + 1] ?? ''] as const] : [],
  );
  const token = pairs.find(([field]) => field === ASSERTION_HEADER)?.[1] ?? '';
  return {
    app: app.name,
    user: { id, email, name },
    groups: [...graph.groupsOf(id)].sort(),
    session: { id: sessionId, acr, amr, authenticatedAt, expiresAt },
    ...(device === undefined
      ? {}
      : {
          device: {
            id: device.id,
            name: device.name,
            form: device.form,
            managed: device.managed,
            posture: device.posture?.verdict ?? 'unknown',
          },
        }),
    decision: { effect, policies, tier: graph.tierOf(app, clock.now()), graphSeq, policyVersion },
    request: { method, path, address, transport },
    correlationId,
    headers: pairs,
    assertion: { token, claims: shownClaims(token) },
  };
}
