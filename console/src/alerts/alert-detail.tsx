import { Group, Stack, Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { type ControlOutput, control } from '../client.ts';
import { Act } from '../parts/act.tsx';
import { State } from '../parts/badges.tsx';
import { Detail, Facts, Section } from '../parts/detail.tsx';
import { Prose } from '../parts/prose.tsx';
import { absolute } from '../parts/time.ts';
import { Severity } from './severity.tsx';

/** An alert, as the API gives one. */
export type Alert = ControlOutput<'alerts'>['items'][number];

/** `quarantine (dry run)`, or nothing when no response rule applies. */
export function responseText({ response }: Alert): string {
  if (response === undefined) return '';
  return isDryRun(response.mode) ? `${response.action} (dry run)` : response.action;
}

function isDryRun(mode: string): boolean {
  return mode.startsWith('dry');
}

/** One alert: what was seen, what was done about it, and the events behind it. */
export function AlertDetail({ alert, onClose }: { alert: Alert | undefined; onClose: () => void }): ReactNode {
  return (
    <Detail
      isOpen={alert !== undefined}
      onClose={onClose}
      title={
        alert !== undefined && (
          <Group gap="xs" wrap="nowrap">
            <Severity severity={alert.severity} />
            <span className="break">{alert.title}</span>
          </Group>
        )
      }
    >
      {alert !== undefined && <Body alert={alert} />}
    </Detail>
  );
}

function Body({ alert }: { alert: Alert }): ReactNode {
  return (
    <Stack gap="lg">
      <Section title="What was seen">
        <Text size="sm" mb="xs">
          <Prose text={alert.detail} />
        </Text>
        <Facts
          facts={[
            ['Subject', <Subject key="subject" alert={alert} />],
            [
              'Rule',
              <span key="rule" className="mono">
                {alert.ruleId}
              </span>,
            ],
            ['Times', alert.count.toLocaleString()],
            ['First', absolute(alert.firstAt)],
            ['Last', absolute(alert.lastAt)],
            ['Status', alert.status],
            [
              'Id',
              <span key="id" className="mono">
                {alert.id}
              </span>,
            ],
          ]}
        />
      </Section>
      <Section title="Response">
        <Response alert={alert} />
      </Section>
      <Section title="Events">
        <ul className="plain-list">
          {alert.eventIds.map((id) => (
            <li key={id}>
              <Link to="/decisions" search={{ show: 'all', q: id }} className="text-link mono">
                {id}
              </Link>
            </li>
          ))}
        </ul>
      </Section>
      {alert.status === 'open' && (
        <Section title="Administration">
          <Act
            label="Close the alert"
            question={`Close “${alert.title}”?`}
            verb="Close it"
            asksReason
            run={(reason) => control('closeAlert', { params: { id: alert.id }, body: { reason } })}
          >
            Say what it was, so that the next person can learn from it.
          </Act>
        </Section>
      )}
    </Stack>
  );
}

function Response({ alert }: { alert: Alert }): ReactNode {
  const { response } = alert;
  if (response === undefined) {
    return (
      <Text size="sm" c="dimmed">
        No response rule applies; it is for a person to judge.
      </Text>
    );
  }
  return (
    <Stack gap={4}>
      <Group gap="xs">
        <State tone={isDryRun(response.mode) ? 'note' : 'warn'}>{isDryRun(response.mode) ? 'dry run' : 'taken'}</State>
        <Text size="sm">
          {response.action}, by rule <span className="mono">{response.rule}</span>
        </Text>
      </Group>
      <Text size="xs" c="dimmed">
        {absolute(response.at)}
        {isDryRun(response.mode) && '. Nothing was changed; this is what the rule would have done.'}
      </Text>
    </Stack>
  );
}

function Subject({ alert }: { alert: Alert }): ReactNode {
  const { subjectKind, subjectId, subjectName } = alert;
  const text = `${subjectKind} ${subjectName}`;
  if (subjectKind === 'user')
    return (
      <Link to="/people" search={{ id: subjectId }} className="text-link">
        {text}
      </Link>
    );
  if (subjectKind === 'device')
    return (
      <Link to="/devices" search={{ id: subjectId }} className="text-link">
        {text}
      </Link>
    );
  if (subjectKind === 'workload') {
    return (
      <Link to="/segments" search={{ tab: 'workloads', q: subjectName }} className="text-link">
        {text}
      </Link>
    );
  }
  return text;
}
