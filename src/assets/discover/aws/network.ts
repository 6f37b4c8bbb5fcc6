import type { Json } from '#base';
import type { AssetRelation } from '#model';
import { type Call, relate } from '../inventory.ts';
import {
  type JsonNode,
  maybeFlag,
  maybeObject,
  maybeText,
  objects,
  text,
  texts,
  textsOf,
  verbatim,
} from '../json-node.ts';
import { interfaceFacts } from './compute.ts';
import { policyDocument } from './policy-document.ts';
import { tagLabels } from './tags.ts';
import type { Row } from './row.ts';

/** What differs between the network resources of EC2; id, labels, owner and VPC are read in one way. */
interface NetworkShape {
  readonly kind: string;
  readonly id: string;
  readonly name?: string;
  readonly tags?: string;
  readonly attributes?: (node: JsonNode) => { readonly [key: string]: Json | undefined };
  readonly relations?: (node: JsonNode, call: Call) => AssetRelation[];
}

function network(operation: string, list: string, shape: NetworkShape): Row {
  return {
    operation,
    list,
    map(node, call) {
      const native = text(node, shape.id);
      if (native === undefined) return;
      const labels = tagLabels(node, shape.tags ?? 'Tags');
      const vpcId = maybeText(node, 'VpcId');
      call.inventory.add(call, node, {
        kind: shape.kind,
        native,
        name: (shape.name === undefined ? undefined : maybeText(node, shape.name)) ?? (labels['Name'] || undefined),
        labels,
        attributes: { nativeId: native, ownerId: maybeText(node, 'OwnerId'), vpcId, ...shape.attributes?.(node) },
        relations: [
          ...(shape.kind === 'network.vpc' ? [] : relate(call, 'in-vpc', 'network.vpc', [vpcId])),
          ...(shape.relations?.(node, call) ?? []),
        ],
      });
    },
  };
}

/** VPCs and everything that decides which packet goes where. Rules, entries and routes are kept verbatim for reachability. */
export const NETWORK_ROWS: readonly Row[] = [
  network('ec2-describe-vpcs', 'Vpcs', {
    kind: 'network.vpc',
    id: 'VpcId',
    attributes: (node) => ({
      cidrs: unique([
        ...(maybeText(node, 'CidrBlock') === undefined ? [] : [maybeText(node, 'CidrBlock') ?? '']),
        ...textsOf(node, 'CidrBlockAssociationSet', 'CidrBlock'),
        ...textsOf(node, 'Ipv6CidrBlockAssociationSet', 'Ipv6CidrBlock'),
      ]),
      isDefault: maybeFlag(node, 'IsDefault'),
    }),
  }),
  network('ec2-describe-subnets', 'Subnets', {
    kind: 'network.subnet',
    id: 'SubnetId',
    attributes: (node) => ({
      cidr: maybeText(node, 'CidrBlock'),
      ipv6Cidrs: textsOf(node, 'Ipv6CidrBlockAssociationSet', 'Ipv6CidrBlock'),
      zone: maybeText(node, 'AvailabilityZone'),
      mapsPublicIp: maybeFlag(node, 'MapPublicIpOnLaunch'),
    }),
  }),
  network('ec2-describe-security-groups', 'SecurityGroups', {
    kind: 'network.security-group',
    id: 'GroupId',
    name: 'GroupName',
    attributes: (node) => ({
      description: maybeText(node, 'Description'),
      ingress: verbatim(node, 'IpPermissions') ?? [],
      egress: verbatim(node, 'IpPermissionsEgress') ?? [],
    }),
    relations: (node, call) =>
      ['IpPermissions', 'IpPermissionsEgress'].flatMap((key) =>
        objects(node, key).flatMap((rule) =>
          relate(call, 'references', 'network.security-group', textsOf(rule, 'UserIdGroupPairs', 'GroupId')),
        ),
      ),
  }),
  network('ec2-describe-network-acls', 'NetworkAcls', {
    kind: 'network.acl',
    id: 'NetworkAclId',
    attributes: (node) => ({
      entries: verbatim(node, 'Entries') ?? [],
      subnetIds: textsOf(node, 'Associations', 'SubnetId'),
      isDefault: maybeFlag(node, 'IsDefault'),
    }),
    relations: (node, call) => relate(call, 'guards', 'network.subnet', textsOf(node, 'Associations', 'SubnetId')),
  }),
  network('ec2-describe-route-tables', 'RouteTables', {
    kind: 'network.route-table',
    id: 'RouteTableId',
    attributes: (node) => ({
      routes: verbatim(node, 'Routes') ?? [],
      subnetIds: textsOf(node, 'Associations', 'SubnetId'),
      isMain: objects(node, 'Associations').some((item) => maybeFlag(item, 'Main') === true),
    }),
    relations: (node, call) => relate(call, 'routes', 'network.subnet', textsOf(node, 'Associations', 'SubnetId')),
  }),
  network('ec2-describe-network-interfaces', 'NetworkInterfaces', {
    kind: 'network.interface',
    id: 'NetworkInterfaceId',
    tags: 'TagSet',
    attributes: (node) => ({
      ...interfaceFacts(node),
      description: maybeText(node, 'Description'),
      interfaceType: maybeText(node, 'InterfaceType'),
      requesterManaged: maybeFlag(node, 'RequesterManaged'),
      instanceId: attachedInstance(node),
    }),
    relations: (node, call) => [
      ...relate(call, 'in-subnet', 'network.subnet', [maybeText(node, 'SubnetId')]),
      ...relate(call, 'uses-security-group', 'network.security-group', textsOf(node, 'Groups', 'GroupId')),
      ...relate(call, 'attached-to', 'compute.instance', [attachedInstance(node)]),
    ],
  }),
  network('ec2-describe-internet-gateways', 'InternetGateways', {
    kind: 'network.internet-gateway',
    id: 'InternetGatewayId',
    attributes: (node) => ({ vpcIds: textsOf(node, 'Attachments', 'VpcId') }),
    relations: (node, call) => relate(call, 'in-vpc', 'network.vpc', textsOf(node, 'Attachments', 'VpcId')),
  }),
  network('ec2-describe-nat-gateways', 'NatGateways', {
    kind: 'network.nat-gateway',
    id: 'NatGatewayId',
    attributes: (node) => ({
      subnetId: maybeText(node, 'SubnetId'),
      publicIps: textsOf(node, 'NatGatewayAddresses', 'PublicIp'),
      state: maybeText(node, 'State'),
    }),
    relations: (node, call) => relate(call, 'in-subnet', 'network.subnet', [maybeText(node, 'SubnetId')]),
  }),
  network('ec2-describe-vpc-endpoints', 'VpcEndpoints', {
    kind: 'network.endpoint',
    id: 'VpcEndpointId',
    name: 'ServiceName',
    attributes: (node) => ({
      endpointType: maybeText(node, 'VpcEndpointType'),
      service: maybeText(node, 'ServiceName'),
      subnetIds: texts(node, 'SubnetIds'),
      securityGroups: textsOf(node, 'Groups', 'GroupId'),
      networkInterfaceIds: texts(node, 'NetworkInterfaceIds'),
      policy: policyDocument(node, 'PolicyDocument'),
    }),
    relations: (node, call) => [
      ...relate(call, 'in-subnet', 'network.subnet', texts(node, 'SubnetIds')),
      ...relate(call, 'uses-security-group', 'network.security-group', textsOf(node, 'Groups', 'GroupId')),
    ],
  }),
  network('ec2-describe-vpc-peering-connections', 'VpcPeeringConnections', {
    kind: 'network.peering',
    id: 'VpcPeeringConnectionId',
    attributes: (node) => {
      const status = maybeObject(node, 'Status');
      return { status: status === undefined ? undefined : maybeText(status, 'Code'), vpcIds: peeredVpcs(node) };
    },
    relations: (node, call) => relate(call, 'peers', 'network.vpc', peeredVpcs(node)),
  }),
  // A VPN connection's configuration file holds the pre-shared keys, so it is left out.
  network('ec2-describe-vpn-connections', 'VpnConnections', {
    kind: 'network.vpn',
    id: 'VpnConnectionId',
    attributes: (node) => ({ state: maybeText(node, 'State'), connectionType: maybeText(node, 'Type') }),
    relations: (node, call) => [
      ...relate(call, 'attached-to', 'network.vpn-gateway', [maybeText(node, 'VpnGatewayId')]),
      ...relate(call, 'attached-to', 'network.customer-gateway', [maybeText(node, 'CustomerGatewayId')]),
    ],
  }),
  network('ec2-describe-vpn-gateways', 'VpnGateways', {
    kind: 'network.vpn-gateway',
    id: 'VpnGatewayId',
    attributes: (node) => ({ vpcIds: textsOf(node, 'VpcAttachments', 'VpcId') }),
    relations: (node, call) => relate(call, 'in-vpc', 'network.vpc', textsOf(node, 'VpcAttachments', 'VpcId')),
  }),
  network('ec2-describe-customer-gateways', 'CustomerGateways', {
    kind: 'network.customer-gateway',
    id: 'CustomerGatewayId',
    attributes: (node) => ({ address: maybeText(node, 'IpAddress'), state: maybeText(node, 'State') }),
  }),
  network('ec2-describe-prefix-lists', 'PrefixLists', {
    kind: 'network.prefix-list',
    id: 'PrefixListId',
    name: 'PrefixListName',
    attributes: (node) => ({ cidrs: texts(node, 'Cidrs') }),
  }),
  {
    operation: 'ec2-describe-addresses',
    list: 'Addresses',
    map(node, call) {
      const publicIp = text(node, 'PublicIp');
      if (publicIp === undefined) return;
      const labels = tagLabels(node);
      call.inventory.add(call, node, {
        kind: 'network.address',
        native: maybeText(node, 'AllocationId') ?? publicIp,
        name: (labels['Name'] || undefined) ?? publicIp,
        labels,
        attributes: { publicIp, privateIp: maybeText(node, 'PrivateIpAddress') },
        relations: [
          ...relate(call, 'attached-to', 'compute.instance', [maybeText(node, 'InstanceId')]),
          ...relate(call, 'attached-to', 'network.interface', [maybeText(node, 'NetworkInterfaceId')]),
        ],
      });
    },
  },
];

function attachedInstance(node: JsonNode): string | undefined {
  const attachment = maybeObject(node, 'Attachment');
  return attachment === undefined ? undefined : maybeText(attachment, 'InstanceId');
}

function peeredVpcs(node: JsonNode): string[] {
  return ['AccepterVpcInfo', 'RequesterVpcInfo'].flatMap((key) => {
    const side = maybeObject(node, key);
    return side === undefined ? [] : (maybeText(side, 'VpcId') ?? []);
  });
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)].sort();
}
