import type { Duplex } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { Wish } from './choose.ts';
import { nameFailure, type Named, type UpstreamFault } from './fault.ts';
import type { RetryBudget } from './budget.ts';
import type { Target } from './target.ts';
import type { UpstreamRequest } from './transport.ts';

/** What a request needs of its app's servers. */
export interface Servers {
  /** The server to try; undefined: none, refuse. */
  choose(wish: Omit<Wish<Target>, 'now'>): Target | undefined;
  readonly budget: RetryBudget;
  /** Why there is none to try. */
  noneLeft(): UpstreamFault;
  answered(target: Target): void;
  failed(target: Target, failure: Named): void;
  readonly isClosed: boolean;
}

/** Tried again at most this often. */
const MOST_RETRIES = 2;
/** Methods that may be sent twice: safe ones (RFC 9110 section 9.2.1), and only without a body. */
const REPEATABLE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * One request on its way to an app, over as many attempts as it takes. A safe request without a body whose attempt failed before a byte of
 * an answer came is tried again, while the budget lasts. So is any other without a body, and the handshake of a WebSocket, while no server
 * was reached: then none has read it. Nothing else ever is, and nothing that was ended from this side.
 */
export class Sending implements Dispatcher.DispatchHandler {
  readonly #servers: Servers;
  readonly #request: UpstreamRequest;
  readonly #handler: Dispatcher.DispatchHandler;
  readonly #isRepeatable: boolean;
  #target: Target | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #retries = 0;
  #hasBytes = false;

  constructor(servers: Servers, request: UpstreamRequest, handler: Dispatcher.DispatchHandler) {
    this.#servers = servers;
    this.#request = request;
    this.#handler = handler;
    this.#isRepeatable = request.body === null && !request.isWebSocket && REPEATABLE.has(request.method);
  }

  /** Sends it for the first time. */
  start(): void {
    const servers = this.#servers;
    servers.budget.earn();
    const target = servers.choose({ isRepeatable: this.#isRepeatable });
    if (target !== undefined) {
      this.#sendTo(target);
      return;
    }
    this.#handler.onResponseError?.(undefined as never, servers.noneLeft()); // nothing was begun, so there is nothing to control
  }

  onRequestStart(controller: Dispatcher.DispatchController, context: unknown): void {
    const before = this.#controller;
    this.#controller = controller;
    if (before?.aborted === true) controller.abort(before.reason ?? new Error('ended'));
    else this.#handler.onRequestStart?.(controller, context);
  }

  onResponseStarted(): void {
    this.#hasBytes = true;
    this.#handler.onResponseStarted?.();
  }

  onRequestUpgrade(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: Parameters<NonNullable<Dispatcher.DispatchHandler['onRequestUpgrade']>>[2],
    socket: Duplex,
  ): void {
    const target = this.#release();
    if (target !== undefined) {
      this.#servers.answered(target);
      target.outstanding += 1;
      socket.once('close', () => (target.outstanding -= 1));
    }
    this.#handler.onRequestUpgrade?.(controller, status, headers, socket);
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: Parameters<NonNullable<Dispatcher.DispatchHandler['onResponseStart']>>[2],
    text?: string,
  ): void {
    this.#hasBytes = true;
    if (this.#target !== undefined && !this.#target.health.isHealthy) this.#servers.answered(this.#target);
    this.#handler.onResponseStart?.(controller, status, headers, text);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#handler.onResponseData?.(controller, chunk);
  }

  onResponseEnd(
    controller: Dispatcher.DispatchController,
    trailers: Parameters<NonNullable<Dispatcher.DispatchHandler['onResponseEnd']>>[1],
  ): void {
    this.#release()?.health.completed();
    this.#handler.onResponseEnd?.(controller, trailers);
  }

  onResponseError(controller: Dispatcher.DispatchController | null, error: Error): void {
    const target = this.#release();
    const isOurs = controller?.aborted === true || Boolean(this.#request.body?.errored) || this.#servers.isClosed;
    if (target === undefined || isOurs) {
      target?.health.endTrial();
    } else {
      const named = nameFailure(error);
      this.#servers.failed(target, named);
      if (this.#tryAgain(target, named)) return;
    }
    this.#handler.onResponseError?.(controller as Dispatcher.DispatchController, error);
  }

  #sendTo(target: Target): void {
    this.#target = target;
    target.outstanding += 1;
    target.transport.dispatch(this.#request, this);
  }

  #release(): Target | undefined {
    const target = this.#target;
    this.#target = undefined;
    if (target !== undefined) target.outstanding -= 1;
    return target;
  }

  /** Whether it is on its way again. */
  #tryAgain(failed: Target, { failure }: Named): boolean {
    const isUnsent = failure === 'unreachable' && this.#request.body === null;
    if (!isUnsent && !(this.#isRepeatable && failure === 'lost')) return false;
    if (this.#hasBytes || this.#retries >= MOST_RETRIES) return false;
    const other = this.#servers.choose({ isRepeatable: this.#isRepeatable, except: failed });
    // A connection that was kept and had been closed meanwhile fails like this too; the server behind it may be well.
    const next = other ?? (failure === 'lost' ? failed : undefined);
    if (next === undefined) return false;
    if (!this.#servers.budget.take()) {
      other?.health.endTrial();
      return false;
    }
    this.#retries += 1;
    this.#sendTo(next);
    return true;
  }
}
