import { type Exchange, type GatewayParts, need, refuse, type Stage, type StageResult } from '../exchange.ts';

/** What one account may ask, over all its sessions and addresses. Before anything is decided, so that asking is not free of it. */
export const account: Stage = {
  name: 'account',
  run: ({ user }, { admission, clock }): StageResult => {
    if (user === undefined || admission.budgets.spendAccount(user.id, clock.now())) return undefined;
    return refuse(429, 'too-many-requests');
  },
};

/** What one app bears. After the decision, so that strangers cannot use up what those have who may enter. */
export const bounds: Stage = {
  name: 'bounds',
  run: (exchange, parts): StageResult => {
    const { id, limits: own } = need(exchange, 'app');
    if (!parts.admission.budgets.spendApp(id, own?.requestsPerSecond, parts.clock.now())) {
      return refuse(429, 'too-many-requests');
    }
    return bodyRefusal(exchange, parts);
  },
};

/** A body that says how long it is, is believed: no parser reads more of it. One that does not is counted on its way. */
function bodyRefusal(exchange: Exchange, { limits }: GatewayParts): StageResult {
  const { client } = exchange;
  const most = need(exchange, 'app').limits?.bodyBytes ?? limits.bodyBytes;
  if (most === Number.POSITIVE_INFINITY || !client.hasBody) return undefined;
  const declared = client.header('content-length');
  if (declared === undefined) exchange.mostBodyBytes = most;
  else if (Number(declared) > most) return refuse(413, 'body-too-large', `at most ${most} bytes`);
  return undefined;
}
