import { send } from '../answer.ts';
import { type Exchange, type GatewayParts, need, ownOrigin, type StageResult } from '../exchange.ts';
import { oneParameter } from '../handoff.ts';
import { proofsOf } from './credential.ts';
import { isForm, readOwnBody } from '../own-body.ts';
import { checkProof } from './proof.ts';

/** Where a program exchanges its code, on every app host. */
export const TOKEN_PATH = '/.cordon/token';
/** Longest body that is read, bytes. */
const LONGEST = 4096;
/** What identity makes: codes, and verifiers of the length that RFC 7636 section 4.1 allows. */
const CODE = /^[A-Za-z0-9_-]{43}$/;
const VERIFIER = /^[A-Za-z0-9._~-]{43,128}$/;

/** Errors of RFC 6749 section 5.2 and RFC 9449 section 5. */
type TokenError = 'invalid_request' | 'invalid_grant' | 'invalid_dpop_proof' | 'unsupported_grant_type';

/**
 * `POST /.cordon/token`: exchanges a code for a token of this host. A proof binds the token to its key; whether it has to is part of what
 * the person allowed. A proof is not remembered here: its code works once. @see RFC 6749 section 4.1.3, RFC 7636, RFC 9449 section 5
 */
export async function giveToken(exchange: Exchange, { redeemer, clock, graph }: GatewayParts): Promise<StageResult> {
  const { client, address } = exchange;
  const form = await formOf(exchange);
  if (form === undefined) return error(exchange, 'invalid_request', 'send a short form');
  if (form.get('grant_type') !== 'authorization_code') {
    return error(exchange, 'unsupported_grant_type', 'the only grant is `authorization_code`');
  }
  const [code, verifier] = [single(form, 'code', CODE), single(form, 'code_verifier', VERIFIER)];
  if (code === undefined || verifier === undefined) {
    return error(exchange, 'invalid_request', '`code` and `code_verifier` are needed, once each');
  }
  const proofs = proofsOf(client.rawHeaders);
  const demand = { method: 'POST', origin: ownOrigin(exchange), path: need(exchange, 'path'), now: clock.now() };
  const proof = proofs.length === 1 ? checkProof(proofs[0] ?? '', demand) : undefined;
  if (proofs.length > 1) return error(exchange, 'invalid_dpop_proof', 'there is more than one proof');
  if (proof?.ok === false) return error(exchange, 'invalid_dpop_proof', proof.error);
  const redeemed = await redeemer.redeem({
    code,
    verifier,
    host: need(exchange, 'authority').host,
    client: { address, userAgent: client.header('user-agent') ?? '' },
    program: proof === undefined ? {} : { keyThumbprint: proof.value.keyThumbprint },
  });
  if (!redeemed.ok)
    return error(exchange, 'invalid_grant', 'the code is not valid here, or was used; ask for a new one');
  const { token, appSession } = redeemed.value;
  const { form: kind, expiresAt = clock.now(), sessionId } = appSession;
  const account = graph.get('user', graph.get('session', sessionId)?.userId ?? '')?.email;
  return answer(exchange, 200, {
    access_token: token,
    token_type: kind === 'dpop' ? 'DPoP' : 'Bearer',
    expires_in: Math.max(0, Math.floor((expiresAt - clock.now()) / 1000)),
    // Whoever asked for it sees whether somebody else has answered.
    ...(account === undefined ? {} : { account }),
  });
}

function error(exchange: Exchange, code: TokenError, description: string): StageResult {
  return answer(exchange, 400, { error: code, error_description: description });
}

function answer(exchange: Exchange, status: number, body: object): StageResult {
  send(exchange, {
    status,
    type: 'application/json',
    body: `${JSON.stringify(body)}\n`,
    fields: ['pragma', 'no-cache'],
  });
  return 'answered';
}

function single(form: URLSearchParams, name: string, pattern: RegExp): string | undefined {
  const value = oneParameter(form, name);
  return value !== undefined && pattern.test(value) ? value : undefined;
}

async function formOf({ client }: Exchange): Promise<URLSearchParams | undefined> {
  if (!isForm(client) || !client.hasBody) return undefined;
  const read = await readOwnBody(client, LONGEST);
  return typeof read === 'string' ? undefined : new URLSearchParams(read.text);
}
