/** One machine of the demo: an instance in its cloud, a workload to segmentation and, with an agent, a device. */
export interface Machine {
  readonly name: string;
  readonly cloud: 'aws' | 'azure';
  readonly role: 'web' | 'api' | 'database' | 'cache' | 'batch' | 'build' | 'bastion';
  readonly env: 'production' | 'staging';
  readonly address: string;
  readonly hasAgent: boolean;
}

/** Cloud, name, role, address, and what is unlike the others: production, with an agent. */
const LIST: readonly (readonly [
  Machine['cloud'],
  string,
  Machine['role'],
  string,
  ('staging' | 'no agent' | 'staging, no agent')?,
])[] = [
  ['aws', 'web-1', 'web', '10.20.1.11'],
  ['aws', 'web-2', 'web', '10.20.1.12'],
  ['aws', 'api-1', 'api', '10.20.2.11'],
  ['aws', 'api-2', 'api', '10.20.2.12'],
  ['aws', 'api-3', 'api', '10.20.2.13', 'staging, no agent'],
  ['aws', 'orders-db-1', 'database', '10.20.3.11'],
  ['aws', 'orders-db-2', 'database', '10.20.3.12'],
  ['aws', 'cache-1', 'cache', '10.20.3.21', 'no agent'],
  ['aws', 'batch-1', 'batch', '10.20.4.11'],
  ['aws', 'ci-1', 'build', '10.20.5.11', 'staging, no agent'],
  ['aws', 'bastion-1', 'bastion', '10.20.0.11'],
  ['azure', 'portal-1', 'web', '10.30.1.11'],
  ['azure', 'portal-2', 'web', '10.30.1.12', 'staging'],
  ['azure', 'people-api-1', 'api', '10.30.2.11'],
  ['azure', 'people-api-2', 'api', '10.30.2.12'],
  ['azure', 'people-db-1', 'database', '10.30.3.11'],
  ['azure', 'people-cache-1', 'cache', '10.30.3.21'],
  ['azure', 'etl-1', 'batch', '10.30.4.11'],
  ['azure', 'etl-2', 'batch', '10.30.4.12'],
  ['azure', 'jump-1', 'bastion', '10.30.0.11'],
];

/** The twenty machines of both clouds. */
export const MACHINES: readonly Machine[] = LIST.map(([cloud, name, role, address, but = '']) => ({
  name,
  cloud,
  role,
  env: but.startsWith('staging') ? 'staging' : 'production',
  address,
  hasAgent: !but.endsWith('no agent'),
}));

/** What both the cloud and segmentation call the labels of a machine. */
export function labelsOf({ cloud, role, env }: Machine): Readonly<Record<string, string>> {
  return { cloud, env, role };
}

/** The provider's id of the machine. */
export function assetIdOf({ cloud, name }: Machine): string {
  return cloud === 'aws'
    ? `arn:aws:ec2:eu-central-1:111122223333:instance/i-demo-${name}`
    : `/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/${groupOf(name)}/providers/Microsoft.Compute/virtualMachines/${name}`;
}

/** The resource group of an Azure machine. */
function groupOf(name: string): string {
  if (name.startsWith('people-')) return 'people';
  return name.startsWith('portal-') ? 'portal' : 'work';
}
