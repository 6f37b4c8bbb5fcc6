import '@mantine/charts/styles.css';
import { BarChart } from '@mantine/charts';
import { Box, Group, Text } from '@mantine/core';
import { type ReactNode, useMemo } from 'react';
import type { ControlOutput } from '../client.ts';
import { Panel } from '../parts/panel.tsx';
import { relative } from '../parts/time.ts';

const HEIGHT = 220;

/** Decisions per minute: permitted and denied, stacked. */
export function Traffic({ decisions }: { decisions: ControlOutput<'status'>['decisions'] }): ReactNode {
  const data = useMemo(
    () =>
      decisions.perMinute.map(({ at, permitted, denied }) => ({
        minute: new Date(at).toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit' }),
        Permitted: permitted,
        Denied: denied,
      })),
    [decisions.perMinute],
  );
  return (
    <Panel title="Decisions per minute">
      <Group gap="lg" mb="sm">
        <Figure value={decisions.permitted} name="permitted" color="var(--permit)" />
        <Figure value={decisions.denied} name="denied" color="var(--deny)" />
        <Text size="xs" c="dimmed">
          since {relative(decisions.since)}
        </Text>
      </Group>
      {data.length === 0 ? (
        <Box h={HEIGHT}>
          <Text size="sm" c="dimmed">
            Nobody has asked for anything yet. Publish an app in cordon.yaml and open it: every request is decided and
            shown here.
          </Text>
        </Box>
      ) : (
        <BarChart
          h={HEIGHT}
          data={data}
          dataKey="minute"
          type="stacked"
          series={[
            { name: 'Permitted', color: 'teal.7' },
            { name: 'Denied', color: 'red.6' },
          ]}
          withLegend
          legendProps={{ verticalAlign: 'bottom' }}
          tickLine="none"
          gridAxis="y"
          barProps={{ isAnimationActive: false }}
          xAxisProps={{ minTickGap: 40 }}
          yAxisProps={{ width: 36, allowDecimals: false }}
        />
      )}
    </Panel>
  );
}

function Figure({ value, name, color }: { value: number; name: string; color: string }): ReactNode {
  return (
    <Text size="sm">
      <Text span fw={650} size="lg" c={color}>
        {value.toLocaleString()}
      </Text>{' '}
      {name}
    </Text>
  );
}
