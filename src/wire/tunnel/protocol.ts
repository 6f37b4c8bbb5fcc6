/**
 * TCP over a WebSocket (RFC 6455), subprotocol `cordon-tcp.v1`, opened at `/.cordon/tunnel` of the app's host:
 *
 * - Binary messages carry the bytes of the connection as they are. Where a message or a frame ends means nothing.
 * - The text message `end`, whole in one frame and sent once, says that its sender has no more bytes; the other direction goes on.
 * - Ping is answered with pong. Either end asks after silence, and takes an end that does not answer for dead.
 * - Close ends both directions: 1000 after `end` both ways; everything else breaks the connection off, with the reason.
 *
 * No extension is negotiated, so a reserved bit is a violation, as is everything else not named here.
 */
export const TUNNEL = {
  path: '/.cordon/tunnel',
  protocol: 'cordon-tcp.v1',
  /** The text that ends one direction. */
  end: 'end',
  /** Largest frame that is read, bytes. */
  frameBytes: 1024 * 1024,
} as const;

/** Codes of the close frame. @see RFC 6455 section 7.4 */
export const TUNNEL_CLOSE = {
  /** Both directions have ended. */
  done: 1000,
  /** The gateway stops; another attempt may succeed. */
  goingAway: 1001,
  violation: 1002,
  /** Never sent: what is told when the WebSocket ended without a close frame. */
  brokenOff: 1006,
  frameTooLong: 1009,
  /** The connection behind this end failed. */
  failed: 1011,
  /** The person may not use the app any more. */
  cut: 4403,
} as const;
