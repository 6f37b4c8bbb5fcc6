import { Anchor, Button, Group, SegmentedControl, Text } from '@mantine/core';
import { type ReactNode, useMemo } from 'react';
import type { ControlOutput } from '../client.ts';
import { TierBadge } from '../parts/badges.tsx';
import { type Column, DataTable } from '../parts/data-table.tsx';
import { Empty } from '../parts/empty.tsx';
import { LoadingRows, Page } from '../parts/page.tsx';
import { Name } from '../parts/prose.tsx';
import { SearchField } from '../parts/search-field.tsx';
import { RowLink, useUrlState } from '../parts/url-state.tsx';
import { useControl } from '../query.ts';
import { Enforcement, ProbeState } from './app-badges.tsx';
import { AppDetail } from './app-detail.tsx';
import { type App, filterApps, KINDS, openByApp, probed, type Probed } from './app-text.ts';

interface Row {
  readonly app: App;
  /** Undefined until it is known. */
  readonly open: number | undefined;
  readonly probe: Probed | undefined;
}

const PROBE_ORDER = { bad: 0, warn: 1, calm: 2, good: 3 } as const;
const DEVICE_ORDER = ['healthy', 'managed', 'known', 'any'];

const COLUMNS: readonly Column<Row>[] = [
  {
    key: 'tier',
    head: 'Tier',
    width: 64,
    cell: ({ app }) => <TierBadge tier={app.tier} />,
    sortBy: ({ app }) => app.tier,
  },
  {
    key: 'name',
    head: 'Name',
    share: 26,
    cell: ({ app }) => (
      <>
        <RowLink id={app.id}>
          <Name text={app.name} />
        </RowLink>
        <div className="sub break">
          <AppAddress app={app} />
        </div>
      </>
    ),
    sortBy: ({ app }) => app.name,
  },
  {
    key: 'kind',
    head: 'Kind',
    from: 'sm',
    cell: ({ app }) => <span className="nowrap">{KINDS[app.kind]}</span>,
    sortBy: ({ app }) => KINDS[app.kind],
  },
  {
    key: 'device',
    head: 'Device',
    from: 'md',
    cell: ({ app }) => (
      <>
        {app.device === 'any' ? (
          <Text span size="sm" c="dimmed">
            by tier
          </Text>
        ) : (
          app.device
        )}
        {app.clientCertificate && <div className="sub">with certificate</div>}
      </>
    ),
    sortBy: ({ app }) => DEVICE_ORDER.indexOf(app.device),
  },
  {
    key: 'enforced',
    head: 'Enforced by',
    from: 'sm',
    cell: ({ app }) => <Enforcement app={app} />,
    sortBy: ({ app }) => `${app.enforcedBy} ${app.streams}`,
  },
  {
    key: 'open',
    head: 'Open now',
    from: 'md',
    width: 96,
    // What another proxy carries is not seen here.
    cell: ({ app, open }) =>
      app.enforcedBy === 'forward-auth' ? (
        <span title="What the proxy has open is not known to Cordon">–</span>
      ) : (
        <span className="figures">{open?.toLocaleString()}</span>
      ),
    sortBy: ({ open }) => -(open ?? 0),
  },
  {
    key: 'probe',
    head: 'Self-probe',
    from: 'xs',
    width: 124,
    cell: ({ probe }) => probe !== undefined && <ProbeState probe={probe} />,
    sortBy: ({ probe }) => PROBE_ORDER[probe?.tone ?? 'calm'],
  },
];

/** Where an app is. One that speaks no HTTP has an address nonetheless: a browser is told there which command opens it. */
function AppAddress({ app: { url } }: { app: Pick<App, 'url'> }): ReactNode {
  return (
    <Anchor href={url} target="_blank" rel="noreferrer" fz="inherit" className="above">
      <Name text={new URL(url).host} />
    </Anchor>
  );
}

function useRows(): { readonly rows: readonly Row[] | undefined; readonly error: Error | null } {
  const apps = useControl('apps');
  const status = useControl('status');
  const connections = useControl('connections');
  const rows = useMemo(() => {
    const counts = connections.data === undefined ? undefined : openByApp(connections.data.items);
    return apps.data?.items.map((app) => ({
      app,
      open: counts === undefined ? undefined : (counts.get(app.id) ?? 0),
      probe: probeOf(app, status.data),
    }));
  }, [apps.data, status.data, connections.data]);
  return { rows, error: apps.error ?? status.error ?? connections.error };
}

function probeOf(app: App, status: ControlOutput<'status'> | undefined): Probed | undefined {
  return status === undefined ? undefined : probed(app, status.probe);
}

/** Every published app: how strictly it is guarded, by whom, and whether Cordon's own probes were refused. */
export function Apps(): ReactNode {
  const [url, setUrl] = useUrlState();
  const { rows, error } = useRows();
  const [search, by] = [url['q'] ?? '', url['by'] ?? ''];
  const shown = useMemo(() => {
    const kept = new Set(
      filterApps(
        (rows ?? []).map(({ app }) => app),
        { search, by },
      ),
    );
    return (rows ?? []).filter(({ app }) => kept.has(app));
  }, [rows, search, by]);
  const selected = (rows ?? []).find(({ app }) => app.id === url['id']);
  return (
    <Page title="Apps" subtitle="What is published, and who stands in front of it." error={error}>
      <Group gap="xs">
        <SearchField label="Name, host or kind" value={search} onChange={(q) => setUrl({ q })} />
        <SegmentedControl
          aria-label="Enforced by"
          value={by}
          onChange={(value) => setUrl({ by: value })}
          data={[
            { value: '', label: 'All' },
            { value: 'gateway', label: 'Gateway' },
            { value: 'forward-auth', label: 'Forward-auth' },
          ]}
        />
      </Group>
      {rows === undefined ? (
        error === null && <LoadingRows />
      ) : (
        <DataTable
          label="Apps"
          rows={shown}
          columns={COLUMNS}
          rowKey={({ app }) => app.id}
          sort="tier"
          isSelected={({ app }) => app.id === url['id']}
          empty={rows.length === 0 ? <NoApps /> : <NoMatch onClear={() => setUrl({ q: '', by: '' })} />}
        />
      )}
      <AppDetail
        id={url['id'] ?? ''}
        app={selected?.app}
        open={selected?.open}
        probe={selected?.probe}
        isKnown={rows !== undefined}
        onClose={() => setUrl({ id: '' })}
      />
    </Page>
  );
}

function NoMatch({ onClear }: { onClear: () => void }): ReactNode {
  return (
    <Empty title="No app matches">
      <Button variant="default" size="compact-sm" onClick={onClear}>
        Clear filters
      </Button>
    </Empty>
  );
}

function NoApps(): ReactNode {
  return (
    <Empty title="No app is published" command="cordon apply -c cordon.yaml">
      Name apps below <code>apps</code> in <code>cordon.yaml</code>; a running server takes the file up by itself, or
      with this command.
    </Empty>
  );
}
