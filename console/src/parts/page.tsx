import { Group, Skeleton, Stack, Text, Title } from '@mantine/core';
import { type ReactNode, useEffect } from 'react';
import { Failure } from './failure.tsx';

/** The head and body of a page. `error` is shown above the body, which keeps the last known state below it. */
export function Page({
  title,
  subtitle,
  actions,
  error,
  children,
}: {
  title: string;
  subtitle?: ReactNode;
  actions?: ReactNode;
  error?: unknown;
  children: ReactNode;
}): ReactNode {
  useEffect(() => {
    document.title = `${title} – Cordon`;
  }, [title]);
  return (
    <Stack gap="md" className="page">
      <Group justify="space-between" align="flex-end" gap="sm">
        <div>
          <Title order={1} size="h2" tabIndex={-1}>
            {title}
          </Title>
          {subtitle !== undefined && (
            <Text c="dimmed" size="sm">
              {subtitle}
            </Text>
          )}
        </div>
        {actions !== undefined && <Group gap="xs">{actions}</Group>}
      </Group>
      <Failure error={error} />
      {children}
    </Stack>
  );
}

/** Holds the place of rows that are on their way. */
export function LoadingRows({ rows = 8 }: { rows?: number }): ReactNode {
  return (
    <Stack gap="xs" aria-busy="true" aria-label="Loading">
      {Array.from({ length: rows }, (_, index) => (
        <Skeleton key={index} height={36} radius="sm" />
      ))}
    </Stack>
  );
}
