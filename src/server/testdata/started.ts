/** A whole running Cordon on ports and a folder of its own, for tests. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { systemClock } from '#base';
import { textSource } from '../configuration-source.ts';
import { type Cordon, startCordon } from '../start.ts';

const CONSOLE = join(import.meta.dirname, '../../../console/dist');
const log = { info: () => {}, warn: () => {}, error: () => {} };

/** Starts one on a configuration and policies; it ends with the test. */
export async function started(
  t: TestContext,
  text: string,
  policies: Readonly<Record<string, string>> = {},
): Promise<Cordon> {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-started-'));
  const cordon = await startCordon({
    version: '1.2.3',
    clock: systemClock,
    uid: 0,
    log,
    consoleDirectory: CONSOLE,
    source: textSource({ text, policies }, join(folder, 'data')),
  });
  t.after(async () => {
    await cordon.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  return cordon;
}
