import { Code, Group, Stack, Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { EnforcementBadge } from '../apps/app-badges.tsx';
import { STREAMS } from '../apps/app-text.ts';
import type { ControlOutput } from '../client.ts';
import { Labels, TierBadge } from '../parts/badges.tsx';
import { Detail, Facts, Section } from '../parts/detail.tsx';
import { Failure, sentence } from '../parts/failure.tsx';
import { LoadingRows } from '../parts/page.tsx';
import { Prose } from '../parts/prose.tsx';
import { When } from '../parts/when.tsx';
import { useControl } from '../query.ts';
import { Ledger } from './ledger.tsx';
import { TierForm } from './tier-form.tsx';

type Asset = ControlOutput<'asset'>;

/** One asset: its tier, the ledger behind it, what it is connected to, and the way to set the tier by hand. */
export function AssetDetail({ id, onClose }: { id: string; onClose: () => void }): ReactNode {
  const asset = useControl('asset', { params: { id } }, { enabled: id !== '', refresh: 30_000 });
  const data = asset.data?.id === id ? asset.data : undefined;
  return (
    <Detail
      isOpen={id !== ''}
      onClose={onClose}
      title={
        <Group gap="xs" wrap="nowrap">
          {data !== undefined && <TierBadge tier={data.tier} overridden={data.overridden} />}
          <span className="break">{data?.name ?? 'Asset'}</span>
        </Group>
      }
    >
      <Failure error={asset.error} />
      {data === undefined ? asset.error === null && <LoadingRows /> : <Body asset={data} />}
    </Detail>
  );
}

/** An app that leads to the asset. The API names it by its host. */
function ReachedThrough({ host }: { host: string }): ReactNode {
  const apps = useControl('apps', {}, { refresh: 30_000 });
  const app = apps.data?.items.find((one) => one.host === host);
  if (app === undefined) return <span className="break">{host}</span>;
  return (
    <Group gap="xs" wrap="nowrap" align="baseline">
      <Link to="/apps" search={{ id: app.id }} className="text-link">
        {host}
      </Link>
      {app.enforcedBy === 'forward-auth' && (
        <>
          <EnforcementBadge app={app} />
          <Text size="xs" c="dimmed">
            {STREAMS[app.streams].long}
          </Text>
        </>
      )}
    </Group>
  );
}

function Body({ asset }: { asset: Asset }): ReactNode {
  return (
    <Stack gap="lg">
      <Section title="Tier">
        <Text size="sm">
          T{asset.computedTier} by impact {Math.round(asset.impact)} of 100, confidence{' '}
          {Math.round(asset.confidence * 100)} %.
          {asset.counterfactual !== undefined && <Prose text={` ${sentence(asset.counterfactual)}.`} />}
        </Text>
        <TierForm key={asset.id} asset={asset} />
      </Section>
      <Section title="Why: the ledger">
        <Ledger rows={asset.ledger} />
      </Section>
      {asset.apps.length > 0 && (
        <Section title="Reached through">
          {asset.apps.map((app) => (
            <ReachedThrough key={app} host={app} />
          ))}
        </Section>
      )}
      <Section title="What it is">
        <Facts
          facts={[
            ['Kind', asset.kind],
            ['Provider', asset.provider],
            ['Account', asset.account],
            ['Region', asset.region],
            ['Id', <Code key="id">{asset.id}</Code>],
            [
              'Labels',
              Object.keys(asset.labels).length === 0 ? undefined : <Labels key="labels" labels={asset.labels} />,
            ],
            ['Source', asset.source],
            ['Seen', <When key="seen" time={asset.observedAt} />],
          ]}
        />
      </Section>
      {asset.relations.length > 0 && (
        <Section title="Relations">
          <Relations relations={asset.relations} />
        </Section>
      )}
      {Object.keys(asset.attributes).length > 0 && (
        <Section title="Attributes">
          <Facts
            facts={Object.entries(asset.attributes).map(([key, value]) => [
              key,
              <Code key={key}>{typeof value === 'string' ? value : JSON.stringify(value)}</Code>,
            ])}
          />
        </Section>
      )}
    </Stack>
  );
}

function Relations({ relations }: { relations: Asset['relations'] }): ReactNode {
  return (
    <ul className="plain-list">
      {relations.map(({ type, to }) => (
        <li key={`${type} ${to}`}>
          <Text span size="sm" c="dimmed">
            {type}
          </Text>{' '}
          <Link to="/assets" search={{ id: to }} className="text-link mono">
            {to}
          </Link>
        </li>
      ))}
    </ul>
  );
}
