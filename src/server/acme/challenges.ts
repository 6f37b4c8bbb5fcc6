import type { SecureContext } from 'node:tls';

/** Proofs of control over names that an authority may ask for right now. Each stands only while its order is under way. */
export interface Challenges {
  /** Token -> key authorization (RFC 8555 section 8.3). */
  readonly http: Map<string, string>;
  /** Host -> what the TLS listener shows while the host is being proven (RFC 8737). */
  readonly alpn: Map<string, SecureContext>;
  /** Resolves when every process of this Cordon shows what is in `alpn`. */
  readonly shown: () => Promise<void>;
}

/** The protocol that an authority speaks to ask for a `tls-alpn-01` proof. @see RFC 8737 section 3 */
export const ACME_ALPN = 'acme-tls/1';

/** No proofs. */
export function noChallenges(shown: Challenges['shown'] = async () => await Promise.resolve()): Challenges {
  return { http: new Map(), alpn: new Map(), shown };
}
