import { Table, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import type { ControlOutput } from '../client.ts';
import { Prose } from '../parts/prose.tsx';

const FACTORS: Readonly<Record<string, string>> = {
  D: 'data',
  P: 'privilege',
  M: 'mission',
  B: 'blast radius',
  K: 'dependency',
  S: 'structure',
  floor: 'floor',
};

/** The lines a tier adds up from, strongest first: strength times weight gives points. */
export function Ledger({ rows }: { rows: ControlOutput<'asset'>['ledger'] }): ReactNode {
  if (rows.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        Nothing speaks for a higher tier.
      </Text>
    );
  }
  return (
    <Table.ScrollContainer minWidth={320}>
      <Table aria-label="Ledger" className="ledger" verticalSpacing={6} horizontalSpacing={8}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th scope="col">Factor and reason</Table.Th>
            <Table.Th scope="col" ta="right" title="How strong the evidence is, 0 to 1">
              Strength
            </Table.Th>
            <Table.Th scope="col" ta="right" title="How much the factor counts">
              Weight
            </Table.Th>
            <Table.Th scope="col" ta="right">
              Points
            </Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map((row) => (
            <Table.Tr key={`${row.factor} ${row.ruleId} ${row.reason}`}>
              <Table.Td>
                <Text size="sm">
                  <Text span fw={600} size="sm">
                    {FACTORS[row.factor] ?? row.factor}
                  </Text>
                  : <Prose text={row.reason} />
                </Text>
                <Text size="xs" c="dimmed" className="break">
                  {row.ruleId}
                </Text>
                {row.evidence.map((evidence) => (
                  <Text key={evidence} size="xs" c="dimmed" className="mono break">
                    {evidence}
                  </Text>
                ))}
              </Table.Td>
              <Table.Td ta="right">{figure(row.s)}</Table.Td>
              <Table.Td ta="right">{figure(row.w)}</Table.Td>
              <Table.Td ta="right" fw={600}>
                {figure(row.contribution)}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function figure(value: number): string {
  return String(Math.round(value * 100) / 100);
}
