import { Group, Stack, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { control } from '../client.ts';
import { Act } from '../parts/act.tsx';
import { State } from '../parts/badges.tsx';
import { Detail, Facts, Section } from '../parts/detail.tsx';
import { Empty } from '../parts/empty.tsx';
import { Prose } from '../parts/prose.tsx';
import { When } from '../parts/when.tsx';
import { type Device, Verdict } from './device-text.tsx';

const OUTCOMES = {
  fail: { tone: 'bad', order: 0, word: 'fail' },
  unknown: { tone: 'warn', order: 1, word: 'unknown' },
  pass: { tone: 'good', order: 2, word: 'pass' },
  'not-applicable': { tone: 'calm', order: 3, word: 'n/a' },
} as const;

/** One device: each check, with what to do about the ones that fail. */
export function DeviceDetail({ device, onClose }: { device: Device | undefined; onClose: () => void }): ReactNode {
  return (
    <Detail
      isOpen={device !== undefined}
      onClose={onClose}
      title={
        device !== undefined && (
          <Group gap="xs" wrap="nowrap">
            <Verdict device={device} />
            <span className="break">{device.name}</span>
          </Group>
        )
      }
    >
      {device !== undefined && <Body device={device} />}
    </Detail>
  );
}

function Body({ device }: { device: Device }): ReactNode {
  return (
    <Stack gap="lg">
      <Section title="Checks">
        <Checks device={device} />
      </Section>
      <Section title="What it is">
        <Facts
          facts={[
            ['Form', device.form === 'agent' ? 'host with agent' : 'browser'],
            ['Owner', device.owner],
            ['Managed', device.managed ? 'yes' : 'no'],
            ['Status', device.status],
            ['Enrolled', <When key="enrolled" time={device.enrolledAt} />],
            [
              'Last report',
              device.collectedAt === undefined ? 'never' : <When key="report" time={device.collectedAt} />,
            ],
            [
              'Id',
              <span key="id" className="mono">
                {device.id}
              </span>,
            ],
          ]}
        />
      </Section>
      {device.status === 'active' && (
        <Section title="Administration">
          <Act
            label="Revoke"
            question={`Revoke ${device.name}?`}
            verb="Revoke"
            danger
            run={() => control('revokeDevice', { params: { id: device.id } })}
          >
            Its certificate is no longer accepted and its open connections are cut. To come back it has to enrol again.
          </Act>
        </Section>
      )}
    </Stack>
  );
}

function Checks({ device }: { device: Device }): ReactNode {
  if (device.results.length === 0) {
    return device.form === 'browser' ? (
      <Text size="sm" c="dimmed">
        A browser reports nothing about its host. For apps that ask for health, enrol the host with the agent.
      </Text>
    ) : (
      <Empty title="No report yet" command="cordon agent run">
        Start the agent on the host; the first report comes at once.
      </Empty>
    );
  }
  const results = [...device.results].sort((a, b) => OUTCOMES[a.outcome].order - OUTCOMES[b.outcome].order);
  return (
    <Stack gap="sm">
      {results.map((result) => (
        <div key={result.check} className="check">
          <State tone={OUTCOMES[result.outcome].tone}>{OUTCOMES[result.outcome].word}</State>
          <div className="check-text">
            <Text size="sm" fw={600}>
              {result.title}
            </Text>
            <Text size="sm" c="dimmed" className="break">
              <Prose text={result.detail} />
            </Text>
            {result.outcome !== 'pass' && result.fix !== undefined && (
              <Text size="sm" mt={2} className="break">
                To fix: <Prose text={result.fix} />
              </Text>
            )}
          </div>
        </div>
      ))}
    </Stack>
  );
}
