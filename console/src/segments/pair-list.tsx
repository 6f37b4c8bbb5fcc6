import './matrix.css';
import { Stack } from '@mantine/core';
import type { ReactNode } from 'react';
import { Empty } from '../parts/empty.tsx';
import { allowed, type ClassName, type PlanView, pieceText, type WorkloadClass } from './plan-text.ts';

interface Props {
  readonly plan: PlanView;
  readonly classes: readonly WorkloadClass[];
  readonly names: ReadonlyMap<string, ClassName>;
  readonly onOpen: (from: string, to: string) => void;
}

/** The same as the grid, one line per pair; for narrow screens and for reading. */
export function PairList({ plan, classes, names, onOpen }: Props): ReactNode {
  const own = new Set(classes.map(({ id }) => id));
  const pairs = plan.pairs.filter(({ from, to }) => own.has(from) || own.has(to));
  if (pairs.length === 0) {
    return (
      <Empty title="Nothing may connect" command="cordon segments plan">
        No policy on the action “connect” permits anything here.
      </Empty>
    );
  }
  return (
    <Stack gap={6}>
      {pairs.map((pair) => {
        const pieces = allowed(pair);
        return (
          <button
            type="button"
            key={`${pair.from}>${pair.to}`}
            className="pair-line"
            onClick={() => onOpen(pair.from, pair.to)}
          >
            <span>
              {names.get(pair.from)?.text} → {names.get(pair.to)?.text}
            </span>
            <span className={pieces.length === 0 ? 'pair-denied' : 'pair-allowed'}>
              {pieces.length === 0 ? 'forbidden' : pieces.map(pieceText).join(', ')}
            </span>
          </button>
        );
      })}
    </Stack>
  );
}
