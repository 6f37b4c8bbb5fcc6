import { Button, Card, Container, Group, SimpleGrid, Stack, Table, Text, Title } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useEffect, useState } from 'react';
import type { IDENTITY_ROUTES, ResponseOf } from '#contract';
import { ApiError, identity } from '../client.ts';
import { State } from '../parts/badges.tsx';
import { Failure, sentence } from '../parts/failure.tsx';
import { Prose } from '../parts/prose.tsx';
import { browserText } from '../parts/short.ts';
import { When } from '../parts/when.tsx';
import { Brand, Frame } from './frame.tsx';
import { addPasskey } from './passkey.ts';

type Profile = ResponseOf<(typeof IDENTITY_ROUTES)['profile']>;
type Act = (work: () => Promise<unknown>) => void;

const ASSURANCE: Readonly<Record<string, string>> = {
  'urn:cordon:aal1': 'with one factor',
  'urn:cordon:aal2': 'with two factors',
  'urn:cordon:aal2-phr': 'with a passkey',
  'urn:cordon:aal3': 'with a passkey or key that cannot be copied',
};

/** A person's own page: their apps, factors, sessions and programs. */
export function Home(): ReactNode {
  const profile = useQuery({ queryKey: ['profile'], queryFn: () => identity('profile') });
  const [error, setError] = useState<unknown>();
  const client = useQueryClient();
  useEffect(() => {
    if (profile.error instanceof ApiError && profile.error.status === 401) window.location.assign('/sign-in');
  }, [profile.error]);
  const act: Act = (work) => {
    setError(undefined);
    work()
      .then(() => client.invalidateQueries())
      .catch(setError);
  };
  if (profile.data === undefined) {
    return (
      <Frame title="Your page" subtitle={profile.error === null ? 'One moment …' : undefined}>
        <Failure error={profile.error} />
      </Frame>
    );
  }
  const { user, session, factors, sessions, programs, apps } = profile.data;
  const signOut = () =>
    act(async () => await identity('signOut', { body: {} }).then(() => window.location.assign('/sign-in')));
  return (
    <Container size="md" py="xl" component="main">
      <Group mb="xl">
        <Brand />
      </Group>
      <Group justify="space-between" mb="lg">
        <div>
          <Title order={1} size="h3">
            {user.name}
          </Title>
          <Text c="dimmed" size="sm">
            {user.email} · signed in <When time={session.authenticatedAt} /> {ASSURANCE[session.acr]}
          </Text>
        </div>
        <Button variant="default" onClick={signOut}>
          Sign out
        </Button>
      </Group>
      <Stack gap="xl">
        <Failure error={error ?? profile.error} />
        <Part title="Apps">
          <Apps apps={apps} />
        </Part>
        <Part title="Second factors">
          <Factors factors={factors} act={act} />
        </Part>
        <Part title="Sessions">
          <Sessions sessions={sessions} act={act} />
        </Part>
        {programs.length > 0 && (
          <Part title="Programs">
            <Programs programs={programs} act={act} />
          </Part>
        )}
      </Stack>
    </Container>
  );
}

function Part({ title, children }: { title: string; children: ReactNode }): ReactNode {
  return (
    <section aria-label={title}>
      <Title order={2} size="h5" mb="sm">
        {title}
      </Title>
      {children}
    </section>
  );
}

function Apps({ apps }: { apps: Profile['apps'] }): ReactNode {
  if (apps.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        No app is published here yet.
      </Text>
    );
  }
  return (
    <SimpleGrid cols={{ base: 1, sm: 2 }}>
      {apps.map(({ id, name, url, effect, reason }) => (
        <Card key={id} withBorder component="a" href={url} padding="md">
          <Group justify="space-between" wrap="nowrap">
            <Text fw={600}>{name}</Text>
            <State tone={effect === 'permit' ? 'good' : 'calm'}>{effect === 'permit' ? 'open' : 'closed'}</State>
          </Group>
          <Text size="sm" c="dimmed" className="break">
            {effect === 'permit' ? url : <Prose text={sentence(reason)} />}
          </Text>
        </Card>
      ))}
    </SimpleGrid>
  );
}

function Factors({ factors, act }: { factors: Profile['factors']; act: Act }): ReactNode {
  const { passkeys, totp, recoveryCodesLeft } = factors;
  return (
    <Group gap="md" justify="space-between">
      <Text size="sm">
        {passkeys === 0 ? 'No passkey' : passkeys === 1 ? 'One passkey' : `${passkeys} passkeys`},{' '}
        {totp ? 'an authenticator app' : 'no authenticator app'}, {recoveryCodesLeft} recovery code
        {recoveryCodesLeft === 1 ? '' : 's'} left.
      </Text>
      <Button variant="default" size="compact-sm" onClick={() => act(addPasskey)}>
        Add a passkey
      </Button>
    </Group>
  );
}

function Sessions({ sessions, act }: { sessions: Profile['sessions']; act: Act }): ReactNode {
  return (
    <Table className="data-table" aria-label="Sessions">
      <Table.Thead>
        <Table.Tr>
          <Table.Th scope="col">Browser</Table.Th>
          <Table.Th scope="col" visibleFrom="xs">
            From
          </Table.Th>
          <Table.Th scope="col">Signed in</Table.Th>
          <Table.Th scope="col">
            <span className="sr-only">Action</span>
          </Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {sessions.map(({ id, userAgent, address, authenticatedAt, current }) => (
          <Table.Tr key={id}>
            <Table.Td title={userAgent}>{browserText(userAgent)}</Table.Td>
            <Table.Td visibleFrom="xs" className="mono">
              {address}
            </Table.Td>
            <Table.Td>
              <When time={authenticatedAt} />
            </Table.Td>
            <Table.Td ta="right">
              {current ? (
                <State tone="note">this one</State>
              ) : (
                <Button
                  size="compact-sm"
                  variant="default"
                  aria-label={`End the session of ${browserText(userAgent)} from ${address}`}
                  onClick={() => act(() => identity('endOwnSession', { params: { id } }))}
                >
                  End
                </Button>
              )}
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

function Programs({ programs, act }: { programs: Profile['programs']; act: Act }): ReactNode {
  return (
    <Table className="data-table" aria-label="Programs">
      <Table.Thead>
        <Table.Tr>
          <Table.Th scope="col">Program</Table.Th>
          <Table.Th scope="col">Opens</Table.Th>
          <Table.Th scope="col" visibleFrom="xs">
            Ends
          </Table.Th>
          <Table.Th scope="col">
            <span className="sr-only">Action</span>
          </Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {programs.map(({ id, name, app, expiresAt }) => (
          <Table.Tr key={id}>
            <Table.Td className="break">{name}</Table.Td>
            <Table.Td>{app}</Table.Td>
            <Table.Td visibleFrom="xs">
              <When time={expiresAt} />
            </Table.Td>
            <Table.Td ta="right">
              <Button
                size="compact-sm"
                variant="default"
                aria-label={`End the token of ${name} for ${app}`}
                onClick={() => act(() => identity('endOwnProgram', { params: { id } }))}
              >
                End
              </Button>
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}
