import type { Exchange } from './exchange.ts';
import { wasSlow } from './slow-clients.ts';

/** Who ended an exchange that was let in: `deadline` is a side that stood still for too long. */
export type Ender = 'client' | 'app' | 'deadline';

/** What an open exchange carries. */
export interface Flow {
  /** Bytes from the client to the app and back: of bodies, of a WebSocket's frames, of the connection in a tunnel. */
  fromClient: number;
  toClient: number;
  /** Who ended it; absent while nobody has. */
  endedBy?: Ender | undefined;
  /** True when nothing is missing: an answer to its end, a WebSocket that said goodbye, a tunnel whose two directions have ended. */
  isWhole?: boolean;
}

/** How an exchange that was let in has ended. */
export interface Ending {
  readonly by: Ender;
  readonly isWhole: boolean;
  /** Reason of the catalogue, when something went wrong. */
  readonly code?: string;
}

/**
 * True when the end of an exchange is told of: it was a tunnel that carried bytes, or was open for so long that the registry has marked it. The
 * event of a cut says itself what it ended.
 */
export function isEndTold({ live, cut }: Exchange): boolean {
  if (live === undefined || cut !== undefined) return false;
  return live.isLong === true || (live.view.kind === 'tcp' && live.flow !== undefined);
}

/** How it ended, once its client has gone. */
export function endingOf({ client, live, refusedFor }: Exchange): Ending {
  const flow = live?.flow;
  if (flow !== undefined && client.webSocket === undefined) flow.fromClient = client.bodyBytes;
  const code = refusedFor === undefined ? {} : { code: refusedFor };
  const isLate = client.isLate || wasSlow(client.socket) || refusedFor === 'upstream-timeout';
  if (isLate || flow?.endedBy === 'deadline') return { by: 'deadline', isWhole: false, ...code };
  const isWhole = flow?.isWhole === true;
  return { by: flow?.endedBy ?? (isWhole ? 'app' : 'client'), isWhole, ...code };
}
