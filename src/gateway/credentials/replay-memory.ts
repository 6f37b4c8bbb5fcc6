import { hashToken } from '#base';
import { PROOF_WINDOW_SECONDS } from './proof.ts';

/** A proof from the edge of the future is good for twice the window. */
const KEPT_MS = 2 * PROOF_WINDOW_SECONDS * 1000 + 1000;

/** Bounds of a memory: proofs of one owner, and of all, per generation of about two minutes. */
export interface ReplayLimits {
  readonly perOwner: number;
  readonly inAll: number;
}

/** The bounds unless said otherwise: about 160 requests a second of one person, 1600 of all. */
const LIMITS: ReplayLimits = { perOwner: 20_000, inAll: 200_000 };

interface Generation {
  readonly used: Map<string, Set<string>>;
  size: number;
}

/** A proof that would be accepted. */
export interface UsedProof {
  /** Whose it is. */
  readonly owner: string;
  /** Names it among all of theirs. */
  readonly id: string;
  /** When it was made, by the clock of whoever made it, seconds. */
  readonly issuedAt: number;
}

/**
 * What the use of a proof turned out to be. `seen`: it was used before. `full`: too many at once. `unknown`: it is older than this memory,
 * so it may have been used before a restart.
 */
export type Use = 'new' | 'seen' | 'full' | 'unknown';

/** Where the use of a proof is noted: in this process, or in the one that all gateways of a Cordon share. */
export interface Replays {
  /** Notes the use of a proof. */
  use(proof: UsedProof): Use | Promise<Use>;
}

/**
 * Which proofs were used, for as long as they could be used again. Two generations: a proof is forgotten one to two spans after its use.
 * Only holders of a living token get this far, and one of them cannot take the room of the others. What does not fit is refused: a
 * memory that forgets early would let a proof be used twice.
 */
export class ReplayMemory implements Replays {
  readonly #now: () => number;
  readonly #limits: ReplayLimits;
  #young: Generation = { used: new Map(), size: 0 };
  #old: Generation = { used: new Map(), size: 0 };
  #turnedAt: number;
  /** When this memory began, whole seconds, as proofs count them. */
  readonly #since: number;

  constructor(now: () => number, limits: ReplayLimits = LIMITS) {
    this.#now = now;
    this.#limits = limits;
    this.#turnedAt = now();
    this.#since = Math.floor(this.#turnedAt / 1000);
  }

  use({ owner, id, issuedAt }: UsedProof): Use {
    if (issuedAt < this.#since) return 'unknown';
    this.#turn();
    const key = hashToken(id);
    if (this.#old.used.get(owner)?.has(key) === true) return 'seen';
    const mine = this.#young.used.get(owner) ?? new Set<string>();
    if (mine.has(key)) return 'seen';
    if (mine.size >= this.#limits.perOwner || this.#young.size >= this.#limits.inAll) return 'full';
    this.#young.used.set(owner, mine.add(key));
    this.#young.size += 1;
    return 'new';
  }

  #turn(): void {
    const age = this.#now() - this.#turnedAt;
    if (age >= 0 && age < KEPT_MS) return;
    // After a clock that jumped back nothing is forgotten early: what was used may be within the window again.
    this.#turnedAt = this.#now();
    if (age < 0) return;
    this.#old = age < 2 * KEPT_MS ? this.#young : { used: new Map(), size: 0 };
    this.#young = { used: new Map(), size: 0 };
  }
}
