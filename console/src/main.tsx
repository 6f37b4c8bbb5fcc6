import '@mantine/core/styles.css';
import './style.css';
import { createTheme, MantineProvider, Modal, Pill } from '@mantine/core';
import { QueryClientProvider } from '@tanstack/react-query';
import { type ComponentType, lazy, StrictMode, Suspense } from 'react';
import { createRoot } from 'react-dom/client';
import { createQueryClient } from './query.ts';

const theme = createTheme({
  colors: {
    // Grey with a little blue, as the page and the lines are.
    dark: [
      '#dee2e6',
      '#c1c9d1',
      '#a1abb5',
      '#737d87',
      '#39424c',
      '#2d343c',
      '#20262d',
      '#181c21',
      '#14181c',
      '#0f1215',
    ],
  },
  primaryColor: 'blue',
  // The lightest shade on which white text has a contrast of 4.5 and more.
  primaryShade: 8,
  defaultRadius: 'md',
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace',
  headings: { fontWeight: '650' },
  cursorType: 'pointer',
  respectReducedMotion: true,
  components: {
    // What a cross says to those who do not see it.
    Modal: Modal.extend({ defaultProps: { closeButtonProps: { 'aria-label': 'Close' } } }),
    Pill: Pill.extend({ defaultProps: { removeButtonProps: { 'aria-label': 'Remove' } } }),
  },
});

const queryClient = createQueryClient();

/** All sign-in pages live on the identity host; every other host that serves this bundle is the console. */
const Pages: ComponentType = lazy(() =>
  window.location.hostname.startsWith('id.')
    ? import('./identity/router.tsx').then(({ IdentityPages }) => ({ default: IdentityPages }))
    : import('./console-router.tsx').then(({ ConsolePages }) => ({ default: ConsolePages })),
);

const root = document.getElementById('root');
if (root !== null) {
  createRoot(root).render(
    <StrictMode>
      <MantineProvider theme={theme} defaultColorScheme="auto">
        <QueryClientProvider client={queryClient}>
          <Suspense>
            <Pages />
          </Suspense>
        </QueryClientProvider>
      </MantineProvider>
    </StrictMode>,
  );
}
