import { Anchor, Code, Stack, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { Command } from '../parts/empty.tsx';
import { identityOrigin } from '../parts/identity-origin.ts';
import { Prose } from '../parts/prose.tsx';
import { type App, loginCommand, waysTo } from './app-text.ts';

/** The commands that open an app, ready to be copied. */
export function WaysTo({ app }: { app: App }): ReactNode {
  const ways = waysTo(app);
  const hasPages = app.kind === 'http' || app.kind === 'http2' || app.kind === 'builtin';
  return (
    <Stack gap="sm">
      {hasPages && (
        <Text size="sm">
          In a browser:{' '}
          <Anchor href={app.url} target="_blank" rel="noreferrer" className="break">
            {app.url}
          </Anchor>
        </Text>
      )}
      {app.enforcedBy === 'forward-auth' && (
        <Text size="sm" c="dimmed">
          Programs with a token of Cordon are refused: the proxy would hand the token to the app. How to set the proxy
          up is in the guide <Code className="in-prose">docs/guides/forward-auth.md</Code>.
        </Text>
      )}
      {ways.map(({ title, command, note }) => (
        <div key={title}>
          <Text size="sm" mb={4}>
            {title}
          </Text>
          <Command text={command} />
          {note !== undefined && (
            <Text size="xs" c="dimmed" mt={4}>
              <Prose text={note} />
            </Text>
          )}
        </div>
      ))}
      {ways.length > 0 && (
        <Text size="xs" c="dimmed">
          Once per computer, first:{' '}
          <Code className="in-prose">{loginCommand(app, identityOrigin(window.location))}</Code>
        </Text>
      )}
    </Stack>
  );
}
