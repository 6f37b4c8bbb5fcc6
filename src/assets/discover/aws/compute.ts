import type { Json } from '#base';
import { relate } from '../inventory.ts';
import { type JsonNode, maybeFlag, maybeObject, maybeText, objects, text, textsOf } from '../json-node.ts';
import { tagLabels } from './tags.ts';
import type { Row } from './row.ts';

/** What a network interface tells, in one shape for interfaces of instances and for interfaces listed on their own. */
export function interfaceFacts(node: JsonNode): { readonly [key: string]: Json } {
  const addresses = objects(node, 'PrivateIpAddresses');
  const privateIps = addresses.flatMap((item) => maybeText(item, 'PrivateIpAddress') ?? []);
  const own = maybeText(node, 'PrivateIpAddress');
  const publicIps = [node, ...addresses].flatMap((item) => {
    const association = maybeObject(item, 'Association');
    return association === undefined ? [] : (maybeText(association, 'PublicIp') ?? []);
  });
  return {
    id: maybeText(node, 'NetworkInterfaceId') ?? '',
    vpcId: maybeText(node, 'VpcId') ?? '',
    subnetId: maybeText(node, 'SubnetId') ?? '',
    privateIps: unique(own === undefined ? privateIps : [own, ...privateIps]),
    publicIps: unique(publicIps),
    ipv6: unique(textsOf(node, 'Ipv6Addresses', 'Ipv6Address')),
    securityGroups: unique(textsOf(node, 'Groups', 'GroupId')),
    sourceDestCheck: maybeFlag(node, 'SourceDestCheck') ?? true,
  };
}

/** EC2 instances and volumes. User data is never imported: it holds secrets more often than not. */
export const COMPUTE_ROWS: readonly Row[] = [
  {
    operation: 'ec2-describe-instances',
    list: 'Reservations',
    map(reservation, call) {
      for (const node of objects(reservation, 'Instances')) {
        const native = text(node, 'InstanceId');
        if (native === undefined) continue;
        const labels = tagLabels(node);
        const profile = maybeObject(node, 'IamInstanceProfile');
        const profileArn = profile === undefined ? undefined : maybeText(profile, 'Arn');
        const metadata = maybeObject(node, 'MetadataOptions');
        const state = maybeObject(node, 'State');
        call.inventory.add(call, node, {
          kind: 'compute.instance',
          native,
          name: labels['Name'] || undefined,
          labels,
          attributes: {
            state: state === undefined ? undefined : maybeText(state, 'Name'),
            type: maybeText(node, 'InstanceType'),
            imageId: maybeText(node, 'ImageId'),
            platform: maybeText(node, 'Platform'),
            keyName: maybeText(node, 'KeyName'),
            launchedAt: maybeText(node, 'LaunchTime'),
            ownerId: maybeText(reservation, 'OwnerId'),
            vpcId: maybeText(node, 'VpcId'),
            subnetId: maybeText(node, 'SubnetId'),
            privateIp: maybeText(node, 'PrivateIpAddress'),
            publicIp: maybeText(node, 'PublicIpAddress'),
            securityGroups: unique(textsOf(node, 'SecurityGroups', 'GroupId')),
            interfaces: objects(node, 'NetworkInterfaces').map(interfaceFacts),
            metadataTokens: metadata === undefined ? undefined : maybeText(metadata, 'HttpTokens'),
            instanceProfileArn: profileArn,
          },
          relations: [
            ...relate(call, 'in-vpc', 'network.vpc', [maybeText(node, 'VpcId')]),
            ...relate(call, 'in-subnet', 'network.subnet', [maybeText(node, 'SubnetId')]),
            ...relate(
              call,
              'uses-security-group',
              'network.security-group',
              textsOf(node, 'SecurityGroups', 'GroupId'),
            ),
            ...(profileArn === undefined ? [] : [{ type: 'uses-instance-profile', to: profileArn }]),
          ],
        });
      }
    },
  },
  {
    operation: 'ec2-describe-volumes',
    list: 'Volumes',
    map(node, call) {
      const native = text(node, 'VolumeId');
      if (native === undefined) return;
      const labels = tagLabels(node);
      const key = maybeText(node, 'KmsKeyId');
      call.inventory.add(call, node, {
        kind: 'storage.volume',
        native,
        name: labels['Name'] || undefined,
        labels,
        attributes: { encrypted: maybeFlag(node, 'Encrypted'), kmsKeyId: key, state: maybeText(node, 'State') },
        relations: [
          ...relate(call, 'attached-to', 'compute.instance', textsOf(node, 'Attachments', 'InstanceId')),
          ...(key === undefined ? [] : [{ type: 'encrypted-with', to: key }]),
        ],
      });
    },
  },
  {
    operation: 'ec2-describe-snapshots',
    list: 'Snapshots',
    map(node, call) {
      const native = text(node, 'SnapshotId');
      if (native === undefined) return;
      const labels = tagLabels(node);
      call.inventory.add(call, node, {
        kind: 'storage.snapshot',
        native,
        name: labels['Name'] || undefined,
        labels,
        attributes: { encrypted: maybeFlag(node, 'Encrypted'), startedAt: maybeText(node, 'StartTime') },
        relations: relate(call, 'stores-data-of', 'storage.volume', [maybeText(node, 'VolumeId')]),
      });
    },
  },
];

function unique(values: readonly string[]): string[] {
  return [...new Set(values)].sort();
}
