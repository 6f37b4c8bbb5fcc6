import { Code, Group, Stack, Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { State, TierBadge } from '../parts/badges.tsx';
import { Detail, Facts, Section } from '../parts/detail.tsx';
import { Command, Empty } from '../parts/empty.tsx';
import { Prose } from '../parts/prose.tsx';
import { When } from '../parts/when.tsx';
import { EnforcementBadge, ProbeState } from './app-badges.tsx';
import { AppDecisions } from './app-decisions.tsx';
import { type App, budgetText, KINDS, type Probed, STREAMS } from './app-text.ts';
import { WaysTo } from './ways.tsx';

interface Props {
  /** Empty: nothing is open. */
  readonly id: string;
  readonly app: App | undefined;
  readonly open: number | undefined;
  readonly probe: Probed | undefined;
  /** True once the apps are there, so that one which is not among them does not exist. */
  readonly isKnown: boolean;
  readonly onClose: () => void;
}

/** One app: how to open it, who may, how it is guarded, what is behind it, and what was decided last. */
export function AppDetail({ id, app, open, probe, isKnown, onClose }: Props): ReactNode {
  return (
    <Detail
      isOpen={id !== '' && (app !== undefined || isKnown)}
      onClose={onClose}
      title={
        <Group gap="xs" wrap="nowrap">
          {app !== undefined && <TierBadge tier={app.tier} />}
          <span className="break">{app?.name ?? 'App'}</span>
        </Group>
      }
    >
      {app === undefined ? (
        <Empty title="There is no such app">It may have been taken out of the configuration.</Empty>
      ) : (
        <Stack gap="lg">
          <Section title="How to open it">
            <WaysTo app={app} />
          </Section>
          <Section title="Who can open it">
            <Text size="sm" c="dimmed" mb={6}>
              Policies say who, and on what it still depends:
            </Text>
            <Command text={`cordon policy who-can access ${app.id}`} />
          </Section>
          <Section title="How it is guarded">
            <Guard app={app} probe={probe} open={open} />
          </Section>
          <Section title="What is behind it">
            <Upstreams app={app} />
          </Section>
          <Section title="Last decisions">
            <AppDecisions app={app} />
          </Section>
        </Stack>
      )}
    </Detail>
  );
}

function Guard({ app, probe, open }: Pick<Props, 'probe' | 'open'> & { app: App }): ReactNode {
  return (
    <Facts
      facts={[
        ['Kind', KINDS[app.kind]],
        [
          'Asset',
          app.assetId === undefined ? undefined : (
            <Link key="asset" to="/assets" search={{ id: app.assetId }} className="text-link mono">
              {app.assetId}
            </Link>
          ),
        ],
        ['Device', app.device === 'any' ? 'what its tier demands' : `${app.device}, or more where its tier demands it`],
        ['Certificate', app.clientCertificate ? 'of a device, or no connection at all' : 'not demanded'],
        [
          'Enforced by',
          <div key="by">
            <EnforcementBadge app={app} />
            <Text size="xs" c="dimmed">
              {STREAMS[app.streams].long}
            </Text>
          </div>,
        ],
        ['Budgets', app.enforcedBy === 'gateway' ? budgetText(app.limits) : 'those of the proxy'],
        ['Origins', app.allowedOrigins.length === 0 ? undefined : app.allowedOrigins.join(', ')],
        [
          'Open now',
          app.enforcedBy === 'gateway' ? <OpenNow key="open" app={app} open={open} /> : 'only the proxy knows',
        ],
        ['Self-probe', probe === undefined ? undefined : <Probe key="probe" probe={probe} />],
      ]}
    />
  );
}

function OpenNow({ app, open }: Pick<Props, 'open'> & { app: App }): ReactNode {
  if (open === undefined || open === 0) return open === 0 ? 'nothing' : '';
  return (
    <Link to="/people" search={{ tab: 'connections', q: app.name }} className="text-link">
      {open.toLocaleString()} {open === 1 ? 'connection' : 'connections'}
    </Link>
  );
}

function Probe({ probe }: { probe: Probed }): ReactNode {
  return (
    <div>
      <ProbeState probe={probe} />
      <Text size="xs" c="dimmed">
        <Prose text={probe.detail} />
      </Text>
    </div>
  );
}

const TURNS = {
  healthy: { tone: 'good', word: 'healthy' },
  unhealthy: { tone: 'bad', word: 'unhealthy' },
  files: { tone: 'warn', word: 'TLS files' },
} as const;

/** The servers of an app, with what speaks against each. */
function Upstreams({ app }: { app: App }): ReactNode {
  if (app.upstreams.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        {app.kind === 'builtin'
          ? 'Nothing: Cordon itself shows what would arrive.'
          : 'The proxy knows; Cordon does not reach it.'}
      </Text>
    );
  }
  return (
    <Stack gap="sm">
      {app.upstreams.map(({ origin, last }) => (
        <div key={origin} className="check">
          <State
            tone={last === undefined ? 'calm' : TURNS[last.to].tone}
            {...(last === undefined ? { title: 'Nothing was told against it since the start' } : {})}
          >
            {last === undefined ? 'no fault' : TURNS[last.to].word}
          </State>
          <div className="check-text">
            <Text size="sm" className="break mono">
              {origin}
            </Text>
            {last !== undefined && (
              <Text size="xs" c="dimmed" className="break">
                <When time={last.at} />: <Prose text={last.why} />
              </Text>
            )}
          </div>
        </div>
      ))}
      <Text size="xs" c="dimmed">
        {app.healthPath === undefined ? (
          'No health path is configured: one that failed is tried again with a request.'
        ) : (
          <>
            The gateway asks each for <Code className="in-prose">{app.healthPath}</Code>.
          </>
        )}
      </Text>
      <Told app={app} />
    </Stack>
  );
}

function Told({ app: { identityHeaders, kind } }: { app: App }): ReactNode {
  if (kind === 'tcp' || kind === 'ssh' || kind === 'kubernetes') return null;
  return (
    <Text size="sm">
      It is told who is there by the signed assertion
      {identityHeaders.length > 0 && ` and the headers of ${identityHeaders.join(', ')}`}.
    </Text>
  );
}
