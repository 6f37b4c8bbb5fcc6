import { Badge, Group } from '@mantine/core';
import type { ReactNode } from 'react';

/** Names of the tiers, strictest first. */
export const TIERS: readonly { readonly tier: 0 | 1 | 2 | 3; readonly name: string }[] = [
  { tier: 0, name: 'crown jewel' },
  { tier: 1, name: 'critical' },
  { tier: 2, name: 'important' },
  { tier: 3, name: 'ordinary' },
];

/** T0 to T3; the name stands in the title, so that colour is never all there is. */
export function TierBadge({ tier, overridden = false }: { tier: number; overridden?: boolean }): ReactNode {
  const name = TIERS[tier]?.name ?? '';
  return (
    <span className={`tier tier-${tier}`} title={overridden ? `${name}, set by hand` : name}>
      T{tier}
      {overridden && (
        <>
          <span aria-hidden="true">*</span>
          <span className="sr-only"> set by hand</span>
        </>
      )}
    </span>
  );
}

const TONES = { good: 'teal', bad: 'red', warn: 'orange', calm: 'gray', note: 'blue' } as const;

/** What a state means for the reader. */
export type Tone = keyof typeof TONES;

/** A state in one word. */
export function State({ tone, children, title }: { tone: Tone; children: ReactNode; title?: string }): ReactNode {
  return (
    <Badge
      color={TONES[tone]}
      variant="light"
      radius="sm"
      tt="none"
      className={`state state-${tone}`}
      {...(title === undefined ? {} : { title })}
    >
      {children}
    </Badge>
  );
}

/** Labels as `key=value`. */
export function Labels({ labels }: { labels: Readonly<Record<string, string>> }): ReactNode {
  const entries = Object.entries(labels);
  if (entries.length === 0) return null;
  return (
    <Group gap={4}>
      {entries.map(([key, value]) => (
        <span key={key} className="label">
          {key}={value}
        </span>
      ))}
    </Group>
  );
}
