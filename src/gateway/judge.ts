import type { Decision, Reason } from '#model';
import type { AccessRequest } from '#policy';
import { personFields } from './kubernetes/impersonate.ts';
import type { Cut, LiveEntry } from './live.ts';
import { type Basis, decide } from './passage.ts';
import { isSameUpstream } from './upstreams/same-upstream.ts';

/** A permit was for the device of a certificate, and that certificate shows it no more. */
const NOT_SHOWN: Reason = {
  code: 'device-unknown',
  detail: 'the certificate that was shown has ended, or one for another key has taken its place',
};

/**
 * Decides an open exchange again: what to cut it with, or undefined to let it go on. `memo` holds the answers to equal questions
 * asked of the same graph at the same time. Never throws: what cannot be decided is cut.
 */
export function judge(basisNow: () => Basis, entry: LiveEntry, memo: Map<string, Decision>): Cut | undefined {
  try {
    const basis = basisNow();
    const changed = changeSince(basis, entry);
    if (changed !== undefined) return { reason: changed };
    entry.question ??= questionOf(entry.access);
    const { question } = entry;
    const decision = memo.get(question) ?? decide(basis, entry.access);
    memo.set(question, decision);
    if (decision.effect !== 'permit') return { reason: decision.reasons[0] ?? { code: 'no-permit' }, decision };
    return entry.isShown?.() === false ? { reason: NOT_SHOWN } : undefined;
  } catch {
    return { reason: { code: 'internal' } };
  }
}

/** What no policy sees, and what ends an exchange all the same: it would go on with an upstream or a cookie that is not right any more. */
export function changeSince(
  { graph, now }: Pick<Basis, 'graph' | 'now'>,
  {
    access,
    appSessionId,
    origin,
    impersonates,
  }: Pick<LiveEntry, 'access' | 'appSessionId' | 'origin' | 'impersonates'>,
): Reason | undefined {
  const app = graph.get('app', access.app.id);
  const isSame =
    app?.host === access.app.host &&
    isSameUpstream(app, access.app) &&
    app.builtin === access.app.builtin &&
    app.kubernetes?.tokenFile === access.app.kubernetes?.tokenFile &&
    app.enforcedBy === access.app.enforcedBy &&
    app.clientCertificate === access.app.clientCertificate;
  if (!isSame) return { code: 'app-changed' };
  if (origin !== undefined && !app.allowedOrigins.includes(origin)) return { code: 'origin-refused' };
  const appSession = graph.get('appSession', appSessionId);
  const isOurs = appSession?.sessionId === access.session?.id && appSession?.host === access.host;
  if (!isOurs) return { code: 'session-revoked' };
  const userId = access.session?.userId ?? '';
  if (impersonates !== undefined && impersonates !== personFields(graph, userId).join('\n')) {
    return { code: 'identity-changed' };
  }
  // A token may end before its session.
  return (appSession.expiresAt ?? now + 1) > now ? undefined : { code: 'session-expired' };
}

function questionOf({ session, device, app, method, path, host, address, secure }: AccessRequest): string {
  return JSON.stringify([session?.id, session?.tokenHash, device?.id, app.id, method, path, host, address, secure]);
}
