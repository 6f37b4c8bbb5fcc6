import type { CONTROL_ROUTES, ResponseOf } from '#contract';
import { EVENT_CLASSES } from '#model';
import { type Piece, styled } from './output.ts';
import { timeText } from './pieces.ts';

/** An event as the API carries it. */
export type EventView = ResponseOf<(typeof CONTROL_ROUTES)['events']>['items'][number];

/** Class uid -> its name in words: `4002` is `http activity`. */
const CLASS_NAMES = new Map<number, string>(
  Object.entries(EVENT_CLASSES).map(([name, { uid }]) => [
    uid,
    name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`),
  ]),
);

/** What a list of events shows of one: when, what, and the message with the correlation id that finds what belongs to it. */
export function eventCells({ time, severity_id, class_uid, activity_name, message, metadata }: EventView): Piece[] {
  const look = severity_id >= 4 ? 'red' : severity_id === 3 ? 'yellow' : undefined;
  return [
    timeText(time),
    styled(look, `${CLASS_NAMES.get(class_uid) ?? class_uid}: ${activity_name}`),
    metadata.correlation_uid === undefined ? message : `${message} (${metadata.correlation_uid})`,
  ];
}
