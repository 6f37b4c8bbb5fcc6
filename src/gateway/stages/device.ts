import type { Stage, StageResult } from '../exchange.ts';

/** Finds the device: the one whose certificate the client proved, else the browser the session was made in. */
export const device: Stage = {
  name: 'device',
  run: (exchange, { deviceOf, graph }): StageResult => {
    const proven = exchange.transport === 'tls' ? deviceOf(exchange.client.socket) : undefined;
    const browser = exchange.session?.deviceId;
    const found = proven ?? (browser === undefined ? undefined : graph.get('device', browser));
    if (found !== undefined) exchange.device = found;
    return undefined;
  },
};
