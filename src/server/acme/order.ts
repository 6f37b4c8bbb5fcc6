import { readFileSync } from 'node:fs';
import { Agent } from 'node:https';
import * as acme from 'acme-client';
import { CordonError } from '#base';
import type { AcmeSettings } from '#config';
import type { Store } from '#store';
import { contextOf } from '../certificate-material.ts';
import type { Challenges } from './challenges.ts';

/** A certificate of an authority, as it is kept. */
export interface KeptCertificate {
  /** Chain, leaf first, PEM. */
  readonly certificate: string;
  /** PKCS#8, PEM. */
  readonly key: string;
  readonly notBefore: number;
  readonly notAfter: number;
  /** Directory it came from. */
  readonly directory: string;
}

interface Account {
  readonly key: string;
  readonly url?: string;
}

/** How often a request that the authority could not answer is repeated at once; the next round comes anyway. */
const ATTEMPTS = 2;

/** Orders certificates from one authority, under one account that is made once. */
export async function openOrders(options: {
  readonly settings: AcmeSettings;
  readonly store: Store;
  readonly challenges: Challenges;
}): Promise<(host: string) => Promise<KeptCertificate>> {
  const { settings, store, challenges } = options;
  trustAuthority(settings);
  const row = { kind: 'acme-account', id: settings.directory } as const;
  const account = await store.transact('system', async (tx) => {
    const kept = await tx.getPrivate<Account>(row.kind, row.id);
    if (kept !== undefined) return kept;
    const made: Account = { key: (await acme.crypto.createPrivateEcdsaKey('P-256')).toString() };
    await tx.putPrivate(row.kind, row.id, made);
    return made;
  });
  const client = new acme.Client({
    directoryUrl: settings.directory,
    accountKey: account.key,
    ...(account.url === undefined ? {} : { accountUrl: account.url }),
    ...externalAccount(settings),
    backoffAttempts: 20,
    backoffMin: 500,
    backoffMax: 10_000,
  });
  return async (host) => {
    const [key, csr] = await acme.crypto.createCsr(
      { altNames: [host] },
      await acme.crypto.createPrivateEcdsaKey('P-256'),
    );
    const certificate = await client.auto({
      csr,
      ...(settings.email === undefined ? {} : { email: settings.email }),
      termsOfServiceAgreed: true,
      // The authority looks from outside; what we would see from inside says nothing about that.
      skipChallengeVerification: true,
      challengePriority: [settings.challenge],
      challengeCreateFn: async (authorization, challenge, proof) => {
        await prepare({ challenges, settings, authorization, challenge, proof });
      },
      challengeRemoveFn: async ({ identifier }, { token }) => {
        challenges.http.delete(token);
        challenges.alpn.delete(identifier.value);
        await challenges.shown();
      },
    });
    await rememberAccount(store, row, { key: account.key, url: client.getAccountUrl() });
    const { notBefore, notAfter } = acme.crypto.readCertificateInfo(certificate);
    return {
      certificate,
      key: key.toString(),
      notBefore: notBefore.getTime(),
      notAfter: notAfter.getTime(),
      directory: settings.directory,
    };
  };
}

async function prepare(input: {
  readonly challenges: Challenges;
  readonly settings: AcmeSettings;
  readonly authorization: acme.Authorization;
  readonly challenge: { readonly type: string; readonly token: string };
  readonly proof: string;
}): Promise<void> {
  const { challenges, settings, authorization, challenge, proof } = input;
  // The library takes any challenge when the wanted one is not offered.
  if (challenge.type !== settings.challenge) {
    throw new CordonError('acme-challenge-missing', `the authority does not offer \`${settings.challenge}\``, {
      hint: 'choose the other challenge under `tls.acme` in cordon.yaml',
    });
  }
  if (challenge.type === 'http-01') {
    challenges.http.set(challenge.token, proof);
    return;
  }
  const [key, cert] = await acme.crypto.createAlpnCertificate(authorization, proof);
  const context = contextOf({ certificate: cert.toString(), key: key.toString() });
  challenges.alpn.set(authorization.identifier.value, context);
  // The authority may look as soon as it is told.
  await challenges.shown();
}

async function rememberAccount(
  store: Store,
  row: { readonly kind: string; readonly id: string },
  account: Account,
): Promise<void> {
  await store.transact('system', async (tx) => {
    await tx.putPrivate(row.kind, row.id, account);
  });
}

function externalAccount({ externalAccount: account }: AcmeSettings): Partial<acme.ClientOptions> {
  if (account === undefined) return {};
  const hmacKey = read(account.hmacKeyFile).trim();
  return { externalAccountBinding: { kid: account.keyId, hmacKey } };
}

/** The library has one HTTP client for the whole process, and so has Cordon one authority. */
function trustAuthority({ ca }: AcmeSettings): void {
  Object.assign(acme.axios.defaults, {
    timeout: 30_000,
    acmeSettings: { retryMaxAttempts: ATTEMPTS, retryDefaultDelay: 1 },
    ...(ca === undefined ? {} : { httpsAgent: new Agent({ ca: read(ca) }) }),
  });
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : 'unknown failure';
    throw new CordonError('acme-file-unreadable', `cannot read \`${file}\`: ${reason}`, {
      cause,
      hint: 'correct the path under `tls.acme` in cordon.yaml',
    });
  }
}
