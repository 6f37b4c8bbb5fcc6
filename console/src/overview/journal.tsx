import { Alert, Button, Code, Group, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { type ControlOutput, control } from '../client.ts';
import { State } from '../parts/badges.tsx';
import { counted } from '../parts/count.ts';
import { Facts } from '../parts/detail.tsx';
import { Failure } from '../parts/failure.tsx';
import { Panel } from '../parts/panel.tsx';
import { When } from '../parts/when.tsx';

/** The journal's state and a proof on demand, with what is running. */
export function Installation({ status }: { status: ControlOutput<'status'> }): ReactNode {
  const verify = useMutation({ mutationFn: () => control('verifyJournal') });
  return (
    <Panel title="Journal and installation">
      <Facts
        facts={[
          [
            'Journal',
            <State key="journal" tone={status.journal.writable ? 'good' : 'bad'}>
              {status.journal.writable ? 'writable' : 'cannot be written'}
            </State>,
          ],
          ['Directory', <Code key="directory">{status.journal.directory}</Code>],
          ['Domain', status.domain],
          ['Version', status.version],
          ['Started', <When key="started" time={status.startedAt} />],
          ['Graph', `change ${status.graphSeq.toLocaleString()}`],
        ]}
      />
      <Group mt="sm" gap="sm">
        <Button variant="default" size="compact-sm" loading={verify.isPending} onClick={() => verify.mutate()}>
          Verify the chain
        </Button>
        {verify.data !== undefined && <Verdict report={verify.data} />}
      </Group>
      <Failure error={verify.error} />
    </Panel>
  );
}

function Verdict({ report }: { report: ControlOutput<'verifyJournal'> }): ReactNode {
  if (report.ok) {
    return (
      <Text size="sm" role="status">
        {counted(report.lines, 'line')} in {counted(report.segments, 'segment')}: nothing was changed.
      </Text>
    );
  }
  return (
    <Alert color="red" role="alert" title="The journal was changed">
      {report.problem === undefined
        ? ''
        : `${report.problem.file}, line ${report.problem.line}: ${report.problem.reason}`}
    </Alert>
  );
}
