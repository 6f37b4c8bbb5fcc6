import { Stack, Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { Severity } from '../alerts/severity.tsx';
import { Panel } from '../parts/panel.tsx';
import { Name } from '../parts/prose.tsx';
import { When } from '../parts/when.tsx';
import { useControl } from '../query.ts';

const MOST_SHOWN = 6;

/** The newest open alerts. */
export function OpenAlerts(): ReactNode {
  const alerts = useControl('alerts', { query: { status: 'open' } });
  const items = alerts.data?.items ?? [];
  const newest = [...items].sort((a, b) => b.lastAt - a.lastAt).slice(0, MOST_SHOWN);
  return (
    <Panel title="Open alerts">
      {newest.length === 0 && (
        <Text size="sm" c="dimmed">
          {alerts.data === undefined ? ' ' : 'None. Detection watches every event of the journal.'}
        </Text>
      )}
      <Stack gap={8}>
        {newest.map((alert) => (
          <div key={alert.id} className="alert-line">
            <div>
              <Severity severity={alert.severity} />
            </div>
            <Link to="/alerts" search={{ id: alert.id }} className="text-link">
              {alert.title}: <Name text={alert.subjectName} />
            </Link>
            <Text size="xs" c="dimmed">
              <When time={alert.lastAt} />
            </Text>
          </div>
        ))}
      </Stack>
    </Panel>
  );
}
