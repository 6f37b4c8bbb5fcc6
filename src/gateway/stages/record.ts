import { type Exchange, type GatewayParts, need, refuse, type Stage, type StageResult } from '../exchange.ts';

/** Writes the permit to the journal. For the strictest tiers nothing goes on before it is on disk. */
export const record: Stage = {
  name: 'record',
  run: (exchange, parts): StageResult | Promise<StageResult> => {
    const decision = need(exchange, 'decision');
    exchange.isRecorded = true;
    if (!mustRecord(exchange, parts)) {
      parts.recorder.note(exchange, decision);
      return undefined;
    }
    if (!parts.journal.writable) return cannotRecord();
    return parts.recorder.access(exchange, decision).then((isWritten) => (isWritten ? undefined : cannotRecord()));
  },
};

function mustRecord(exchange: Exchange, { graph, clock, limits }: GatewayParts): boolean {
  return graph.tierOf(need(exchange, 'app'), clock.now()) <= limits.mustRecordUpToTier;
}

function cannotRecord(): StageResult {
  return refuse(503, 'cannot-record');
}
