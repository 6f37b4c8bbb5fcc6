import type { Socket } from 'node:net';
import type { App } from '#model';
import { RetryBudget } from './budget.ts';
import { Chooser, type Wish } from './choose.ts';
import { nameFailure, type Named, UpstreamFault } from './fault.ts';
import { probe } from './probe.ts';
import { isSameUpstream } from './same-upstream.ts';
import { Sending, type Servers } from './sending.ts';
import { Target } from './target.ts';
import { TlsFiles } from './tls-files.ts';
import type { Deadlines, UpstreamRequest } from './transport.ts';

/** A server of an app got better or worse, or its files cannot be used. */
export interface Turn {
  readonly app: App;
  readonly target: { readonly origin: string; readonly hostname: string; readonly port: number };
  /** `files`: those of TLS cannot be used any more, and the last good ones stay in force. */
  readonly to: 'healthy' | 'unhealthy' | 'files';
  readonly why: string;
}

/** What a backend needs of its surroundings. */
export interface BackendOptions {
  readonly deadlines: Deadlines & { readonly healthIntervalMs: number; readonly healthTimeoutMs: number };
  /** Milliseconds of a clock that never jumps. */
  readonly now: () => number;
  readonly onTurn: (turn: Turn) => void;
}

/** How often files are looked at, milliseconds. */
const FILES_MS = 2_000;
/** Servers a TCP connection is tried at. */
const MOST_DIALS = 3;

/** All servers of one app, as the app is now. */
export class Backend implements Servers {
  #app: App;
  readonly budget = new RetryBudget();
  readonly #targets: readonly Target[];
  readonly #chooser: Chooser<Target>;
  readonly #files: TlsFiles;
  readonly #options: BackendOptions;
  readonly #probing = new Map<Target, number>();
  #filesAt: number;
  #isClosed = false;

  constructor(app: App, options: BackendOptions) {
    const { upstream, upstreamOptions = {} } = app;
    if (upstream === undefined) throw new Error(`the app \`${app.id}\` has no upstream`);
    this.#app = app;
    this.#options = options;
    this.#files = new TlsFiles(upstreamOptions, options.now);
    this.#filesAt = options.now();
    this.#targets = [upstream, ...(upstreamOptions.others ?? [])].map(
      (base) => new Target(base, app, this.#files, options.deadlines),
    );
    this.#chooser = new Chooser(this.#targets);
  }

  /** True while this is how to reach the app; false for another app, or the same with other servers or options. */
  serves(app: App): boolean {
    if (app === this.#app) return true;
    if (this.#isClosed || app.id !== this.#app.id || !isSameUpstream(app, this.#app)) return false;
    if (app.host !== this.#app.host) return false;
    if (app.upstreamOptions?.healthPath !== this.#app.upstreamOptions?.healthPath) return false;
    this.#app = app;
    return true;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  noneLeft(): UpstreamFault {
    const { reason, cause } = this.#targets.find(({ lastFailure }) => lastFailure !== undefined)?.lastFailure ?? {};
    return new UpstreamFault(
      reason === undefined || reason === 'request-malformed' ? 'upstream-unreachable' : reason,
      `no server of the app is healthy; the last failure: ${cause ?? 'unknown'}`,
    );
  }

  /** Its servers, by name or address and port, and whether they are well. */
  servers(): { readonly server: string; readonly isHealthy: boolean }[] {
    return this.#targets.map(({ hostname, port, health }) => ({
      server: `${hostname}:${port}`,
      isHealthy: health.isHealthy,
    }));
  }

  choose(wish: Omit<Wish<Target>, 'now'>): Target | undefined {
    return this.#chooser.choose({ now: this.#options.now(), ...wish });
  }

  send(request: UpstreamRequest, handler: ConstructorParameters<typeof Sending>[2]): void {
    new Sending(this, request, handler).start();
  }

  /** A connection of its own to one of the servers; when one cannot be reached, to another. */
  async connect(): Promise<Socket> {
    let target = this.choose({ isRepeatable: true });
    let fault: unknown = target === undefined ? this.noneLeft() : undefined;
    for (let i = 0; i < MOST_DIALS && target !== undefined; i++) {
      try {
        return await this.#open(target);
      } catch (error) {
        fault = error;
        target = this.choose({ isRepeatable: true, except: target });
      }
    }
    target?.health.endTrial();
    throw fault;
  }

  answered(target: Target): void {
    this.#change(target, 'it answers again', () => {
      target.health.answered(this.#options.now());
    });
  }

  failed(target: Target, named: Named): void {
    const { health } = target;
    if (named.failure === 'ours') {
      health.endTrial();
      return;
    }
    target.lastFailure = named;
    this.#change(target, named.cause, () => {
      if (named.failure === 'unreachable') health.unreachable(this.#options.now());
      else health.broke(this.#options.now());
    });
  }

  /** Does what is due: own checks, and looking at files. Called several times a second. */
  tick(): void {
    const now = this.#options.now();
    if (now - this.#filesAt >= FILES_MS) {
      this.#filesAt = now;
      void this.#refresh();
    }
    const { upstream, upstreamOptions: { healthPath } = {} } = this.#app;
    if (healthPath === undefined || upstream?.startsWith('http') !== true) return;
    for (const target of this.#targets) {
      if (now < (this.#probing.get(target) ?? 0)) continue;
      this.#probing.set(target, Number.POSITIVE_INFINITY);
      void this.#check(target, healthPath);
    }
  }

  /** Takes nothing new; what is under way goes on. */
  retire(): void {
    this.#isClosed = true;
    for (const target of this.#targets) target.renew();
  }

  /** Ends everything. */
  async destroy(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#targets.map(async (target) => await target.destroy()));
  }

  async #open(target: Target): Promise<Socket> {
    target.outstanding += 1;
    try {
      const socket = await target.open();
      socket.once('close', () => (target.outstanding -= 1));
      this.answered(target);
      return socket;
    } catch (error) {
      target.outstanding -= 1;
      this.failed(target, nameFailure(error instanceof Error ? error : new Error(String(error))));
      throw error;
    }
  }

  async #check(target: Target, path: string): Promise<void> {
    const { now, deadlines } = this.#options;
    const problem = await probe(target.transport, { host: this.#app.host, path, timeoutMs: deadlines.healthTimeoutMs });
    this.#probing.set(target, now() + deadlines.healthIntervalMs);
    if (this.#isClosed) return;
    if (problem !== undefined) target.lastFailure = { reason: 'upstream-unreachable', cause: problem };
    this.#change(target, problem ?? 'its health check succeeds', () => {
      target.health.checked(problem === undefined, now());
    });
  }

  async #refresh(): Promise<void> {
    const [first] = this.#targets;
    try {
      if (!(await this.#files.refresh()) || this.#isClosed) return;
      for (const target of this.#targets) target.renew();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      if (first !== undefined) this.#tell(first, 'files', `${why}; the last good ones stay in force`);
    }
  }

  #change(target: Target, why: string, change: () => void): void {
    const before = target.health.isHealthy;
    change();
    const { isHealthy } = target.health;
    if (isHealthy !== before) this.#tell(target, isHealthy ? 'healthy' : 'unhealthy', why);
  }

  #tell(target: Target, to: Turn['to'], why: string): void {
    this.#options.onTurn({ app: this.#app, target, to, why });
  }
}
