import type { ReactNode } from 'react';
import { State } from '../parts/badges.tsx';
import { type Column, DataTable } from '../parts/data-table.tsx';
import { Name, Prose } from '../parts/prose.tsx';
import { absolute, clockTime } from '../parts/time.ts';
import { RowLink } from '../parts/url-state.tsx';
import type { EventLine } from './decision-event.ts';

const OUTCOMES = {
  permit: { tone: 'good', word: 'permit' },
  deny: { tone: 'bad', word: 'deny' },
  failure: { tone: 'warn', word: 'failed' },
  end: { tone: 'calm', word: 'ended' },
  none: { tone: 'calm', word: 'event' },
} as const;

/** The outcome of an event in one word. */
export function Outcome({ outcome }: { outcome: EventLine['outcome'] }): ReactNode {
  const { tone, word } = OUTCOMES[outcome];
  return <State tone={tone}>{word}</State>;
}

const COLUMNS: readonly Column<EventLine>[] = [
  {
    key: 'time',
    head: 'Time',
    width: 92,
    cell: (line) => (
      <time dateTime={new Date(line.time).toISOString()} title={absolute(line.time)} className="nowrap figures">
        {clockTime(line.time)}
      </time>
    ),
  },
  { key: 'outcome', head: 'Outcome', width: 88, cell: (line) => <Outcome outcome={line.outcome} /> },
  {
    key: 'what',
    head: 'Who and what',
    share: 32,
    cell: (line) => (
      <RowLink id={line.id}>
        {line.who !== '' && line.what !== '' ? (
          <>
            <Name text={line.who} /> → <Name text={line.what} />
          </>
        ) : (
          <Prose text={line.message} />
        )}
      </RowLink>
    ),
  },
  {
    key: 'request',
    head: 'Request',
    from: 'md',
    share: 20,
    cell: (line) => (
      <span className="mono break">
        <Name text={line.request} />
      </span>
    ),
  },
  { key: 'reason', head: 'Reason', from: 'sm', cell: (line) => <Why line={line} /> },
  { key: 'address', head: 'From', from: 'lg', cell: (line) => <span className="mono">{line.address}</span> },
];

/** Why it was denied, each cause once; for a permit, the policies that gave it. */
function Why({ line }: { line: EventLine }): ReactNode {
  if (line.outcome === 'permit') {
    return (
      <span className="sub mono">
        {line.policies.map((id) => (
          <div key={id}>
            <Name text={id} />
          </div>
        ))}
      </span>
    );
  }
  const codes = [...new Set(line.reasons.map(({ code }) => code))].join(', ');
  if (line.outcome !== 'end') return codes;
  return (
    <span className="sub">
      {line.lasted}
      {codes !== '' && `, ${codes}`}
    </span>
  );
}

/** Events, newest first. */
export function EventTable({
  lines,
  selectedId,
  empty,
}: {
  lines: readonly EventLine[];
  selectedId: string | undefined;
  empty: ReactNode;
}): ReactNode {
  return (
    <DataTable
      label="Events"
      rows={lines}
      columns={COLUMNS}
      rowKey={({ id }) => id}
      isSelected={({ id }) => id === selectedId}
      empty={empty}
    />
  );
}
