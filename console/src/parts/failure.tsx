import { Alert, Anchor, Code, List, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { ApiError, type ApiProblem } from '../client.ts';
import { Prose } from './prose.tsx';

/** Tells what went wrong and what to do, with the code and the correlation id; announced to screen readers. */
export function Failure({
  error,
  onPick,
}: {
  error: unknown;
  /** Makes the places of problems buttons. */
  onPick?: (problem: ApiProblem) => void;
}): ReactNode {
  if (error === undefined || error === null) return null;
  if (!(error instanceof ApiError)) {
    return <Alert color="red" role="alert" title={sentence(error instanceof Error ? error.message : String(error))} />;
  }
  const others = error.problems.filter((problem) => problem.message !== error.message);
  return (
    <Alert color="red" role="alert" title={<Prose text={sentence(error.message)} />}>
      {error.hint !== undefined && (
        <Text size="sm">
          <Prose text={sentence(error.hint)} />
        </Text>
      )}
      <Problems problems={others} {...(onPick === undefined ? {} : { onPick })} />
      <Text size="xs" mt={6}>
        <Code>{error.code}</Code>
        {error.location !== undefined && (
          <>
            {' '}
            <Anchor size="xs" href={error.location}>
              Prove that it is you
            </Anchor>
          </>
        )}
        {error.correlationId !== undefined && (
          <>
            {' '}
            correlation id <Code>{error.correlationId}</Code>
          </>
        )}
      </Text>
    </Alert>
  );
}

/** Problems with an input, each with its place. With `onPick`, a place is a button that leads there. */
export function Problems({
  problems,
  onPick,
}: {
  problems: readonly ApiProblem[];
  onPick?: (problem: ApiProblem) => void;
}): ReactNode {
  if (problems.length === 0) return null;
  return (
    <List size="sm" spacing={4} listStyleType="none" mt={4}>
      {problems.map((problem, index) => (
        // oxlint-disable-next-line react/no-array-index-key -- two problems may read the same; their order is stable
        <List.Item key={index}>
          <Place problem={problem} {...(onPick === undefined ? {} : { onPick })} />{' '}
          <Prose text={sentence(problem.message)} />
          {problem.hint !== undefined && (
            <Text span c="dimmed" size="sm">
              {' '}
              <Prose text={sentence(problem.hint)} />
            </Text>
          )}
        </List.Item>
      ))}
    </List>
  );
}

function Place({ problem, onPick }: { problem: ApiProblem; onPick?: (problem: ApiProblem) => void }): ReactNode {
  const { file, line, column } = problem.source ?? {};
  const place = [file, line, column].filter((part) => part !== undefined).join(':');
  if (place === '') return null;
  if (onPick === undefined) return <Code>{place}</Code>;
  return (
    <Anchor component="button" type="button" ff="monospace" size="sm" onClick={() => onPick(problem)}>
      {place}
    </Anchor>
  );
}

/** Messages of the API begin in lower case and end without a full stop; on a page they are sentences. */
export function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
