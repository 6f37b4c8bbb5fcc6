import { ActionIcon, type MantineColorScheme, useMantineColorScheme } from '@mantine/core';
import type { ReactNode } from 'react';
import { Icon, type IconName } from '../parts/icon.tsx';

const NEXT: Readonly<Record<MantineColorScheme, { next: MantineColorScheme; icon: IconName; says: string }>> = {
  auto: { next: 'light', icon: 'system', says: 'Colours follow the system; change to light' },
  light: { next: 'dark', icon: 'sun', says: 'Light colours; change to dark' },
  dark: { next: 'auto', icon: 'moon', says: 'Dark colours; change to follow the system' },
};

/** Goes round: as the system, light, dark. */
export function SchemeButton(): ReactNode {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const { next, icon, says } = NEXT[colorScheme];
  return (
    <ActionIcon variant="subtle" color="gray" aria-label={says} title={says} onClick={() => setColorScheme(next)}>
      <Icon name={icon} />
    </ActionIcon>
  );
}
