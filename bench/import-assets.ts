/**
 * Claims: a saved account of 10,000 assets is read, related and ranked in a small multiple of the time that parsing its JSON takes, and
 * saved, with a change in the feed for each asset, in a small multiple of the time that one plain SQLite transaction of the same rows takes.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { classify, importAws, type ImportReport, saveImport } from '#assets';
import { systemClock } from '#base';
import type { Asset } from '#model';
import { openStore } from '#store';
import { type BenchOptions, type Measurement, measurement, median, timed } from './harness.ts';

const ACCOUNT = '111122223333';
const REGIONS = ['eu-central-1', 'eu-west-1', 'us-east-1', 'us-west-2'];
const PER_REGION = { instances: 1725, groups: 400, subnets: 40, databases: 60 };

/** Measures the import of a synthetic account from files to rows. */
export async function run({ quick, progress }: BenchOptions): Promise<Measurement[]> {
  const directory = mkdtempSync(join(tmpdir(), 'cordon-bench-import-'));
  try {
    progress('write the account');
    const files = writeAccount(join(directory, 'account'));
    const read: number[] = [];
    const parsed: number[] = [];
    const saved: number[] = [];
    const plain: number[] = [];
    let count = 0;
    for (let round = -1; round < (quick ? 1 : 3); round++) {
      progress(round < 0 ? 'warm-up' : `round ${round + 1}`);
      const parseTime = await timed(() => files.map((file) => JSON.parse(readFileSync(file, 'utf8')) as unknown));
      const start = performance.now();
      const report = await importAws(join(directory, 'account'), { clock: systemClock });
      const assets = classify(report.assets, systemClock.now());
      const readTime = performance.now() - start;
      const saveTime = await saveAll(join(directory, `store-${round}`), report);
      const plainTime = await timed(() => insertPlain(join(directory, `plain-${round}.db`), assets));
      if (report.problems.length > 0) throw new Error(`the account is not right: ${report.problems[0]?.message ?? ''}`);
      if (round < 0) continue;
      count = assets.length;
      read.push(readTime);
      parsed.push(parseTime);
      saved.push(saveTime);
      plain.push(plainTime);
    }
    const note = `${count} assets in ${files.length} files`;
    return [
      measurement({
        claim: 'import-10k-read-and-rank',
        value: median(read),
        unit: 'ms',
        baseline: median(parsed),
        baselineName: 'JSON.parse of the same files',
        target: 25,
        better: 'less',
        note,
      }),
      measurement({
        claim: 'import-10k-save',
        value: median(saved),
        unit: 'ms',
        baseline: median(plain),
        baselineName: 'one SQLite transaction of the same rows',
        target: 6,
        better: 'less',
        note: `${note}; saving ranks them again and writes the feed, the workloads and one event`,
      }),
    ];
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function saveAll(directory: string, report: ImportReport): Promise<number> {
  mkdirSync(directory);
  const store = await openStore({ path: join(directory, 'store.db'), clock: systemClock });
  const options = { actor: 'system', clock: systemClock, append: () => Promise.resolve() };
  const time = await timed(() => saveImport(store, report, options));
  await store.close();
  return time;
}

function insertPlain(path: string, assets: readonly Asset[]): void {
  const db = new DatabaseSync(path);
  db.exec('pragma journal_mode = wal; pragma synchronous = full; create table asset (id text primary key, body text)');
  const insert = db.prepare('insert into asset values (?, ?)');
  db.exec('begin');
  for (const asset of assets) insert.run(asset.id, JSON.stringify(asset));
  db.exec('commit');
  db.close();
}

/** Writes an account as the AWS CLI saves it; returns the files. */
function writeAccount(root: string): string[] {
  const files: string[] = [];
  const write = (region: string, name: string, content: unknown): void => {
    mkdirSync(join(root, region), { recursive: true });
    files.push(join(root, region, `${name}.json`));
    writeFileSync(join(root, region, `${name}.json`), JSON.stringify(content, null, 2));
  };
  write('us-east-1', 'sts-get-caller-identity', { Account: ACCOUNT, Arn: `arn:aws:iam::${ACCOUNT}:user/reader` });
  write('us-east-1', 'iam-get-account-authorization-details', {
    UserDetailList: [],
    GroupDetailList: [],
    RoleDetailList: roles(600),
    Policies: [],
  });
  write('us-east-1', 's3-list-buckets', {
    Buckets: list(500, (n) => ({ Name: `bucket-${n}`, CreationDate: '2025-01-01T00:00:00+00:00' })),
  });
  REGIONS.forEach((region, index) => {
    const id = (kind: string, n: number): string => `${kind}-${index}${String(n).padStart(15, '0')}`;
    const own = { OwnerId: ACCOUNT, VpcId: id('vpc', 0) };
    write(region, 'ec2-describe-vpcs', {
      Vpcs: [{ ...own, CidrBlock: '10.0.0.0/8', IsDefault: false, State: 'available' }],
    });
    write(region, 'ec2-describe-subnets', {
      Subnets: list(PER_REGION.subnets, (n) => ({
        ...own,
        SubnetId: id('subnet', n),
        CidrBlock: `10.${n}.0.0/16`,
        AvailabilityZone: `${region}a`,
      })),
    });
    write(region, 'ec2-describe-security-groups', {
      SecurityGroups: list(PER_REGION.groups, (n) => group(id, own, n)),
    });
    write(region, 'ec2-describe-instances', {
      Reservations: list(PER_REGION.instances, (n) => ({ OwnerId: ACCOUNT, Instances: [instance(id, own, n)] })),
    });
    write(region, 'rds-describe-db-instances', {
      DBInstances: list(PER_REGION.databases, (n) => ({
        DBInstanceIdentifier: `db-${n}`,
        DBInstanceArn: `arn:aws:rds:${region}:${ACCOUNT}:db:db-${n}`,
        Engine: 'postgres',
        PubliclyAccessible: n % 20 === 0,
        StorageEncrypted: true,
        VpcSecurityGroups: [{ VpcSecurityGroupId: id('sg', n), Status: 'active' }],
        TagList: [{ Key: 'env', Value: n % 3 === 0 ? 'prod' : 'test' }],
      })),
    });
  });
  return files;
}

type MakeId = (kind: string, n: number) => string;

function list<T>(length: number, make: (n: number) => T): T[] {
  return Array.from({ length }, (_, n) => make(n));
}

function group(id: MakeId, own: object, n: number): object {
  return {
    ...own,
    GroupId: id('sg', n),
    GroupName: `group-${n}`,
    Description: 'synthetic',
    IpPermissions: [
      {
        IpProtocol: 'tcp',
        FromPort: 443,
        ToPort: 443,
        IpRanges: n % 10 === 0 ? [{ CidrIp: '0.0.0.0/0' }] : [],
        UserIdGroupPairs: [{ GroupId: id('sg', (n * 7) % PER_REGION.groups) }],
      },
    ],
    IpPermissionsEgress: [{ IpProtocol: '-1', IpRanges: [{ CidrIp: '0.0.0.0/0' }] }],
  };
}

function instance(id: MakeId, own: object, n: number): object {
  const group = { GroupId: id('sg', n % PER_REGION.groups), GroupName: `group-${n % PER_REGION.groups}` };
  return {
    ...own,
    InstanceId: id('i', n),
    InstanceType: 'm7i.large',
    State: { Name: 'running' },
    SubnetId: id('subnet', n % PER_REGION.subnets),
    PrivateIpAddress: `10.${n % PER_REGION.subnets}.${Math.floor(n / 250)}.${(n % 250) + 1}`,
    SecurityGroups: [group],
    IamInstanceProfile: { Arn: `arn:aws:iam::${ACCOUNT}:instance-profile/role-${n % 600}` },
    Tags: [
      { Key: 'Name', Value: `host-${n}` },
      { Key: 'env', Value: n % 3 === 0 ? 'prod' : 'test' },
      { Key: 'service', Value: `service-${n % 97}` },
    ],
  };
}

function roles(count: number): object[] {
  return list(count, (n) => ({
    RoleName: `role-${n}`,
    RoleId: `AROA${String(n).padStart(17, '0')}`,
    Arn: `arn:aws:iam::${ACCOUNT}:role/role-${n}`,
    AssumeRolePolicyDocument: {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' }],
    },
    InstanceProfileList: [
      { InstanceProfileName: `role-${n}`, Arn: `arn:aws:iam::${ACCOUNT}:instance-profile/role-${n}` },
    ],
    RolePolicyList: [
      {
        PolicyName: 'own',
        PolicyDocument: {
          Version: '2012-10-17',
          Statement: [{ Effect: 'Allow', Action: ['s3:GetObject'], Resource: `arn:aws:s3:::bucket-${n % 500}/*` }],
        },
      },
    ],
    AttachedManagedPolicies: [],
  }));
}
