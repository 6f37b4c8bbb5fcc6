import { Group, Kbd, Modal, Stack, Text } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';
import { type ReactNode, useEffect, useRef } from 'react';
import { NAVIGATION } from './navigation.ts';

/** After `g`, the next key has to come within this time. */
const CHORD_MS = 1500;

/** Letters typed into a field are text, and a dialog has its own keys. */
function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return (
    target.isContentEditable ||
    target.closest('input:not([type="radio"], [type="checkbox"]), textarea, select, [role="dialog"]') !== null
  );
}

/** Keys for everywhere: `/` search, `?` help, `g` and a letter for a page. */
export function useShortcuts(onHelp: () => void): void {
  const navigate = useNavigate();
  const goAt = useRef(0);
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      const isGoing = event.timeStamp - goAt.current < CHORD_MS;
      goAt.current = 0;
      if (event.key === 'g') goAt.current = event.timeStamp;
      else if (event.key === '?') onHelp();
      else if (event.key === '/') {
        const field = document.querySelector<HTMLElement>('[data-search]');
        if (field === null) return;
        event.preventDefault();
        field.focus();
      } else if (isGoing) {
        const page = NAVIGATION.find(({ letter }) => letter === event.key);
        if (page !== undefined) navigate({ to: page.to, search: {} }).catch(() => undefined);
      }
    };
    window.addEventListener('keydown', press);
    return () => window.removeEventListener('keydown', press);
  }, [navigate, onHelp]);
}

/** The list of keys. */
export function ShortcutHelp({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }): ReactNode {
  return (
    <Modal opened={isOpen} onClose={onClose} title="Keyboard" centered size="sm">
      <Stack gap="xs">
        <Row keys={['/']} text="Search on this page" />
        <Row keys={['?']} text="This help" />
        <Row keys={['Esc']} text="Close a panel or dialog, empty the search" />
        {NAVIGATION.map(({ to, title, letter }) => (
          <Row key={to} keys={['g', letter]} text={title} />
        ))}
      </Stack>
    </Modal>
  );
}

function Row({ keys, text }: { keys: readonly string[]; text: string }): ReactNode {
  return (
    <Group justify="space-between">
      <Text size="sm">{text}</Text>
      <Group gap={4}>
        {keys.map((key) => (
          <Kbd key={key}>{key}</Kbd>
        ))}
      </Group>
    </Group>
  );
}
