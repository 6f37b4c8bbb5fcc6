import { type Clock, isJsonObject, type Json } from '#base';
import type { HostProgram, ProgramCheck, ProgramStatus } from '#wire';
import type { Log } from '../log.ts';
import { Backoff } from '../pace.ts';
import type { StateDirectory } from '../state.ts';
import { DeniedFlows } from './denied-flows.ts';
import { checkProgram } from './guard.ts';
import { type Nft, NO_TABLE } from './nft.ts';
import { beginTrial, endTrial, isTrialOpen, readStored, type StoredProgram, storeProgram } from './stored.ts';

/** What applying programs needs. */
export interface EnforcerOptions {
  readonly nft: Nft;
  readonly state: StateDirectory;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether the server can be reached by a new connection; tries until `withinMs` is over. */
  readonly reach: (withinMs: number) => Promise<boolean>;
  /** This host's addresses. */
  readonly addresses: () => readonly string[];
  /** How long a new program has to let the server be reached, in milliseconds. */
  readonly trialMs: number;
}

/** A refused program is tried again after these times, in case the cause was not the program. */
const RETRY = { firstMs: 60_000, mostMs: 15 * 60_000 };
/** A server that has just answered must be reachable; if not, a trial would prove nothing. */
const BEFORE_MS = 5000;

/**
 * Keeps one program in force: the last one with which the server could be reached. INVARIANT: the table is only ever replaced
 * by another program. It is taken away in one case: a first program that cuts off the server, before which there was none.
 */
export class Enforcer {
  readonly flows: DeniedFlows = new DeniedFlows();
  readonly #o: EnforcerOptions;
  readonly #retry = new Backoff(RETRY);
  /** The program that must be in force. `digest` is what the kernel listed after it was applied; absent: it was not. */
  #force: (StoredProgram & { digest?: string }) | undefined;
  #status: ProgramStatus | undefined;
  #failed: { readonly version: string; readonly until: number } | undefined;
  #isApplying = false;
  #turn: Promise<undefined> = Promise.resolve(undefined);
  #lastTrouble = '';

  constructor(options: EnforcerOptions) {
    this.#o = options;
  }

  /** What became of the last program; undefined before the first. */
  get status(): ProgramStatus | undefined {
    return this.#status;
  }

  /** The version the server need not send: what is in force, or what has failed and waits. */
  get have(): string | undefined {
    return this.#failed?.version ?? this.#applied;
  }

  get #applied(): string | undefined {
    return this.#force?.digest === undefined ? undefined : this.#force.version;
  }

  /** Puts the last verified program in force again. Called before anything else, so that a restart opens nothing. */
  async start(): Promise<void> {
    const { state, nft, log } = this.#o;
    const stored = await readStored(state);
    if (stored === 'damaged') {
      log('program-damaged', 'the stored program is damaged; the firewall stays as it is until the server sends one');
    } else if (stored !== undefined) {
      const before = await nft.list();
      if (before !== undefined && !('error' in before)) this.#count(before.objects); // what was refused while no agent ran
      this.#force = stored;
      await this.#restore('the agent started');
    } else if (await isTrialOpen(state)) {
      const error = await nft.apply(NO_TABLE);
      log('program-rolled-back', error ?? 'a first program was being tried when the agent ended; it was taken back');
    }
    await unlessFull(async () => await endTrial(state));
  }

  /** Applies a program, and takes it back when the server cannot be reached with it. Never rejects. */
  async apply(program: HostProgram): Promise<void> {
    if (this.#isApplying) return; // the server says it again with its next answer
    if (program.version === this.#applied) {
      this.#failed = undefined; // the server went back to it
      return;
    }
    const now = this.#o.clock.now();
    if (this.#failed?.version === program.version && now < this.#failed.until) return;
    this.#isApplying = true;
    const checks: ProgramCheck[] = [];
    try {
      await this.#inTurn(async () => await this.#attempt(program, checks));
      this.#retry.succeed();
      this.#failed = undefined;
      this.#status = { ...this.#inForce(), attempted: program.version, ok: true, at: now, checks };
      this.#o.log('program-applied', `program ${program.version.slice(0, 12)} is in force`, {
        version: program.version,
      });
    } catch (cause) {
      const error = (cause instanceof Error ? cause.message : String(cause)).slice(0, 2000);
      this.#failed = { version: program.version, until: now + this.#retry.fail() };
      this.#status = { ...this.#inForce(), attempted: program.version, ok: false, error, at: now, checks };
      this.#o.log('program-refused', `program ${program.version.slice(0, 12)} is not in force: ${error}`, {
        version: program.version,
      });
    } finally {
      this.#isApplying = false;
    }
  }

  /** Counts what was refused, and puts the program back when somebody changed or flushed the table. Never rejects. */
  async watch(): Promise<void> {
    if (!this.#isApplying) await this.#inTurn(async () => await this.#lookAtTable());
  }

  async #lookAtTable(): Promise<void> {
    if (this.#force === undefined) return;
    const listing = await this.#o.nft.list();
    if (listing !== undefined && 'error' in listing) return this.#trouble(listing.error);
    if (listing !== undefined) this.#count(listing.objects);
    if (listing?.digest === undefined || listing.digest !== this.#force.digest) {
      await this.#restore(listing === undefined ? 'the table was removed' : 'the table was changed');
    } else if (this.#lastTrouble !== '') this.#wellAgain(this.#force, 'the table can be seen again');
  }

  /** One after the other: a program that is put back must not meet one that is being tried. */
  async #inTurn(work: () => Promise<void>): Promise<void> {
    const previous = this.#turn;
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.#turn = promise;
    await previous;
    try {
      await work();
    } finally {
      resolve(undefined);
    }
  }

  async #attempt(program: HostProgram, checks: ProgramCheck[]): Promise<void> {
    const { nft, state, reach, trialMs, clock } = this.#o;
    const step = (name: string, error: string | undefined, detail = ''): void => {
      checks.push({ name, ok: error === undefined, detail: (error ?? detail).slice(0, 512) });
      if (error !== undefined) throw new Error(error);
    };
    const checked = checkProgram(program.document);
    step('document', checked.ok ? undefined : checked.error.message);
    if (!checked.ok) return;
    const document = checked.value;
    step('dry-run', await nft.check(document));
    step(
      'server-before',
      (await reach(BEFORE_MS)) ? undefined : 'the server cannot be reached, so a trial would prove nothing',
    );
    const before = await nft.list();
    if (before !== undefined && !('error' in before)) this.#count(before.objects);
    const stored = { version: program.version, document, appliedAt: clock.now() };
    const trial = await unlessFull(async () => await beginTrial(state, program.version));
    try {
      step('apply', await nft.apply(document));
      this.flows.forgetCounters();
      const listing = await nft.list();
      step('read-back', readBackProblem(listing, document.nftables));
      step(
        'server-after',
        (await reach(trialMs)) ? undefined : `the server could not be reached for ${trialMs / 1000} s`,
      );
      this.#force = listing !== undefined && 'digest' in listing ? { ...stored, digest: listing.digest } : stored;
    } catch (cause) {
      checks.push(await this.#rollBack());
      await unlessFull(async () => await endTrial(state));
      throw cause;
    }
    const kept = (await unlessFull(async () => await storeProgram(state, stored))) ?? trial;
    // Enforcing does not depend on a disk: after a restart the server says it again.
    if (kept !== undefined) checks.push({ name: 'kept', ok: false, detail: kept.slice(0, 512) });
    await unlessFull(async () => await endTrial(state));
  }

  /** Back to the previous program; to no table at all only when there never was one. */
  async #rollBack(): Promise<ProgramCheck> {
    const previous = this.#force;
    const error = await this.#o.nft.apply(previous?.document ?? NO_TABLE);
    this.flows.forgetCounters();
    if (previous !== undefined) await this.#learnDigest(previous);
    const detail = error ?? (previous === undefined ? 'there was no program before' : `back to ${previous.version}`);
    this.#o.log('program-rolled-back', detail);
    return { name: 'rollback', ok: error === undefined, detail: detail.slice(0, 512) };
  }

  async #restore(why: string): Promise<void> {
    const { nft } = this.#o;
    const force = this.#force;
    if (force === undefined) return;
    const error = await nft.apply(force.document);
    if (error !== undefined) {
      const { digest: _, ...lost } = force;
      this.#force = lost;
      return this.#trouble(error);
    }
    this.flows.forgetCounters();
    await this.#learnDigest(force);
    this.#wellAgain(force, why);
  }

  #wellAgain({ version }: StoredProgram, why: string): void {
    this.#lastTrouble = '';
    const checks = [{ name: 'restored', ok: true, detail: why }];
    this.#status = { ...this.#inForce(), attempted: version, ok: true, at: this.#o.clock.now(), checks };
    this.#o.log('program-restored', `program ${version.slice(0, 12)} is in force again: ${why}`, { version });
  }

  async #learnDigest(force: StoredProgram): Promise<void> {
    const listing = await this.#o.nft.list();
    this.#force = listing !== undefined && 'digest' in listing ? { ...force, digest: listing.digest } : force;
  }

  #inForce(): { readonly applied?: string } {
    return this.#applied === undefined ? {} : { applied: this.#applied };
  }

  #count(objects: readonly Json[]): void {
    this.flows.observe(objects, this.#o.addresses(), this.#o.clock.now());
  }

  /** Tells a lasting trouble once, to the log and to the server. */
  #trouble(error: string): void {
    if (error === this.#lastTrouble) return;
    this.#lastTrouble = error;
    this.#o.log('program-not-in-force', error);
    const attempted = this.#force === undefined ? {} : { attempted: this.#force.version };
    const at = this.#o.clock.now();
    this.#status = { ...this.#inForce(), ...attempted, ok: false, error: error.slice(0, 2000), at, checks: [] };
  }
}

/** Why something could not be written; undefined when it was. */
async function unlessFull(write: () => Promise<void>): Promise<string | undefined> {
  try {
    await write();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Compares what the kernel lists with what was sent, by number: nft writes the same rule in more than one way. */
function readBackProblem(
  listing: { readonly objects: readonly Json[] } | { readonly error: string } | undefined,
  commands: readonly Json[],
): string | undefined {
  if (listing === undefined) return 'the table is not there after it was applied';
  if ('error' in listing) return listing.error;
  for (const kind of ['chain', 'rule', 'set']) {
    const wanted = commands.filter((one) => isJsonObject(one) && isJsonObject(one['add']) && kind in one['add']).length;
    const found = listing.objects.filter((one) => isJsonObject(one) && kind in one).length;
    if (wanted !== found) return `the kernel holds ${found} of ${wanted} objects of kind ${kind}`;
  }
  return undefined;
}
