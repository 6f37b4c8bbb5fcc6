import { Group, Stack } from '@mantine/core';
import { type ReactNode, useMemo } from 'react';
import { type ControlOutput, control } from '../client.ts';
import { Act } from '../parts/act.tsx';
import { Labels, State } from '../parts/badges.tsx';
import { type Column, DataTable } from '../parts/data-table.tsx';
import { Empty } from '../parts/empty.tsx';
import { LoadingRows } from '../parts/page.tsx';
import { SearchField } from '../parts/search-field.tsx';
import { When } from '../parts/when.tsx';
import { useUrlState } from '../parts/url-state.tsx';

type Workload = ControlOutput<'workloads'>['items'][number];

const COLUMNS: readonly Column<Workload>[] = [
  {
    key: 'name',
    head: 'Name',
    cell: (workload) => (
      <>
        <span className="break">{workload.name}</span>
        <div className="sub mono break">{workload.addresses.join(', ')}</div>
      </>
    ),
    sortBy: (workload) => workload.name,
  },
  {
    key: 'segments',
    head: 'Segments',
    from: 'sm',
    cell: (workload) => workload.segments.join(', '),
    sortBy: (workload) => workload.segments.join(', '),
  },
  { key: 'labels', head: 'Labels', from: 'md', cell: (workload) => <Labels labels={workload.labels} /> },
  {
    key: 'source',
    head: 'From',
    from: 'lg',
    width: 90,
    cell: (workload) => workload.source,
    sortBy: (workload) => workload.source,
  },
  {
    key: 'quarantine',
    head: 'Quarantine',
    cell: (workload) => <Quarantine workload={workload} />,
    sortBy: (workload) => (workload.quarantine === undefined ? 1 : 0),
  },
];

/** Everything that connects, with its labels, and the switch that cuts it off. */
export function Workloads({ workloads }: { workloads: readonly Workload[] | undefined }): ReactNode {
  const [url, setUrl] = useUrlState();
  const search = (url['q'] ?? '').toLowerCase();
  const shown = useMemo(
    () =>
      (workloads ?? []).filter(({ name, addresses, segments, labels }) => {
        const pairs = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
        return [name, ...addresses, ...segments, ...pairs].join('\n').toLowerCase().includes(search);
      }),
    [workloads, search],
  );
  if (workloads === undefined) return <LoadingRows />;
  return (
    <Stack gap="md">
      <Group>
        <SearchField label="Name, address, segment or label" value={url['q'] ?? ''} onChange={(q) => setUrl({ q })} />
      </Group>
      <DataTable
        label="Workloads"
        rows={shown}
        columns={COLUMNS}
        rowKey={({ id }) => id}
        sort="name"
        empty={
          workloads.length === 0 ? (
            <Empty title="No workloads yet" command="cordon agent enrol TOKEN">
              Enrol a host with the agent, or import instances with cordon discover.
            </Empty>
          ) : (
            <Empty title="No workload matches" />
          )
        }
      />
    </Stack>
  );
}

function Quarantine({ workload }: { workload: Workload }): ReactNode {
  const { id, name, quarantine } = workload;
  if (quarantine === undefined) {
    return (
      <Act
        label="Quarantine"
        question={`Quarantine ${name}?`}
        verb="Quarantine"
        danger
        asksReason
        run={(reason) => control('quarantine', { params: { id }, body: { reason } })}
      >
        It can reach nothing and nothing can reach it, except Cordon itself, until somebody releases it.
      </Act>
    );
  }
  return (
    <Group gap="xs">
      <State tone="bad" title={quarantine.reason}>
        quarantined
      </State>
      <Act
        label="Release"
        question={`Release ${name}?`}
        verb="Release"
        asksReason
        run={(reason) => control('release', { params: { id }, body: { reason } })}
      >
        Quarantined by {quarantine.by} <When time={quarantine.since} />: {quarantine.reason}
      </Act>
    </Group>
  );
}
