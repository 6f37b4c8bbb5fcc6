import { Tabs } from '@mantine/core';
import type { ReactNode } from 'react';
import { Page } from '../parts/page.tsx';
import { useUrlState } from '../parts/url-state.tsx';
import { useControl } from '../query.ts';
import { Plan } from './plan.tsx';
import { TraceForm } from './trace-form.tsx';
import { Workloads } from './workloads.tsx';

/** Who may talk to whom, and which workloads there are. */
export function Segments(): ReactNode {
  const [url, setUrl] = useUrlState();
  const plan = useControl('segmentsPlan', {}, { refresh: 15_000 });
  const workloads = useControl('workloads');
  return (
    <Page
      title="Segments"
      subtitle="Nothing may connect to anything unless a policy says so."
      error={plan.error ?? workloads.error}
    >
      <Tabs
        value={url['tab'] ?? 'pairs'}
        onChange={(tab) => setUrl({ tab: tab === 'pairs' ? '' : (tab ?? ''), q: '' })}
        keepMounted={false}
      >
        <Tabs.List mb="md">
          <Tabs.Tab value="pairs">Allowed pairs</Tabs.Tab>
          <Tabs.Tab value="workloads">
            Workloads{workloads.data === undefined ? '' : ` (${workloads.data.total.toLocaleString()})`}
          </Tabs.Tab>
          <Tabs.Tab value="trace">Trace</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="pairs">
          <Plan plan={plan.data} workloads={workloads.data?.items ?? []} />
        </Tabs.Panel>
        <Tabs.Panel value="workloads">
          <Workloads workloads={workloads.data?.items} />
        </Tabs.Panel>
        <Tabs.Panel value="trace">
          <TraceForm workloads={workloads.data?.items ?? []} />
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}
