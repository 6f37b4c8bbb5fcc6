import type { ReactNode } from 'react';
import { type ControlOutput, control } from '../client.ts';
import { Act } from '../parts/act.tsx';
import { State } from '../parts/badges.tsx';
import { type Column, DataTable } from '../parts/data-table.tsx';
import { Empty } from '../parts/empty.tsx';
import { LoadingRows } from '../parts/page.tsx';
import { When } from '../parts/when.tsx';

type Connection = ControlOutput<'connections'>['items'][number];

const COLUMNS: readonly Column<Connection>[] = [
  {
    key: 'email',
    head: 'Person',
    cell: (connection) => <span className="break">{connection.email}</span>,
    sortBy: (connection) => connection.email,
  },
  {
    key: 'app',
    head: 'App',
    cell: (connection) => (
      <>
        {connection.app}
        <div className="sub mono break">{connection.path}</div>
      </>
    ),
    sortBy: (connection) => connection.app,
  },
  {
    key: 'kind',
    head: 'Kind',
    from: 'sm',
    cell: (connection) => <State tone="calm">{connection.kind}</State>,
    sortBy: (connection) => connection.kind,
  },
  {
    key: 'since',
    head: 'Open since',
    from: 'xs',
    cell: (connection) => <When time={connection.since} />,
    sortBy: (connection) => -connection.since,
  },
  {
    key: 'address',
    head: 'From',
    from: 'md',
    cell: (connection) => <span className="mono">{connection.address}</span>,
    sortBy: (connection) => connection.address,
  },
  {
    key: 'cut',
    head: 'Action',
    isSilent: true,
    width: 80,
    cell: (connection) => (
      <Act
        label="Cut"
        question="Cut this connection?"
        verb="Cut"
        danger
        run={() => control('cutConnection', { params: { id: connection.id } })}
      >
        {connection.email} to {connection.app}. The app may connect again; to keep them out, end the session or change a
        policy.
      </Act>
    ),
  },
];

/** What is open through the gateway now. */
export function Connections({ connections }: { connections: readonly Connection[] | undefined }): ReactNode {
  if (connections === undefined) return <LoadingRows />;
  return (
    <DataTable
      label="Connections"
      rows={connections}
      columns={COLUMNS}
      rowKey={({ id }) => id}
      sort="since"
      empty={
        <Empty title="No connection is open">
          WebSockets and streams through the gateway stay listed here while they are open. Each is decided again at
          every change that touches it.
        </Empty>
      }
    />
  );
}
