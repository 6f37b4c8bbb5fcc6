import type { ReactNode } from 'react';
import { type ControlOutput, control } from '../client.ts';
import { Act } from '../parts/act.tsx';
import { type Column, DataTable } from '../parts/data-table.tsx';
import { Empty } from '../parts/empty.tsx';
import { LoadingRows } from '../parts/page.tsx';
import { browserText } from '../parts/short.ts';
import { When } from '../parts/when.tsx';
import { acrText } from './user-text.ts';

type Session = ControlOutput<'sessions'>['items'][number];

const COLUMNS: readonly Column<Session>[] = [
  {
    key: 'email',
    head: 'Person',
    cell: (session) => (
      <>
        <span className="break">{session.email}</span>
        <div className="sub break" title={session.userAgent}>
          {browserText(session.userAgent)}
        </div>
      </>
    ),
    sortBy: (session) => session.email,
  },
  {
    key: 'acr',
    head: 'Assurance',
    from: 'sm',
    cell: (session) => <span title={session.amr.join(', ')}>{acrText(session.acr)}</span>,
    sortBy: (session) => session.acr,
  },
  {
    key: 'since',
    head: 'Proved',
    from: 'xs',
    cell: (session) => <When time={session.authenticatedAt} />,
    sortBy: (session) => -session.authenticatedAt,
  },
  {
    key: 'ends',
    head: 'Ends',
    from: 'md',
    cell: (session) => <When time={session.expiresAt} />,
    sortBy: (session) => session.expiresAt,
  },
  {
    key: 'address',
    head: 'From',
    from: 'sm',
    cell: (session) => <span className="mono">{session.address}</span>,
    sortBy: (session) => session.address,
  },
  {
    key: 'end',
    head: 'Action',
    isSilent: true,
    width: 80,
    cell: (session) => (
      <Act
        label="End"
        question={`End this session of ${session.email}?`}
        verb="End the session"
        danger
        run={() => control('endSession', { params: { id: session.id } })}
      >
        Their open connections are cut; they can sign in again.
      </Act>
    ),
  },
];

/** Who is signed in. */
export function Sessions({ sessions }: { sessions: readonly Session[] | undefined }): ReactNode {
  if (sessions === undefined) return <LoadingRows />;
  return (
    <DataTable
      label="Sessions"
      rows={sessions}
      columns={COLUMNS}
      rowKey={({ id }) => id}
      sort="since"
      empty={<Empty title="Nobody is signed in" />}
    />
  );
}
