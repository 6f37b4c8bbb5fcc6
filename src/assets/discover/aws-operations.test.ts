import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { importAws } from '#assets';
import type { Asset } from '#model';
import { ACCOUNT, REGION, SAVED_ANSWERS, type SavedAnswer } from '../testdata/aws-answers.ts';
import { tree } from '../testdata/tree.ts';
import { OPERATIONS } from './aws/operations.ts';

async function assetOf(
  item: Pick<SavedAnswer, 'files' | 'id'>,
): Promise<{ asset: Asset | undefined; problems: readonly string[] }> {
  const files = Object.fromEntries(Object.entries(item.files).map(([name, content]) => [`${REGION}/${name}`, content]));
  const root = tree({ [`${REGION}/sts-get-caller-identity.json`]: { Account: ACCOUNT }, ...files });
  const report = await importAws(root, { clock: { now: () => 0 } });
  return {
    asset: report.assets.find(({ id }) => id === item.id),
    problems: [...report.problems.map(({ code, message }) => `${code} ${message}`), ...report.unknownFiles],
  };
}

describe('what an answer of the AWS CLI becomes', () => {
  for (const item of SAVED_ANSWERS) {
    it(`${item.operation} shows ${item.kind} with its settings and relations`, async () => {
      const { asset, problems } = await assetOf(item);
      assert.deepEqual(problems, []);
      assert.ok(asset, 'the asset is not there');
      assert.deepEqual([asset.kind, asset.account, asset.region], [item.kind, ACCOUNT, item.region ?? REGION]);
      if (item.name !== undefined) assert.equal(asset.name, item.name);
      if (item.labels !== undefined) assert.deepEqual(asset.labels, item.labels);
      for (const [name, value] of Object.entries(item.attributes ?? {}))
        assert.deepEqual(asset.attributes[name], value, name);
      assert.deepEqual(
        asset.relations.map(({ type, to }) => `${type} ${to}`),
        item.relations ?? [],
      );
    });
  }

  it('is complained about at its place when it has another shape, for every operation', async () => {
    for (const { operation, list } of OPERATIONS) {
      if (list === undefined) continue;
      const { problems } = await assetOf({ files: { [`${operation}.json`]: { [list]: [7, null, 'x'] } }, id: '' });
      assert.ok(
        problems.some((problem) => problem.startsWith('asset-shape-invalid') && problem.includes(`$.${list}[0]`)),
        operation,
      );
    }
  });
});
