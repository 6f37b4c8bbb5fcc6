import type { Call } from '../inventory.ts';
import type { JsonNode } from '../json-node.ts';

/** One supported call: how its saved answer becomes assets. */
export interface Row {
  /** `service-operation`, the name of the file or of the directory that holds one file per argument. */
  readonly operation: string;
  /** Top-level list whose objects `map` gets one by one; without it `map` gets the whole answer. A file called after a list in PascalCase is found by it. */
  readonly list?: string;
  /** Details are read after all listings, because they add to what listings found. */
  readonly detail?: true;
  /** The operation whose listing tells whether the assets still exist; the operation itself when absent. */
  readonly listing?: string;
  readonly map: (item: JsonNode, call: Call) => void;
}
