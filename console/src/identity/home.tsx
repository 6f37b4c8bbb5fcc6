import { Anchor, Badge, Button, Card, Container, Group, SimpleGrid, Stack, Table, Text, Title } from '@mantine/core';
import { startRegistration } from '@simplewebauthn/browser';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useEffect, useState } from 'react';
import { ApiError, identity } from '../client.ts';
import { Failure } from '../parts/failure.tsx';
import { When } from '../parts/when.tsx';
import { Frame } from './frame.tsx';

/** A person's own page: their apps, factors and sessions. */
export function Home(): ReactNode {
  const profile = useQuery({ queryKey: ['profile'], queryFn: () => identity('profile') });
  const [error, setError] = useState<unknown>();
  const client = useQueryClient();
  useEffect(() => {
    if (profile.error instanceof ApiError && profile.error.status === 401) window.location.assign('/sign-in');
  }, [profile.error]);
  const act = (work: () => Promise<unknown>) => {
    setError(undefined);
    work()
      .then(() => client.invalidateQueries())
      .catch(setError);
  };
  const addPasskey = () =>
    act(async () => {
      const { flow, options } = await identity('addPasskeyOptions', { body: {} });
      const response = await startRegistration({
        optionsJSON: options as unknown as Parameters<typeof startRegistration>[0]['optionsJSON'],
      });
      await identity('addPasskey', { body: { flow, response: { ...response } } });
    });
  if (profile.data === undefined) {
    return (
      <Frame title="Your page" subtitle={profile.error === null ? 'One moment …' : undefined}>
        <Failure error={profile.error} />
      </Frame>
    );
  }
  const { user, session, factors, sessions, apps } = profile.data;
  return (
    <Container size="md" py="xl" component="main">
      <Group justify="space-between" mb="lg">
        <div>
          <Title order={1} size="h3">
            {user.name}
          </Title>
          <Text c="dimmed" size="sm">
            {user.email} · signed in <When time={session.authenticatedAt} /> · {session.acr.replace('urn:cordon:', '')}
          </Text>
        </div>
        <Button
          variant="default"
          onClick={() =>
            act(async () => await identity('signOut', { body: {} }).then(() => window.location.assign('/sign-in')))
          }
        >
          Sign out
        </Button>
      </Group>
      <Failure error={error} />
      <Stack gap="xl">
        <section>
          <Title order={2} size="h5" mb="sm">
            Apps
          </Title>
          <SimpleGrid cols={{ base: 1, sm: 2 }}>
            {apps.map((app) => (
              <Card key={app.id} withBorder component="a" href={app.url}>
                <Group justify="space-between">
                  <Text fw={600}>{app.name}</Text>
                  <Badge color={app.effect === 'permit' ? 'green' : 'gray'}>
                    {app.effect === 'permit' ? 'open' : 'closed'}
                  </Badge>
                </Group>
                <Text size="sm" c="dimmed">
                  {app.effect === 'permit' ? app.url : app.reason}
                </Text>
              </Card>
            ))}
          </SimpleGrid>
        </section>
        <section>
          <Title order={2} size="h5" mb="sm">
            Second factors
          </Title>
          <Text size="sm">
            {factors.passkeys} passkey{factors.passkeys === 1 ? '' : 's'},{' '}
            {factors.totp ? 'an authenticator app' : 'no authenticator app'}, {factors.recoveryCodesLeft} recovery codes
            left.{' '}
            <Anchor component="button" type="button" onClick={addPasskey}>
              Add a passkey
            </Anchor>
          </Text>
        </section>
        <section>
          <Title order={2} size="h5" mb="sm">
            Sessions
          </Title>
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Browser</Table.Th>
                <Table.Th>Address</Table.Th>
                <Table.Th>Signed in</Table.Th>
                <Table.Th aria-label="Action" />
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {sessions.map((item) => (
                <Table.Tr key={item.id}>
                  <Table.Td>{item.userAgent.slice(0, 60)}</Table.Td>
                  <Table.Td>{item.address}</Table.Td>
                  <Table.Td>
                    <When time={item.authenticatedAt} />
                  </Table.Td>
                  <Table.Td>
                    {item.current ? (
                      <Badge>this one</Badge>
                    ) : (
                      <Button
                        size="compact-xs"
                        variant="default"
                        onClick={() => act(() => identity('endOwnSession', { params: { id: item.id } }))}
                      >
                        End
                      </Button>
                    )}
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </section>
      </Stack>
    </Container>
  );
}
