import { COMPUTE_ROWS } from './compute.ts';
import { IAM_ROWS } from './iam.ts';
import { MESSAGING_ROWS } from './messaging.ts';
import { NETWORK_ROWS } from './network.ts';
import type { Row } from './row.ts';
import { SERVICE_ROWS } from './services.ts';
import { STORAGE_ROWS } from './storage.ts';
import { SEARCH_NAMES, STORE_ROWS } from './stores.ts';

/** Every operation whose answers become assets. */
export const OPERATIONS: readonly Row[] = [
  ...COMPUTE_ROWS,
  ...NETWORK_ROWS,
  ...STORE_ROWS,
  SEARCH_NAMES,
  ...STORAGE_ROWS,
  ...MESSAGING_ROWS,
  ...SERVICE_ROWS,
  ...IAM_ROWS,
  {
    operation: 'ec2-describe-tags',
    list: 'Tags',
    detail: true,
    map(node, call) {
      const resource = node.fields['ResourceId'];
      const key = node.fields['Key'];
      const value = node.fields['Value'];
      if (typeof resource !== 'string' || typeof key !== 'string' || typeof value !== 'string') return;
      for (const draft of call.inventory.byNative(call, resource)) {
        // What the resource's own description says stays: it was read with the resource.
        if (!Object.hasOwn(draft.labels, key)) {
          const pairs = [...Object.entries(draft.labels), [key, value] as const];
          draft.labels = Object.fromEntries(pairs.sort(([a], [b]) => (a < b ? -1 : 1)));
        }
      }
    },
  },
];

/** Answers that are understood but describe no asset, with the reason that the import report gives for them. */
export const NO_ASSETS: Readonly<Record<string, string>> = {
  'accessanalyzer-list-analyzers': 'analyzers are not assets',
  'accessanalzyer-list-analyzers': 'analyzers are not assets',
  'describe-regions': 'names of regions',
  'ec2-describe-availability-zones': 'names of zones',
  'ec2-describe-dhcp-options': 'DHCP options do not decide access',
  'ec2-describe-regions': 'names of regions',
  'ecs-list-tasks': 'the tasks themselves are read from `ecs-describe-tasks`',
  'dynamodb-list-tables': 'the tables themselves are read from `dynamodb-describe-table`',
  'eks-list-clusters': 'the clusters themselves are read from `eks-describe-cluster`',
  'guardduty-list-detectors': 'detectors are not assets',
  'iam-generate-service-last-accessed-details': 'the identifier of a job',
  'iam-get-service-last-accessed-details': 'not attached to a principal by its file name',
  'iam-list-saml-providers': 'identity providers are not imported yet',
  'kinesis-list-streams': 'the streams themselves are read from `kinesis-describe-stream`',
  'opensearch-list-domain-names': 'the domains themselves are read from `opensearch-describe-domain`',
  'route53-list-hosted-zones-by-vpc': 'zones are not imported yet',
  'sts-get-caller-identity': 'names the account',
  AvailabilityZones: 'names of zones',
  DhcpOptions: 'DHCP options do not decide access',
  Hosts: 'dedicated hosts are not imported yet',
  InstanceStatuses: 'states without configuration',
  MovingAddressStatuses: 'states without configuration',
  PlacementGroups: 'placement does not decide access',
  ServiceNames: 'names of endpoint services',
};

/** Files that belong to a data set and not to an account. */
export const NOT_DATA: RegExp = /^(?:licen[cs]e|notice|readme|copying|authors)(?:\.(?:md|txt))?$/i;
