import { CordonError } from '#base';
import type { Instruction } from '#wire';
import { readIdentity } from './identity.ts';
import { lockState } from './lock.ts';
import { Backoff, jitter, Rest } from './pace.ts';
import { readStored } from './program/stored.ts';
import { addressText } from './server.ts';
import { Session, type SessionOptions } from './session.ts';

/** How often it is checked whether the certificate is due, in milliseconds. */
const RENEWAL_CHECK_MS = 10_000;

/** Runs the agent until the signal aborts. Rejects only when it cannot start. */
export async function run(options: SessionOptions): Promise<void> {
  const { state, log, enforce } = options;
  const unlock = lockState(state.path);
  const session = new Session(options);
  try {
    if (session.enforcer !== undefined) await session.enforcer.start();
    else if ((await readStored(state)) !== undefined) {
      log(
        'program-not-watched',
        'an earlier program stays as it is; with `--enforce` it is kept in force and up to date',
      );
    }
    const identity = await readIdentity(state);
    await session.assume(identity);
    const { deviceId, server } = identity;
    log(
      'started',
      `device ${deviceId} reports to ${addressText(server)}${enforce ? ' and enforces its program' : ''}`,
      {
        deviceId,
      },
    );
    const loops = new Loops(session, options);
    await Promise.all([loops.report(), loops.poll(), loops.renew()]);
    await loops.settled();
    log('stopped', enforce ? 'the program stays in force' : 'told to stop');
  } finally {
    session.close();
    unlock();
  }
}

/** The three things an agent does at the same time. None of them ends before the signal aborts. */
class Loops {
  readonly #session: Session;
  readonly #options: SessionOptions;
  /** Of the report loop, which the others wake. */
  readonly #rest = new Rest();
  readonly #renewalRest = new Rest();
  readonly #reporting: Backoff;
  #isServerLost = false;
  #following: Promise<void> = Promise.resolve();

  constructor(session: Session, options: SessionOptions) {
    this.#session = session;
    this.#options = options;
    this.#reporting = new Backoff(options.timing.backoff);
  }

  /** Reports at the pace the server asks for, and at once when the host has changed. */
  async report(): Promise<void> {
    const { signal, timing } = this.#options;
    let sent: string | undefined;
    let dueAt = 0; // of the monotonic clock: setting the time must not stop the reports
    while (!signal.aborted) {
      let rest = timing.watchMs;
      try {
        const begun = performance.now();
        const look = await this.#session.look();
        const now = performance.now();
        rest = Math.max(rest, 4 * (now - begun)); // a host with a huge ruleset is looked at less often
        const isChanged = look.digest !== sent && !this.#reporting.isFailing;
        if ((isChanged || now >= dueAt) && !signal.aborted) {
          const instruction = await this.#session.report(look);
          sent = look.digest;
          dueAt = now + jitter(instruction.reportEverySeconds * 1000, 0.1);
          this.#succeeded();
          void this.#follow(instruction); // trying a program takes long, and the host is watched meanwhile
        }
      } catch (error) {
        const wait = this.#reporting.fail();
        dueAt = performance.now() + wait;
        this.#failed('report', error, wait);
      }
      await this.#rest.sleep(rest, signal);
    }
  }

  /** Asks for something new all the time, so that a program arrives the moment it is made. */
  async poll(): Promise<void> {
    const { signal, timing } = this.#options;
    const backoff = new Backoff(timing.backoff);
    const rest = new Rest();
    while (!signal.aborted) {
      let wait = timing.pollRestMs;
      try {
        await this.#follow(await this.#session.poll());
        backoff.succeed();
      } catch (error) {
        const isFirst = !backoff.isFailing;
        wait = backoff.fail();
        // A lost server is told by the report loop already.
        if (isFirst && !this.#reporting.isFailing) this.#failed('poll', error, wait);
      }
      await rest.sleep(wait, signal);
    }
  }

  /** Renews the certificate in time. */
  async renew(): Promise<void> {
    const { signal, timing } = this.#options;
    const backoff = new Backoff(timing.backoff);
    while (!signal.aborted) {
      let wait = Math.min(RENEWAL_CHECK_MS, timing.pollMs);
      if (this.#session.isRenewalDue) {
        try {
          await this.#session.renew();
          backoff.succeed();
          this.#reporting.succeed();
          this.#rest.wake();
        } catch (error) {
          wait = backoff.fail();
          this.#failed('renewal', error, wait);
        }
      }
      await this.#renewalRest.sleep(wait, signal);
    }
  }

  /** Resolves when nothing is half done. */
  async settled(): Promise<void> {
    await this.#following;
  }

  /** Follows an instruction; a program that was tried is told at once. */
  async #follow(instruction: Instruction): Promise<void> {
    const following = this.#session.follow(instruction);
    this.#following = Promise.all([this.#following, following]).then(() => undefined);
    await following;
    if (this.#session.enforcer !== undefined && instruction.program !== undefined) this.#rest.wake();
  }

  #succeeded(): void {
    this.#reporting.succeed();
    if (this.#isServerLost) this.#options.log('server-found', 'the server answers again');
    this.#isServerLost = false;
  }

  #failed(what: string, error: unknown, wait: number): void {
    if (this.#options.signal.aborted) return;
    this.#isServerLost = true;
    const code = error instanceof CordonError ? error.code : 'internal';
    if (code === 'certificate-outdated' && what !== 'renewal') {
      this.#session.expectRenewal();
      this.#renewalRest.wake();
    }
    const hint = error instanceof CordonError && error.hint !== undefined ? ` (${error.hint})` : '';
    const message = error instanceof Error ? error.message : String(error);
    this.#options.log(`${what}-failed`, `${message}${hint}; tried again in ${Math.ceil(wait / 1000)} s`, { code });
  }
}
