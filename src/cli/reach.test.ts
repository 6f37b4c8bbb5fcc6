import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { runCommand } from './testdata/run-command.ts';

const cwd = mkdtempSync(join(tmpdir(), 'cli-'));
after(() => rmSync(cwd, { recursive: true, force: true }));

const REAL = join(import.meta.dirname, '..', '..', '..', 'shared', 'data', 'aws', 'cloudmapper-demo');

function save(name: string, value: unknown): void {
  mkdirSync(join(cwd, 'saved', 'eu-west-1'), { recursive: true });
  writeFileSync(join(cwd, 'saved', 'eu-west-1', name), JSON.stringify(value));
}

describe('cordon segments reach', () => {
  save('sts-get-caller-identity.json', { Account: '123456789012' });
  save('ec2-describe-vpcs.json', { Vpcs: [{ VpcId: 'vpc-1', CidrBlock: '10.0.0.0/16' }] });
  save('ec2-describe-subnets.json', { Subnets: [{ SubnetId: 'subnet-1', VpcId: 'vpc-1', CidrBlock: '10.0.1.0/24' }] });
  const group = (GroupId: string, IpPermissions: object[]): object => ({
    GroupId,
    GroupName: GroupId,
    VpcId: 'vpc-1',
    IpPermissions,
    IpPermissionsEgress: [{ IpProtocol: '-1', IpRanges: [{ CidrIp: '0.0.0.0/0' }] }],
  });
  save('ec2-describe-security-groups.json', {
    SecurityGroups: [
      group('sg-web', []),
      group('sg-db', [{ IpProtocol: 'tcp', FromPort: 5432, ToPort: 5432, UserIdGroupPairs: [{ GroupId: 'sg-web' }] }]),
    ],
  });
  const instance = (name: string, address: string, GroupId: string): object => ({
    InstanceId: `i-${name}`,
    VpcId: 'vpc-1',
    SubnetId: 'subnet-1',
    PrivateIpAddress: address,
    State: { Name: 'running' },
    SecurityGroups: [{ GroupId }],
    Tags: [{ Key: 'Name', Value: name }],
  });
  save('ec2-describe-instances.json', {
    Reservations: [{ Instances: [instance('web', '10.0.1.5', 'sg-web'), instance('db', '10.0.1.6', 'sg-db')] }],
  });

  it('shows who reaches whom, by which rule', async () => {
    const { code, stdout, stderr } = await runCommand(['segments', 'reach', '--aws', 'saved'], { cwd });
    assert.equal(code, 0, stderr);
    const lines = stdout.trimEnd().split('\n');
    assert.equal(lines.length, 2, stdout);
    assert.match(lines[1] ?? '', /^web +db \(compute\.instance\) +tcp +5432 +\w+ +sg-db ingress tcp 5432 from sg-web/);
    assert.match(stderr, /^1 pair; of 2 assets the internet reaches 0, and possibly 0 more$/m);
  });

  it('shows only the internet when asked for, and every problem', async () => {
    const { code, stdout, stderr } = await runCommand(['segments', 'reach', '--aws', 'saved', '--internet'], { cwd });
    assert.deepEqual({ code, stdout }, { code: 0, stdout: '' });
    assert.match(stderr, /^nobody reaches anybody/);
  });

  it('is a document for programs', async () => {
    const { stdout } = await runCommand(['segments', 'reach', '--aws', 'saved', '--json'], { cwd });
    const document = JSON.parse(stdout);
    assert.deepEqual(Object.keys(document), ['pairs', 'total', 'exposures', 'problems']);
    assert.equal(document.pairs[0].flows[0].rules[0].securityGroup, 'sg-db');
  });

  const skip = existsSync(REAL) ? false : 'needs the test data in ../shared/data/aws';
  it('reads a real account', { skip }, async () => {
    const { code, stdout } = await runCommand(['segments', 'reach', '--aws', REAL, '--internet'], { cwd });
    assert.equal(code, 0);
    assert.match(stdout, /internet +webalb \(load-balancer\) +tcp +443/);
    const limited = await runCommand(['segments', 'reach', '--aws', REAL, '--limit', '1', '--json'], { cwd });
    assert.equal(JSON.parse(limited.stdout).pairs.length, 1);
  });
});
