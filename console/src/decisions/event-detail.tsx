import { Button, Code, CopyButton, Group, Stack, Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { type ReactNode, useState } from 'react';
import { Detail, Facts, Section } from '../parts/detail.tsx';
import { Prose } from '../parts/prose.tsx';
import { absolute } from '../parts/time.ts';
import type { EventLine } from './decision-event.ts';
import { Outcome } from './event-table.tsx';

/** One event: why it came out as it did, by which policies, and everything that was recorded. */
export function EventDetail({ line, onClose }: { line: EventLine | undefined; onClose: () => void }): ReactNode {
  // While the panel slides away it still shows what it showed.
  const [last, setLast] = useState(line);
  if (line !== undefined && line !== last) setLast(line);
  return (
    <Detail
      isOpen={line !== undefined}
      onClose={onClose}
      title={
        last !== undefined && (
          <Group gap="xs" wrap="nowrap">
            <Outcome outcome={last.outcome} />
            <span className="break">{last.what === '' ? last.message : last.what}</span>
          </Group>
        )
      }
    >
      {last !== undefined && <Body line={last} />}
    </Detail>
  );
}

function Body({ line }: { line: EventLine }): ReactNode {
  const { correlationId } = line;
  return (
    <Stack gap="lg">
      <Section title="What happened">
        <Text size="sm" mb="xs">
          <Prose text={line.message} />
        </Text>
        <Facts
          facts={[
            ['Who', line.who],
            ['Request', line.request === '' ? undefined : <Code key="request">{line.request}</Code>],
            ['From', line.address],
            ['When', absolute(line.time)],
            ['How long', line.lasted === '' ? undefined : line.lasted],
            ['Policy version', line.policyVersion === undefined ? undefined : String(line.policyVersion)],
            ['Correlation id', correlationId === undefined ? undefined : <Correlation key="id" id={correlationId} />],
          ]}
        />
      </Section>
      {line.reasons.length > 0 && (
        <Section title="Reasons">
          <Reasons line={line} />
        </Section>
      )}
      {line.policies.length > 0 && (
        <Section title="Policies that decided">
          <ul className="plain-list">
            {line.policies.map((id) => (
              <li key={id}>
                <Link to="/policies" search={{ q: id }} className="text-link mono">
                  {id}
                </Link>
              </li>
            ))}
          </ul>
        </Section>
      )}
      {line.errors.length > 0 && (
        <Section title="Policies that could not be evaluated">
          {line.errors.map(({ policyId, message }) => (
            <Text key={policyId} size="sm">
              <Code>{policyId}</Code> {message}
            </Text>
          ))}
        </Section>
      )}
      <Section title="The event as recorded">
        <Code block className="raw">
          {JSON.stringify(line.event, undefined, 2)}
        </Code>
      </Section>
    </Stack>
  );
}

function Reasons({ line }: { line: EventLine }): ReactNode {
  return (
    <Stack gap="xs">
      {line.reasons.map(({ code, detail, policyId, remedy }) => (
        <div key={`${code} ${policyId ?? ''} ${detail ?? ''}`}>
          <Code>{code}</Code>
          {detail !== undefined && (
            <Text size="sm" mt={2}>
              <Prose text={detail} />
            </Text>
          )}
          <Text size="xs" c="dimmed">
            {[policyId === undefined ? '' : `by ${policyId}`, remedy === undefined ? '' : `remedy: ${remedy}`]
              .filter((part) => part !== '')
              .join(' · ')}
          </Text>
        </div>
      ))}
    </Stack>
  );
}

function Correlation({ id }: { id: string }): ReactNode {
  return (
    <Group gap="xs">
      <Code>{id}</Code>
      <CopyButton value={id}>
        {({ copied, copy }) => (
          <Button variant="default" size="compact-xs" onClick={copy}>
            {copied ? 'Copied' : 'Copy'}
          </Button>
        )}
      </CopyButton>
      <Link to="/decisions" search={{ q: id }} className="text-link">
        All events with it
      </Link>
    </Group>
  );
}
