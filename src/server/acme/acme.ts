import type { Server } from 'node:http';
import type { SecureContext } from 'node:tls';
import { type Clock, CordonError } from '#base';
import type { AcmeSettings } from '#config';
import { buildEvent, type OcsfEvent } from '#model';
import type { Store } from '#store';
import type { Log } from '../log.ts';
import { endServer, listenOn } from '../listen-on.ts';
import { noChallenges } from './challenges.ts';
import { challengeServer } from './challenge-listener.ts';
import { type KeptCertificate, openOrders } from './order.ts';

/** Certificates of an authority, one per host, ordered and renewed by ACME. @see RFC 8555 */
export interface Acme {
  /** What to show for a host: the proof that the authority asks for now, else its certificate; undefined while there is none. */
  contextFor(host: string): SecureContext | undefined;
  /** Orders what is missing or ends soon, a few at a time. Never throws: what failed is told, and tried again later. */
  refresh(): Promise<void>;
  close(): Promise<void>;
}

/** What ACME works with. */
export interface AcmeOptions {
  readonly settings: AcmeSettings;
  readonly store: Store;
  readonly journal: { append(event: OcsfEvent): Promise<unknown> };
  readonly clock: Clock;
  readonly log: Log;
  /** Makes the TLS context of a certificate: which devices' certificates it asks for is the caller's business. */
  readonly contextOf: (certificate: string, key: string) => SecureContext;
  /** Resolves when every process of this Cordon shows what `contextFor` says now. */
  readonly shown?: () => Promise<void>;
  /** Host names to have certificates for, now. */
  readonly hosts: () => readonly string[];
  readonly httpsPort: () => number | undefined;
}

const MINUTE = 60_000;
const LONGEST_WAIT_MS = 12 * 60 * MINUTE;
/** Orders in one go, so that many new hosts do not meet an authority's limits at once. */
const ORDERS_AT_ONCE = 5;
/** A certificate is renewed when this part of its life is over. */
const RENEW_AFTER = 2 / 3;

interface Failure {
  readonly count: number;
  readonly again: number;
}

/** Binds the challenge listener and takes up the certificates that were ordered before. Throws as listeners do, or `acme-file-unreadable`. */
export async function keepAcme(options: AcmeOptions): Promise<Acme> {
  const { settings, store, clock, contextOf } = options;
  const challenges = noChallenges(options.shown);
  const order = await openOrders({ settings, store, challenges });
  const kept = new Map<string, KeptCertificate>();
  const contexts = new Map<string, SecureContext>();
  const failures = new Map<string, Failure>();
  const rows = await store.read(async (tx) => await tx.listPrivate<KeptCertificate>('acme-certificate'));
  for (const { id, body } of rows) {
    if (body.directory !== settings.directory || body.notAfter <= clock.now()) continue;
    kept.set(id, body);
    contexts.set(id, contextOf(body.certificate, body.key));
  }
  const server = await openListener(options, challenges);
  const orderFor = async (host: string): Promise<void> => {
    try {
      const certificate = await order(host);
      contexts.set(host, contextOf(certificate.certificate, certificate.key));
      kept.set(host, certificate);
      failures.delete(host);
      await challenges.shown();
      await store.transact('system', async (tx) => {
        await tx.putPrivate('acme-certificate', host, certificate);
      });
      await tell(options, host, undefined);
    } catch (error) {
      const count = (failures.get(host)?.count ?? 0) + 1;
      failures.set(host, { count, again: clock.now() + Math.min(LONGEST_WAIT_MS, MINUTE * 2 ** (count - 1)) });
      await tell(options, host, error);
    }
  };
  const ending = Promise.withResolvers<void>();
  let working: Promise<void> | undefined;
  const work = async (): Promise<void> => {
    const now = clock.now();
    const due = [...new Set(options.hosts())]
      .filter((host) => isDue(kept.get(host), now) && (failures.get(host)?.again ?? 0) <= now)
      .slice(0, ORDERS_AT_ONCE);
    for (const host of due) await orderFor(host);
  };
  return {
    contextFor: (host) => challenges.alpn.get(host) ?? contexts.get(host),
    refresh: async () => {
      working ??= work().finally(() => {
        working = undefined;
      });
      // An authority may take minutes; nobody who stops Cordon waits for it.
      await Promise.race([ending.promise, working]);
    },
    close: async () => {
      ending.resolve();
      if (server !== undefined) await endServer(server);
    },
  };
}

async function openListener(
  { settings, hosts, httpsPort }: AcmeOptions,
  challenges: ReturnType<typeof noChallenges>,
): Promise<Server | undefined> {
  if (settings.listen === undefined) return undefined;
  const server = challengeServer(challenges, { isServed: (host) => hosts().includes(host), httpsPort });
  await listenOn(server, settings.listen);
  return server;
}

function isDue(kept: KeptCertificate | undefined, now: number): boolean {
  return kept === undefined || now >= kept.notBefore + (kept.notAfter - kept.notBefore) * RENEW_AFTER;
}

/** One event per order: what a person needs when a browser warns, and what an auditor asks for. */
async function tell({ journal, clock, log, settings }: AcmeOptions, host: string, error: unknown): Promise<void> {
  const reason = error === undefined ? undefined : reasonOf(error);
  if (reason !== undefined) log.warn({ host, reason }, 'no certificate by ACME yet; it is tried again');
  await journal
    .append(
      buildEvent({
        class: 'entityManagement',
        activity: 'update',
        time: clock.now(),
        message: `certificate for ${host} ${reason === undefined ? 'issued' : `not issued: ${reason}`}`,
        status: reason === undefined ? 'success' : 'failure',
        severity: reason === undefined ? 'informational' : 'medium',
        ...(reason === undefined ? {} : { statusCode: 'acme-order-failed' }),
        attributes: { entity: { type: 'certificate', name: host } },
        cordon: { directory: settings.directory, ...(reason === undefined ? {} : { reason }) },
      }),
    )
    .catch((cause: unknown) => {
      log.error({ err: cause, host }, 'the order of a certificate was not recorded');
    });
}

function reasonOf(error: unknown): string {
  if (error instanceof CordonError) return error.message;
  return (error instanceof Error ? error.message : String(error)).slice(0, 500);
}
