import { createRootRoute, createRoute, createRouter, Outlet } from '@tanstack/react-router';
import { Enrol } from './enrol.tsx';
import { Home } from './home.tsx';
import { SignIn } from './sign-in.tsx';
import { StepUp } from './step-up.tsx';

const root = createRootRoute({ component: Outlet });
const pages = [
  createRoute({ getParentRoute: () => root, path: '/', component: Home }),
  createRoute({ getParentRoute: () => root, path: '/sign-in', component: SignIn }),
  createRoute({ getParentRoute: () => root, path: '/enrol', component: Enrol }),
  createRoute({ getParentRoute: () => root, path: '/step-up', component: StepUp }),
];

/** Pages of the identity host. */
export const identityRouter = createRouter({ routeTree: root.addChildren(pages) });
