import { Group, SegmentedControl, Stack } from '@mantine/core';
import { type ReactNode, useMemo } from 'react';
import type { ControlOutput } from '../client.ts';
import { State } from '../parts/badges.tsx';
import { type Column, DataTable } from '../parts/data-table.tsx';
import { Empty } from '../parts/empty.tsx';
import { SearchField } from '../parts/search-field.tsx';
import { useUrlState } from '../parts/url-state.tsx';

type Policy = ControlOutput<'policies'>['policies'][number];

const COLUMNS: readonly Column<Policy>[] = [
  {
    key: 'effect',
    head: 'Effect',
    width: 88,
    cell: (policy) => <State tone={policy.effect === 'permit' ? 'good' : 'bad'}>{policy.effect}</State>,
    sortBy: (policy) => policy.effect,
  },
  {
    key: 'title',
    head: 'Policy',
    cell: (policy) => (
      <>
        <span className="break">{policy.title === '' ? policy.id : policy.title}</span>
        <div className="sub mono break">{policy.id}</div>
      </>
    ),
    sortBy: (policy) => policy.id,
  },
  {
    key: 'action',
    head: 'Action',
    from: 'sm',
    width: 110,
    cell: (policy) => policy.action,
    sortBy: (policy) => policy.action,
  },
  {
    key: 'builtin',
    head: 'Origin',
    from: 'sm',
    width: 110,
    cell: (policy) => <State tone={policy.builtin ? 'note' : 'calm'}>{policy.builtin ? 'guardrail' : 'yours'}</State>,
    sortBy: (policy) => Number(policy.builtin),
  },
];

/** Every policy that decides now: your own, and the guardrails that come with the tiers. */
export function InForce({ policies }: { policies: readonly Policy[] }): ReactNode {
  const [url, setUrl] = useUrlState();
  const search = (url['q'] ?? '').toLowerCase();
  const origin = url['origin'] ?? '';
  const shown = useMemo(
    () =>
      policies.filter(
        ({ id, title, action, builtin }) =>
          (origin === '' || builtin === (origin === 'guardrail')) &&
          `${id}\n${title}\n${action}`.toLowerCase().includes(search),
      ),
    [policies, search, origin],
  );
  return (
    <Stack gap="md">
      <Group gap="xs">
        <SearchField label="Id, title or action" value={url['q'] ?? ''} onChange={(q) => setUrl({ q })} />
        <SegmentedControl
          aria-label="Origin"
          value={origin}
          onChange={(value) => setUrl({ origin: value })}
          data={[
            { value: '', label: 'All' },
            { value: 'own', label: 'Yours' },
            { value: 'guardrail', label: 'Guardrails' },
          ]}
        />
      </Group>
      <DataTable
        label="Policies"
        rows={shown}
        columns={COLUMNS}
        rowKey={({ id }) => id}
        sort="builtin"
        empty={
          policies.length === 0 ? (
            <Empty title="No policy is active" command="cordon apply">
              Without one, every access is denied. Write policies in Cedar, then apply them or use the Edit tab.
            </Empty>
          ) : (
            <Empty title="No policy matches" />
          )
        }
      />
    </Stack>
  );
}
