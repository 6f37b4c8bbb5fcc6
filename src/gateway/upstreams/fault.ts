import type { ReasonCode } from '#model';

/** What an upstream did wrong, as the catalogue names it. The message is for the journal: it may name what is inside. */
export class UpstreamFault extends Error {
  readonly reason: Extract<ReasonCode, `upstream-${string}`>;

  constructor(reason: UpstreamFault['reason'], message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'UpstreamFault';
    this.reason = reason;
  }
}
