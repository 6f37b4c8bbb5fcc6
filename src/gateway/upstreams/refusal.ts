import { type Refusal, refuse } from '../exchange.ts';
import { nameFailure } from './fault.ts';

/** The refusal for what went wrong with an upstream. The client learns the kind, the journal what exactly. */
export function upstreamRefusal(error: Error): Refusal {
  const { reason, cause } = nameFailure(error);
  if (reason === 'request-malformed')
    return refuse(400, 'request-malformed', 'the body is not as long as content-length says');
  return { ...refuse(reason === 'upstream-timeout' ? 504 : 502, reason), cause };
}
