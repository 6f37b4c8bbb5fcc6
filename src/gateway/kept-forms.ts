import { hashToken, newToken } from '#base';
import { networkKey } from './budgets.ts';

/** A form that a person sent, and that was not delivered because they had to prove who they are first. */
export interface KeptForm {
  readonly host: string;
  /** Path and query that it was sent to. */
  readonly target: string;
  /** The body, `application/x-www-form-urlencoded`. */
  readonly body: string;
  /** Whose session it came with; absent when nobody was signed in. */
  readonly userId?: string;
}

/** Longest form that is kept, bytes. */
export const LONGEST_FORM = 64 * 1024;
/** How long one is kept, milliseconds. */
export const FORM_MS = 10 * 60_000;

/** Bounds: forms and bytes in all, and forms of one address, whose oldest gives way to its newest. */
export interface FormLimits {
  readonly forms: number;
  readonly bytes: number;
  readonly perAddress: number;
}

const LIMITS: FormLimits = { forms: 2000, bytes: 16 * 1024 * 1024, perAddress: 8 };

/** Where forms are kept: in this process, or in the one that all gateways of a Cordon share. */
export interface FormKeeper {
  /** Keeps a form and returns its secret; undefined when there is no room. */
  keep(form: KeptForm, address: string): string | undefined | Promise<string | undefined>;
  /** The form behind a secret, once, for the host it was sent to and the person it is of. */
  take(secret: string, whose: FormOwner): KeptForm | undefined | Promise<KeptForm | undefined>;
}

/** Who may have a form back, and where. */
export interface FormOwner {
  readonly host: string;
  readonly userId: string;
}

interface Held extends KeptForm {
  readonly address: string;
  readonly until: number;
}

/**
 * Forms on their way through a sign-in, in memory only: what somebody typed is written nowhere. Each is known by a secret that only the
 * browser has which sent it, is given out once, and is gone after ten minutes. What does not fit is not kept, and its sender is told.
 */
export class KeptForms implements FormKeeper {
  readonly #held = new Map<string, Held>();
  readonly #now: () => number;
  readonly #limits: FormLimits;
  #bytes = 0;

  constructor(now: () => number, limits: FormLimits = LIMITS) {
    this.#now = now;
    this.#limits = limits;
  }

  keep(form: KeptForm, from: string): string | undefined {
    const address = networkKey(from);
    for (const [key, { until }] of this.#held) if (until <= this.#now()) this.#drop(key);
    const mine = [...this.#held].filter(([, held]) => held.address === address);
    const [oldest] = mine;
    if (oldest !== undefined && mine.length >= this.#limits.perAddress) this.#drop(oldest[0]);
    if (this.#held.size >= this.#limits.forms || this.#bytes + form.body.length > this.#limits.bytes) return undefined;
    const secret = newToken();
    this.#held.set(hashToken(secret), { ...form, address, until: this.#now() + FORM_MS });
    this.#bytes += form.body.length;
    return secret;
  }

  take(secret: string, { host, userId }: FormOwner): KeptForm | undefined {
    const key = hashToken(secret);
    const held = this.#held.get(key);
    if (held === undefined || held.host !== host) return undefined;
    this.#drop(key);
    const isTheirs = held.userId === undefined || held.userId === userId;
    if (!isTheirs || held.until <= this.#now()) return undefined;
    return { host, target: held.target, body: held.body, userId };
  }

  #drop(key: string): void {
    this.#bytes -= this.#held.get(key)?.body.length ?? 0;
    this.#held.delete(key);
  }
}
