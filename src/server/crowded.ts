import type { Clock } from '#base';
import { buildEvent, type OcsfEvent } from '#model';
import type { Log } from './log.ts';

/** Tells that a listener has as many connections as it may, and closes further ones. No action: nobody is named. */
export function crowdTeller({
  journal,
  clock,
  log,
}: {
  readonly journal: { append(event: OcsfEvent): Promise<unknown> };
  readonly clock: Clock;
  readonly log: Log;
}): (listener: string, connections: number) => void {
  return (listener, connections) => {
    const message = `${listener} has ${connections} connections, as many as it may; further ones are closed`;
    log.warn({ listener, connections }, message);
    const event = buildEvent({
      class: 'networkActivity',
      activity: 'refuse',
      time: clock.now(),
      message,
      severity: 'medium',
      status: 'failure',
      statusCode: 'connections-exhausted',
      attributes: { dst_endpoint: { name: listener } },
      cordon: { connections },
    });
    journal.append(event).catch((err: unknown) => {
      log.error({ err }, 'that a listener is full could not be written to the journal');
    });
  };
}
