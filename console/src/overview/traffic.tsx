import '@mantine/charts/styles.css';
import { BarChart } from '@mantine/charts';
import { Box, Group, Text } from '@mantine/core';
import { type ReactNode, useMemo } from 'react';
import type { ControlOutput } from '../client.ts';
import { Panel } from '../parts/panel.tsx';
import { minuteTime, relative } from '../parts/time.ts';

const HEIGHT = 220;

/** Decisions per minute: permitted and denied, stacked. */
export function Traffic({ decisions }: { decisions: ControlOutput<'status'>['decisions'] }): ReactNode {
  const data = useMemo(
    () =>
      decisions.perMinute.map(({ at, permitted, denied }) => ({
        minute: minuteTime(at),
        Permitted: permitted,
        Denied: denied,
      })),
    [decisions.perMinute],
  );
  return (
    <Panel title="Decisions per minute">
      <Group gap="lg" mb="sm">
        <Figure value={decisions.permitted} name="permitted" colour="var(--chart-permit)" />
        <Figure value={decisions.denied} name="denied" colour="var(--chart-deny)" />
        <Text size="xs" c="dimmed">
          since {relative(decisions.since)}
        </Text>
      </Group>
      {decisions.permitted + decisions.denied === 0 ? (
        <Box h={HEIGHT}>
          <Text size="sm" c="dimmed">
            Nobody has asked for anything yet. Publish an app in cordon.yaml and open it: every request is decided and
            shown here.
          </Text>
        </Box>
      ) : (
        // The figures above say in words what the picture shows.
        <div aria-hidden="true">
          <BarChart
            h={HEIGHT}
            data={data}
            dataKey="minute"
            type="stacked"
            series={[
              { name: 'Permitted', color: 'var(--chart-permit)' },
              { name: 'Denied', color: 'var(--chart-deny)' },
            ]}
            tickLine="none"
            gridAxis="x"
            barProps={{ isAnimationActive: false }}
            barChartProps={{ accessibilityLayer: false, margin: { top: 8 } }}
            xAxisProps={{ minTickGap: 40 }}
            yAxisProps={{ width: 36, allowDecimals: false }}
          />
        </div>
      )}
    </Panel>
  );
}

function Figure({ value, name, colour }: { value: number; name: string; colour: string }): ReactNode {
  return (
    <Text size="sm">
      <span className="swatch" style={{ background: colour }} />
      <Text span fw={650} size="lg">
        {value.toLocaleString()}
      </Text>{' '}
      {name}
    </Text>
  );
}
