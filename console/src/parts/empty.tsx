import { Code, CopyButton, Stack, Text, Title, UnstyledButton } from '@mantine/core';
import type { ReactNode } from 'react';

/** Nothing to show: says why, and what to do next; `command` is the line to run, one press copies it. */
export function Empty({
  title,
  children,
  command,
}: {
  title: string;
  children?: ReactNode;
  command?: string;
}): ReactNode {
  return (
    <Stack align="center" gap="xs" py="xl" px="md" ta="center" className="empty">
      <Title order={2} size="h5">
        {title}
      </Title>
      {children !== undefined && (
        <Text c="dimmed" size="sm" maw={520}>
          {children}
        </Text>
      )}
      {command !== undefined && <Command text={command} />}
    </Stack>
  );
}

/** A command line; pressing it copies it. */
export function Command({ text }: { text: string }): ReactNode {
  return (
    <CopyButton value={text}>
      {({ copied, copy }) => (
        <UnstyledButton onClick={copy} className="command" aria-label={`Copy: ${text}`}>
          <Code block>{text}</Code>
          <Text span size="xs" c="dimmed" aria-live="polite">
            {copied ? 'copied' : 'copy'}
          </Text>
        </UnstyledButton>
      )}
    </CopyButton>
  );
}
