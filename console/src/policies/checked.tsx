import { Alert } from '@mantine/core';
import type { ReactNode } from 'react';
import type { ApiProblem, ControlOutput } from '../client.ts';
import { counted } from '../parts/count.ts';
import { Failure, Problems } from '../parts/failure.tsx';
import type { Task } from './use-task.ts';

/** What the check found; a place leads to the line. */
export function Checked({
  check,
  onPick,
}: {
  check: Task<ControlOutput<'checkPolicies'>>;
  onPick: (problem: ApiProblem) => void;
}): ReactNode {
  const { data, error, isOutdated } = check;
  if (error !== null) return <Failure error={error} />;
  if (data === undefined) return null;
  const note = isOutdated ? ' (before the last edit)' : '';
  if (data.ok) {
    return (
      <Alert
        color={isOutdated ? 'gray' : 'teal'}
        role="status"
        title={`The text is valid: ${data.policies} policies, ${testsText(data.tests)}${note}`}
      >
        <Problems problems={data.warnings} onPick={onPick} />
      </Alert>
    );
  }
  return (
    <Alert color="red" role="alert" title={`${counted(data.problems.length, 'problem')}${note}`}>
      <Problems problems={data.problems} onPick={onPick} />
    </Alert>
  );
}

function testsText(count: number): string {
  return count === 0 ? 'no tests' : `${counted(count, 'answer')} as expected`;
}
