import type { Json } from '#base';

/** The account of the saved answers. */
export const ACCOUNT = '111122223333';
/** Its region. */
export const REGION = 'us-east-1';
const KEY = `arn:aws:kms:${REGION}:${ACCOUNT}:key/k1`;
const ROLE = `arn:aws:iam::${ACCOUNT}:role/runner`;
const TAGS = [{ Key: 'env', Value: 'prod' }];
const POLICY = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal: '*', Action: '*', Resource: '*' }] };

const native = (kind: string, id: string): string => `aws:${ACCOUNT}:${REGION}:${kind}:${id}`;
const arn = (service: string, rest: string): string => `arn:aws:${service}:${REGION}:${ACCOUNT}:${rest}`;

/** Saved answers, and the asset they are to become. */
export interface SavedAnswer {
  readonly operation: string;
  /** Files below the region, or above it when the name begins with `../`. */
  readonly files: Readonly<Record<string, unknown>>;
  readonly id: string;
  readonly kind: string;
  readonly name?: string;
  readonly region?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly attributes?: Readonly<Record<string, Json>>;
  readonly relations?: readonly string[];
}

/** One or more per operation. */
export const SAVED_ANSWERS: readonly SavedAnswer[] = [
  {
    operation: 'ec2-describe-volumes',
    files: {
      'ec2-describe-volumes.json': {
        Volumes: [
          {
            VolumeId: 'vol-1',
            Encrypted: true,
            KmsKeyId: KEY,
            State: 'in-use',
            Attachments: [{ InstanceId: 'i-1' }],
            Tags: TAGS,
          },
        ],
      },
    },
    id: native('storage.volume', 'vol-1'),
    kind: 'storage.volume',
    labels: { env: 'prod' },
    attributes: { encrypted: true, kmsKeyId: KEY, state: 'in-use' },
    relations: [`attached-to ${native('compute.instance', 'i-1')}`, `encrypted-with ${KEY}`],
  },
  {
    operation: 'ec2-describe-snapshots',
    files: {
      'ec2-describe-snapshots.json': { Snapshots: [{ SnapshotId: 'snap-1', VolumeId: 'vol-1', Encrypted: false }] },
    },
    id: native('storage.snapshot', 'snap-1'),
    kind: 'storage.snapshot',
    attributes: { encrypted: false },
    relations: [`stores-data-of ${native('storage.volume', 'vol-1')}`],
  },
  {
    operation: 'ec2-describe-vpc-peering-connections',
    files: {
      'ec2-describe-vpc-peering-connections.json': {
        VpcPeeringConnections: [
          {
            VpcPeeringConnectionId: 'pcx-1',
            Status: { Code: 'active' },
            AccepterVpcInfo: { VpcId: 'vpc-1' },
            RequesterVpcInfo: { VpcId: 'vpc-2' },
          },
        ],
      },
    },
    id: native('network.peering', 'pcx-1'),
    kind: 'network.peering',
    attributes: { status: 'active', vpcIds: ['vpc-1', 'vpc-2'] },
    relations: [`peers ${native('network.vpc', 'vpc-1')}`, `peers ${native('network.vpc', 'vpc-2')}`],
  },
  {
    operation: 'ec2-describe-nat-gateways',
    files: {
      'ec2-describe-nat-gateways.json': {
        NatGateways: [
          {
            NatGatewayId: 'nat-1',
            SubnetId: 'subnet-1',
            State: 'available',
            NatGatewayAddresses: [{ PublicIp: '198.51.100.1' }],
          },
        ],
      },
    },
    id: native('network.nat-gateway', 'nat-1'),
    kind: 'network.nat-gateway',
    attributes: { publicIps: ['198.51.100.1'], state: 'available', subnetId: 'subnet-1' },
    relations: [`in-subnet ${native('network.subnet', 'subnet-1')}`],
  },
  {
    operation: 'ec2-describe-addresses',
    files: {
      'ec2-describe-addresses.json': {
        Addresses: [
          {
            PublicIp: '198.51.100.9',
            AllocationId: 'eipalloc-1',
            InstanceId: 'i-1',
            Tags: [{ Key: 'Name', Value: 'edge' }],
          },
        ],
      },
    },
    id: native('network.address', 'eipalloc-1'),
    kind: 'network.address',
    name: 'edge',
    attributes: { publicIp: '198.51.100.9' },
    relations: [`attached-to ${native('compute.instance', 'i-1')}`],
  },
  {
    operation: 'rds-describe-db-clusters',
    files: {
      'rds-describe-db-clusters.json': {
        DBClusters: [
          {
            DBClusterArn: arn('rds', 'cluster:orders'),
            DBClusterIdentifier: 'orders',
            Engine: 'aurora-postgresql',
            StorageEncrypted: true,
            KmsKeyId: KEY,
            MultiAZ: true,
            DeletionProtection: true,
            BackupRetentionPeriod: 14,
            Endpoint: 'orders.cluster.example',
            Port: 5432,
            TagList: TAGS,
            VpcSecurityGroups: [{ VpcSecurityGroupId: 'sg-1' }],
          },
        ],
      },
    },
    id: arn('rds', 'cluster:orders'),
    kind: 'database',
    labels: { env: 'prod' },
    attributes: {
      backupDays: 14,
      deletionProtection: true,
      encrypted: true,
      engine: 'aurora-postgresql',
      multiZone: true,
      port: 5432,
    },
    relations: [`encrypted-with ${KEY}`, `uses-security-group ${native('network.security-group', 'sg-1')}`],
  },
  {
    operation: 'rds-describe-db-snapshots',
    files: {
      'rds-describe-db-instances.json': {
        DBInstances: [{ DBInstanceArn: arn('rds', 'db:orders'), DBInstanceIdentifier: 'orders' }],
      },
      'rds-describe-db-snapshots.json': {
        DBSnapshots: [
          {
            DBSnapshotArn: arn('rds', 'snapshot:nightly'),
            DBSnapshotIdentifier: 'nightly',
            DBInstanceIdentifier: 'orders',
            Encrypted: true,
          },
        ],
      },
    },
    id: arn('rds', 'snapshot:nightly'),
    kind: 'storage.snapshot',
    attributes: { encrypted: true, snapshotOf: 'orders' },
    relations: [`stores-data-of ${arn('rds', 'db:orders')}`],
  },
  {
    operation: 'redshift-describe-cluster-subnet-groups',
    files: {
      'redshift-describe-clusters.json': {
        Clusters: [
          {
            ClusterIdentifier: 'dwh',
            ClusterSubnetGroupName: 'private',
            VpcId: 'vpc-1',
            Endpoint: { Address: 'dwh.example', Port: 5439 },
          },
        ],
      },
      'redshift-describe-cluster-subnet-groups.json': {
        ClusterSubnetGroups: [
          { ClusterSubnetGroupName: 'private', Subnets: [{ SubnetIdentifier: 'subnet-1' }] },
          { ClusterSubnetGroupName: 'other', Subnets: [{ SubnetIdentifier: 'subnet-9' }] },
        ],
      },
    },
    id: native('warehouse', 'dwh'),
    kind: 'warehouse',
    attributes: { port: 5439, subnetIds: ['subnet-1'] },
    relations: [`in-subnet ${native('network.subnet', 'subnet-1')}`, `in-vpc ${native('network.vpc', 'vpc-1')}`],
  },
  {
    operation: 'elasticache-describe-cache-clusters',
    files: {
      'elasticache-describe-cache-clusters.json': {
        CacheClusters: [
          {
            CacheClusterId: 'sessions',
            ARN: arn('elasticache', 'cluster:sessions'),
            Engine: 'redis',
            AtRestEncryptionEnabled: false,
            SecurityGroups: [{ SecurityGroupId: 'sg-1' }],
          },
        ],
      },
    },
    id: arn('elasticache', 'cluster:sessions'),
    kind: 'cache',
    name: 'sessions',
    attributes: { encrypted: false, engine: 'redis', securityGroups: ['sg-1'] },
    relations: [`uses-security-group ${native('network.security-group', 'sg-1')}`],
  },
  {
    operation: 'dynamodb-describe-table',
    files: {
      'dynamodb-describe-table/carts': {
        Table: {
          TableName: 'carts',
          TableArn: arn('dynamodb', 'table/carts'),
          DeletionProtectionEnabled: true,
          SSEDescription: { KMSMasterKeyArn: KEY },
        },
      },
    },
    id: arn('dynamodb', 'table/carts'),
    kind: 'database',
    attributes: {
      deletionProtection: true,
      encrypted: true,
      engine: 'dynamodb',
      kmsKeyId: KEY,
      listing: `${REGION} dynamodb-list-tables`,
    },
    relations: [`encrypted-with ${KEY}`],
  },
  {
    operation: 'opensearch-describe-domain',
    files: {
      'opensearch-describe-domain/logs': {
        DomainStatus: {
          DomainName: 'logs',
          ARN: arn('es', 'domain/logs'),
          EngineVersion: 'OpenSearch_2.11',
          AccessPolicies: JSON.stringify(POLICY),
          EncryptionAtRestOptions: { Enabled: true, KmsKeyId: KEY },
          ClusterConfig: { ZoneAwarenessEnabled: true },
        },
      },
    },
    id: arn('es', 'domain/logs'),
    kind: 'search.domain',
    attributes: { encrypted: true, multiZone: true, policy: POLICY, publiclyAccessible: true },
    relations: [`encrypted-with ${KEY}`],
  },
  {
    operation: 'kinesis-describe-stream',
    files: {
      'kinesis-describe-stream/clicks': {
        StreamDescription: {
          StreamName: 'clicks',
          StreamARN: arn('kinesis', 'stream/clicks'),
          EncryptionType: 'KMS',
          KeyId: KEY,
        },
      },
    },
    id: arn('kinesis', 'stream/clicks'),
    kind: 'stream',
    attributes: { encrypted: true, engine: 'kinesis' },
    relations: [`encrypted-with ${KEY}`],
  },
  {
    operation: 's3-get-bucket-encryption',
    files: {
      's3-list-buckets.json': { Buckets: [{ Name: 'invoices', CreationDate: '2024-01-01' }] },
      's3-get-bucket-encryption/invoices': {
        ServerSideEncryptionConfiguration: {
          Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: KEY } }],
        },
      },
      's3-get-bucket-versioning/invoices': { Status: 'Enabled', MFADelete: 'Disabled' },
      's3-get-bucket-tagging/invoices': { TagSet: TAGS },
      's3-get-bucket-policy/invoices': { Policy: JSON.stringify(POLICY) },
      's3-get-bucket-location/invoices': { LocationConstraint: null },
      's3-get-public-access-block/invoices': { PublicAccessBlockConfiguration: { BlockPublicAcls: true } },
      's3-get-bucket-acl/invoices': { Grants: [{ Permission: 'FULL_CONTROL' }] },
    },
    id: 'arn:aws:s3:::invoices',
    kind: 'storage.bucket',
    region: 'global',
    labels: { env: 'prod' },
    attributes: {
      encrypted: true,
      grants: [{ Permission: 'FULL_CONTROL' }],
      kmsKeyId: KEY,
      location: 'us-east-1',
      mfaDelete: false,
      policy: POLICY,
      publicAccessBlock: { BlockPublicAcls: true },
      versioned: true,
    },
    relations: [`encrypted-with ${KEY}`],
  },
  {
    operation: 'kms-describe-key',
    files: {
      'kms-list-keys.json': { Keys: [{ KeyId: 'k1', KeyArn: KEY }] },
      'kms-describe-key/k1': { KeyMetadata: { Arn: KEY, KeyId: 'k1', KeyManager: 'CUSTOMER', KeyState: 'Enabled' } },
      'kms-get-key-policy/k1': { Policy: JSON.stringify(POLICY) },
    },
    id: KEY,
    kind: 'key',
    attributes: { manager: 'CUSTOMER', policy: POLICY, state: 'Enabled' },
  },
  {
    operation: 'ecr-describe-repositories',
    files: {
      'ecr-describe-repositories.json': {
        repositories: [
          {
            repositoryArn: arn('ecr', 'repository/shop/api'),
            repositoryName: 'shop/api',
            imageTagMutability: 'MUTABLE',
          },
        ],
      },
      'ecr-get-repository-policy/shop%2Fapi': { policyText: JSON.stringify(POLICY) },
    },
    id: arn('ecr', 'repository/shop/api'),
    kind: 'container.repository',
    attributes: { policy: POLICY, tagsImmutable: false },
  },
  {
    operation: 'cloudtrail-describe-trails',
    files: {
      'cloudtrail-describe-trails.json': {
        trailList: [
          {
            TrailARN: 'arn:aws:cloudtrail:eu-west-1:111122223333:trail/all',
            Name: 'all',
            HomeRegion: 'eu-west-1',
            S3BucketName: 'audit',
            IsMultiRegionTrail: true,
            LogFileValidationEnabled: true,
          },
        ],
      },
    },
    id: 'arn:aws:cloudtrail:eu-west-1:111122223333:trail/all',
    kind: 'trail',
    region: 'eu-west-1',
    attributes: { bucket: 'audit', multiRegion: true, validated: true },
    relations: ['logs-to arn:aws:s3:::audit'],
  },
  {
    operation: 'sqs-get-queue-attributes',
    files: {
      'sqs-list-queues.json': { QueueUrls: [`https://sqs.${REGION}.amazonaws.com/${ACCOUNT}/jobs`] },
      [`sqs-get-queue-attributes/${encodeURIComponent(`https://sqs.${REGION}.amazonaws.com/${ACCOUNT}/jobs`)}`]: {
        Attributes: { SqsManagedSseEnabled: 'true', Policy: JSON.stringify(POLICY) },
      },
    },
    id: arn('sqs', 'jobs'),
    kind: 'queue',
    attributes: { encrypted: true, policy: POLICY },
  },
  {
    operation: 'lambda-get-policy',
    files: {
      'lambda-list-functions.json': {
        Functions: [
          {
            FunctionArn: arn('lambda', 'function:pay'),
            FunctionName: 'pay',
            Role: ROLE,
            KMSKeyArn: KEY,
            VpcConfig: { VpcId: 'vpc-1', SubnetIds: ['subnet-1'], SecurityGroupIds: [] },
          },
        ],
      },
      'lambda-get-policy/pay': { Policy: JSON.stringify(POLICY) },
    },
    id: arn('lambda', 'function:pay'),
    kind: 'function',
    attributes: { policy: POLICY, role: ROLE, vpcId: 'vpc-1' },
    relations: [
      `assumes-role ${ROLE}`,
      `encrypted-with ${KEY}`,
      `in-subnet ${native('network.subnet', 'subnet-1')}`,
      `in-vpc ${native('network.vpc', 'vpc-1')}`,
    ],
  },
  {
    operation: 'eks-describe-cluster',
    files: {
      'eks-describe-cluster/prod': {
        cluster: {
          arn: arn('eks', 'cluster/prod'),
          name: 'prod',
          version: '1.31',
          roleArn: ROLE,
          tags: { env: 'prod' },
          resourcesVpcConfig: {
            endpointPublicAccess: true,
            publicAccessCidrs: ['0.0.0.0/0'],
            vpcId: 'vpc-1',
            subnetIds: [],
            securityGroupIds: ['sg-1'],
          },
        },
      },
    },
    id: arn('eks', 'cluster/prod'),
    kind: 'container.cluster',
    labels: { env: 'prod' },
    attributes: { engine: 'kubernetes', publicCidrs: ['0.0.0.0/0'], publiclyAccessible: true },
    relations: [
      `assumes-role ${ROLE}`,
      `in-vpc ${native('network.vpc', 'vpc-1')}`,
      `uses-security-group ${native('network.security-group', 'sg-1')}`,
    ],
  },
  {
    operation: 'elb-describe-load-balancers',
    files: {
      'elb-describe-load-balancers.json': {
        LoadBalancerDescriptions: [
          {
            LoadBalancerName: 'edge',
            Scheme: 'internet-facing',
            VPCId: 'vpc-1',
            Subnets: ['subnet-1'],
            SecurityGroups: ['sg-1'],
            Instances: [{ InstanceId: 'i-1' }],
            ListenerDescriptions: [{ Listener: { LoadBalancerPort: 443, Protocol: 'HTTPS' } }],
          },
        ],
      },
      'elb-describe-load-balancer-attributes/edge': { LoadBalancerAttributes: { AccessLog: { Enabled: true } } },
    },
    id: native('load-balancer', 'edge'),
    kind: 'load-balancer',
    attributes: { accessLog: true, listeners: [{ port: 443, protocol: 'HTTPS' }], scheme: 'internet-facing' },
    relations: [
      `in-subnet ${native('network.subnet', 'subnet-1')}`,
      `in-vpc ${native('network.vpc', 'vpc-1')}`,
      `targets ${native('compute.instance', 'i-1')}`,
      `uses-security-group ${native('network.security-group', 'sg-1')}`,
    ],
  },
  {
    operation: 'iam-list-instance-profiles',
    files: {
      'iam-get-account-authorization-details.json': {
        UserDetailList: [],
        GroupDetailList: [],
        Policies: [],
        RoleDetailList: [{ RoleName: 'runner', Arn: ROLE, RolePolicyList: [], AttachedManagedPolicies: [] }],
      },
      'iam-list-instance-profiles.json': {
        InstanceProfiles: [
          { Arn: `arn:aws:iam::${ACCOUNT}:instance-profile/p`, Roles: [{ RoleName: 'runner', Arn: ROLE }] },
        ],
      },
      'iam-get-role/runner': { Role: { RoleName: 'runner', RoleLastUsed: { LastUsedDate: '2026-01-01' } } },
    },
    id: ROLE,
    kind: 'identity.role',
    region: 'global',
    attributes: { instanceProfiles: [`arn:aws:iam::${ACCOUNT}:instance-profile/p`], lastUsedAt: '2026-01-01' },
  },
];
