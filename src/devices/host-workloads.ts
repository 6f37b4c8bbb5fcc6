import type { TrustGraph, Workload } from '#model';

/** Finds the workload that stands for a device, without a walk over all workloads for each report. */
export class HostWorkloads {
  readonly #graph: TrustGraph;
  readonly #stop: () => void;
  #index: Map<string, string> | undefined;

  constructor(graph: TrustGraph) {
    this.#graph = graph;
    this.#stop = graph.onTouched(({ kind, before, after }) => {
      if (kind !== 'workload') return;
      const was = before?.kind === 'workload' ? before.body.deviceId : undefined;
      const is = after?.kind === 'workload' ? after.body.deviceId : undefined;
      if (was !== is) this.#index = undefined;
    });
  }

  /** Undefined for a device without a workload: a browser, or a host whose workload was removed. */
  of(deviceId: string): Workload | undefined {
    const id = (this.#index ??= this.#build()).get(deviceId);
    return id === undefined ? undefined : this.#graph.get('workload', id);
  }

  close(): void {
    this.#stop();
  }

  #build(): Map<string, string> {
    const index = new Map<string, string>();
    for (const { id, deviceId } of this.#graph.all('workload')) if (deviceId !== undefined) index.set(deviceId, id);
    return index;
  }
}
