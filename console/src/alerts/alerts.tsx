import { Group, SegmentedControl } from '@mantine/core';
import { type ReactNode, useMemo } from 'react';
import { State } from '../parts/badges.tsx';
import { type Column, DataTable } from '../parts/data-table.tsx';
import { Empty } from '../parts/empty.tsx';
import { LoadingRows, Page } from '../parts/page.tsx';
import { SearchField } from '../parts/search-field.tsx';
import { RowLink, useUrlState } from '../parts/url-state.tsx';
import { When } from '../parts/when.tsx';
import { useControl } from '../query.ts';
import { type Alert, AlertDetail, responseText } from './alert-detail.tsx';
import { Severity } from './severity.tsx';

const ORDER = { critical: 0, high: 1, medium: 2, low: 3 } as const;

const COLUMNS: readonly Column<Alert>[] = [
  {
    key: 'severity',
    head: 'Severity',
    width: 96,
    cell: (alert) => <Severity severity={alert.severity} />,
    sortBy: (alert) => ORDER[alert.severity],
  },
  {
    key: 'title',
    head: 'What',
    share: 34,
    cell: (alert) => (
      <>
        <RowLink id={alert.id}>{alert.title}</RowLink>
        <div className="sub break">
          {alert.subjectKind} {alert.subjectName}
        </div>
      </>
    ),
    sortBy: (alert) => alert.title,
  },
  {
    key: 'count',
    head: 'Times',
    from: 'md',
    width: 80,
    cell: (alert) => alert.count.toLocaleString(),
    sortBy: (alert) => -alert.count,
  },
  {
    key: 'last',
    head: 'Last',
    from: 'xs',
    width: 120,
    cell: (alert) => <When time={alert.lastAt} />,
    sortBy: (alert) => -alert.lastAt,
  },
  { key: 'response', head: 'Response', from: 'md', cell: responseText },
  {
    key: 'status',
    head: 'Status',
    from: 'sm',
    width: 90,
    cell: (alert) => <State tone={alert.status === 'open' ? 'warn' : 'calm'}>{alert.status}</State>,
    sortBy: (alert) => alert.status,
  },
];

/** What detection found. */
export function Alerts(): ReactNode {
  const [url, setUrl] = useUrlState();
  const alerts = useControl('alerts', { query: { status: 'all' } });
  const all = alerts.data?.items;
  const status = url['status'] ?? 'open';
  const search = (url['q'] ?? '').toLowerCase();
  const shown = useMemo(
    () =>
      (all ?? []).filter(
        (alert) =>
          (status === 'all' || alert.status === status) &&
          [alert.title, alert.subjectName, alert.detail, alert.ruleId].join('\n').toLowerCase().includes(search),
      ),
    [all, status, search],
  );
  return (
    <Page title="Alerts" subtitle="Rules watch every event of the journal." error={alerts.error}>
      <Group gap="xs">
        <SearchField label="Title, subject or rule" value={url['q'] ?? ''} onChange={(q) => setUrl({ q })} />
        <SegmentedControl
          aria-label="Status"
          value={status}
          onChange={(value) => setUrl({ status: value })}
          data={[
            { value: 'open', label: 'Open' },
            { value: 'closed', label: 'Closed' },
            { value: 'all', label: 'All' },
          ]}
        />
      </Group>
      {all === undefined ? (
        alerts.error === null && <LoadingRows />
      ) : (
        <DataTable
          label="Alerts"
          rows={shown}
          columns={COLUMNS}
          rowKey={({ id }) => id}
          sort="last"
          isSelected={({ id }) => id === url['id']}
          empty={
            status === 'open' && search === '' ? (
              <Empty title="No open alert" command="cordon alerts list --all">
                Detection runs all the time. Six wrong passwords from one address would make one, for example.
              </Empty>
            ) : (
              <Empty title="No alert matches" />
            )
          }
        />
      )}
      <AlertDetail alert={(all ?? []).find(({ id }) => id === url['id'])} onClose={() => setUrl({ id: '' })} />
    </Page>
  );
}
