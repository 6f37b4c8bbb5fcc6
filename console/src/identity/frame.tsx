import { Anchor, Center, Container, Group, Paper, Stack, Text, Title } from '@mantine/core';
import { type ReactNode, useEffect } from 'react';

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
  useEffect(() => {
    document.title = `${title} – Cordon`;
  }, [title]);
  return (
    <Center mih="100vh" p="md">
      <Container size={460} w="100%" p={0}>
        <Group mb="md" justify="center">
          <Brand />
        </Group>
        <Paper withBorder shadow="sm" p={{ base: 'md', xs: 'xl' }} component="main">
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

/** The name of the product with its sign. */
export function Brand(): ReactNode {
  return (
    <Group gap="xs">
      <img src="/favicon.svg" alt="" width={28} height={28} />
      <Text fw={700} size="lg">
        Cordon
      </Text>
    </Group>
  );
}

/** Where to go after sign-in: the hand-off the person came from, or their own page. Only paths of this host are followed. */
export function continueAfterSignIn(): void {
  const wanted = new URLSearchParams(window.location.search).get('continue') ?? '/';
  const url = new URL(wanted, window.location.origin);
  window.location.assign(url.origin === window.location.origin ? url.pathname + url.search : '/');
}
