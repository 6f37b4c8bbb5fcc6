import { Alert, Group, SegmentedControl, Stack, Text } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { type ReactNode, useMemo } from 'react';
import type { ControlOutput } from '../client.ts';
import { Empty } from '../parts/empty.tsx';
import { Problems } from '../parts/failure.tsx';
import { LoadingRows } from '../parts/page.tsx';
import { SearchField } from '../parts/search-field.tsx';
import { useUrlState } from '../parts/url-state.tsx';
import { Matrix } from './matrix.tsx';
import { PairDetail } from './pair-detail.tsx';
import { PairList } from './pair-list.tsx';
import { classNames, type PlanView } from './plan-text.ts';

/** The pairs that may connect, as a grid or as a list. */
export function Plan({
  plan,
  workloads,
}: {
  plan: PlanView | undefined;
  workloads: ControlOutput<'workloads'>['items'];
}): ReactNode {
  const [url, setUrl] = useUrlState();
  const isNarrow = useMediaQuery('(max-width: 48em)') ?? false;
  const names = useMemo(() => classNames(plan?.classes ?? []), [plan]);
  if (plan === undefined) return <LoadingRows />;
  if (plan.classes.length === 0) {
    return (
      <Empty title="No workloads yet" command="cordon agent enrol TOKEN">
        Workloads come from agents and from imported instances. Segments in cordon.yaml select them by label; policies
        on the action “connect” say who may talk to whom.
      </Empty>
    );
  }
  const search = (url['q'] ?? '').toLowerCase();
  const view = url['view'] ?? (isNarrow ? 'list' : 'grid');
  const matching = plan.classes.filter(({ id }) => (names.get(id)?.text ?? '').toLowerCase().includes(search));
  const open = (from: string, to: string) => setUrl({ pair: `${from}>${to}` });
  const [from = '', to = ''] = (url['pair'] ?? '').split('>');
  const pair = plan.pairs.find((item) => item.from === from && item.to === to);
  return (
    <Stack gap="md">
      {plan.problems.length > 0 && (
        <Alert color="orange" role="alert" title="Parts of the plan could not be made">
          <Problems problems={plan.problems} />
        </Alert>
      )}
      <Group gap="xs">
        <SearchField label="Segment or label" value={url['q'] ?? ''} onChange={(q) => setUrl({ q })} />
        <SegmentedControl
          aria-label="Form"
          value={view}
          onChange={(value) => setUrl({ view: value })}
          data={[
            { value: 'grid', label: 'Grid' },
            { value: 'list', label: 'List' },
          ]}
        />
        <Text size="sm" c="dimmed">
          {plan.pairs.length.toLocaleString()} of {(plan.classes.length ** 2).toLocaleString()} pairs have a rule; every
          other is denied.
        </Text>
      </Group>
      {view === 'grid' ? (
        <Matrix plan={plan} classes={matching} names={names} onOpen={open} />
      ) : (
        <PairList plan={plan} classes={matching} names={names} onOpen={open} />
      )}
      <PairDetail pair={pair} plan={plan} names={names} workloads={workloads} onClose={() => setUrl({ pair: '' })} />
    </Stack>
  );
}
