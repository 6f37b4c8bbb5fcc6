import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Exchange, type GatewayParts, need, ownOrigin, type Stage, type StageResult } from '../exchange.ts';
import { grantedRequest } from '../passage.ts';
import { lookAgain } from '../stages/look-again.ts';
import { identityFields } from '../upstream-identity.ts';

/**
 * Looks again, then tells the proxy that the request may go on, and what the upstream is to be told about who is there. That is after all
 * that was there to be read: the answers of one turn leave together and do not wake the proxy one by one, and a change that was read in
 * the same turn comes before them.
 */
export const permit: Stage = {
  name: 'permit',
  run: async (exchange, parts): Promise<StageResult> => {
    await nextTurn();
    return answer(exchange, parts);
  },
};

function answer(exchange: Exchange, parts: GatewayParts): StageResult {
  const { client } = exchange;
  const origin = client.webSocket === undefined ? undefined : client.header('origin');
  const refused = lookAgain(exchange, parts, {
    access: need(exchange, 'access'),
    appSessionId: need(exchange, 'appSession').id,
    ...(origin === undefined || origin === ownOrigin(exchange) ? {} : { origin }),
  });
  if (refused !== undefined) return refused;
  if (client.hasLeft) return 'answered';
  // INVARIANT: no yes without a proven permit, here as at an upstream.
  grantedRequest(exchange.decision);
  parts.counters.permitted += 1;
  client.begin(200, [
    'content-length',
    '0',
    'cache-control',
    'no-store',
    ...credentialsLeft(need(exchange, 'fields')),
    ...identityFields(exchange, parts),
  ]);
  client.end();
  return 'answered';
}

/** What is left of the client's own credentials without Cordon's: an upstream that got those could use them in the person's name. */
function credentialsLeft(fields: readonly string[]): string[] {
  const left = (name: string): string =>
    fields.filter((_, index) => index % 2 === 1 && fields[index - 1] === name).join('; ');
  return ['cookie', left('cookie'), 'authorization', left('authorization')];
}
