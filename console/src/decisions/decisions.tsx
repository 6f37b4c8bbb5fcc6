import { Button, Group, SegmentedControl, Text } from '@mantine/core';
import { type ReactNode, useDeferredValue, useEffect, useMemo, useState } from 'react';
import { Empty } from '../parts/empty.tsx';
import { Icon } from '../parts/icon.tsx';
import { LoadingRows, Page } from '../parts/page.tsx';
import { SearchField } from '../parts/search-field.tsx';
import { useUrlState } from '../parts/url-state.tsx';
import { useControl } from '../query.ts';
import { type Event, eventLine, HTTP_ACTIVITY } from './decision-event.ts';
import { EventDetail } from './event-detail.tsx';
import { EventTable } from './event-table.tsx';
import { countNew, matches, merge } from './feed.ts';
import { useLiveEvents } from './use-live-events.ts';

const LIST_LIMIT = 200;
/** Correlation ids are not searched in what is on the screen but in the whole journal. */
const CORRELATION_ID = /^cor_[0-9a-z]+$/;

/** What is decided right now, and by correlation id what was decided ever. */
export function Decisions(): ReactNode {
  const [url, setUrl] = useUrlState();
  const search = useDeferredValue((url['q'] ?? '').trim());
  const isById = CORRELATION_ID.test(search);
  const onlyClass = url['show'] === 'all' ? undefined : HTTP_ACTIVITY;
  const feed = useFeed(onlyClass);
  const found = useControl(
    'events',
    { query: { correlation: search, limit: LIST_LIMIT } },
    { enabled: isById, refresh: false },
  );
  const events = isById ? found.data?.items : feed.events;
  const lines = useMemo(() => (events ?? []).map(eventLine), [events]);
  const shown = useMemo(
    () => (isById ? lines : lines.filter((line) => matches(line, url['effect'] ?? '', search))),
    [lines, isById, url, search],
  );
  const selected = lines.find(({ id }) => id === url['id']);
  const error = isById ? found.error : feed.error;
  return (
    <Page
      title="Live decisions"
      subtitle={<StreamState state={feed.state} waiting={feed.waiting} isPaused={feed.isPaused} />}
      error={error}
      actions={
        <Button
          variant="default"
          aria-pressed={feed.isPaused}
          leftSection={<Icon name={feed.isPaused ? 'play' : 'pause'} size={16} />}
          onClick={feed.togglePause}
          w={118}
        >
          {feed.isPaused ? 'Resume' : 'Pause'}
        </Button>
      }
    >
      <Group gap="xs">
        <SearchField
          label="Person, app, path or correlation id"
          value={url['q'] ?? ''}
          onChange={(q) => setUrl({ q })}
        />
        <SegmentedControl
          aria-label="Outcome"
          value={url['effect'] ?? ''}
          onChange={(effect) => setUrl({ effect })}
          data={[
            { value: '', label: 'All' },
            { value: 'permit', label: 'Permitted' },
            { value: 'deny', label: 'Denied' },
          ]}
        />
        <SegmentedControl
          aria-label="Events"
          value={url['show'] ?? ''}
          onChange={(show) => setUrl({ show })}
          data={[
            { value: '', label: 'Access' },
            { value: 'all', label: 'Every event' },
          ]}
        />
      </Group>
      {events === undefined && error === null ? (
        <LoadingRows rows={12} />
      ) : (
        <EventTable lines={shown} selectedId={url['id']} empty={<Nothing isById={isById} isAny={lines.length > 0} />} />
      )}
      <EventDetail line={selected} onClose={() => setUrl({ id: '' })} />
    </Page>
  );
}

interface Feed {
  readonly events: readonly Event[] | undefined;
  readonly state: 'connecting' | 'live' | 'lost';
  readonly error: Error | null;
  readonly isPaused: boolean;
  /** Events that arrived since the pause. */
  readonly waiting: number;
  readonly togglePause: () => void;
}

/** The newest events: what was there when the page opened, and what has come since. A pause holds the list still. */
function useFeed(onlyClass: number | undefined): Feed {
  const query = { limit: LIST_LIMIT, ...(onlyClass === undefined ? {} : { class: onlyClass }) };
  const list = useControl('events', { query }, { refresh: false });
  const { events: live, state } = useLiveEvents(onlyClass);
  const [pause, setPause] = useState<{ readonly onlyClass: number | undefined; readonly events: readonly Event[] }>();
  const { refetch } = list;
  useEffect(() => {
    // What happened while the stream was away is only in the list.
    if (state === 'live') refetch().catch(() => undefined);
  }, [state, refetch]);
  const events = useMemo(() => (list.data === undefined ? undefined : merge(live, list.data.items)), [live, list.data]);
  // Another class is another list; what was held of the first would be wrong in it.
  const held = pause?.onlyClass === onlyClass ? pause?.events : undefined;
  const waiting = held === undefined ? 0 : countNew(events ?? [], held);
  return {
    events: held ?? events,
    state,
    error: list.error,
    isPaused: held !== undefined,
    waiting,
    togglePause: () => setPause(held === undefined ? { onlyClass, events: events ?? [] } : undefined),
  };
}

function StreamState({ state, waiting, isPaused }: Pick<Feed, 'state' | 'waiting' | 'isPaused'>): ReactNode {
  const text = {
    connecting: 'Connecting …',
    live: isPaused ? `Paused; ${waiting} new` : 'Live: requests appear as they are decided.',
    lost: 'The stream was lost; connecting again …',
  }[state];
  return (
    <Text span size="sm" role="status">
      {text}
    </Text>
  );
}

function Nothing({ isById, isAny }: { isById: boolean; isAny: boolean }): ReactNode {
  if (isById) return <Empty title="No event has this correlation id">Check that it was copied in full.</Empty>;
  if (isAny) return <Empty title="No event matches">Events that come and match will appear here.</Empty>;
  return (
    <Empty title="Nothing has been decided yet" command="cordon events tail">
      Open a published app: the request is decided and appears here. The command shows the same in a terminal.
    </Empty>
  );
}
