import { setTimeout as wait } from 'node:timers/promises';
import { type Clock, CordonError, newToken } from '#base';
import { type Facts, type Instruction, type MessageOf, type Report, WIRE_VERSION } from '#wire';
import { type FactCollector, factCollector, factsDigest } from './facts/collect.ts';
import type { RunCommand } from './command.ts';
import type { Host } from './host.ts';
import { checkIssued, type Identity, IDENTITY_FILES } from './identity.ts';
import { certificateRequest, signPosture } from './key.ts';
import { keepReport, type LastReport, readReport } from './last-report.ts';
import type { Log } from './log.ts';
import { type BackoffLimits, jitter } from './pace.ts';
import { Enforcer } from './program/enforcer.ts';
import { nftables } from './program/nft.ts';
import { type Server, serverAt } from './server.ts';
import type { StateDirectory } from './state.ts';
import { whereabouts } from './whereabouts.ts';

/** How often things happen, in milliseconds. Tests are less patient. */
export interface Timing {
  /** Between two looks at what is cheap to see. */
  readonly watchMs: number;
  /** How long a question may take that is answered at once. */
  readonly askMs: number;
  /** How long the server may think about whether there is something new. */
  readonly pollMs: number;
  /** The shortest time between two polls. */
  readonly pollRestMs: number;
  /** How long a new program has to let the server be reached. */
  readonly trialMs: number;
  readonly backoff: BackoffLimits;
}

/** The timing of production. */
export const TIMING: Timing = {
  watchMs: 2000,
  askMs: 20_000,
  pollMs: 120_000,
  pollRestMs: 1000,
  trialMs: 15_000,
  backoff: { firstMs: 1000, mostMs: 60_000 },
};

/** Where the server was last reached. */
const SERVER_ADDRESS = 'server-address';

/** While the verdict stays the same, it is written this often. */
const KEEP_MS = 60_000;

/** What a running agent works with. */
export interface SessionOptions {
  readonly state: StateDirectory;
  readonly host: Host;
  readonly clock: Clock;
  readonly log: Log;
  readonly enforce: boolean;
  readonly timing: Timing;
  /** Aborted when the agent is told to stop. */
  readonly signal: AbortSignal;
}

/** What one look at the host showed. */
export interface Look {
  readonly facts: Facts;
  readonly addresses: readonly string[];
  readonly collectedAt: number;
  /** Differs when a report is due at once. */
  readonly digest: string;
}

/** One running agent: what it knows, and each thing it can do. The loops in `run.ts` decide when. */
export class Session {
  readonly enforcer: Enforcer | undefined;
  #identity: Identity | undefined;
  #server: Server | undefined;
  #isRenewalDue = false;
  #sequence = 0;
  #kept = { judged: '', at: 0 };
  #isKept = true;
  #verdict = '';
  /** Without `enforce`: the version that was offered, so that a poll waits for the next one. */
  #offered: string | undefined;
  readonly #o: SessionOptions;
  readonly #collector: FactCollector;

  constructor(options: SessionOptions) {
    const { state, host, clock, log, timing, signal } = options;
    this.#o = options;
    // An agent that is told to stop does not wait for a package manager; what nft does is never cut short.
    const run: RunCommand = async (command, args, limits) => await host.run(command, args, { ...limits, signal });
    this.#collector = factCollector({ ...host, run });
    if (!options.enforce) return;
    this.enforcer = new Enforcer({
      nft: nftables(host.run, state),
      state,
      clock,
      log,
      reach: async (withinMs) => await this.#reach(withinMs),
      addresses: host.addresses,
      trialMs: timing.trialMs,
    });
  }

  /** Takes up an identity. */
  async assume(identity: Identity): Promise<void> {
    this.#identity = identity;
    this.#sequence = (await readReport(this.#o.state))?.sequence ?? 0;
    const { state } = this.#o;
    const where = whereabouts(await state.read(SERVER_ADDRESS), (address) => {
      // Without it the agent asks the resolver after a restart, which costs nothing where that can be reached.
      state.write(SERVER_ADDRESS, address).catch(() => {});
    });
    this.#server = serverAt(identity.server, () => ({ authority: identity.authority, own: this.#own() }), where);
  }

  /** Looks at the host, and keeps its program in force. */
  async look(): Promise<Look> {
    const { clock, host } = this.#o;
    await this.enforcer?.watch();
    const collectedAt = clock.now();
    const facts = await this.#collector.collect(collectedAt);
    const addresses = host.addresses();
    const status = this.enforcer?.status;
    const digest = `${factsDigest(facts)} ${addresses.join()} ${status?.at ?? ''} ${status?.applied ?? ''}`;
    return { facts, addresses, collectedAt, digest };
  }

  /** Signs and sends a report. Resolves with what the server wants. */
  async report(look: Look): Promise<Instruction> {
    const { clock, log, timing } = this.#o;
    const { deviceId, key } = this.#known();
    const now = clock.now();
    // The clock keeps it growing even when the file that remembers it is lost.
    const sequence = Math.max(this.#sequence + 1, Math.floor(now));
    this.#sequence = sequence;
    const { facts, collectedAt } = look;
    const claims = { sub: deviceId, iat: Math.floor(now / 1000), jti: newToken(), sequence, collectedAt, facts };
    const deniedFlows = this.enforcer?.flows.next() ?? [];
    const program = this.enforcer?.status;
    const body: Report = {
      wire: WIRE_VERSION,
      sequence,
      collectedAt,
      posture: signPosture(key, claims),
      addresses: look.addresses,
      deniedFlows,
      ...(program === undefined ? {} : { program }),
    };
    const instruction = await this.#ask(
      { method: 'POST', path: '/v1/report', body, answer: 'instruction' },
      timing.askMs,
    );
    this.enforcer?.flows.reported(deniedFlows);
    const verdict = instruction.posture?.verdict ?? 'not judged';
    if (verdict !== this.#verdict) log('reported', `the server judges this host ${verdict}`, { verdict, sequence });
    this.#verdict = verdict;
    const { posture } = instruction;
    await this.#keep({ sequence, at: now, ...(posture === undefined ? {} : { posture }) });
    return instruction;
  }

  /** Waits for something new. Resolves when there is, or when the server has waited long enough. */
  async poll(): Promise<Instruction> {
    const { signal, timing } = this.#o;
    const have = this.enforcer === undefined ? this.#offered : this.enforcer.have;
    const path = `/v1/instruction${have === undefined ? '' : `?have=${encodeURIComponent(have)}`}`;
    return await this.#ask({ method: 'GET', path, answer: 'instruction', signal }, timing.pollMs);
  }

  /** Does what the server wants. */
  async follow(instruction: Instruction): Promise<void> {
    const { program } = instruction;
    this.#isRenewalDue ||= instruction.renewalDue;
    if (program === undefined) return;
    if (this.enforcer !== undefined) return await this.enforcer.apply(program);
    if (program.version !== this.#offered) {
      const version = program.version.slice(0, 12);
      this.#o.log('program-offered', `program ${version} is not applied: the agent runs without \`--enforce\``);
    }
    this.#offered = program.version;
  }

  /** Whether the certificate should be replaced now: the server says so, or less than a third of its life is left. */
  get isRenewalDue(): boolean {
    const { notBefore, notAfter } = this.#known().certificate;
    return this.#isRenewalDue || this.#o.clock.now() > notAfter - (notAfter - notBefore) / 3;
  }

  /** The server no longer takes the certificate. */
  expectRenewal(): void {
    this.#isRenewalDue = true;
  }

  /** Has the key certified anew. The old certificate stays until the new one is on disk. */
  async renew(): Promise<void> {
    const { state, log, timing } = this.#o;
    const { key, authority } = this.#known();
    const body = { wire: WIRE_VERSION, csr: await certificateRequest(key) };
    const issued = await this.#ask({ method: 'POST', path: '/v1/renew', body, answer: 'issuedIdentity' }, timing.askMs);
    const checked = checkIssued(issued, key, authority);
    if (!checked.ok)
      throw new CordonError(checked.error.code, checked.error.message, { hint: checked.error.hint ?? '' });
    await state.write(IDENTITY_FILES.certificate, checked.value.pem);
    this.#identity = { ...this.#known(), certificate: checked.value };
    this.#isRenewalDue = false;
    log('renewed', `the certificate is valid until ${new Date(checked.value.notAfter).toISOString()}`);
  }

  close(): void {
    this.#server?.close();
  }

  /** A disk that is full costs `cordon agent posture` its memory, and must not cost the server a report. */
  async #keep(report: LastReport): Promise<void> {
    const judged = JSON.stringify([report.posture?.verdict, report.posture?.results]);
    if (judged === this.#kept.judged && report.at >= this.#kept.at && report.at - this.#kept.at < KEEP_MS) return;
    this.#kept = { judged, at: report.at };
    try {
      await keepReport(this.#o.state, report);
      this.#isKept = true;
    } catch (error) {
      if (this.#isKept) this.#o.log('report-not-kept', error instanceof Error ? error.message : String(error));
      this.#isKept = false;
    }
  }

  async #ask<K extends 'instruction' | 'issuedIdentity'>(
    ask: { method: 'GET' | 'POST'; path: string; body?: object; answer: K; signal?: AbortSignal },
    timeoutMs: number,
  ): Promise<MessageOf[K]> {
    if (this.#server === undefined) throw new TypeError('no identity was assumed');
    return await this.#server.ask({ ...ask, timeoutMs });
  }

  async #reach(withinMs: number): Promise<boolean> {
    const until = performance.now() + withinMs;
    for (;;) {
      const left = until - performance.now();
      if (left <= 0 || this.#o.signal.aborted) return false;
      if ((await this.#server?.isReachable(Math.min(left, 3000))) === true) return true;
      await wait(jitter(Math.min(500, left), 0.2));
    }
  }

  #own(): { readonly certificate: string; readonly key: string } {
    const { certificate, key } = this.#known();
    return { certificate: certificate.pem, key: String(key.export({ type: 'pkcs8', format: 'pem' })) };
  }

  #known(): Identity {
    if (this.#identity === undefined) throw new TypeError('no identity was assumed');
    return this.#identity;
  }
}
