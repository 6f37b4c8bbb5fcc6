import type { ReactNode } from 'react';
import { State } from '../parts/badges.tsx';
import { When } from '../parts/when.tsx';
import { type App, type Probed, STREAMS } from './app-text.ts';

type Enforced = Pick<App, 'enforcedBy' | 'streams'>;

/** Who carries the requests of an app. */
export function EnforcementBadge({ app: { enforcedBy, streams } }: { app: Enforced }): ReactNode {
  if (enforcedBy === 'gateway') return 'gateway';
  return (
    <State tone={streams === 'uncut' ? 'warn' : 'note'} title={STREAMS[streams].long}>
      forward-auth
    </State>
  );
}

/** The same, and where that is another proxy, what becomes of streams. */
export function Enforcement({ app }: { app: Enforced }): ReactNode {
  return (
    <>
      <EnforcementBadge app={app} />
      <div className="sub">{STREAMS[app.streams].short}</div>
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
