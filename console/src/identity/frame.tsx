import { Alert, Anchor, Center, Container, Group, Paper, Stack, Text, Title } from '@mantine/core';
import type { ReactNode } from 'react';
import { ApiError } from '../client.ts';

/** The card every sign-in page is set in. */
export function Frame({
  title,
  subtitle,
  children,
}: {
  title: string;
  subtitle?: ReactNode;
  children: ReactNode;
}): ReactNode {
  return (
    <Center mih="100vh" p="md">
      <Container size={460} w="100%" p={0}>
        <Group gap="xs" mb="md" justify="center">
          <img src="/favicon.svg" alt="" width={28} height={28} />
          <Text fw={700} size="lg">
            Cordon
          </Text>
        </Group>
        <Paper withBorder shadow="sm" p="xl" component="main">
          <Stack>
            <div>
              <Title order={1} size="h3">
                {title}
              </Title>
              {subtitle !== undefined && (
                <Text c="dimmed" size="sm" mt={4}>
                  {subtitle}
                </Text>
              )}
            </div>
            {children}
          </Stack>
        </Paper>
        <Text ta="center" size="xs" c="dimmed" mt="md">
          Every access is decided anew. <Anchor href="/">Your page</Anchor>
        </Text>
      </Container>
    </Center>
  );
}

/** Tells what went wrong and what to do; announced to screen readers. */
export function Failure({ error }: { error: unknown }): ReactNode {
  if (error === undefined || error === null) return null;
  const hint = error instanceof ApiError ? error.hint : undefined;
  const message = error instanceof Error ? error.message : String(error);
  return (
    <Alert color="red" role="alert" title={message.charAt(0).toUpperCase() + message.slice(1)}>
      {hint}
      {error instanceof ApiError &&
        error.problems
          .slice(error.problems[0]?.message === message ? 1 : 0)
          .map((problem) => <div key={problem.message}>{problem.message}</div>)}
    </Alert>
  );
}

/** Where to go after sign-in: the hand-off the person came from, or their own page. Only paths of this host are followed. */
export function continueAfterSignIn(): void {
  const wanted = new URLSearchParams(window.location.search).get('continue') ?? '/';
  const url = new URL(wanted, window.location.origin);
  window.location.assign(url.origin === window.location.origin ? url.pathname + url.search : '/');
}
