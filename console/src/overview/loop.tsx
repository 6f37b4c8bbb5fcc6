import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { ControlOutput } from '../client.ts';
import { counted } from '../parts/count.ts';
import { Icon } from '../parts/icon.tsx';

type Status = ControlOutput<'status'>;

interface Step {
  readonly to: '/assets' | '/policies' | '/decisions' | '/devices' | '/alerts' | '/segments' | '/people';
  readonly name: string;
  readonly figure: number;
  readonly note: string;
  readonly isBad?: boolean;
  readonly search?: Readonly<Record<string, string>>;
}

/** The loop Cordon runs, as a picture that is also the state of each step. */
export function Loop({ status }: { status: Status }): ReactNode {
  return (
    <section aria-label="The loop">
      <ol className="loop">
        {stepsOf(status).map(({ to, name, figure, note, isBad, search }) => (
          <li key={name}>
            <Link to={to} search={search ?? {}} className={isBad === true ? 'loop-step bad' : 'loop-step'}>
              <div className="loop-name">{name}</div>
              <div className="loop-figure">{figure.toLocaleString()}</div>
              <div className="loop-note">{note}</div>
            </Link>
            <span className="loop-arrow">
              <Icon name="arrow" />
            </span>
          </li>
        ))}
      </ol>
      <div className="loop-back" aria-hidden="true">
        <span>review and change</span>
      </div>
    </section>
  );
}

function stepsOf({ counts, decisions, policyVersion }: Status): Step[] {
  const [t0 = 0, t1 = 0] = counts.assets;
  const assets = counts.assets.reduce((sum, count) => sum + count, 0);
  return [
    { to: '/assets', name: 'Discover', figure: assets, note: assets === 1 ? 'asset known' : 'assets known' },
    {
      to: '/assets',
      name: 'Prioritise',
      figure: t0 + t1,
      note: `${counted(t0, 'crown jewel')}, ${t1.toLocaleString()} critical`,
    },
    {
      to: '/policies',
      name: 'Decide',
      figure: decisions.permitted + decisions.denied,
      note: `decisions by policy version ${policyVersion}`,
    },
    {
      to: '/people',
      name: 'Enforce',
      figure: counts.liveConnections,
      note: counts.liveConnections === 1 ? 'live connection' : 'live connections',
      search: { tab: 'connections' },
    },
    {
      to: '/devices',
      name: 'Observe',
      figure: counts.devices + counts.workloads,
      note: `${counted(counts.devices, 'device')}, ${counted(counts.workloads, 'workload')}`,
      isBad: counts.unhealthyDevices > 0,
    },
    {
      to: '/alerts',
      name: 'Respond',
      figure: counts.openAlerts,
      note: `open alert${counts.openAlerts === 1 ? '' : 's'}, ${counts.quarantined.toLocaleString()} quarantined`,
      isBad: counts.openAlerts > 0,
    },
  ];
}
