import assert from 'node:assert/strict';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { CordonError, manualClock } from '#base';
import { testData, tree } from '../testdata/tree.ts';
import { importAws, type ImportReport } from './import-aws.ts';
import { WALK_LIMITS } from './walk.ts';

const clock = manualClock(1_000);
const read = async (files: Readonly<Record<string, unknown>>): Promise<ImportReport> =>
  await importAws(tree(files), { clock });
const caller = { Account: '111122223333', Arn: 'arn:aws:iam::111122223333:user/x', UserId: 'A' };
const base = { 'us-east-1/sts-get-caller-identity.json': caller };
const codes = (report: ImportReport): string[] => report.problems.map(({ code }) => code);

describe('import of saved AWS output: real accounts', () => {
  const demo = testData('aws/cloudmapper-demo');
  it('reads every file of the cloudmapper demo account', { skip: demo.skip }, async () => {
    const report = await importAws(demo.path, { clock });
    assert.deepEqual(report.counts.byKind, {
      account: 1,
      'compute.instance': 3,
      'container.cluster': 1,
      'container.repository': 1,
      'container.task': 1,
      database: 1,
      function: 1,
      'identity.group': 1,
      'identity.policy': 2,
      'identity.role': 4,
      'identity.user': 4,
      'load-balancer': 2,
      'network.endpoint': 2,
      'network.interface': 1,
      'network.security-group': 8,
      'network.subnet': 4,
      'network.vpc': 1,
      queue: 1,
      'search.domain': 1,
      secret: 1,
      'storage.bucket': 1,
      stream: 1,
      topic: 2,
      trail: 1,
      warehouse: 1,
    });
    assert.deepEqual(report.unknownFiles, []);
    assert.deepEqual(report.problems, []);
    assert.equal(report.assets.length, 47);
    assert.equal(new Set(report.assets.map(({ account }) => account)).size, 1);
    const bastion = report.assets.find(({ name }) => name === 'Bastion');
    const instance = report.assets.find(({ id }) => id.endsWith('compute.instance:i-00000000000000000'));
    assert.notEqual(bastion, undefined);
    assert.equal(instance?.attributes['publicIp'], '1.2.3.4');
    const queue = report.assets.find(({ kind }) => kind === 'queue');
    assert.match(JSON.stringify(queue?.attributes['policy']), /sqs:SendMessage/);
  });

  const hybrid = testData('aws/hybrid-cloud');
  it('reads the describe lists of one region, from its parent and on its own, to the same assets', {
    skip: hybrid.skip,
  }, async () => {
    const whole = await importAws(hybrid.path, { clock });
    const region = await importAws(join(hybrid.path, 'us-west-2'), { clock });
    assert.equal(whole.assets.length, 60);
    assert.equal(whole.counts.byKind['network.subnet'], 10);
    assert.equal(whole.counts.byKind['network.security-group'], 11);
    assert.equal(whole.counts.byKind['network.interface'], 9);
    assert.equal(whole.counts.byKind['network.route-table'], 5);
    assert.equal(whole.counts.byKind['network.acl'], 4);
    assert.equal(whole.counts.byKind['search.domain'], 2);
    assert.deepEqual(whole.problems, []);
    assert.deepEqual(whole.unknownFiles, []);
    assert.deepEqual(
      region.assets.map(({ id }) => id),
      whole.assets.map(({ id }) => id),
    );
  });

  it('never imports the pre-shared keys of a VPN connection', { skip: hybrid.skip }, async () => {
    const { assets } = await importAws(hybrid.path, { clock });
    assert.doesNotMatch(JSON.stringify(assets), /pre_shared_key|QMP5tKPP5qk95Y1Eee9c/);
  });

  const fix = testData('aws/fixinventory');
  it('lists every file of an unknown layout and imports nothing from it', { skip: fix.skip }, async () => {
    const report = await importAws(fix.path, { clock });
    assert.equal(report.assets.length, 0);
    assert.equal(report.unknownFiles.length + report.ignoredFiles.length, report.counts.files);
    assert.equal(report.unknownFiles.length, 292);
  });
});

describe('import of saved AWS output: bad input', () => {
  it('names file, line and column of broken JSON and imports the rest', async () => {
    const report = await read({
      ...base,
      'us-east-1/ec2-describe-vpcs.json': '{\n  "Vpcs": [}\n}',
      'us-east-1/ec2-describe-subnets.json': { Subnets: [{ SubnetId: 'subnet-1', VpcId: 'vpc-1' }] },
    });
    assert.deepEqual(codes(report), ['json-invalid']);
    assert.deepEqual(report.problems[0]?.source, {
      file: 'us-east-1/ec2-describe-vpcs.json',
      line: 2,
      column: 12,
      offset: 13,
    });
    assert.equal(report.counts.byKind['network.subnet'], 1);
    assert.ok(!report.listings.includes('111122223333 us-east-1 ec2-describe-vpcs'));
  });

  const shapes: readonly [string, unknown, RegExp][] = [
    ['a list that is missing', {}, /`\$\.Vpcs` is missing/],
    ['a list that is an object', { Vpcs: {} }, /`\$\.Vpcs` is not a list/],
    ['an entry that is no object', { Vpcs: ['x'] }, /`\$\.Vpcs\[0\]` is not an object/],
    ['an entry without id', { Vpcs: [{ CidrBlock: '10.0.0.0/8' }] }, /`\$\.Vpcs\[0\]\.VpcId` is missing/],
    ['an id that is a number', { Vpcs: [{ VpcId: 7 }] }, /`\$\.Vpcs\[0\]\.VpcId` is not a text/],
    ['a flag that is a text', { Vpcs: [{ VpcId: 'v', IsDefault: 'yes' }] }, /`\$\.Vpcs\[0\]\.IsDefault` is neither/],
    ['an answer that is a list', [1], /`\$` is not an object/],
  ];
  for (const [name, content, expected] of shapes)
    it(`names the JSON path of ${name} and imports the other files`, async () => {
      const report = await read({
        ...base,
        'us-east-1/ec2-describe-vpcs.json': content,
        'us-east-1/s3-list-buckets.json': { Buckets: [{ Name: 'b' }] },
      });
      assert.equal(report.problems.length, 1);
      assert.match(report.problems[0]?.message ?? '', expected);
      assert.equal(report.problems[0]?.source?.file, 'us-east-1/ec2-describe-vpcs.json');
      assert.equal(report.counts.byKind['storage.bucket'], 1);
    });

  it('keeps the good entries of a list with bad ones', async () => {
    const report = await read({ ...base, 'us-east-1/ec2-describe-vpcs.json': { Vpcs: [null, { VpcId: 'vpc-1' }, 3] } });
    assert.equal(report.counts.byKind['network.vpc'], 1);
    assert.deepEqual(codes(report), ['asset-shape-invalid', 'asset-shape-invalid']);
  });

  it('lists unknown files, and ignores licences and answers without assets by name', async () => {
    const report = await read({
      ...base,
      LICENSE: 'text',
      'us-east-1/README.md': 'text',
      'us-east-1/notes.txt': 'not json',
      'us-east-1/ec2-describe-future-things.json': { Things: [] },
      'us-east-1/guardduty-list-detectors.json': { DetectorIds: [] },
    });
    assert.deepEqual(report.unknownFiles, ['us-east-1/ec2-describe-future-things.json']);
    assert.deepEqual(
      report.ignoredFiles.map(({ file }) => file),
      [
        'LICENSE',
        'us-east-1/README.md',
        'us-east-1/guardduty-list-detectors.json',
        'us-east-1/sts-get-caller-identity.json',
      ],
    );
    assert.deepEqual(codes(report), ['json-invalid']);
  });

  it('does not follow symbolic links, so a loop ends', async () => {
    const root = tree(base);
    symlinkSync(root, join(root, 'us-east-1', 'loop'));
    const report = await importAws(root, { clock });
    assert.deepEqual(codes(report), ['asset-file-skipped']);
  });

  it('bounds file size, depth and number of files by name', async () => {
    const deep = `${'d/'.repeat(5)}x.json`;
    const root = tree({ ...base, 'us-east-1/ec2-describe-vpcs.json': { Vpcs: [], pad: 'x'.repeat(500) }, [deep]: {} });
    const small = { ...WALK_LIMITS, fileBytes: 300, depth: 4 };
    assert.deepEqual(codes(await importAws(root, { clock, limits: small })).sort(), [
      'asset-import-bounded',
      'asset-import-bounded',
    ]);
    const few = await importAws(root, { clock, limits: { ...WALK_LIMITS, files: 1 } });
    assert.equal(few.counts.files, 1);
    assert.ok(codes(few).includes('asset-import-bounded'));
  });

  it('refuses a directory that cannot be read', async () => {
    await assert.rejects(
      importAws('/nonexistent', { clock }),
      (error) => error instanceof CordonError && error.code === 'asset-directory-unreadable',
    );
  });

  it('names an account that nothing names', async () => {
    const report = await read({ 'us-east-1/ec2-describe-vpcs.json': { Vpcs: [{ VpcId: 'vpc-1' }] } });
    assert.deepEqual(codes(report), ['asset-account-unknown']);
    assert.equal(report.assets[0]?.account, 'unknown');
    assert.equal(report.counts.byKind['account'], undefined);
  });

  it('says when an answer is one page of many, and does not count it as a whole listing', async () => {
    const report = await read({
      ...base,
      'us-east-1/ec2-describe-vpcs.json': { Vpcs: [{ VpcId: 'vpc-1' }], NextToken: 'abc' },
    });
    assert.deepEqual(codes(report), ['asset-listing-truncated']);
    assert.equal(report.counts.byKind['network.vpc'], 1);
    assert.ok(!report.listings.some((listing) => listing.endsWith('ec2-describe-vpcs')));
  });

  for (const [service, answer] of [
    ['rds-describe-db-instances', { DBInstances: [], Marker: 'abc' }],
    ['lambda-list-functions', { Functions: [], NextMarker: 'abc' }],
    ['ecs-list-clusters', { clusterArns: [], nextToken: 'abc' }],
    ['kms-list-keys', { Keys: [], Truncated: true }],
    ['iam-get-account-authorization-details', { UserDetailList: [], IsTruncated: true }],
    ['s3-list-buckets', { Buckets: [], ContinuationToken: 'abc' }],
    ['dynamodb-list-tables', { TableNames: [], LastEvaluatedTableName: 'abc' }],
    ['kinesis-list-streams', { StreamNames: [], HasMoreStreams: true }],
  ] as const) {
    it(`knows one page of ${service} by what that service calls the rest`, async () => {
      const report = await read({ ...base, [`us-east-1/${service}.json`]: answer });
      assert.ok(
        codes(report).includes('asset-listing-truncated'),
        'or what is on the next page would be removed as gone',
      );
      assert.ok(!report.listings.some((listing) => listing.endsWith(` ${service}`)));
    });
  }

  it('keeps the first of two different descriptions of one asset and names the second', async () => {
    const report = await read({
      ...base,
      'us-east-1/ec2-describe-vpcs.json': { Vpcs: [{ VpcId: 'vpc-1', IsDefault: true }, { VpcId: 'vpc-1' }] },
    });
    assert.deepEqual(codes(report), ['asset-duplicate']);
    assert.equal(report.assets.find(({ kind }) => kind === 'network.vpc')?.attributes['isDefault'], true);
  });

  it('names a detail file whose asset no listing shows', async () => {
    const report = await read({ ...base, 'us-east-1/s3-get-bucket-policy/ghost': { Policy: '{}' } });
    assert.deepEqual(codes(report), ['asset-detail-orphaned']);
  });

  it('survives any JSON in any supported file', async () => {
    const names = [
      'ec2-describe-instances',
      'iam-get-account-authorization-details',
      'iam-get-credential-report',
      'RouteTables',
    ];
    const value = fc.letrec((tie) => ({
      json: fc.oneof(
        { depthSize: 'small' },
        fc.constant(null),
        fc.integer(),
        fc.string(),
        fc.array(tie('json'), { maxLength: 3 }),
        tie('object'),
      ),
      object: fc.dictionary(
        fc.constantFrom(
          'Reservations',
          'Instances',
          'InstanceId',
          'Tags',
          'Key',
          'UserDetailList',
          'Arn',
          'Content',
          'RouteTables',
          'RouteTableId',
          'Routes',
          '__proto__',
        ),
        tie('json'),
        { maxKeys: 5 },
      ),
    })).object;
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...names), value, async (name, content) => {
        const report = await read({ [`us-east-1/${name}.json`]: content });
        assert.ok(report.assets.every(({ id }) => id !== ''));
      }),
      { numRuns: 60 },
    );
  });
});

describe('import of saved AWS output: what it reads', () => {
  it('gives the same bytes whatever order the directory lists its files in', async () => {
    const files = {
      'us-east-1/ec2-describe-tags.json': { Tags: [{ ResourceId: 'vpc-1', Key: 'env', Value: 'prod' }] },
      'us-east-1/ec2-describe-vpcs.json': { Vpcs: [{ VpcId: 'vpc-2' }, { VpcId: 'vpc-1' }] },
      's3.txt': '{}',
      ...base,
    };
    const forward = await read(files);
    const backward = await read(Object.fromEntries(Object.entries(files).reverse()));
    assert.equal(JSON.stringify(forward), JSON.stringify(backward));
    assert.deepEqual(forward.assets.find(({ id }) => id.endsWith('vpc-1'))?.labels, { env: 'prod' });
  });

  it('reads policy documents as objects, as JSON text and URL-encoded', async () => {
    const document = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] };
    const text = JSON.stringify(document);
    for (const form of [document, text, encodeURIComponent(text)]) {
      const report = await read({
        ...base,
        'us-east-1/iam-get-account-authorization-details.json': {
          UserDetailList: [],
          GroupDetailList: [],
          Policies: [],
          RoleDetailList: [
            {
              Arn: 'arn:aws:iam::111122223333:role/r',
              RoleName: 'r',
              AssumeRolePolicyDocument: form,
              RolePolicyList: [{ PolicyName: 'p', PolicyDocument: form }],
            },
          ],
        },
      });
      assert.deepEqual(report.problems, []);
      const role = report.assets.find(({ kind }) => kind === 'identity.role');
      assert.deepEqual(role?.attributes['inlinePolicies'], [{ name: 'p', document }]);
      assert.deepEqual(role?.attributes['trust'], document);
    }
  });

  it('reads the credential report in base64 and in plain text, and names lines it cannot', async () => {
    const csv =
      'user,arn,password_enabled,mfa_active,access_key_1_active\n<root_account>,arn:aws:iam::111122223333:root,not_supported,false,true\nbroken,line';
    for (const content of [csv, Buffer.from(csv).toString('base64')]) {
      const report = await read({ ...base, 'us-east-1/iam-get-credential-report.json': { Content: content } });
      const account = report.assets.find(({ kind }) => kind === 'account');
      assert.deepEqual(account?.attributes['credentials'], {
        password: true,
        mfa: false,
        accessKeys: 1,
        passwordLastUsed: 'N/A',
      });
      assert.match(report.problems[0]?.message ?? '', /2 columns in line 3, not 5/);
    }
  });

  it('keeps names of environment variables and drops their values and user data', async () => {
    const report = await read({
      ...base,
      'us-east-1/lambda-list-functions.json': {
        Functions: [{ FunctionArn: 'arn:f', FunctionName: 'f', Environment: { Variables: { TOKEN: 'hunter2' } } }],
      },
      'us-east-1/ec2-describe-instances.json': {
        Reservations: [{ Instances: [{ InstanceId: 'i-1', UserData: 'aHVudGVyMg==hunter2' }] }],
      },
    });
    assert.deepEqual(report.assets.find(({ kind }) => kind === 'function')?.attributes['environmentNames'], ['TOKEN']);
    assert.doesNotMatch(JSON.stringify(report.assets), /hunter2/);
  });

  it('keeps a tag called __proto__ as a label and nothing more', async () => {
    const report = await read({
      ...base,
      'us-east-1/ec2-describe-vpcs.json': '{"Vpcs":[{"VpcId":"v","Tags":[{"Key":"__proto__","Value":"x"}]}]}',
    });
    const labels = report.assets.find(({ kind }) => kind === 'network.vpc')?.labels ?? {};
    assert.deepEqual(Object.keys(labels), ['__proto__']);
    assert.equal(Object.getPrototypeOf(labels), Object.prototype);
  });

  it('reads UTF-16 with a byte order mark, as a Windows shell writes it', async () => {
    const text = JSON.stringify({ Vpcs: [{ VpcId: 'vpc-1' }] });
    const bytes = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text, 'utf16le')]);
    const report = await read({ ...base, 'us-east-1/ec2-describe-vpcs.json': bytes });
    assert.equal(report.counts.byKind['network.vpc'], 1);
  });

  it('keeps accounts saved side by side apart', async () => {
    const vpcs = { Vpcs: [{ VpcId: 'vpc-1' }] };
    const report = await read({
      'a/us-east-1/sts-get-caller-identity.json': caller,
      'a/us-east-1/ec2-describe-vpcs.json': vpcs,
      'b/us-east-1/sts-get-caller-identity.json': { Account: '444455556666' },
      'b/us-east-1/ec2-describe-vpcs.json': vpcs,
    });
    assert.deepEqual(
      report.assets.filter(({ kind }) => kind === 'network.vpc').map(({ account }) => account),
      ['111122223333', '444455556666'],
    );
  });
});
