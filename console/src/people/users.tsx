import { Group, Stack } from '@mantine/core';
import { type ReactNode, useMemo } from 'react';
import type { ControlOutput } from '../client.ts';
import { State } from '../parts/badges.tsx';
import { type Column, DataTable } from '../parts/data-table.tsx';
import { Empty } from '../parts/empty.tsx';
import { LoadingRows } from '../parts/page.tsx';
import { Name } from '../parts/prose.tsx';
import { SearchField } from '../parts/search-field.tsx';
import { RowLink, useUrlState } from '../parts/url-state.tsx';
import { UserDetail } from './user-detail.tsx';
import { factorsText, RISK_TONES, STATUS_TONES, type User } from './user-text.ts';

const COLUMNS: readonly Column<User>[] = [
  {
    key: 'name',
    head: 'Name',
    cell: (user) => (
      <>
        <RowLink id={user.id}>{user.name === '' ? user.email : user.name}</RowLink>
        {user.name !== '' && (
          <div className="sub break">
            <Name text={user.email} />
          </div>
        )}
      </>
    ),
    sortBy: (user) => (user.name === '' ? user.email : user.name),
  },
  {
    key: 'status',
    head: 'Status',
    width: 104,
    cell: (user) => <State tone={STATUS_TONES[user.status]}>{user.status}</State>,
    sortBy: (user) => user.status,
  },
  {
    key: 'groups',
    head: 'Groups',
    from: 'sm',
    cell: (user) => user.groups.join(', '),
    sortBy: (user) => user.groups.join(', '),
  },
  { key: 'factors', head: 'Factors', from: 'md', cell: factorsText },
  {
    key: 'risk',
    head: 'Risk',
    width: 104,
    from: 'xs',
    cell: (user) => (
      <State tone={RISK_TONES[user.risk.level]} title={user.risk.reasons.join('; ')}>
        {user.risk.level} {Math.round(user.risk.score)}
      </State>
    ),
    sortBy: (user) => -user.risk.score,
  },
  {
    key: 'sessions',
    head: 'Sessions',
    from: 'md',
    width: 90,
    cell: (user) => user.sessions,
    sortBy: (user) => -user.sessions,
  },
];

/** Everybody with an account or an invitation. */
export function Users({ users }: { users: ControlOutput<'users'>['items'] | undefined }): ReactNode {
  const [url, setUrl] = useUrlState();
  const search = (url['q'] ?? '').toLowerCase();
  const shown = useMemo(
    () =>
      (users ?? []).filter(({ name, email, groups }) =>
        [name, email, ...groups].join('\n').toLowerCase().includes(search),
      ),
    [users, search],
  );
  if (users === undefined) return <LoadingRows />;
  return (
    <Stack gap="md">
      <Group>
        <SearchField label="Name, e-mail or group" value={url['q'] ?? ''} onChange={(q) => setUrl({ q })} />
      </Group>
      <DataTable
        label="People"
        rows={shown}
        columns={COLUMNS}
        rowKey={({ id }) => id}
        sort="name"
        isSelected={({ id }) => id === url['id']}
        empty={
          users.length === 0 ? (
            <Empty title="Nobody yet" command="cordon users invite name@example.org">
              Invite somebody: they enrol their own factors with a one-time link.
            </Empty>
          ) : (
            <Empty title="Nobody matches" />
          )
        }
      />
      <UserDetail user={users.find(({ id }) => id === url['id'])} onClose={() => setUrl({ id: '' })} />
    </Stack>
  );
}
