import type { AssetDraft } from './assets.ts';
import { assetIdOf, labelsOf, type Machine, MACHINES } from './machines.ts';

const ACCOUNT = '111122223333'; // one of the account numbers that documentation uses
const REGION = `eu-central-1:${ACCOUNT}`;
const ec2 = (path: string): string => `arn:aws:ec2:${REGION}:${path}`;
const iam = (path: string): string => `arn:aws:iam::${ACCOUNT}:${path}`;

const VPC = ec2('vpc/vpc-demo');
const KEY = `arn:aws:kms:${REGION}:key/demo-orders`;
const ORDERS = `arn:aws:rds:${REGION}:db:orders`;
const LOGS = 'arn:aws:s3:::example-audit-logs';

/** The AWS account of the demo, as saved answers would describe it. */
export function awsDrafts(): AssetDraft[] {
  return [...identity(), ...network(), ...machines(), ...data(), ...services()];
}

function identity(): AssetDraft[] {
  const file = 'iam-get-account-authorization-details.json';
  const principal = (
    kind: 'role' | 'user',
    name: string,
    actions: readonly string[],
    more: Partial<AssetDraft> = {},
  ): AssetDraft => ({
    id: iam(`${kind}/${name}`),
    kind: `identity.${kind}`,
    name,
    file,
    region: 'global',
    attributes: {
      inlinePolicies: [
        { name: 'demo', document: { Statement: [{ Effect: 'Allow', Action: [...actions], Resource: '*' }] } },
      ],
      attachedPolicies: [],
      ...more.attributes,
    },
  });
  return [
    {
      id: `aws:${ACCOUNT}:global:account:${ACCOUNT}`,
      kind: 'account',
      name: 'example-production',
      file: 'sts-get-caller-identity.json',
      region: 'global',
    },
    principal('role', 'deploy-pipeline', ['iam:PassRole', 'ec2:RunInstances', 'lambda:CreateFunction']),
    principal('role', 'orders-api', ['secretsmanager:GetSecretValue', 'kms:Decrypt']),
    principal('role', 'metrics-reader', ['cloudwatch:GetMetricData', 'cloudwatch:ListMetrics']),
    principal('user', 'break-glass', ['*']),
  ];
}

function network(): AssetDraft[] {
  const subnets = ['public', 'app', 'data', 'build'].map(
    (name, index): AssetDraft => ({
      id: ec2(`subnet/subnet-demo-${name}`),
      kind: 'network.subnet',
      name: `${name}-a`,
      file: 'ec2-describe-subnets.json',
      attributes: { cidr: `10.20.${index}.0/24`, vpcId: 'vpc-demo' },
      relations: [['in-vpc', VPC]],
    }),
  );
  const groups = ['web', 'api', 'data'].map(
    (name): AssetDraft => ({
      id: groupOf(name),
      kind: 'network.security-group',
      name,
      file: 'ec2-describe-security-groups.json',
      attributes: { vpcId: 'vpc-demo', description: `${name} servers` },
      relations: [['in-vpc', VPC]],
    }),
  );
  return [
    {
      id: VPC,
      kind: 'network.vpc',
      name: 'production',
      file: 'ec2-describe-vpcs.json',
      attributes: { cidr: '10.20.0.0/16' },
    },
    ...subnets,
    ...groups,
    {
      id: ec2('internet-gateway/igw-demo'),
      kind: 'network.internet-gateway',
      name: 'production-internet',
      file: 'ec2-describe-internet-gateways.json',
      relations: [['in-vpc', VPC]],
    },
    {
      id: `arn:aws:elasticloadbalancing:${REGION}:loadbalancer/app/shop/demo`,
      kind: 'load-balancer',
      name: 'shop',
      file: 'elbv2-describe-load-balancers.json',
      labels: { env: 'production' },
      attributes: { scheme: 'internet-facing' },
      relations: [['uses-security-group', groupOf('web')]],
    },
  ];
}

function groupOf(name: string): string {
  return ec2(`security-group/sg-demo-${name}`);
}

const PLACES: Readonly<Record<Machine['role'], readonly [subnet: string, group: string]>> = {
  web: ['public', 'web'],
  bastion: ['public', 'web'],
  api: ['app', 'api'],
  batch: ['app', 'api'],
  database: ['data', 'data'],
  cache: ['data', 'data'],
  build: ['build', 'api'],
};

function machines(): AssetDraft[] {
  return MACHINES.filter(({ cloud }) => cloud === 'aws').map((machine): AssetDraft => {
    const [subnet, group] = PLACES[machine.role];
    return {
      id: assetIdOf(machine),
      kind: 'compute.instance',
      name: machine.name,
      file: 'ec2-describe-instances.json',
      labels: labelsOf(machine),
      attributes: { state: 'running', type: 'm7g.large', privateIp: machine.address, vpcId: 'vpc-demo' },
      relations: [
        ['in-vpc', VPC],
        ['in-subnet', ec2(`subnet/subnet-demo-${subnet}`)],
        ['uses-security-group', groupOf(group)],
        ...(machine.role === 'api' ? ([['assumes-role', iam('role/orders-api')]] as const) : []),
      ],
    };
  });
}

function data(): AssetDraft[] {
  return [
    {
      id: ORDERS,
      kind: 'database',
      name: 'orders',
      file: 'rds-describe-db-instances.json',
      labels: { env: 'production', 'data-classification': 'confidential', compliance: 'pci' },
      attributes: { engine: 'postgres', multiZone: true, deletionProtection: true, backupDays: 14, kmsKeyId: KEY },
      relations: [
        ['in-vpc', VPC],
        ['encrypted-with', KEY],
      ],
    },
    {
      id: `arn:aws:rds:${REGION}:snapshot:orders-nightly`,
      kind: 'storage.snapshot',
      name: 'orders-nightly',
      file: 'rds-describe-db-snapshots.json',
      attributes: { encrypted: true },
      relations: [['stores-data-of', ORDERS]],
    },
    {
      id: KEY,
      kind: 'key',
      name: 'orders',
      file: 'kms-describe-key/demo-orders.json',
      attributes: { manager: 'CUSTOMER' },
    },
    {
      id: `arn:aws:secretsmanager:${REGION}:secret:orders/database`,
      kind: 'secret',
      name: 'orders/database',
      file: 'secretsmanager-list-secrets.json',
      labels: { env: 'production' },
    },
    {
      id: `arn:aws:redshift:${REGION}:cluster:analytics`,
      kind: 'warehouse',
      name: 'analytics',
      file: 'redshift-describe-clusters.json',
      labels: { env: 'production' },
    },
    {
      id: LOGS,
      kind: 'storage.bucket',
      name: 'example-audit-logs',
      file: 's3-list-buckets.json',
      attributes: { versioned: true },
    },
    {
      id: 'arn:aws:s3:::example-shop-images',
      kind: 'storage.bucket',
      name: 'example-shop-images',
      file: 's3-list-buckets.json',
      labels: { 'data-classification': 'public' },
    },
    {
      id: `arn:aws:cloudtrail:${REGION}:trail/organisation`,
      kind: 'trail',
      name: 'organisation',
      file: 'cloudtrail-describe-trails.json',
      attributes: { multiRegion: true },
      relations: [['logs-to', LOGS]],
    },
  ];
}

function services(): AssetDraft[] {
  return [
    {
      id: `arn:aws:lambda:${REGION}:function:metrics-collector`,
      kind: 'function',
      name: 'metrics-collector',
      file: 'lambda-list-functions.json',
      labels: { env: 'production' },
      relations: [['assumes-role', iam('role/metrics-reader')]],
    },
    {
      id: `arn:aws:sqs:${REGION}:invoices`,
      kind: 'queue',
      name: 'invoices',
      file: 'sqs-list-queues.json',
      labels: { env: 'production' },
    },
    { id: `arn:aws:sns:${REGION}:alarms`, kind: 'topic', name: 'alarms', file: 'sns-list-topics.json' },
    {
      id: `arn:aws:ecr:${REGION}:repository/shop`,
      kind: 'container.repository',
      name: 'shop',
      file: 'ecr-describe-repositories.json',
    },
  ];
}
