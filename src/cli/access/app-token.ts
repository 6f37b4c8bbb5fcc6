import type { JsonWebKey } from 'node:crypto';
import { CordonError, hashToken, newToken } from '#base';
import { clean } from '../terminal-text.ts';
import type { CliWorld } from '../world.ts';
import { findApp, type SoughtApp } from './find-app.ts';
import { askInstallation } from './installation.ts';
import { appAddress, type Connection, connectionOf, type Login, readLogin } from './login.ts';
import { type Members, readPrivate, writePrivate } from './private-files.ts';
import { newProgramKey, programKey, type ProgramKey } from './program-key.ts';
import { codeFromBrowser, codeFromPerson } from './wait-for-code.ts';

/** A token of this person for one app, with what is needed to use it. */
export interface AppToken {
  /** Host of the app, without port. */
  readonly host: string;
  /** Origin that the token is good at, for example `https://wiki.example.org`; plain HTTP only below `localhost`. */
  readonly origin: string;
  readonly form: 'bearer' | 'dpop';
  readonly text: string;
  /** Milliseconds. It may end earlier, with the session. */
  readonly expiresAt: number;
  /** What a TLS connection to the origin is made with: trusted authorities, this device's certificate, where the host is. */
  readonly connection: Connection;
  /** Fields that authenticate one request, to be made anew for each: a proof is accepted once. `url` may hold a query. */
  proofFor(method: string, url: string): Readonly<Record<string, string>>;
}

/** How a token may be obtained. */
export interface TokenWish {
  /** `dpop` unless said: such a token is worth nothing without the key that stays on this machine. */
  readonly form?: 'bearer' | 'dpop';
  /** Do not use a token that is kept: the gateway refused it. */
  readonly isFresh?: boolean;
  /** `open`: a browser of this machine (default). `paste`: print the address, and read the code from standard input. */
  readonly way?: 'open' | 'paste';
}

/** Directory of kept tokens, below that of the person. */
export const TOKEN_DIRECTORY = 'tokens';
/** A token that ends sooner is not worth beginning with, milliseconds. */
const LEAST_MS = 60_000;

interface Kept {
  readonly form: 'bearer' | 'dpop';
  readonly text: string;
  readonly expiresAt: number;
  readonly key: ProgramKey | undefined;
}

/**
 * The token of this machine's person for an app, named by its host or the first label of it: a kept one, or a new one that the person
 * allows in a browser. Throws `login-missing`, `app-unknown`, `token-refused`, `token-wait-ended` and what the connection fails with.
 */
export async function appToken(world: CliWorld, app: string, wish: TokenWish = {}): Promise<AppToken> {
  const { form = 'dpop', isFresh = false } = wish;
  const login = await readLogin(world);
  const address = appAddress(login, app);
  const connection = await connectionOf(login);
  const file = `${TOKEN_DIRECTORY}/${form}-${address.host}.json`;
  const kept = isFresh ? undefined : await readKept(world, login, file);
  const token = kept ?? (await obtain(world, { login, connection, ...address, form, way: wish.way ?? 'open' }));
  if (kept === undefined) await keep(world, login, file, token);
  const { text, expiresAt, key } = token;
  return {
    ...address,
    form,
    text,
    expiresAt,
    connection,
    proofFor: (method, url) =>
      key === undefined
        ? { authorization: `Bearer ${text}` }
        : { authorization: `DPoP ${text}`, dpop: key.prove({ method, url, now: world.clock.now(), token: text }) },
  };
}

async function readKept({ person, clock }: CliWorld, { url }: Login, file: string): Promise<Kept | undefined> {
  const kept = await readPrivate(person.directory, file);
  const { form, text, expiresAt, key, login } = kept ?? {};
  if (login !== url || typeof text !== 'string' || typeof expiresAt !== 'number') return undefined;
  if (expiresAt - clock.now() < LEAST_MS) return undefined;
  if (form === 'bearer') return { form, text, expiresAt, key: undefined };
  try {
    return form === 'dpop' ? { form, text, expiresAt, key: programKey(key as JsonWebKey) } : undefined;
  } catch {
    return undefined; // damaged: a new token comes with a new key
  }
}

async function keep(
  { person }: CliWorld,
  { url }: Login,
  file: string,
  { form, text, expiresAt, key }: Kept,
): Promise<void> {
  const content = { login: url, form, text, expiresAt, ...(key === undefined ? {} : { key: key.jwk }) };
  await writePrivate(person.directory, file, content);
}

interface Wanted extends SoughtApp {
  readonly form: 'bearer' | 'dpop';
  readonly way: 'open' | 'paste';
}

async function obtain(world: CliWorld, wanted: Wanted): Promise<Kept> {
  await findApp(wanted, world.signal);
  const verifier = newToken();
  const key = wanted.form === 'dpop' ? newProgramKey() : undefined;
  const addressFor = (redirect?: string): string => {
    const url = new URL('/authorize-program', wanted.login.url);
    url.search = new URLSearchParams({
      host: wanted.host,
      challenge: hashToken(verifier),
      form: wanted.form,
      name: `cordon, ${shownName(world.person.computer)}`,
      ...(key === undefined ? {} : { jkt: key.thumbprint }),
      ...(redirect === undefined ? {} : { redirect }),
    }).toString();
    return url.href;
  };
  const code =
    wanted.way === 'open' ? await codeFromBrowser(world, addressFor) : await codeFromPerson(world, addressFor());
  return await exchange(world, wanted, { code, verifier, key });
}

/** Names of computers may hold anything; the page takes letters, digits and common marks. */
function shownName(computer: string): string {
  return computer.replace(/[^A-Za-z0-9._-]/g, '-').slice(0, 60);
}

async function exchange(
  { clock, signal, stderr }: CliWorld,
  { origin, connection, form }: Wanted,
  { code, verifier, key }: { readonly code: string; readonly verifier: string; readonly key: ProgramKey | undefined },
): Promise<Kept> {
  const url = `${origin}/.cordon/token`;
  const now = clock.now();
  const { status, answer } = await askInstallation({
    url,
    method: 'POST',
    connection,
    signal,
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      ...(key === undefined ? {} : { dpop: key.prove({ method: 'POST', url, now }) }),
    },
    body: new URLSearchParams({ grant_type: 'authorization_code', code, code_verifier: verifier }).toString(),
  });
  const { access_token: text, token_type: type, expires_in: seconds, account } = answer;
  if (status !== 200) throw refusal(answer);
  if (typeof text !== 'string' || typeof seconds !== 'number' || type !== (form === 'dpop' ? 'DPoP' : 'Bearer')) {
    throw new CordonError(
      'installation-answer-invalid',
      `\`${origin}\` gave another kind of token than was asked for`,
      {
        hint: 'use the `cordon` command of the version that runs there',
      },
    );
  }
  if (typeof account === 'string') stderr.write(`allowed by ${clean(account)}\n`);
  return { form, text, expiresAt: now + seconds * 1000, key };
}

function refusal({ error, error_description: description, message }: Members): CordonError {
  const why = [description, message, error].find((one) => typeof one === 'string') ?? 'without a reason';
  return new CordonError('token-refused', `no token was given: ${String(why)}`, {
    hint: error === 'invalid_dpop_proof' ? 'compare the clocks of this computer and of the server' : 'run this again',
  });
}
