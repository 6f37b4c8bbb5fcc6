import { Tabs } from '@mantine/core';
import type { ReactNode } from 'react';
import { Page } from '../parts/page.tsx';
import { useUrlState } from '../parts/url-state.tsx';
import { useControl } from '../query.ts';
import { Connections } from './connections.tsx';
import { Invite } from './invite.tsx';
import { Sessions } from './sessions.tsx';
import { Users } from './users.tsx';

/** Who there is, who is signed in, and what is open right now. */
export function People(): ReactNode {
  const [url, setUrl] = useUrlState();
  const users = useControl('users');
  const sessions = useControl('sessions');
  const connections = useControl('connections');
  return (
    <Page
      title="People"
      subtitle="Nobody gets in without a second factor, administrators included."
      error={users.error ?? sessions.error ?? connections.error}
      actions={<Invite />}
    >
      <Tabs
        value={url['tab'] ?? 'people'}
        onChange={(tab) => setUrl({ tab: tab === 'people' ? '' : (tab ?? ''), q: '', id: '', kind: '' })}
        keepMounted={false}
      >
        <Tabs.List mb="md">
          <Tabs.Tab value="people">People{count(users.data)}</Tabs.Tab>
          <Tabs.Tab value="sessions">Sessions{count(sessions.data)}</Tabs.Tab>
          <Tabs.Tab value="connections">Connections{count(connections.data)}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="people">
          <Users users={users.data?.items} />
        </Tabs.Panel>
        <Tabs.Panel value="sessions">
          <Sessions sessions={sessions.data?.items} />
        </Tabs.Panel>
        <Tabs.Panel value="connections">
          <Connections connections={connections.data?.items} />
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}

function count(list: { readonly total: number } | undefined): string {
  return list === undefined ? '' : ` (${list.total.toLocaleString()})`;
}
