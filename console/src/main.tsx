import '@mantine/core/styles.css';
import '@mantine/charts/styles.css';
import './style.css';
import { createTheme, MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { ApiError } from './client.ts';
import { consoleRouter } from './console-router.tsx';
import { identityRouter } from './identity/router.tsx';

const theme = createTheme({
  primaryColor: 'blue',
  defaultRadius: 'md',
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif',
  cursorType: 'pointer',
});

const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      refetchInterval: 5000,
      staleTime: 2000,
      // A refusal does not get better by asking again; a lost connection might.
      retry: (count, error) => !(error instanceof ApiError) && count < 2,
    },
  },
});

/** All sign-in pages live on the identity host; every other host that serves this bundle is the console. */
const isIdentityHost = window.location.hostname.startsWith('id.');

const root = document.getElementById('root');
if (root !== null) {
  createRoot(root).render(
    <StrictMode>
      <MantineProvider theme={theme} defaultColorScheme="auto">
        <QueryClientProvider client={queryClient}>
          {isIdentityHost ? <RouterProvider router={identityRouter} /> : <RouterProvider router={consoleRouter} />}
        </QueryClientProvider>
      </MantineProvider>
    </StrictMode>,
  );
}
