import type { AssetDraft } from './assets.ts';
import { assetIdOf, labelsOf, type Machine, MACHINES } from './machines.ts';

const SUBSCRIPTION = '/subscriptions/00000000-0000-4000-8000-000000000001';
const FILE = 'resources.json';
const VNET = resource('network', 'Microsoft.Network/virtualNetworks/work');
const KEY = resource('people', 'Microsoft.KeyVault/vaults/people-vault/keys/payroll');
const PEOPLE = resource('people', 'Microsoft.Sql/servers/people-sql/databases/people');

function resource(group: string, path: string): string {
  return `${SUBSCRIPTION}/resourceGroups/${group}/providers/${path}`;
}

/** The Azure subscription of the demo, as saved answers would describe it. */
export function azureDrafts(): AssetDraft[] {
  return [...network(), ...machines(), ...data(), ...services()];
}

function network(): AssetDraft[] {
  const subnets = ['front', 'app', 'data'].map(
    (name, index): AssetDraft => ({
      id: `${VNET}/subnets/${name}`,
      kind: 'network.subnet',
      name,
      file: FILE,
      attributes: { cidr: `10.30.${index + 1}.0/24` },
      relations: [['in-vpc', VNET]],
    }),
  );
  const groups = ['front', 'app', 'data'].map(
    (name): AssetDraft => ({
      id: groupOf(name),
      kind: 'network.security-group',
      name: `${name}-rules`,
      file: FILE,
    }),
  );
  return [
    { id: SUBSCRIPTION, kind: 'account', name: 'example-work', file: FILE },
    { id: VNET, kind: 'network.vpc', name: 'work', file: FILE, attributes: { cidr: '10.30.0.0/16' } },
    ...subnets,
    ...groups,
    {
      id: resource('portal', 'Microsoft.Network/applicationGateways/portal-entry'),
      kind: 'load-balancer',
      name: 'portal-entry',
      file: FILE,
      labels: { env: 'production' },
      attributes: { scheme: 'internet-facing' },
    },
  ];
}

function groupOf(name: string): string {
  return resource('network', `Microsoft.Network/networkSecurityGroups/${name}-rules`);
}

const PLACES: Readonly<Record<Machine['role'], string>> = {
  web: 'front',
  bastion: 'front',
  api: 'app',
  batch: 'app',
  build: 'app',
  database: 'data',
  cache: 'data',
};

function machines(): AssetDraft[] {
  return MACHINES.filter(({ cloud }) => cloud === 'azure').map((machine): AssetDraft => {
    const place = PLACES[machine.role];
    return {
      id: assetIdOf(machine),
      kind: 'compute.instance',
      name: machine.name,
      file: FILE,
      labels: labelsOf(machine),
      attributes: { state: 'running', type: 'Standard_D2ps_v6', privateIp: machine.address },
      relations: [
        ['in-vpc', VNET],
        ['in-subnet', `${VNET}/subnets/${place}`],
        ['uses-security-group', groupOf(place)],
      ],
    };
  });
}

function data(): AssetDraft[] {
  return [
    {
      id: PEOPLE,
      kind: 'database',
      name: 'people',
      file: FILE,
      labels: { env: 'production', 'data-classification': 'restricted', compliance: 'gdpr' },
      attributes: { engine: 'sql-server', deletionProtection: true, backupDays: 30, kmsKeyId: KEY },
      relations: [['encrypted-with', KEY]],
    },
    {
      id: resource('people', 'Microsoft.Sql/servers/people-sql/databases/payroll'),
      kind: 'database',
      name: 'payroll',
      file: FILE,
      labels: { 'data-classification': 'confidential' },
    },
    { id: KEY, kind: 'key', name: 'payroll', file: FILE, attributes: { manager: 'CUSTOMER' } },
    {
      id: resource('people', 'Microsoft.KeyVault/vaults/people-vault/secrets/people-api'),
      kind: 'secret',
      name: 'people-api',
      file: FILE,
    },
    {
      id: resource('work', 'Microsoft.Storage/storageAccounts/wikicontent'),
      kind: 'storage.bucket',
      name: 'wikicontent',
      file: FILE,
    },
    {
      id: resource('work', 'Microsoft.Storage/storageAccounts/etlstaging'),
      kind: 'storage.bucket',
      name: 'etlstaging',
      file: FILE,
      labels: { env: 'production', 'data-classification': 'internal' },
    },
    {
      id: resource('work', 'Microsoft.Compute/disks/etl-1-data'),
      kind: 'storage.volume',
      name: 'etl-1-data',
      file: FILE,
      attributes: { encrypted: true },
    },
  ];
}

function services(): AssetDraft[] {
  return [
    {
      id: resource('work', 'Microsoft.Web/sites/ticket-desk'),
      kind: 'function',
      name: 'ticket-desk',
      file: FILE,
      labels: { env: 'production' },
    },
    {
      id: resource('work', 'Microsoft.ContainerService/managedClusters/preview'),
      kind: 'container.cluster',
      name: 'preview',
      file: FILE,
      labels: { env: 'staging' },
    },
    {
      id: resource('work', 'Microsoft.ServiceBus/namespaces/work/queues/imports'),
      kind: 'queue',
      name: 'imports',
      file: FILE,
      labels: { env: 'production' },
    },
    {
      id: resource('work', 'Microsoft.ManagedIdentity/userAssignedIdentities/etl'),
      kind: 'identity.role',
      name: 'etl',
      file: FILE,
      labels: { criticality: 'high' },
    },
  ];
}
