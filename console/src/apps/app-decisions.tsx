import { Stack, Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { eventLine, HTTP_ACTIVITY } from '../decisions/decision-event.ts';
import { Outcome } from '../decisions/event-table.tsx';
import { Failure } from '../parts/failure.tsx';
import { LoadingRows } from '../parts/page.tsx';
import { Name } from '../parts/prose.tsx';
import { When } from '../parts/when.tsx';
import { useControl } from '../query.ts';
import type { App } from './app-text.ts';

const SHOWN = 8;

/** The newest decisions about an app, each leading to its event. */
export function AppDecisions({ app }: { app: App }): ReactNode {
  const query = { app: app.id, class: HTTP_ACTIVITY, limit: SHOWN };
  const events = useControl('events', { query });
  // While another app's are on the way, those of the last one would be wrong here.
  const lines = events.isPlaceholderData ? undefined : events.data?.items.map(eventLine);
  if (lines === undefined) return events.error === null ? <LoadingRows rows={3} /> : <Failure error={events.error} />;
  if (lines.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        None yet.
      </Text>
    );
  }
  return (
    <Stack gap="sm">
      <Failure error={events.error} />
      {lines.map((line) => (
        <div key={line.id} className="check">
          <Outcome outcome={line.outcome} />
          <div className="check-text">
            <Link to="/decisions" search={{ q: line.correlationId ?? line.id, id: line.id }} className="text-link">
              <Name text={line.who} />, <span className="mono">{line.request}</span>
            </Link>
            <Text size="xs" c="dimmed">
              <When time={line.time} />
              {line.outcome === 'end' && ` · ${line.lasted}`}
              {line.outcome !== 'permit' &&
                line.reasons.length > 0 &&
                ` · ${[...new Set(line.reasons.map(({ code }) => code))].join(', ')}`}
            </Text>
          </div>
        </div>
      ))}
      <Text size="sm">
        <Link to="/decisions" search={{ q: app.host }} className="text-link">
          All of them, live
        </Link>
      </Text>
    </Stack>
  );
}
