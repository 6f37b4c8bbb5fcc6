import type { TrustGraph } from '#model';
import { type ActivePolicies, loadPolicies } from '#policy';
import type { Log } from './log.ts';

/**
 * The policies in force, compiled again when another bundle is activated. Undefined while none is, or when the active one does not load
 * (then everything is denied as `no-policies`).
 */
export function followPolicies(graph: TrustGraph, log: Log): () => ActivePolicies | undefined {
  let isCurrent = false;
  let active: ActivePolicies | undefined;
  graph.onTouched(({ kind }) => {
    if (kind === 'policyActivation') isCurrent = false;
  });
  return () => {
    if (!isCurrent) {
      active = compileActive(graph, log);
      isCurrent = true;
    }
    return active;
  };
}

function compileActive(graph: TrustGraph, log: Log): ActivePolicies | undefined {
  const activation = graph.get('policyActivation', 'active');
  if (activation === undefined) return undefined;
  const bundle = graph.get('policyBundle', activation.bundleId);
  const loaded = bundle === undefined ? undefined : loadPolicies({ texts: bundle.texts, version: bundle.version });
  if (loaded?.ok === true) return loaded.value;
  log.error(
    { bundle: activation.bundleId, problems: loaded?.error ?? [] },
    'the active policies do not load; everything is denied until others are activated',
  );
  return undefined;
}
