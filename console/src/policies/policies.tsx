import { Tabs } from '@mantine/core';
import type { ReactNode } from 'react';
import { LoadingRows, Page } from '../parts/page.tsx';
import { absolute } from '../parts/time.ts';
import { useUrlState } from '../parts/url-state.tsx';
import { useControl } from '../query.ts';
import { Editor } from './editor.tsx';
import { History } from './history.tsx';
import { InForce } from './in-force.tsx';

/** The policies in force, and a way to change them that shows first who would gain and lose what. */
export function Policies(): ReactNode {
  const [url, setUrl] = useUrlState();
  const { data, error } = useControl('policies', {}, { refresh: 15_000 });
  return (
    <Page
      title="Policies"
      subtitle={
        data === undefined
          ? ' '
          : data.activatedAt === undefined
            ? 'No bundle is active: everything is denied.'
            : `Version ${data.version} by ${data.author}, ${absolute(data.activatedAt)}${data.message === '' ? '' : `: ${data.message}`}`
      }
      error={error}
    >
      {data === undefined ? (
        error === null && <LoadingRows />
      ) : (
        <Tabs
          value={url['tab'] ?? 'active'}
          onChange={(tab) => setUrl({ tab: tab === 'active' ? '' : (tab ?? '') })}
          keepMounted={false}
        >
          <Tabs.List mb="md">
            <Tabs.Tab value="active">In force ({data.policies.length})</Tabs.Tab>
            <Tabs.Tab value="edit">Edit</Tabs.Tab>
            <Tabs.Tab value="history">History</Tabs.Tab>
          </Tabs.List>
          <Tabs.Panel value="active">
            <InForce policies={data.policies} />
          </Tabs.Panel>
          <Tabs.Panel value="edit">
            <Editor key={data.version} active={data} />
          </Tabs.Panel>
          <Tabs.Panel value="history">
            <History />
          </Tabs.Panel>
        </Tabs>
      )}
    </Page>
  );
}
