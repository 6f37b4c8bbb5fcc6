import type { ReactNode } from 'react';
import { State, type Tone } from '../parts/badges.tsx';

const TONES = { low: 'calm', medium: 'note', high: 'warn', critical: 'bad' } as const satisfies Record<string, Tone>;

/** How bad an alert is. */
export function Severity({ severity }: { severity: keyof typeof TONES }): ReactNode {
  return <State tone={TONES[severity]}>{severity}</State>;
}
