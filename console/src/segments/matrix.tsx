import './matrix.css';
import { Text } from '@mantine/core';
import { type ReactNode, useMemo } from 'react';
import { counted } from '../parts/count.ts';
import { allowed, type ClassName, type Pair, type PlanView, pieceText, type WorkloadClass } from './plan-text.ts';

interface Props {
  readonly plan: PlanView;
  /** The classes that match the search; the grid also shows their partners. */
  readonly classes: readonly WorkloadClass[];
  readonly names: ReadonlyMap<string, ClassName>;
  readonly onOpen: (from: string, to: string) => void;
}

const MOST_PIECES = 3;

/** Rows connect to columns. A cell says on which ports; an empty one is denied. */
export function Matrix({ plan, classes, names, onOpen }: Props): ReactNode {
  const byPair = useMemo(() => new Map(plan.pairs.map((pair) => [`${pair.from}>${pair.to}`, pair])), [plan.pairs]);
  const columns = classes.length === plan.classes.length ? classes : partners(plan, classes);
  return (
    <div>
      <Text size="xs" c="dimmed" mb={6}>
        Read a row from left to right: what it may connect to, and on which ports. Press a cell for the policy behind
        it.
      </Text>
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- a region that scrolls has to be reachable by keyboard */}
      <div className="matrix-frame" tabIndex={0} role="region" aria-label="Allowed pairs">
        <table className="matrix">
          <thead>
            <tr>
              <th scope="col" className="matrix-corner">
                <span className="matrix-to">to</span>
                <span>from</span>
              </th>
              {columns.map(({ id }) => (
                <th key={id} scope="col">
                  <div className="matrix-head">
                    <NameOf name={names.get(id)} />
                  </div>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {classes.map((from) => (
              <tr key={from.id}>
                <th scope="row">
                  <NameOf name={names.get(from.id)} />
                  <div className="sub matrix-count">{counted(from.workloads.length, 'workload')}</div>
                </th>
                {columns.map((to) => (
                  <Cell
                    key={to.id}
                    pair={byPair.get(`${from.id}>${to.id}`)}
                    name={`${names.get(from.id)?.text ?? ''} to ${names.get(to.id)?.text ?? ''}`}
                    isSelf={from.id === to.id}
                    onOpen={() => onOpen(from.id, to.id)}
                  />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}

function NameOf({ name }: { name: ClassName | undefined }): ReactNode {
  return (
    <>
      {name?.title}{' '}
      {name?.difference.map((label) => (
        <div key={label} className="sub">
          {label}{' '}
        </div>
      ))}
    </>
  );
}

function partners(plan: PlanView, classes: readonly WorkloadClass[]): readonly WorkloadClass[] {
  const own = new Set(classes.map(({ id }) => id));
  const wanted = new Set(plan.pairs.filter(({ from }) => own.has(from)).map(({ to }) => to));
  return plan.classes.filter(({ id }) => wanted.has(id) || own.has(id));
}

function Cell({
  pair,
  name,
  isSelf,
  onOpen,
}: {
  pair: Pair | undefined;
  name: string;
  isSelf: boolean;
  onOpen: () => void;
}): ReactNode {
  const pieces = allowed(pair);
  const self = isSelf ? ' self' : '';
  if (pair === undefined) {
    const text = `${name}: denied, no policy permits it`;
    return <td className={`denied${self}`} title={text} aria-label={text} />;
  }
  if (pieces.length === 0) {
    return (
      <td className={`forbidden${self}`}>
        <button
          type="button"
          onClick={onOpen}
          aria-label={`${name}: forbidden by policy`}
          title={`${name}: forbidden by policy`}
        >
          ✕
        </button>
      </td>
    );
  }
  return (
    <td className={`allowed${self}`}>
      <button
        type="button"
        onClick={onOpen}
        aria-label={`${name}: ${pieces.map(pieceText).join(', ')}`}
        title={[...new Set(pieces.flatMap(({ policies }) => policies))].join(', ')}
      >
        {pieces.slice(0, MOST_PIECES).map((piece) => (
          <span key={pieceText(piece)}>{pieceText(piece)}</span>
        ))}
        {pieces.length > MOST_PIECES && <span>+ {pieces.length - MOST_PIECES}</span>}
      </button>
    </td>
  );
}
