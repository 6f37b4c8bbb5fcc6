import type { ReactNode } from 'react';
import { State } from '../parts/badges.tsx';
import { When } from '../parts/when.tsx';
import { type App, type Probed, STREAMS } from './app-text.ts';

/** Who carries the requests of an app; where that is another proxy, with what becomes of its streams. */
export function Enforcement({ app: { enforcedBy, streams } }: { app: Pick<App, 'enforcedBy' | 'streams'> }): ReactNode {
  if (enforcedBy === 'gateway') return 'gateway';
  const { short, long } = STREAMS[streams];
  return (
    <>
      <State tone={streams === 'uncut' ? 'warn' : 'note'} title={long}>
        forward-auth
      </State>
      <div className="sub">{short}</div>
    </>
  );
}

/** What the last probes of an app found. */
export function ProbeState({ probe: { tone, word, detail, at } }: { probe: Probed }): ReactNode {
  return (
    <>
      <State tone={tone} title={detail.replaceAll('`', '')}>
        {word}
      </State>
      {at !== undefined && (
        <div className="sub">
          <When time={at} />
        </div>
      )}
    </>
  );
}
