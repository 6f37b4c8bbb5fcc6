import { Group, Stack, Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { ControlOutput } from '../client.ts';
import { Labels, State } from '../parts/badges.tsx';
import { Detail, Section } from '../parts/detail.tsx';
import { type ClassName, type Pair, type PlanView, pieceText, type WorkloadClass } from './plan-text.ts';

interface Props {
  readonly pair: Pair | undefined;
  readonly plan: PlanView;
  readonly names: ReadonlyMap<string, ClassName>;
  readonly workloads: ControlOutput<'workloads'>['items'];
  readonly onClose: () => void;
}

/** What one pair may do, with the policy behind each piece, and who is on both sides. */
export function PairDetail({ pair, plan, names, workloads, onClose }: Props): ReactNode {
  const workloadNames = new Map(workloads.map(({ id, name }) => [id, name]));
  const classes = pair === undefined ? [] : plan.classes.filter(({ id }) => id === pair.from || id === pair.to);
  return (
    <Detail
      isOpen={pair !== undefined}
      onClose={onClose}
      title={pair === undefined ? '' : `${names.get(pair.from)?.text ?? ''} → ${names.get(pair.to)?.text ?? ''}`}
    >
      {pair !== undefined && (
        <Stack gap="lg">
          <Section title="What the policies say">
            <Stack gap="sm">
              {pair.pieces.map((piece) => (
                <div key={`${piece.effect} ${pieceText(piece)}`}>
                  <Group gap="xs">
                    <State tone={piece.effect === 'allow' ? 'good' : 'bad'}>{piece.effect}</State>
                    <Text size="sm" fw={600}>
                      {pieceText(piece)}
                    </Text>
                  </Group>
                  {piece.policies.map((id) => (
                    <div key={id}>
                      <Link to="/policies" search={{ q: id }} className="text-link mono">
                        {id}
                      </Link>
                    </div>
                  ))}
                </div>
              ))}
              <Text size="xs" c="dimmed">
                Everything else between them is denied.
              </Text>
            </Stack>
          </Section>
          {classes.map((item) => (
            <Section key={item.id} title={names.get(item.id)?.text ?? item.id}>
              <Members item={item} names={workloadNames} />
            </Section>
          ))}
        </Stack>
      )}
    </Detail>
  );
}

function Members({ item, names }: { item: WorkloadClass; names: ReadonlyMap<string, string> }): ReactNode {
  return (
    <Stack gap={4}>
      <Labels labels={item.labels} />
      <Text size="sm">{item.workloads.map((id) => names.get(id) ?? id).join(', ')}</Text>
    </Stack>
  );
}
