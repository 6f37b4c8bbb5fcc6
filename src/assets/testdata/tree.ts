import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { Asset } from '#model';

/** Writes files into a fresh directory, objects as JSON, and answers its path. */
export function tree(files: Readonly<Record<string, unknown>>): string {
  const root = mkdtempSync(join(tmpdir(), 'cordon-assets-'));
  for (const [file, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    const isRaw = typeof content === 'string' || content instanceof Uint8Array;
    writeFileSync(join(root, file), isRaw ? content : JSON.stringify(content));
  }
  return root;
}

/** An asset for tests of ranking and saving. */
export function asset(changes: Partial<Asset> & { readonly id: string; readonly kind: string }): Asset {
  return {
    name: changes.id,
    provider: 'aws',
    account: '111122223333',
    region: 'us-east-1',
    labels: {},
    attributes: { evidence: { self: 'a.json#$.A[0]' }, listing: 'us-east-1 test-list' },
    relations: [],
    source: 'a.json',
    observedAt: 0,
    computedTier: 0,
    impact: 100,
    confidence: 0,
    ledger: [],
    ...changes,
  };
}

const DATA = process.env['CORDON_TEST_DATA'] ?? resolve(import.meta.dirname, '../../../../shared/data');

/** A folder of the public test data, and why tests that need it are skipped when it is not there. */
export function testData(folder: string): { readonly path: string; readonly skip: string | false } {
  const path = join(DATA, folder);
  return { path, skip: existsSync(path) ? false : `needs the test data \`${folder}\` (set CORDON_TEST_DATA)` };
}
