import { formatAddress, parseAddress } from '#base';
import type { TrustGraph, Workload } from '#model';

/** Finds the workload behind an address, without a walk over all of them for each packet that was refused. */
export class WorkloadAddresses {
  readonly #graph: TrustGraph;
  readonly #stop: () => void;
  #index: Map<string, string | undefined> | undefined;

  constructor(graph: TrustGraph) {
    this.#graph = graph;
    this.#stop = graph.onTouched(({ kind }) => {
      if (kind === 'workload') this.#index = undefined;
    });
  }

  /** Undefined when no workload, or more than one, has the address: what cannot be told apart is never blamed. */
  at(address: string): Workload | undefined {
    const id = (this.#index ??= this.#build()).get(canonical(address));
    return id === undefined ? undefined : this.#graph.get('workload', id);
  }

  close(): void {
    this.#stop();
  }

  #build(): Map<string, string | undefined> {
    const index = new Map<string, string | undefined>();
    for (const { id, addresses } of this.#graph.all('workload')) {
      for (const address of new Set(addresses.map(canonical))) index.set(address, index.has(address) ? undefined : id);
    }
    return index;
  }
}

function canonical(address: string): string {
  const parsed = parseAddress(address, { mapped: 'unmap' });
  return parsed.ok ? formatAddress(parsed.value) : address;
}
