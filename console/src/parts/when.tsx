import type { ReactNode } from 'react';
import { absolute, relative } from './time.ts';

/** A time relative to now; the exact one stands in the title. */
export function When({ time }: { time: number }): ReactNode {
  return (
    <time dateTime={new Date(time).toISOString()} title={absolute(time)} className="nowrap">
      {relative(time)}
    </time>
  );
}
