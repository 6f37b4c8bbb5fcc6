import type { CONTROL_ROUTES, ResponseOf } from '#contract';
import { type Piece, styled } from './output.ts';
import { timeText } from './pieces.ts';

/** An event as the API carries it. */
export type EventView = ResponseOf<(typeof CONTROL_ROUTES)['events']>['items'][number];

/** What a list of events shows of one: when, what, the message, and the correlation id that finds what belongs to it. */
export function eventCells({
  time,
  severity_id,
  class_name,
  class_uid,
  activity_name,
  message,
  metadata,
}: EventView): Piece[] {
  const name = typeof class_name === 'string' ? class_name : String(class_uid);
  return [
    timeText(time),
    styled(severity_id >= 4 ? 'red' : severity_id === 3 ? 'yellow' : undefined, `${name}: ${activity_name}`),
    message,
    styled('dim', metadata.correlation_uid ?? ''),
  ];
}
