import { createRootRoute, createRoute, createRouter, Outlet, RouterProvider } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { AuthorizeProgram } from './authorize-program.tsx';
import { Enrol } from './enrol.tsx';
import { Home } from './home.tsx';
import { NotFound } from './not-found.tsx';
import { SignIn } from './sign-in.tsx';
import { StepUp } from './step-up.tsx';

const root = createRootRoute({ component: Outlet, notFoundComponent: NotFound });
const pages = [
  createRoute({ getParentRoute: () => root, path: '/', component: Home }),
  createRoute({ getParentRoute: () => root, path: '/sign-in', component: SignIn }),
  createRoute({ getParentRoute: () => root, path: '/enrol', component: Enrol }),
  createRoute({ getParentRoute: () => root, path: '/step-up', component: StepUp }),
  createRoute({ getParentRoute: () => root, path: '/authorize-program', component: AuthorizeProgram }),
];

const router = createRouter({ routeTree: root.addChildren(pages) });

/** Pages of the identity host. */
export function IdentityPages(): ReactNode {
  return <RouterProvider router={router} />;
}
