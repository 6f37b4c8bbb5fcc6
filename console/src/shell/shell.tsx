import { ActionIcon, AppShell, Burger, Group, NavLink, ScrollArea, Text } from '@mantine/core';
import { useDisclosure, useWindowEvent } from '@mantine/hooks';
import { Link, Outlet, useLocation } from '@tanstack/react-router';
import { type ReactNode, Suspense, useEffect, useRef } from 'react';
import { LOOK_ONLY } from '../parts/allowance.ts';
import { Icon } from '../parts/icon.tsx';
import { identityOrigin } from '../parts/identity-origin.ts';
import { LoadingRows } from '../parts/page.tsx';
import { useControl, useMe } from '../query.ts';
import { NAVIGATION } from './navigation.ts';
import { SchemeButton } from './scheme-button.tsx';
import { ShortcutHelp, useShortcuts } from './shortcuts.tsx';

/** What stands around every page of the console. */
export function Shell(): ReactNode {
  const [isMenuOpen, menu] = useDisclosure(false);
  const [isHelpOpen, help] = useDisclosure(false);
  const main = useRef<HTMLElement>(null);
  const path = useLocation({ select: ({ pathname }) => pathname });
  useShortcuts(help.open);
  useFocusOnArrival(main, path, menu.close);
  useWindowEvent('keydown', ({ key }) => {
    if (key === 'Escape') menu.close();
  });
  return (
    <AppShell
      header={{ height: { base: 52, sm: 0 } }}
      navbar={{ width: 216, breakpoint: 'sm', collapsed: { mobile: !isMenuOpen } }}
      padding={{ base: 'md', md: 'xl' }}
    >
      <a className="skip-link" href="#main">
        Skip to the content
      </a>
      <AppShell.Header hiddenFrom="sm">
        <Group h="100%" px="md" justify="space-between">
          <Brand />
          <Burger
            opened={isMenuOpen}
            onClick={menu.toggle}
            size="sm"
            aria-label={isMenuOpen ? 'Close the menu' : 'Open the menu'}
            aria-expanded={isMenuOpen}
          />
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="sm" aria-label="Pages" className="navbar" data-closed={isMenuOpen ? undefined : true}>
        <AppShell.Section px="xs" pt={4} pb="md" visibleFrom="sm">
          <Brand />
        </AppShell.Section>
        <AppShell.Section grow component={ScrollArea}>
          <Pages />
        </AppShell.Section>
        <AppShell.Section className="navbar-foot">
          <Account />
          <Group gap={0} wrap="nowrap">
            <SchemeButton />
            <ActionIcon
              variant="subtle"
              color="gray"
              aria-label="Keyboard shortcuts"
              title="Keyboard shortcuts"
              onClick={help.open}
            >
              <Icon name="keyboard" />
            </ActionIcon>
          </Group>
        </AppShell.Section>
      </AppShell.Navbar>
      <AppShell.Main id="main" tabIndex={-1} ref={main}>
        <Suspense fallback={<LoadingRows />}>
          <Outlet />
        </Suspense>
      </AppShell.Main>
      <ShortcutHelp isOpen={isHelpOpen} onClose={help.close} />
    </AppShell>
  );
}

/** On another page the menu closes and the focus moves to the content, as it would after a page load. */
function useFocusOnArrival(main: { readonly current: HTMLElement | null }, path: string, onArrive: () => void): void {
  const last = useRef(path);
  useEffect(() => {
    if (last.current === path) return;
    last.current = path;
    onArrive();
    main.current?.focus({ preventScroll: true });
  }, [main, path, onArrive]);
}

function Brand(): ReactNode {
  return (
    <Group gap={8}>
      <img src="/favicon.svg" alt="" width={22} height={22} />
      <Text fw={700}>Cordon</Text>
    </Group>
  );
}

function Pages(): ReactNode {
  const status = useControl('status');
  const open = status.data?.counts.openAlerts ?? 0;
  const path = useLocation({ select: ({ pathname }) => pathname });
  return NAVIGATION.map(({ to, title, icon }) => (
    <NavLink
      key={to}
      renderRoot={(props) => <Link to={to} search={{}} {...props} />}
      label={title}
      active={path === to}
      {...(path === to ? { 'aria-current': 'page' as const } : {})}
      leftSection={<Icon name={icon} />}
      rightSection={
        to === '/alerts' && open > 0 ? (
          <span className="count">
            {open}
            <span className="sr-only"> open</span>
          </span>
        ) : undefined
      }
    />
  ));
}

function Account(): ReactNode {
  const me = useMe();
  return (
    <div className="account">
      <Text size="sm" fw={600} truncate>
        <a
          href={`${identityOrigin(window.location)}/`}
          className="account-link"
          title={me === undefined ? '' : `${me.email}: your page, and the way out`}
        >
          {me?.name ?? ' '}
        </a>
      </Text>
      <Text size="xs" c="dimmed" title={me?.canManage === false ? LOOK_ONLY : undefined}>
        {me === undefined ? ' ' : me.canManage ? 'may manage' : 'may only view'}
      </Text>
    </div>
  );
}
