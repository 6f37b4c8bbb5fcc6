import type { Clock } from '#base';
import { buildEvent, type OcsfEvent } from '#model';
import type { Log } from './log.ts';

/** Tells that a certificate was shown after its end: whoever checks it went away. */
export function expiryTeller({
  journal,
  clock,
  log,
}: {
  readonly journal: { append(event: OcsfEvent): Promise<unknown> };
  readonly clock: Clock;
  readonly log: Log;
}): (which: string, notAfter: number) => void {
  return (which, notAfter) => {
    const message = `the certificate ${which} has ended on ${new Date(notAfter).toISOString()}; clients refuse it`;
    log.warn({ notAfter }, message);
    const event = buildEvent({
      class: 'entityManagement',
      activity: 'other',
      time: clock.now(),
      message,
      severity: 'high',
      status: 'failure',
      statusCode: 'certificate-expired',
      attributes: { entity: { type: 'certificate', name: which } },
      cordon: { notAfter },
    });
    journal.append(event).catch((err: unknown) => {
      log.error({ err }, 'that a certificate has ended could not be written to the journal');
    });
  };
}
