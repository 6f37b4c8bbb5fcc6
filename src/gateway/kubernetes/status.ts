import { REASONS } from '#model';
import type { Denial } from '../pages/denied.ts';

/** Words of the API machinery for a status; kubectl shows them. */
const REASON_OF: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  429: 'TooManyRequests',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

/** A refusal in the form that clients of a Kubernetes API read: kubectl shows nothing of any other. */
export function statusJson({ status, reasons, correlationId, stepUp }: Denial): string {
  const causes = reasons.map(({ code, detail }) => ({ reason: code, message: detail ?? REASONS[code].title }));
  const told = causes.map(({ reason, message }) => `${message} (${reason})`).join('; ');
  const [first] = reasons;
  const remedy =
    stepUp === undefined
      ? first === undefined
        ? ''
        : REASONS[first.code].remedy
      : `Confirm that it is you at ${stepUp.url}`;
  return `${JSON.stringify({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: `Cordon: ${told}. ${remedy} Correlation id: ${correlationId}`,
    reason: REASON_OF[status] ?? 'InternalError',
    details: { causes },
    code: status,
  })}\n`;
}
