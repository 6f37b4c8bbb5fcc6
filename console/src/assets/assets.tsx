import { Button, Group, Select } from '@mantine/core';
import { type ReactNode, useDeferredValue, useMemo } from 'react';
import type { ControlOutput } from '../client.ts';
import { TIERS, TierBadge } from '../parts/badges.tsx';
import { type Column, DataTable } from '../parts/data-table.tsx';
import { Empty } from '../parts/empty.tsx';
import { LoadingRows, Page } from '../parts/page.tsx';
import { Name, Prose } from '../parts/prose.tsx';
import { SearchField } from '../parts/search-field.tsx';
import { shortId } from '../parts/short.ts';
import { RowLink, useUrlState } from '../parts/url-state.tsx';
import { useControl } from '../query.ts';
import { AssetDetail } from './asset-detail.tsx';
import { filterAssets } from './filter.ts';

type Asset = ControlOutput<'assets'>['items'][number];

/** The most a page asks for; what the API gives at once. */
const MOST = 20_000;

const COLUMNS: readonly Column<Asset>[] = [
  {
    key: 'tier',
    head: 'Tier',
    width: 64,
    cell: (asset) => <TierBadge tier={asset.tier} overridden={asset.overridden} />,
    sortBy: (asset) => asset.tier * 1000 - asset.impact,
  },
  {
    key: 'name',
    head: 'Name',
    share: 26,
    cell: (asset) => (
      <RowLink id={asset.id}>
        <Name text={asset.name} />
      </RowLink>
    ),
    sortBy: (asset) => asset.name,
  },
  {
    key: 'kind',
    head: 'Kind',
    from: 'xs',
    cell: (asset) => <span className="nowrap">{asset.kind}</span>,
    sortBy: (asset) => asset.kind,
  },
  {
    key: 'place',
    head: 'Place',
    from: 'lg',
    cell: (asset) => <Place asset={asset} />,
    sortBy: (asset) => `${asset.provider} ${asset.account} ${asset.region}`,
  },
  {
    key: 'impact',
    head: 'Impact',
    from: 'sm',
    width: 80,
    cell: (asset) => <span className="figures">{Math.round(asset.impact)}</span>,
    sortBy: (asset) => -asset.impact,
  },
  { key: 'reason', head: 'Strongest reason', from: 'md', cell: (asset) => <Prose text={asset.reason} /> },
];

function Place({ asset: { provider, account, region } }: { asset: Asset }): ReactNode {
  return (
    <span className="nowrap" title={[provider, account, region].filter((part) => part !== '').join(' · ')}>
      {[provider, region].filter((part) => part !== '').join(' · ')}
      <div className="sub">{shortId(account)}</div>
    </span>
  );
}

/** Every asset with its tier and the strongest reason for it. */
export function Assets(): ReactNode {
  const [url, setUrl] = useUrlState();
  const assets = useControl('assets', { query: { limit: MOST } }, { refresh: 30_000 });
  const all = assets.data?.items;
  const search = useDeferredValue(url['q'] ?? '');
  const shown = useMemo(
    () => filterAssets(all ?? [], { search, tier: url['tier'], kind: url['kind'], provider: url['provider'] }),
    [all, search, url],
  );
  const kinds = useMemo(() => [...new Set((all ?? []).map(({ kind }) => kind))].sort(), [all]);
  const providers = useMemo(() => [...new Set((all ?? []).map(({ provider }) => provider))].sort(), [all]);
  const isFiltered = ['q', 'tier', 'kind', 'provider'].some((key) => (url[key] ?? '') !== '');
  const clear = () => setUrl({ q: '', tier: '', kind: '', provider: '' });
  return (
    <Page
      title="Assets"
      subtitle={all === undefined ? ' ' : `${shown.length.toLocaleString()} of ${all.length.toLocaleString()}`}
      error={assets.error}
    >
      <Group gap="xs">
        <SearchField label="Name, id, reason or label" value={url['q'] ?? ''} onChange={(q) => setUrl({ q })} />
        <Filter
          label="Tier"
          value={url['tier']}
          options={TIERS.map(({ tier, name }) => ({ value: String(tier), label: `T${tier} ${name}` }))}
          onChange={(tier) => setUrl({ tier })}
        />
        <Filter label="Kind" value={url['kind']} options={kinds} onChange={(kind) => setUrl({ kind })} />
        <Filter
          label="Provider"
          value={url['provider']}
          options={providers}
          onChange={(provider) => setUrl({ provider })}
        />
        {isFiltered && (
          <Button variant="subtle" size="sm" onClick={clear}>
            Clear filters
          </Button>
        )}
      </Group>
      {all === undefined ? (
        assets.error === null && <LoadingRows rows={12} />
      ) : (
        <DataTable
          label="Assets"
          rows={shown}
          columns={COLUMNS}
          rowKey={({ id }) => id}
          sort="tier"
          isSelected={({ id }) => id === url['id']}
          empty={isFiltered ? <NoMatch onClear={clear} /> : <NoAssets />}
        />
      )}
      <AssetDetail id={url['id'] ?? ''} onClose={() => setUrl({ id: '' })} />
    </Page>
  );
}

interface FilterProps {
  readonly label: string;
  readonly value: string | undefined;
  readonly options: readonly (string | { value: string; label: string })[];
  readonly onChange: (value: string) => void;
}

function Filter({ label, value, options, onChange }: FilterProps): ReactNode {
  return (
    <Select
      aria-label={label}
      placeholder={label}
      clearable
      searchable
      w={170}
      data={[...options]}
      value={value === undefined || value === '' ? null : value}
      onChange={(next) => onChange(next ?? '')}
      clearButtonProps={{ 'aria-label': `Any ${label.toLowerCase()}` }}
    />
  );
}

function NoMatch({ onClear }: { onClear: () => void }): ReactNode {
  return (
    <Empty title="No asset matches">
      <Button variant="default" size="compact-sm" onClick={onClear}>
        Clear filters
      </Button>
    </Empty>
  );
}

function NoAssets(): ReactNode {
  return (
    <Empty title="No assets yet" command="cordon discover aws --from DIR">
      DIR holds the saved output of the AWS command line, one file per call. Every asset gets a tier, and the reasons
      for it.
    </Empty>
  );
}
