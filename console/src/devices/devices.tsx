import { Group, SegmentedControl } from '@mantine/core';
import { type ReactNode, useMemo } from 'react';
import { State } from '../parts/badges.tsx';
import { type Column, DataTable } from '../parts/data-table.tsx';
import { Empty } from '../parts/empty.tsx';
import { LoadingRows, Page } from '../parts/page.tsx';
import { Name } from '../parts/prose.tsx';
import { SearchField } from '../parts/search-field.tsx';
import { RowLink, useUrlState } from '../parts/url-state.tsx';
import { When } from '../parts/when.tsx';
import { useControl } from '../query.ts';
import { DeviceDetail } from './device-detail.tsx';
import { type Device, summary, Verdict } from './device-text.tsx';
import { Enrol } from './enrol.tsx';

const VERDICT_ORDER = { unhealthy: 0, unknown: 1, healthy: 2 } as const;

const COLUMNS: readonly Column<Device>[] = [
  {
    key: 'name',
    head: 'Name',
    share: 20,
    cell: (device) => (
      <RowLink id={device.id}>
        <Name text={device.name} />
      </RowLink>
    ),
    sortBy: (device) => device.name,
  },
  {
    key: 'verdict',
    head: 'Verdict',
    width: 110,
    cell: (device) => <Verdict device={device} />,
    sortBy: (device) => (device.status === 'revoked' ? 9 : VERDICT_ORDER[device.verdict]),
  },
  { key: 'checks', head: 'Checks', from: 'md', cell: summary },
  {
    key: 'owner',
    head: 'Owner',
    from: 'sm',
    cell: (device) => <Name text={device.owner ?? ''} />,
    sortBy: (device) => device.owner ?? '',
  },
  {
    key: 'managed',
    head: 'Managed',
    from: 'md',
    width: 112,
    cell: (device) => <State tone={device.managed ? 'good' : 'calm'}>{device.managed ? 'managed' : 'browser'}</State>,
    sortBy: (device) => Number(!device.managed),
  },
  {
    key: 'reported',
    head: 'Reported',
    from: 'sm',
    cell: (device) => (device.collectedAt === undefined ? 'never' : <When time={device.collectedAt} />),
    sortBy: (device) => -(device.collectedAt ?? 0),
  },
];

/** Every device, with the verdict on its health. */
export function Devices(): ReactNode {
  const [url, setUrl] = useUrlState();
  const devices = useControl('devices');
  const all = devices.data?.items;
  const search = (url['q'] ?? '').toLowerCase();
  const show = url['show'] ?? '';
  const shown = useMemo(
    () =>
      (all ?? []).filter(
        (device) =>
          (show === '' || (show === 'agent' ? device.form === 'agent' : device.verdict === 'unhealthy')) &&
          `${device.name}\n${device.owner ?? ''}\n${device.id}`.toLowerCase().includes(search),
      ),
    [all, show, search],
  );
  return (
    <Page title="Devices" subtitle="Health comes before access." error={devices.error} actions={<Enrol />}>
      <Group gap="xs">
        <SearchField label="Name or owner" value={url['q'] ?? ''} onChange={(q) => setUrl({ q })} />
        <SegmentedControl
          aria-label="Devices shown"
          value={show}
          onChange={(value) => setUrl({ show: value })}
          data={[
            { value: '', label: 'All' },
            { value: 'agent', label: 'With agent' },
            { value: 'unhealthy', label: 'Unhealthy' },
          ]}
        />
      </Group>
      {all === undefined ? (
        devices.error === null && <LoadingRows />
      ) : (
        <DataTable
          label="Devices"
          rows={shown}
          columns={COLUMNS}
          rowKey={({ id }) => id}
          sort="verdict"
          isSelected={({ id }) => id === url['id']}
          empty={
            all.length === 0 ? (
              <Empty title="No device yet" command="cordon agent enrol TOKEN">
                Make an enrolment token with the button above, then run this on the device. Browsers are listed after
                the first sign-in.
              </Empty>
            ) : (
              <Empty title="No device matches" />
            )
          }
        />
      )}
      <DeviceDetail device={(all ?? []).find(({ id }) => id === url['id'])} onClose={() => setUrl({ id: '' })} />
    </Page>
  );
}
