import type { ReactNode } from 'react';
import type { ControlOutput } from '../client.ts';
import { State } from '../parts/badges.tsx';

/** A device, as the API gives one. */
export type Device = ControlOutput<'devices'>['items'][number];

const TONES = { healthy: 'good', unhealthy: 'bad', unknown: 'warn' } as const;

/** Healthy, unhealthy, unknown, or revoked. */
export function Verdict({ device }: { device: Device }): ReactNode {
  if (device.status === 'revoked') return <State tone="calm">revoked</State>;
  if (device.form === 'browser') return <State tone="calm">no report</State>;
  return <State tone={TONES[device.verdict]}>{device.verdict}</State>;
}

/** `2 fail: firewall, sshd`, or how many pass. */
export function summary({ results, form }: Device): string {
  if (results.length === 0) return form === 'browser' ? '' : 'no report yet';
  const failing = results.filter(({ outcome }) => outcome === 'fail').map(({ check }) => check);
  if (failing.length > 0) return `failing: ${failing.join(', ')}`;
  const unknown = results.filter(({ outcome }) => outcome === 'unknown').map(({ check }) => check);
  if (unknown.length > 0) return `unknown: ${unknown.join(', ')}`;
  return `${results.filter(({ outcome }) => outcome === 'pass').length} pass`;
}
