import type { AssetRelation } from '#model';
import { type Call, relate } from '../inventory.ts';
import {
  complain,
  type JsonNode,
  maybeFlag,
  maybeNumber,
  maybeObject,
  maybeText,
  text,
  texts,
  textsOf,
} from '../json-node.ts';
import { policyDocument } from './policy-document.ts';
import type { Row } from './row.ts';
import { tagLabels } from './tags.ts';

/** `encrypted-with` the customer's key, when one is named. */
export function encryptedWith(key: string | undefined): AssetRelation[] {
  return key === undefined ? [] : [{ type: 'encrypted-with', to: key }];
}

/** Relations of something placed in a VPC: network, subnets, security groups. */
export function placed(
  call: Call,
  { vpc, subnets, groups }: { vpc?: string | undefined; subnets: readonly string[]; groups: readonly string[] },
): AssetRelation[] {
  return [
    ...relate(call, 'in-vpc', 'network.vpc', [vpc]),
    ...relate(call, 'in-subnet', 'network.subnet', subnets),
    ...relate(call, 'uses-security-group', 'network.security-group', groups),
  ];
}

function database(node: JsonNode, call: Call, fields: { readonly arn: string; readonly id: string }): void {
  const arn = text(node, fields.arn);
  const native = text(node, fields.id);
  if (arn === undefined || native === undefined) return;
  const group = maybeObject(node, 'DBSubnetGroup');
  const subnets = group === undefined ? [] : textsOf(group, 'Subnets', 'SubnetIdentifier');
  const vpc = group === undefined ? undefined : maybeText(group, 'VpcId');
  const groups = textsOf(node, 'VpcSecurityGroups', 'VpcSecurityGroupId');
  const key = maybeText(node, 'KmsKeyId');
  const endpoint = node.fields['Endpoint'];
  const listens = typeof endpoint === 'object' ? maybeObject(node, 'Endpoint') : undefined;
  call.inventory.add(call, node, {
    kind: 'database',
    arn,
    native,
    labels: tagLabels(node, 'TagList'),
    attributes: {
      engine: maybeText(node, 'Engine'),
      engineVersion: maybeText(node, 'EngineVersion'),
      publiclyAccessible: maybeFlag(node, 'PubliclyAccessible'),
      encrypted: maybeFlag(node, 'StorageEncrypted'),
      kmsKeyId: key,
      multiZone: maybeFlag(node, 'MultiAZ'),
      deletionProtection: maybeFlag(node, 'DeletionProtection'),
      backupDays: maybeNumber(node, 'BackupRetentionPeriod'),
      address: listens === undefined ? undefined : maybeText(listens, 'Address'),
      port: (listens === undefined ? undefined : maybeNumber(listens, 'Port')) ?? maybeNumber(node, 'Port'),
      vpcId: vpc,
      subnetIds: subnets,
      securityGroups: groups,
    },
    relations: [...placed(call, { vpc, subnets, groups }), ...encryptedWith(key)],
  });
}

function searchDomain(node: JsonNode, call: Call): void {
  const native = text(node, 'DomainName');
  if (native === undefined) return;
  const placedIn = maybeObject(node, 'VPCOptions');
  const vpc = placedIn === undefined ? undefined : maybeText(placedIn, 'VPCId');
  const subnets = placedIn === undefined ? [] : texts(placedIn, 'SubnetIds');
  const groups = placedIn === undefined ? [] : texts(placedIn, 'SecurityGroupIds');
  const rest = maybeObject(node, 'EncryptionAtRestOptions');
  const cluster = maybeObject(node, 'ElasticsearchClusterConfig') ?? maybeObject(node, 'ClusterConfig');
  const key = rest === undefined ? undefined : maybeText(rest, 'KmsKeyId');
  call.inventory.add(call, node, {
    kind: 'search.domain',
    arn: maybeText(node, 'ARN'),
    native,
    attributes: {
      engineVersion: maybeText(node, 'ElasticsearchVersion') ?? maybeText(node, 'EngineVersion'),
      policy: policyDocument(node, 'AccessPolicies'),
      encrypted: rest === undefined ? undefined : maybeFlag(rest, 'Enabled'),
      multiZone: cluster === undefined ? undefined : maybeFlag(cluster, 'ZoneAwarenessEnabled'),
      // A domain outside a VPC has a public address; only its access policy stands before it.
      publiclyAccessible: vpc === undefined,
      vpcId: vpc,
      subnetIds: subnets,
      securityGroups: groups,
    },
    relations: [...placed(call, { vpc, subnets, groups }), ...encryptedWith(key)],
  });
}

function searchDomainDetail(operation: string, listing: string): Row {
  return {
    operation,
    listing,
    map(node, call) {
      const status = maybeObject(node, 'DomainStatus');
      if (status === undefined) complain(node, 'DomainStatus', 'is missing');
      else searchDomain(status, call);
    },
  };
}

/** Databases, caches, warehouses and search domains. */
export const STORE_ROWS: readonly Row[] = [
  {
    operation: 'rds-describe-db-instances',
    list: 'DBInstances',
    map: (node, call) => database(node, call, { arn: 'DBInstanceArn', id: 'DBInstanceIdentifier' }),
  },
  {
    operation: 'rds-describe-db-clusters',
    list: 'DBClusters',
    map: (node, call) => database(node, call, { arn: 'DBClusterArn', id: 'DBClusterIdentifier' }),
  },
  {
    operation: 'rds-describe-db-snapshots',
    list: 'DBSnapshots',
    map(node, call) {
      const arn = text(node, 'DBSnapshotArn');
      const native = text(node, 'DBSnapshotIdentifier');
      if (arn === undefined || native === undefined) return;
      const of = maybeText(node, 'DBInstanceIdentifier');
      const origin = of === undefined ? undefined : call.inventory.find(call, 'database', of);
      call.inventory.add(call, node, {
        kind: 'storage.snapshot',
        arn,
        native,
        labels: tagLabels(node, 'TagList'),
        attributes: { encrypted: maybeFlag(node, 'Encrypted'), snapshotOf: of },
        relations: origin === undefined ? [] : [{ type: 'stores-data-of', to: origin.id }],
      });
    },
    detail: true,
  },
  {
    operation: 'redshift-describe-clusters',
    list: 'Clusters',
    map(node, call) {
      const native = text(node, 'ClusterIdentifier');
      if (native === undefined) return;
      const groups = textsOf(node, 'VpcSecurityGroups', 'VpcSecurityGroupId');
      const vpc = maybeText(node, 'VpcId');
      const endpoint = maybeObject(node, 'Endpoint');
      call.inventory.add(call, node, {
        kind: 'warehouse',
        native,
        labels: tagLabels(node),
        attributes: {
          publiclyAccessible: maybeFlag(node, 'PubliclyAccessible'),
          encrypted: maybeFlag(node, 'Encrypted'),
          kmsKeyId: maybeText(node, 'KmsKeyId'),
          port: endpoint === undefined ? undefined : maybeNumber(endpoint, 'Port'),
          address: endpoint === undefined ? undefined : maybeText(endpoint, 'Address'),
          privateIps: textsOf(node, 'ClusterNodes', 'PrivateIPAddress'),
          publicIps: textsOf(node, 'ClusterNodes', 'PublicIPAddress'),
          subnetGroup: maybeText(node, 'ClusterSubnetGroupName'),
          vpcId: vpc,
          securityGroups: groups,
        },
        relations: [...placed(call, { vpc, subnets: [], groups }), ...encryptedWith(maybeText(node, 'KmsKeyId'))],
      });
    },
  },
  {
    operation: 'redshift-describe-cluster-subnet-groups',
    list: 'ClusterSubnetGroups',
    detail: true,
    map(node, call) {
      const name = text(node, 'ClusterSubnetGroupName');
      const subnets = textsOf(node, 'Subnets', 'SubnetIdentifier');
      for (const draft of call.inventory.drafts()) {
        if (draft.kind !== 'warehouse' || draft.region !== call.region || draft.account !== call.account) continue;
        if (draft.attributes.get('subnetGroup') !== name) continue;
        call.inventory.enrich(draft, node, { subnetIds: subnets });
        for (const { type, to } of placed(call, { subnets, groups: [] })) call.inventory.relate(draft, type, to);
      }
    },
  },
  {
    operation: 'elasticache-describe-cache-clusters',
    list: 'CacheClusters',
    map(node, call) {
      const native = text(node, 'CacheClusterId');
      if (native === undefined) return;
      const groups = textsOf(node, 'SecurityGroups', 'SecurityGroupId');
      call.inventory.add(call, node, {
        kind: 'cache',
        arn: maybeText(node, 'ARN'),
        native,
        attributes: {
          engine: maybeText(node, 'Engine'),
          encrypted: maybeFlag(node, 'AtRestEncryptionEnabled'),
          securityGroups: groups,
        },
        relations: placed(call, { subnets: [], groups }),
      });
    },
  },
  {
    operation: 'dynamodb-describe-table',
    listing: 'dynamodb-list-tables',
    map(node, call) {
      const table = maybeObject(node, 'Table');
      if (table === undefined) return complain(node, 'Table', 'is missing');
      const native = text(table, 'TableName');
      if (native === undefined) return;
      const encryption = maybeObject(table, 'SSEDescription');
      const key = encryption === undefined ? undefined : maybeText(encryption, 'KMSMasterKeyArn');
      call.inventory.add(call, table, {
        kind: 'database',
        arn: maybeText(table, 'TableArn'),
        native,
        attributes: {
          engine: 'dynamodb',
          encrypted: true,
          kmsKeyId: key,
          deletionProtection: maybeFlag(table, 'DeletionProtectionEnabled'),
        },
        relations: encryptedWith(key),
      });
    },
  },
  { operation: 'es-describe-elasticsearch-domains', list: 'DomainStatusList', map: searchDomain },
  { operation: 'opensearch-describe-domains', list: 'DomainStatusList', map: searchDomain },
  searchDomainDetail('es-describe-elasticsearch-domain', 'es-list-domain-names'),
  searchDomainDetail('opensearch-describe-domain', 'opensearch-list-domain-names'),
  {
    operation: 'kafka-list-clusters',
    list: 'ClusterInfoList',
    map(node, call) {
      const arn = text(node, 'ClusterArn');
      if (arn === undefined) return;
      const brokers = maybeObject(node, 'BrokerNodeGroupInfo');
      const subnets = brokers === undefined ? [] : texts(brokers, 'ClientSubnets');
      const groups = brokers === undefined ? [] : texts(brokers, 'SecurityGroups');
      const encryption = maybeObject(node, 'EncryptionInfo');
      const rest = encryption === undefined ? undefined : maybeObject(encryption, 'EncryptionAtRest');
      const key = rest === undefined ? undefined : maybeText(rest, 'DataVolumeKMSKeyId');
      call.inventory.add(call, node, {
        kind: 'stream',
        arn,
        native: maybeText(node, 'ClusterName') ?? arn,
        attributes: {
          engine: 'kafka',
          encrypted: key !== undefined,
          kmsKeyId: key,
          subnetIds: subnets,
          securityGroups: groups,
        },
        relations: [...placed(call, { subnets, groups }), ...encryptedWith(key)],
      });
    },
  },
  {
    operation: 'kinesis-describe-stream',
    listing: 'kinesis-list-streams',
    map(node, call) {
      const stream = maybeObject(node, 'StreamDescription');
      if (stream === undefined) return complain(node, 'StreamDescription', 'is missing');
      const native = text(stream, 'StreamName');
      if (native === undefined) return;
      call.inventory.add(call, stream, {
        kind: 'stream',
        arn: maybeText(stream, 'StreamARN'),
        native,
        attributes: { engine: 'kinesis', encrypted: maybeText(stream, 'EncryptionType') === 'KMS' },
        relations: encryptedWith(maybeText(stream, 'KeyId')),
      });
    },
  },
];

/** Search domains by name, for those whose detail was not saved. */
export const SEARCH_NAMES: Row = {
  operation: 'es-list-domain-names',
  list: 'DomainNames',
  detail: true,
  map(node, call) {
    const name = text(node, 'DomainName');
    if (name === undefined || call.inventory.find(call, 'search.domain', name) !== undefined) return;
    call.inventory.add(call, node, { kind: 'search.domain', native: name });
  },
};
