import assert from 'node:assert/strict';
import { type ManualClock, manualClock } from '#base';
import {
  type Client,
  createIdentity,
  type Identity,
  IDENTITY_LIMITS,
  type IdentityLimits,
  type Outcome,
  type SignedIn,
} from '#identity';
import { type OcsfEvent, TrustGraph } from '#model';
import { openStore, type Store } from '#store';
import { totpCode } from '../mfa/totp.ts';
import { SoftwareAuthenticator } from './software-authenticator.ts';

/** The origin of the tests' id host. */
export const ORIGIN = 'http://id.localhost:8080';

/** A password the rules accept. */
export const PASSWORD = 'seven brave otters';

/** Limits with a cheap password hash: the tests count attempts, not milliseconds. */
export const CHEAP: IdentityLimits = {
  ...IDENTITY_LIMITS,
  password: { ...IDENTITY_LIMITS.password, memoryKiB: 64, passes: 1 },
};

/** A person who has enrolled. */
export interface Person {
  readonly userId: string;
  readonly email: string;
  readonly client: Client;
  readonly signedIn: SignedIn;
  readonly recoveryCodes: readonly string[];
  readonly totpSecret?: string;
  readonly authenticator?: SoftwareAuthenticator;
}

/** Identity on a store in memory, with the graph fed as in production. */
export interface Bench {
  readonly identity: Identity;
  readonly store: Store;
  readonly graph: TrustGraph;
  readonly clock: ManualClock;
  readonly events: OcsfEvent[];
  /** Makes the journal refuse (true) or work. */
  breakJournal(broken: boolean): void;
  /** Another identity over the same store, as after a restart. */
  restart(): Identity;
  /** Invites and enrols a person; the first one becomes the administrator. */
  enrol(options: EnrolOptions): Promise<Person>;
  /** The present TOTP code of a person; moves the clock to the next step first, so that it is a fresh one. */
  freshCode(person: Person): string;
}

/** How a person enrols. */
export interface EnrolOptions {
  readonly email: string;
  readonly groups?: readonly string[];
  readonly factors: readonly ('totp' | 'passkey')[];
  readonly multiDevice?: boolean;
}

/** A client at an address. */
export function clientAt(address: string, deviceToken?: string): Client {
  return { address, userAgent: 'Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0', deviceToken };
}

/** The value of an outcome that must be ok. */
export function must<T>(outcome: Outcome<T>): T {
  assert.ok(outcome.ok, outcome.ok ? '' : `${outcome.error.code}: ${outcome.error.message}`);
  return outcome.value;
}

/** The error code of an outcome, or `ok`. */
export function codeOf(outcome: Outcome<unknown>): string {
  return outcome.ok ? 'ok' : outcome.error.code;
}

/** Makes a bench. */
export async function openBench(limits: IdentityLimits = CHEAP): Promise<Bench> {
  const clock = manualClock(Date.parse('2026-03-01T09:00:00Z'));
  const store = await openStore({ path: ':memory:', clock });
  const graph = new TrustGraph();
  graph.load(await store.snapshot());
  store.onChanges((changes) => {
    for (const change of changes) graph.apply(change);
  });
  const events: OcsfEvent[] = [];
  let broken = false;
  const journal = {
    append: async (event: OcsfEvent): Promise<void> => {
      await Promise.resolve();
      if (broken) throw new Error('journal-unwritable');
      events.push(event);
    },
  };
  const relyingParty = { id: 'id.localhost', name: 'Cordon', origins: [ORIGIN] };
  const make = (): Identity => createIdentity({ store, graph, journal, clock, relyingParty, limits });
  const identity = make();
  const bench = { identity, store, graph, clock, events };
  return {
    ...bench,
    breakJournal: (value) => {
      broken = value;
    },
    restart: make,
    enrol: async (options) => await enrol(bench, options),
    freshCode: ({ totpSecret = '' }) => {
      clock.advance(30_000);
      return totpCode(totpSecret, Math.floor(clock.now() / 30_000));
    },
  };
}

async function enrol(
  { identity, clock }: Pick<Bench, 'identity' | 'clock'>,
  { email, groups = [], factors, multiDevice = false }: EnrolOptions,
): Promise<Person> {
  const bootstrap = await identity.invitations.bootstrap();
  const link =
    bootstrap ?? must(await identity.invitations.invite({ email, name: 'A. Person', groups, by: 'local:0' }));
  const { enrolment } = must(await identity.enrolment.open({ token: link.token }));
  must(await identity.enrolment.setPassword({ enrolment, name: 'A. Person', email, password: PASSWORD }));
  let totpSecret: string | undefined;
  let authenticator: SoftwareAuthenticator | undefined;
  if (factors.includes('totp')) {
    totpSecret = must(identity.enrolment.beginTotp({ enrolment })).secret;
    must(identity.enrolment.confirmTotp({ enrolment, code: totpCode(totpSecret, Math.floor(clock.now() / 30_000)) }));
  }
  if (factors.includes('passkey')) {
    authenticator = new SoftwareAuthenticator({ origin: ORIGIN, multiDevice });
    const { options } = must(await identity.enrolment.beginPasskey({ enrolment }));
    must(await identity.enrolment.confirmPasskey({ enrolment, response: authenticator.create(options) }));
  }
  const client = clientAt('192.0.2.10');
  const signedIn = must(await identity.enrolment.finish({ enrolment, client }));
  return {
    userId: link.userId,
    email,
    client: { ...client, deviceToken: signedIn.deviceToken },
    signedIn,
    recoveryCodes: signedIn.recoveryCodes,
    ...(totpSecret === undefined ? {} : { totpSecret }),
    ...(authenticator === undefined ? {} : { authenticator }),
  };
}
