import {
  createRootRoute,
  createRoute,
  createRouter,
  type ErrorComponentProps,
  lazyRouteComponent,
  Link,
  RouterProvider,
} from '@tanstack/react-router';
import { type ReactNode, useEffect } from 'react';
import { Empty } from './parts/empty.tsx';
import { Page } from './parts/page.tsx';
import { formatUrlState, parseUrlState, type UrlState } from './parts/url-state.tsx';
import { Shell } from './shell/shell.tsx';

const root = createRootRoute({
  component: Shell,
  validateSearch: (search: Record<string, unknown>): UrlState =>
    Object.fromEntries(Object.entries(search).map(([key, value]) => [key, String(value)])),
  notFoundComponent: NotFound,
  errorComponent: Broken,
});

const pages = [
  createRoute({
    getParentRoute: () => root,
    path: '/',
    component: lazyRouteComponent(() => import('./overview/overview.tsx'), 'Overview'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/assets',
    component: lazyRouteComponent(() => import('./assets/assets.tsx'), 'Assets'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/apps',
    component: lazyRouteComponent(() => import('./apps/apps.tsx'), 'Apps'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/decisions',
    component: lazyRouteComponent(() => import('./decisions/decisions.tsx'), 'Decisions'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/people',
    component: lazyRouteComponent(() => import('./people/people.tsx'), 'People'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/devices',
    component: lazyRouteComponent(() => import('./devices/devices.tsx'), 'Devices'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/segments',
    component: lazyRouteComponent(() => import('./segments/segments.tsx'), 'Segments'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/alerts',
    component: lazyRouteComponent(() => import('./alerts/alerts.tsx'), 'Alerts'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/policies',
    component: lazyRouteComponent(() => import('./policies/policies.tsx'), 'Policies'),
  }),
] as const;

const router = createRouter({
  routeTree: root.addChildren(pages),
  parseSearch: parseUrlState,
  stringifySearch: formatUrlState,
  defaultPreload: 'intent',
  scrollRestoration: true,
});

const PRELOAD_MS = 1000;

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}

/** Pages of the console host. */
export function ConsolePages(): ReactNode {
  useEffect(() => {
    // The other pages come while there is nothing else to do: they open at once, and also while Cordon does not answer.
    const timer = setTimeout(() => {
      for (const { options } of pages) options.component?.preload?.()?.catch(() => undefined);
    }, PRELOAD_MS);
    return () => clearTimeout(timer);
  }, []);
  return <RouterProvider router={router} />;
}

function NotFound(): ReactNode {
  return (
    <Page title="Not found">
      <Empty title="There is no such page">
        <Link to="/" search={{}} className="text-link">
          Go to the overview
        </Link>
      </Empty>
    </Page>
  );
}

function Broken({ error }: ErrorComponentProps): ReactNode {
  return (
    <Page title="Something failed on this page" error={error}>
      <Empty title="Load the page again">If it fails again, tell an administrator what you were doing.</Empty>
    </Page>
  );
}
