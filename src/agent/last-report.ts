import { isJsonObject, parseJson } from '#base';
import type { Posture } from '#model';
import { parseMessage, WIRE_VERSION } from '#wire';
import type { StateDirectory } from './state.ts';

/** What the server made of the last report it took. */
export interface LastReport {
  readonly sequence: number;
  /** When it was answered, milliseconds since the epoch. */
  readonly at: number;
  /** How the server judged; absent when it did not say. */
  readonly posture?: Posture;
}

const FILE = 'last-report.json';

/** Keeps what the server said, for `cordon agent posture` and for the next sequence number. */
export async function keepReport(state: StateDirectory, report: LastReport): Promise<void> {
  await state.write(FILE, `${JSON.stringify(report)}\n`);
}

/** Reads it; undefined when there is none or it cannot be read, which costs nothing but the memory of it. */
export async function readReport(state: StateDirectory): Promise<LastReport | undefined> {
  const json = parseJson((await state.read(FILE)) ?? '');
  if (!json.ok || !isJsonObject(json.value)) return undefined;
  const { sequence, at, posture } = json.value;
  if (typeof sequence !== 'number' || typeof at !== 'number') return undefined;
  // The posture has the form of the wire: the check that let it in lets it in again.
  const instruction = {
    wire: WIRE_VERSION,
    reportEverySeconds: 1,
    renewalDue: false,
    ...(posture === undefined ? {} : { posture }),
  };
  const checked = parseMessage('instruction', JSON.stringify(instruction));
  if (!checked.ok) return { sequence, at };
  return { sequence, at, ...(checked.value.posture === undefined ? {} : { posture: checked.value.posture }) };
}
