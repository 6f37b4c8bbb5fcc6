import { hashToken, newId, newToken, ok, secretsEqual } from '#base';
import { type AppSession, PROGRAM_TOKEN_PREFIX, type Session } from '#model';
import type { StoreTransaction } from '#store';
import type { Client, IdentityContext } from './context.ts';
import type { Handoff, ProgramRequest } from './flows.ts';
import { authenticationEvent } from './record.ts';
import { attempt, type Outcome, Refusal, refuse } from './refusal.ts';

/** Carrying a sign-in from the id host to an app host (or the console host), as an authorization code with PKCE does (RFC 7636). */
export interface Handoffs {
  /**
   * Issues a code for `host` (exact name, no port); good once, for 60 s, or 3 minutes for a program. `challenge` is `hashToken(verifier)`.
   * The caller has checked that the host is one of ours, and for a program that the person allowed it. `err`: `handoff-invalid`.
   */
  issue(input: {
    session: Session;
    host: string;
    challenge: string;
    program?: ProgramRequest;
  }): Outcome<{ readonly code: string; readonly expiresAt: number }>;
  /**
   * Exchanges a code for the cookie of the app host, or, with `program`, for the token of a program: whoever has the code of one cannot
   * have the other with it. The code is used up, right or wrong. `err`: `handoff-invalid`.
   */
  redeem(input: Redemption): Promise<Outcome<{ readonly token: string; readonly appSession: AppSession }>>;
  /** False for a request that would bind a token to no key, or that calls itself something a person cannot read. */
  isFit(program: ProgramRequest): boolean;
  /** When a token that a program got now would end, milliseconds. */
  endOf(session: Session, form: ProgramRequest['form']): number;
}

/** What is presented for a cookie or a token. */
export interface Redemption {
  readonly code: string;
  readonly verifier: string;
  readonly host: string;
  readonly client?: Client;
  /** Present for a program; `keyThumbprint` is of a key that it has just proved to hold. */
  readonly program?: Pick<ProgramRequest, 'keyThumbprint'>;
}

// Exactly what hashToken makes: a shorter challenge could be searched.
const HASH = /^[A-Za-z0-9_-]{43}$/;
/** What a person can read on one line, without characters that change how the rest is shown, or letters that show nothing (U+3164). */
const NAME = /^(?!.*\p{Default_Ignorable_Code_Point})[\p{L}\p{N}][\p{L}\p{N}\p{P}\p{Sm} ]{0,79}$/u;

/** Makes the hand-off operations. */
export function handoffsOf(context: IdentityContext): Handoffs {
  return {
    issue: ({ session, host, challenge, program }) => {
      if (!HASH.test(challenge) || host === '' || (program !== undefined && !isFit(program))) return invalid();
      const life = program === undefined ? context.limits.handoffMs : context.limits.programCodeMs;
      const expiresAt = context.clock.now() + life;
      const flow = { sessionId: session.id, host, challenge, ...(program === undefined ? {} : { program }) };
      return ok({ code: context.flows.handoffs.add(flow, session.id, expiresAt), expiresAt });
    },
    redeem: async (input) => await redeem(context, input),
    isFit,
    endOf: (session, form) => endOf(context, session, form),
  };
}

function isFit({ name, form, keyThumbprint }: ProgramRequest): boolean {
  return NAME.test(name) && (form === 'dpop' ? HASH.test(keyThumbprint ?? '') : keyThumbprint === undefined);
}

async function redeem(
  context: IdentityContext,
  input: Redemption,
): Promise<Outcome<{ token: string; appSession: AppSession }>> {
  const handoff = context.flows.handoffs.take(input.code);
  if (handoff === undefined || !isGenuine(handoff, input)) {
    await recordHandoff(context, { ...input, handoff, refused: true });
    return invalid();
  }
  return await attempt(context.store, 'system', async (tx) => {
    const session = await tx.get('session', handoff.sessionId);
    if (session === undefined || session.expiresAt <= context.clock.now()) throw new Refusal(invalid().error);
    await endSurplus(context, tx, session.id);
    const made = makeAppSession(context, session, handoff);
    await tx.put('appSession', made.appSession);
    await recordHandoff(context, { ...input, handoff, refused: false, appSession: made.appSession });
    return made;
  });
}

/** The verifier shows that whoever asked is the one that comes back: a stolen or planted code is worth nothing. */
function isGenuine(handoff: Handoff, { host, verifier, program }: Redemption): boolean {
  const isSameKind = (handoff.program === undefined) === (program === undefined);
  const isSameKey = handoff.program?.form !== 'dpop' || handoff.program.keyThumbprint === program?.keyThumbprint;
  return isSameKind && isSameKey && handoff.host === host && secretsEqual(hashToken(verifier), handoff.challenge);
}

function makeAppSession(
  context: IdentityContext,
  session: Session,
  { host, program }: Handoff,
): { readonly token: string; readonly appSession: AppSession } {
  const now = context.clock.now();
  const token = program === undefined ? newToken() : PROGRAM_TOKEN_PREFIX + newToken();
  const common = { id: newId('app', now), tokenHash: hashToken(token), sessionId: session.id, host, createdAt: now };
  if (program === undefined) return { token, appSession: common };
  const { name, form, keyThumbprint } = program;
  const key = keyThumbprint === undefined ? {} : { keyThumbprint };
  return { token, appSession: { ...common, form, ...key, program: name, expiresAt: endOf(context, session, form) } };
}

function endOf({ clock, limits }: IdentityContext, session: Session, form: ProgramRequest['form']): number {
  return Math.min(session.expiresAt, clock.now() + (form === 'dpop' ? limits.boundMs : limits.bearerMs));
}

/** Makes room for one more: the oldest end. */
async function endSurplus(context: IdentityContext, tx: StoreTransaction, sessionId: string): Promise<void> {
  const mine = [...context.graph.all('appSession')].filter((app) => app.sessionId === sessionId);
  const surplus = mine.length + 1 - context.limits.appSessionsPerSession;
  for (const { id } of mine.slice(0, Math.max(0, surplus))) await tx.delete('appSession', id);
}

function invalid(): ReturnType<typeof refuse> {
  return refuse('handoff-invalid', 'the sign-in could not be carried to this host', 'open the app again');
}

async function recordHandoff(
  context: IdentityContext,
  input: Pick<Redemption, 'host' | 'client' | 'program'> & {
    readonly handoff: Handoff | undefined;
    readonly refused: boolean;
    readonly appSession?: AppSession;
  },
): Promise<void> {
  const { host, handoff, client, refused, appSession } = input;
  if (refused && !context.mayTellRefusal('hand-off')) return;
  const sessionId = handoff?.sessionId;
  const userId = sessionId === undefined ? undefined : context.graph.get('session', sessionId)?.userId;
  const user = userId === undefined ? undefined : context.graph.get('user', userId);
  const program = handoff?.program;
  const done = program === undefined ? `sign-in carried to ${host}` : `\`${program.name}\` got a token for ${host}`;
  const { id: token, expiresAt } = appSession ?? {};
  await context.journal.append(
    authenticationEvent(context, {
      activity: 'other',
      message: refused ? `a hand-off to ${host} was refused` : done,
      factors: [],
      detail: {
        host,
        ...(program === undefined ? {} : { program: program.name, form: program.form }),
        ...(program === undefined || token === undefined ? {} : { token, expiresAt: expiresAt ?? null }),
      },
      ...(refused ? { refusedFor: 'handoff-invalid' as const } : {}),
      ...(user === undefined ? {} : { user }),
      ...(client === undefined ? {} : { client }),
      ...(sessionId === undefined ? {} : { sessionId }),
    }),
  );
}
