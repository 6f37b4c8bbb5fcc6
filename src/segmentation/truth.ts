import { ALL_FLOWS, type FlowSet, intersectFlows, NO_FLOWS, subtractFlows, uniteFlows } from './flow-set.ts';

/**
 * What a Cedar condition comes out as, for every flow at once: true on `holds`, an error on `errs`, false elsewhere.
 * The three regions are disjoint, as Cedar's short-circuit order makes them.
 */
export interface Truth {
  readonly holds: FlowSet;
  readonly errs: FlowSet;
}

/** True for every flow. */
export const ALWAYS: Truth = { holds: ALL_FLOWS, errs: NO_FLOWS };
/** False for every flow. */
const NEVER: Truth = { holds: NO_FLOWS, errs: NO_FLOWS };
/** An error for every flow. */
export const ERROR: Truth = { holds: NO_FLOWS, errs: ALL_FLOWS };

/** `ALWAYS` or `NEVER`. */
export function truthOf(value: boolean): Truth {
  return value ? ALWAYS : NEVER;
}

/** True on exactly these flows. */
export function holdsOn(holds: FlowSet): Truth {
  return { holds, errs: NO_FLOWS };
}

/** Cedar's `!`: errors stay errors. */
export function not(a: Truth): Truth {
  return { holds: fails(a), errs: a.errs };
}

/** Cedar's `&&`: the right side is looked at only where the left one is true. */
export function and(a: Truth, b: () => Truth): Truth {
  return choose(a, b, () => NEVER);
}

/** Cedar's `||`: the right side is looked at only where the left one is false. */
export function or(a: Truth, b: () => Truth): Truth {
  return choose(a, () => ALWAYS, b);
}

/** Cedar's `if … then … else`. */
export function choose(condition: Truth, then: () => Truth, otherwise: () => Truth): Truth {
  if (condition === ALWAYS) return then();
  if (condition === NEVER) return otherwise();
  if (condition === ERROR) return ERROR;
  const yes = then();
  const no = otherwise();
  const isFalse = fails(condition);
  return {
    holds: uniteFlows(intersectFlows(condition.holds, yes.holds), intersectFlows(isFalse, no.holds)),
    errs: uniteFlows(
      condition.errs,
      uniteFlows(intersectFlows(condition.holds, yes.errs), intersectFlows(isFalse, no.errs)),
    ),
  };
}

function fails(a: Truth): FlowSet {
  return subtractFlows(ALL_FLOWS, uniteFlows(a.holds, a.errs));
}
