import type { Json } from '#base';
import { complain, type JsonNode, maybeFlag, maybeObject, maybeText, objects, text, verbatim } from '../json-node.ts';
import type { Call, Draft } from '../inventory.ts';
import { policyDocument } from './policy-document.ts';
import type { Row } from './row.ts';
import { encryptedWith } from './stores.ts';
import { tagLabels } from './tags.ts';

/** A detail of one bucket, secret, key or repository: found by the argument in the file's name. */
function detail(
  operation: string,
  kind: string,
  read: (node: JsonNode) => { readonly [key: string]: Json | undefined },
): Row {
  return {
    operation,
    detail: true,
    map(node, call) {
      const draft = named(node, call, kind);
      if (draft !== undefined) call.inventory.enrich(draft, node, read(node));
    },
  };
}

/** The asset a detail file belongs to; a detail without its listing is a problem, because it would be lost otherwise. */
export function named(node: JsonNode, call: Call, kind: string): Draft | undefined {
  const name = call.argument?.split('/').at(-1) ?? '';
  const found = call.inventory.find(call, kind, call.argument ?? '') ?? call.inventory.find(call, kind, name);
  if (found === undefined) {
    node.problems.push({
      code: 'asset-detail-orphaned',
      message: `no listing shows the ${kind} \`${call.argument ?? ''}\` that this file describes`,
      source: { file: node.file },
      hint: 'save the listing of the service too',
    });
  }
  return found;
}

/** Buckets, secrets, keys and image repositories. Only names and settings are read; secret values are not in these calls. */
export const STORAGE_ROWS: readonly Row[] = [
  {
    operation: 's3-list-buckets',
    list: 'Buckets',
    map(node, call) {
      const native = text(node, 'Name');
      if (native === undefined) return;
      call.inventory.add(call, node, {
        kind: 'storage.bucket',
        arn: `arn:${partition(call.region)}:s3:::${native}`,
        native,
        region: 'global',
        attributes: { createdAt: maybeText(node, 'CreationDate') },
      });
    },
  },
  detail('s3-get-bucket-policy', 'storage.bucket', (node) => ({ policy: policyDocument(node, 'Policy') })),
  detail('s3-get-bucket-acl', 'storage.bucket', (node) => ({ grants: verbatim(node, 'Grants') })),
  detail('s3-get-bucket-location', 'storage.bucket', (node) => ({
    location: maybeText(node, 'LocationConstraint') ?? 'us-east-1',
  })),
  detail('s3-get-bucket-versioning', 'storage.bucket', (node) => ({
    versioned: maybeText(node, 'Status') === 'Enabled',
    mfaDelete: maybeText(node, 'MFADelete') === 'Enabled',
  })),
  detail('s3-get-public-access-block', 'storage.bucket', (node) => ({
    publicAccessBlock: verbatim(node, 'PublicAccessBlockConfiguration'),
  })),
  {
    operation: 's3-get-bucket-tagging',
    detail: true,
    map(node, call) {
      const draft = named(node, call, 'storage.bucket');
      if (draft !== undefined) draft.labels = tagLabels(node, 'TagSet');
    },
  },
  {
    operation: 's3-get-bucket-encryption',
    detail: true,
    map(node, call) {
      const draft = named(node, call, 'storage.bucket');
      const configuration = maybeObject(node, 'ServerSideEncryptionConfiguration');
      if (draft === undefined || configuration === undefined) return;
      const rules = objects(configuration, 'Rules').flatMap(
        (rule) => maybeObject(rule, 'ApplyServerSideEncryptionByDefault') ?? [],
      );
      const key = rules.flatMap((rule) => maybeText(rule, 'KMSMasterKeyID') ?? [])[0];
      call.inventory.enrich(draft, node, { encrypted: rules.length > 0, kmsKeyId: key });
      for (const { type, to } of encryptedWith(key)) call.inventory.relate(draft, type, to);
    },
  },
  {
    operation: 'secretsmanager-list-secrets',
    list: 'SecretList',
    map(node, call) {
      const arn = text(node, 'ARN');
      if (arn === undefined) return;
      const key = maybeText(node, 'KmsKeyId');
      call.inventory.add(call, node, {
        kind: 'secret',
        arn,
        native: maybeText(node, 'Name') ?? arn,
        labels: tagLabels(node),
        attributes: {
          rotates: maybeFlag(node, 'RotationEnabled') ?? false,
          kmsKeyId: key,
          lastChangedAt: maybeText(node, 'LastChangedDate'),
          lastAccessedAt: maybeText(node, 'LastAccessedDate'),
        },
        relations: encryptedWith(key),
      });
    },
  },
  detail('secretsmanager-get-resource-policy', 'secret', (node) => ({
    policy: policyDocument(node, 'ResourcePolicy'),
  })),
  {
    operation: 'kms-list-keys',
    list: 'Keys',
    map(node, call) {
      const arn = text(node, 'KeyArn');
      if (arn !== undefined)
        call.inventory.add(call, node, { kind: 'key', arn, native: maybeText(node, 'KeyId') ?? arn });
    },
  },
  {
    operation: 'kms-describe-key',
    detail: true,
    listing: 'kms-list-keys',
    map(node, call) {
      const key = maybeObject(node, 'KeyMetadata');
      if (key === undefined) return complain(node, 'KeyMetadata', 'is missing');
      const arn = text(key, 'Arn');
      if (arn === undefined) return;
      const draft =
        call.inventory.find(call, 'key', arn) ??
        call.inventory.add(call, key, { kind: 'key', arn, native: maybeText(key, 'KeyId') ?? arn });
      call.inventory.enrich(draft, key, { manager: maybeText(key, 'KeyManager'), state: maybeText(key, 'KeyState') });
    },
  },
  detail('kms-get-key-policy', 'key', (node) => ({ policy: policyDocument(node, 'Policy') })),
  {
    operation: 'ecr-describe-repositories',
    list: 'repositories',
    map(node, call) {
      const arn = text(node, 'repositoryArn');
      const native = text(node, 'repositoryName');
      if (arn === undefined || native === undefined) return;
      call.inventory.add(call, node, {
        kind: 'container.repository',
        arn,
        native,
        attributes: {
          uri: maybeText(node, 'repositoryUri'),
          tagsImmutable: maybeText(node, 'imageTagMutability') === 'IMMUTABLE',
        },
      });
    },
  },
  detail('ecr-get-repository-policy', 'container.repository', (node) => ({
    policy: policyDocument(node, 'policyText'),
  })),
  {
    operation: 'cloudtrail-describe-trails',
    list: 'trailList',
    map(node, call) {
      const arn = text(node, 'TrailARN');
      const native = text(node, 'Name');
      if (arn === undefined || native === undefined) return;
      const bucket = maybeText(node, 'S3BucketName');
      const key = maybeText(node, 'KmsKeyId');
      call.inventory.add(call, node, {
        kind: 'trail',
        arn,
        native,
        // A multi-region trail shows up in every region's listing; it belongs to its home region.
        region: maybeText(node, 'HomeRegion'),
        attributes: {
          bucket,
          kmsKeyId: key,
          multiRegion: maybeFlag(node, 'IsMultiRegionTrail'),
          organization: maybeFlag(node, 'IsOrganizationTrail'),
          validated: maybeFlag(node, 'LogFileValidationEnabled'),
        },
        relations: [
          ...(bucket === undefined ? [] : [{ type: 'logs-to', to: `arn:${partition(call.region)}:s3:::${bucket}` }]),
          ...encryptedWith(key),
        ],
      });
    },
  },
];

/** The ARN partition of a region. */
export function partition(region: string): string {
  if (region.startsWith('cn-')) return 'aws-cn';
  return region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
}
