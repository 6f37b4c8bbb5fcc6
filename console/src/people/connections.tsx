import { Group, SegmentedControl, Stack } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { type ReactNode, useMemo } from 'react';
import { control } from '../client.ts';
import { Act } from '../parts/act.tsx';
import { State } from '../parts/badges.tsx';
import { type Column, DataTable } from '../parts/data-table.tsx';
import { Empty } from '../parts/empty.tsx';
import { LoadingRows } from '../parts/page.tsx';
import { SearchField } from '../parts/search-field.tsx';
import { useUrlState } from '../parts/url-state.tsx';
import { When } from '../parts/when.tsx';
import { CONNECTION_KINDS, type Connection, filterConnections } from './connection-filter.ts';

const KIND_NAMES = new Map(CONNECTION_KINDS.map(({ value, label }) => [value, label]));

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
        <Link to="/apps" search={{ id: connection.appId }} className="text-link">
          {connection.app}
        </Link>
        <div className="sub mono break">{connection.path}</div>
      </>
    ),
    sortBy: (connection) => connection.app,
  },
  {
    key: 'kind',
    head: 'Kind',
    from: 'sm',
    cell: (connection) => <State tone="calm">{KIND_NAMES.get(connection.kind) ?? connection.kind}</State>,
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
  const [url, setUrl] = useUrlState();
  const [search, kind] = [url['q'] ?? '', url['kind'] ?? ''];
  const shown = useMemo(() => filterConnections(connections ?? [], { search, kind }), [connections, search, kind]);
  if (connections === undefined) return <LoadingRows />;
  return (
    <Stack>
      <Group gap="xs">
        <SearchField label="Person, app, path or address" value={search} onChange={(q) => setUrl({ q })} />
        <SegmentedControl
          aria-label="Kind"
          value={kind}
          onChange={(value) => setUrl({ kind: value })}
          data={[{ value: '', label: 'All' }, ...CONNECTION_KINDS]}
        />
      </Group>
      <DataTable
        label="Connections"
        rows={shown}
        columns={COLUMNS}
        rowKey={({ id }) => id}
        sort="since"
        empty={connections.length === 0 ? <NothingOpen /> : <Empty title="No open connection matches" />}
      />
    </Stack>
  );
}

function NothingOpen(): ReactNode {
  return (
    <Empty title="No connection is open">
      Requests, WebSockets, gRPC calls and TCP tunnels through the gateway are listed here while they are open. Each is
      decided again at every change that touches it.
    </Empty>
  );
}
