import { isJsonObject } from '#base';
import type { AssetRelation } from '#model';
import { type Call, relate } from '../inventory.ts';
import {
  complain,
  type JsonNode,
  maybeFlag,
  maybeNumber,
  maybeObject,
  maybeText,
  objects,
  text,
  texts,
  textsOf,
} from '../json-node.ts';
import { policyDocument } from './policy-document.ts';
import type { Row } from './row.ts';
import { named } from './storage.ts';
import { encryptedWith, placed } from './stores.ts';
import { tagLabels, tagMap } from './tags.ts';

function assumes(role: string | undefined): AssetRelation[] {
  return role === undefined ? [] : [{ type: 'assumes-role', to: role }];
}

/** The value of one named detail of a task's network attachment. */
function attachmentDetail(task: JsonNode, name: string): string | undefined {
  return objects(task, 'attachments')
    .flatMap((attachment) => objects(attachment, 'details'))
    .flatMap((item) => (maybeText(item, 'name') === name ? (maybeText(item, 'value') ?? []) : []))[0];
}

function task(node: JsonNode, call: Call): void {
  const arn = text(node, 'taskArn');
  if (arn === undefined) return;
  const cluster = maybeText(node, 'clusterArn');
  const group = maybeText(node, 'group');
  call.inventory.add(call, node, {
    kind: 'container.task',
    arn,
    native: arn.split('/').at(-1) ?? arn,
    name: group,
    labels: tagLabels(node, 'tags'),
    attributes: {
      // Tasks are listed by cluster: only that cluster's listing can show that a task is gone.
      listing: `${call.region} ecs-list-tasks/${cluster ?? ''}`,
      cluster,
      launchType: maybeText(node, 'launchType'),
      definition: maybeText(node, 'taskDefinitionArn'),
      state: maybeText(node, 'lastStatus'),
      interfaceId: attachmentDetail(node, 'networkInterfaceId'),
      subnetId: attachmentDetail(node, 'subnetId'),
      privateIp: attachmentDetail(node, 'privateIPv4Address'),
    },
    relations: [
      ...(cluster === undefined ? [] : [{ type: 'member-of', to: cluster }]),
      ...relate(call, 'in-subnet', 'network.subnet', [attachmentDetail(node, 'subnetId')]),
      ...relate(call, 'attached-to', 'network.interface', [attachmentDetail(node, 'networkInterfaceId')]),
    ],
  });
}

function cluster(node: JsonNode, call: Call): void {
  const arn = text(node, 'arn');
  const native = text(node, 'name');
  if (arn === undefined || native === undefined) return;
  const placement = maybeObject(node, 'resourcesVpcConfig');
  call.inventory.add(call, node, {
    kind: 'container.cluster',
    arn,
    native,
    labels: tagMap(node, 'tags'),
    attributes: {
      engine: 'kubernetes',
      version: maybeText(node, 'version'),
      publiclyAccessible: placement === undefined ? undefined : maybeFlag(placement, 'endpointPublicAccess'),
      publicCidrs: placement === undefined ? [] : texts(placement, 'publicAccessCidrs'),
    },
    relations: [
      ...assumes(maybeText(node, 'roleArn')),
      ...(placement === undefined
        ? []
        : placed(call, {
            vpc: maybeText(placement, 'vpcId'),
            subnets: texts(placement, 'subnetIds'),
            groups: texts(placement, 'securityGroupIds'),
          })),
    ],
  });
}

/** Functions, containers and load balancers. Of environment variables only the names are read: values hold secrets. */
export const SERVICE_ROWS: readonly Row[] = [
  {
    operation: 'lambda-list-functions',
    list: 'Functions',
    map(node, call) {
      const arn = text(node, 'FunctionArn');
      const native = text(node, 'FunctionName');
      if (arn === undefined || native === undefined) return;
      const place = maybeObject(node, 'VpcConfig');
      const environment = maybeObject(node, 'Environment');
      const variables = environment === undefined ? undefined : environment.fields['Variables'];
      const subnets = place === undefined ? [] : texts(place, 'SubnetIds');
      const groups = place === undefined ? [] : texts(place, 'SecurityGroupIds');
      const vpc = place === undefined ? undefined : maybeText(place, 'VpcId');
      const key = maybeText(node, 'KMSKeyArn');
      call.inventory.add(call, node, {
        kind: 'function',
        arn,
        native,
        attributes: {
          runtime: maybeText(node, 'Runtime'),
          role: maybeText(node, 'Role'),
          kmsKeyId: key,
          environmentNames: isJsonObject(variables) ? Object.keys(variables).sort() : undefined,
          vpcId: vpc,
          subnetIds: subnets,
          securityGroups: groups,
        },
        relations: [
          ...assumes(maybeText(node, 'Role')),
          ...placed(call, { vpc, subnets, groups }),
          ...encryptedWith(key),
        ],
      });
    },
  },
  {
    operation: 'lambda-get-policy',
    detail: true,
    map(node, call) {
      const draft = named(node, call, 'function');
      if (draft !== undefined) call.inventory.enrich(draft, node, { policy: policyDocument(node, 'Policy') });
    },
  },
  {
    operation: 'ecs-list-clusters',
    map(node, call) {
      if (node.fields['clusterArns'] === undefined) complain(node, 'clusterArns', 'is missing');
      for (const arn of texts(node, 'clusterArns'))
        call.inventory.add(call, node, {
          kind: 'container.cluster',
          arn,
          native: arn.split('/').at(-1) ?? arn,
          attributes: { engine: 'ecs' },
        });
    },
  },
  { operation: 'ecs-describe-tasks', listing: 'ecs-list-tasks', list: 'tasks', map: task },
  {
    operation: 'eks-describe-cluster',
    listing: 'eks-list-clusters',
    map(node, call) {
      const inner = maybeObject(node, 'cluster');
      if (inner === undefined) complain(node, 'cluster', 'is missing');
      else cluster(inner, call);
    },
  },
  {
    operation: 'elb-describe-load-balancers',
    list: 'LoadBalancerDescriptions',
    map(node, call) {
      const native = text(node, 'LoadBalancerName');
      if (native === undefined) return;
      const subnets = texts(node, 'Subnets');
      const groups = texts(node, 'SecurityGroups');
      const vpc = maybeText(node, 'VPCId');
      const listeners = objects(node, 'ListenerDescriptions').flatMap((item) => maybeObject(item, 'Listener') ?? []);
      call.inventory.add(call, node, {
        kind: 'load-balancer',
        native,
        attributes: {
          type: 'classic',
          scheme: maybeText(node, 'Scheme'),
          dnsName: maybeText(node, 'DNSName'),
          listeners: listeners.flatMap((item) => {
            const port = maybeNumber(item, 'LoadBalancerPort');
            return port === undefined ? [] : [{ port, protocol: maybeText(item, 'Protocol') ?? 'TCP' }];
          }),
          vpcId: vpc,
          subnetIds: subnets,
          securityGroups: groups,
        },
        relations: [
          ...placed(call, { vpc, subnets, groups }),
          ...relate(call, 'targets', 'compute.instance', textsOf(node, 'Instances', 'InstanceId')),
        ],
      });
    },
  },
  {
    operation: 'elbv2-describe-load-balancers',
    list: 'LoadBalancers',
    map(node, call) {
      const arn = text(node, 'LoadBalancerArn');
      if (arn === undefined) return;
      const subnets = textsOf(node, 'AvailabilityZones', 'SubnetId');
      const groups = texts(node, 'SecurityGroups');
      const vpc = maybeText(node, 'VpcId');
      call.inventory.add(call, node, {
        kind: 'load-balancer',
        arn,
        native: maybeText(node, 'LoadBalancerName') ?? arn,
        attributes: {
          type: maybeText(node, 'Type'),
          scheme: maybeText(node, 'Scheme'),
          dnsName: maybeText(node, 'DNSName'),
          vpcId: vpc,
          subnetIds: subnets,
          securityGroups: groups,
        },
        relations: placed(call, { vpc, subnets, groups }),
      });
    },
  },
  {
    operation: 'elbv2-describe-load-balancer-attributes',
    detail: true,
    map(node, call) {
      const draft = named(node, call, 'load-balancer');
      const values = Object.fromEntries(
        objects(node, 'Attributes').map((item) => [maybeText(item, 'Key') ?? '', maybeText(item, 'Value') ?? '']),
      );
      const protection = values['deletion_protection.enabled'];
      if (draft !== undefined && protection !== undefined)
        call.inventory.enrich(draft, node, { deletionProtection: protection === 'true' });
    },
  },
  {
    operation: 'elb-describe-load-balancer-attributes',
    detail: true,
    map(node, call) {
      const draft = named(node, call, 'load-balancer');
      const outer = maybeObject(node, 'LoadBalancerAttributes');
      const log = outer === undefined ? undefined : maybeObject(outer, 'AccessLog');
      if (draft !== undefined && log !== undefined)
        call.inventory.enrich(draft, node, { accessLog: maybeFlag(log, 'Enabled') });
    },
  },
];
