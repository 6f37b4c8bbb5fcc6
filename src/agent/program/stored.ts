import { isJsonObject } from '#base';
import type { HostProgram } from '#wire';
import { openSealed, seal, type StateDirectory } from '../state.ts';
import { checkProgram } from './guard.ts';

/** A program that was verified: applied, and the server could be reached with it. */
export interface StoredProgram extends HostProgram {
  /** Milliseconds since the epoch. */
  readonly appliedAt: number;
}

const VERIFIED = 'program.json';
const TRIAL = 'trial.json';

/** Keeps a program as the one to start with. */
export async function storeProgram(state: StateDirectory, program: StoredProgram): Promise<void> {
  const { version, document, appliedAt } = program;
  await state.write(VERIFIED, seal({ version, document, appliedAt }));
}

/** Reads the last verified program; undefined when there is none, `damaged` when its checksum or its content is wrong. */
export async function readStored(state: StateDirectory): Promise<StoredProgram | 'damaged' | undefined> {
  const text = await state.read(VERIFIED);
  if (text === undefined) return undefined;
  const { version, document, appliedAt } = openSealed(text) ?? {};
  if (typeof version !== 'string' || typeof appliedAt !== 'number' || !isJsonObject(document)) return 'damaged';
  const { nftables } = document;
  if (!Array.isArray(nftables)) return 'damaged';
  const checked = checkProgram({ nftables });
  return checked.ok ? { version, document: checked.value, appliedAt } : 'damaged';
}

/** Remembers that a program is being tried, so that a crash in the middle is undone at the next start. */
export async function beginTrial(state: StateDirectory, version: string): Promise<void> {
  await state.write(TRIAL, seal({ version }));
}

/** Whether a trial was begun and not ended. */
export async function isTrialOpen(state: StateDirectory): Promise<boolean> {
  return (await state.read(TRIAL)) !== undefined;
}

/** Ends a trial, whatever became of it. */
export async function endTrial(state: StateDirectory): Promise<void> {
  await state.remove(TRIAL);
}
