import { Anchor } from '@mantine/core';
import type { ReactNode } from 'react';
import { Frame } from './frame.tsx';

/** A path of the identity host that leads nowhere. */
export function NotFound(): ReactNode {
  return (
    <Frame title="There is no such page" subtitle="The address may be incomplete.">
      <Anchor href="/">Go to your page</Anchor>
    </Frame>
  );
}
