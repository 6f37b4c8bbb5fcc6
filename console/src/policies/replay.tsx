import { Group, List, Select, Stack, Table, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import type { ApiProblem, ControlOutput } from '../client.ts';
import { Failure } from '../parts/failure.tsx';
import { Panel } from '../parts/panel.tsx';
import type { Task } from './use-task.ts';

type Report = ControlOutput<'replayPolicies'>;

const SPANS = [
  { value: '1', label: 'last hour' },
  { value: '24', label: 'last day' },
  { value: '168', label: 'last week' },
  { value: '720', label: 'last 30 days' },
];

/** What the draft would have changed in the requests that were really made. */
export function Replay({
  replay,
  hours,
  onHours,
  onPick,
}: {
  replay: Task<Report>;
  hours: string;
  onHours: (hours: string) => void;
  onPick: (problem: ApiProblem) => void;
}): ReactNode {
  const { data, error, isOutdated } = replay;
  return (
    <Panel title="Replay: who would gain and lose what">
      <Stack gap="sm">
        <Group gap="sm">
          <Select
            aria-label="Requests of the"
            allowDeselect={false}
            w={150}
            data={SPANS}
            value={hours}
            onChange={(value) => onHours(value ?? '168')}
          />
          <Text size="sm" c="dimmed">
            Decides the journalled requests again, by the draft. Nothing is changed.
          </Text>
        </Group>
        <Failure error={error} onPick={onPick} />
        {data !== undefined && <ReplayAnswer report={data} isOutdated={isOutdated} />}
      </Stack>
    </Panel>
  );
}

/** Who would gain and lose what. */
export function ReplayAnswer({ report, isOutdated }: { report: Report; isOutdated: boolean }): ReactNode {
  const { replayed, unchanged, gains, losses, notReplayable } = report;
  return (
    <Stack gap="sm" aria-live="polite">
      <Text size="sm">
        {replayed.toLocaleString()} requests decided again, {unchanged.toLocaleString()} unchanged.
        {isOutdated && ' This was before the last edit.'}
      </Text>
      <Rows title="Would lose access" rows={losses} empty="Nobody loses anything." />
      <Rows title="Would gain access" rows={gains} empty="Nobody gains anything." />
      {notReplayable.length > 0 && (
        <List size="sm">
          {notReplayable.map(({ reason, count }) => (
            <List.Item key={reason}>
              {count.toLocaleString()} could not be decided again: {reason}
            </List.Item>
          ))}
        </List>
      )}
    </Stack>
  );
}

function Rows({ title, rows, empty }: { title: string; rows: Report['gains']; empty: string }): ReactNode {
  return (
    <div>
      <Text size="sm" fw={600}>
        {title} ({rows.length})
      </Text>
      {rows.length === 0 ? (
        <Text size="sm" c="dimmed">
          {empty}
        </Text>
      ) : (
        <Table.ScrollContainer minWidth={480}>
          <Table aria-label={title}>
            <Table.Thead>
              <Table.Tr>
                <Table.Th scope="col">Person</Table.Th>
                <Table.Th scope="col">App</Table.Th>
                <Table.Th scope="col" ta="right">
                  Requests
                </Table.Th>
                <Table.Th scope="col">Before</Table.Th>
                <Table.Th scope="col">After</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {rows.map((row) => (
                <Table.Tr key={`${row.user} ${row.app} ${row.before.join()} ${row.after.join()}`}>
                  <Table.Td>{row.user}</Table.Td>
                  <Table.Td>{row.app}</Table.Td>
                  <Table.Td ta="right">{row.count.toLocaleString()}</Table.Td>
                  <Table.Td className="mono">{row.before.join(', ') || 'no policy'}</Table.Td>
                  <Table.Td className="mono">{row.after.join(', ') || 'no policy'}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
    </div>
  );
}
