import { Anchor } from '@mantine/core';
import type { ReactNode } from 'react';
import { Name } from '../parts/prose.tsx';
import type { App } from './app-text.ts';

/** Where an app is. One that speaks no HTTP has an address nonetheless: a browser is told there which command opens it. */
export function AppAddress({ app: { url } }: { app: Pick<App, 'url'> }): ReactNode {
  return (
    <Anchor href={url} target="_blank" rel="noreferrer" fz="inherit" className="above">
      <Name text={new URL(url).host} />
    </Anchor>
  );
}
