import './overview.css';
import { Alert, Skeleton, Stack } from '@mantine/core';
import type { ReactNode } from 'react';
import type { ControlOutput } from '../client.ts';
import { Problems } from '../parts/failure.tsx';
import { Page } from '../parts/page.tsx';
import { absolute } from '../parts/time.ts';
import { useControl } from '../query.ts';
import { Installation } from './journal.tsx';
import { Loop } from './loop.tsx';
import { OpenAlerts } from './open-alerts.tsx';
import { Tiers } from './tiers.tsx';
import { Traffic } from './traffic.tsx';

/** The state of the whole installation on one page. */
export function Overview(): ReactNode {
  const { data, error } = useControl('status');
  return (
    <Page title="Overview" subtitle="Every access is decided anew, by what is true at that moment." error={error}>
      {data === undefined ? <Skeleton height={640} visible={error === null} /> : <State status={data} />}
    </Page>
  );
}

function State({ status }: { status: ControlOutput<'status'> }): ReactNode {
  return (
    <Stack gap="lg">
      <Banners status={status} />
      <Loop status={status} />
      <div className="panels">
        <div>
          <Traffic decisions={status.decisions} />
          <OpenAlerts />
        </div>
        <div>
          <Tiers counts={status.counts.assets} />
          <Installation status={status} />
        </div>
      </div>
    </Stack>
  );
}

function Banners({ status }: { status: ControlOutput<'status'> }): ReactNode {
  const { configurationProblem: problem, journal } = status;
  return (
    <>
      {!journal.writable && (
        <Alert color="red" role="alert" title="The journal cannot be written">
          Access to T0 and T1 assets is denied until it can. Free space in {journal.directory}, or repair it.
        </Alert>
      )}
      {problem !== undefined && (
        <Alert
          color="orange"
          role="alert"
          title="The newest configuration does not load; the last good one stays in force"
        >
          Since {absolute(problem.at)}.
          <Problems problems={problem.problems} />
        </Alert>
      )}
    </>
  );
}
