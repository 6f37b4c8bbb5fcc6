import { isJsonObject, type Json } from '#base';
import type { AssetRelation } from '#model';
import type { Call, Draft } from '../inventory.ts';
import {
  complain,
  type JsonNode,
  maybeNumber,
  maybeObject,
  maybeText,
  objects,
  text,
  texts,
  textsOf,
} from '../json-node.ts';
import { credentialReport } from './credential-report.ts';
import { policyDocument } from './policy-document.ts';
import type { Row } from './row.ts';
import { tagLabels } from './tags.ts';

/** Inline policies as `{name, document}`; a document that cannot be read stays as `null`: unknown, not empty. */
function inlinePolicies(node: JsonNode, key: string): Json {
  return objects(node, key).map((item) => ({
    name: maybeText(item, 'PolicyName') ?? '',
    document: policyDocument(item, 'PolicyDocument') ?? null,
  }));
}

interface PrincipalShape {
  readonly kind: 'identity.user' | 'identity.group' | 'identity.role';
  readonly name: string;
  readonly inline: string;
}

function principal(node: JsonNode, call: Call, shape: PrincipalShape): Draft | undefined {
  const arn = text(node, 'Arn');
  const native = text(node, shape.name);
  if (arn === undefined || native === undefined) return undefined;
  const attached = textsOf(node, 'AttachedManagedPolicies', 'PolicyArn');
  const boundary = maybeObject(node, 'PermissionsBoundary');
  return call.inventory.add(call, node, {
    kind: shape.kind,
    arn,
    native,
    region: 'global',
    labels: tagLabels(node),
    attributes: {
      createdAt: maybeText(node, 'CreateDate'),
      inlinePolicies: inlinePolicies(node, shape.inline),
      attachedPolicies: attached,
      groups: shape.kind === 'identity.user' ? texts(node, 'GroupList') : undefined,
      boundary: boundary === undefined ? undefined : maybeText(boundary, 'PermissionsBoundaryArn'),
    },
    relations: attached.map((to) => ({ type: 'has-policy', to })),
  });
}

function role(node: JsonNode, call: Call): void {
  const draft = principal(node, call, { kind: 'identity.role', name: 'RoleName', inline: 'RolePolicyList' });
  if (draft === undefined) return;
  const trust = policyDocument(node, 'AssumeRolePolicyDocument');
  const profiles = textsOf(node, 'InstanceProfileList', 'Arn');
  call.inventory.enrich(draft, node, { trust, instanceProfiles: profiles });
  for (const from of trustedPrincipals(trust)) call.inventory.relate(draft, 'trusts', from);
}

/** Who a trust policy names in its Allow statements: ARNs, `*`, services and identity providers. */
function trustedPrincipals(trust: Json | undefined): string[] {
  if (!isJsonObject(trust)) return [];
  const statements = asList(trust['Statement']);
  return statements.flatMap((statement) => {
    if (!isJsonObject(statement) || statement['Effect'] !== 'Allow') return [];
    const named = statement['Principal'];
    if (typeof named === 'string') return [named];
    return isJsonObject(named) ? Object.values(named).flatMap((item) => asList(item).filter(isText)) : [];
  });
}

function asList(value: Json | undefined): readonly Json[] {
  if (value === undefined) return [];
  return isList(value) ? value : [value];
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function isText(value: Json): value is string {
  return typeof value === 'string';
}

function managedPolicy(node: JsonNode, call: Call): void {
  const arn = text(node, 'Arn');
  const native = text(node, 'PolicyName');
  if (arn === undefined || native === undefined) return;
  const standing = maybeText(node, 'DefaultVersionId');
  const versions = objects(node, 'PolicyVersionList');
  const version = versions.find((item) => maybeText(item, 'VersionId') === standing);
  if (version === undefined) complain(node, 'PolicyVersionList', 'does not hold the default version');
  call.inventory.add(call, node, {
    kind: 'identity.policy',
    arn,
    native,
    region: 'global',
    attributes: {
      attachments: maybeNumber(node, 'AttachmentCount'),
      document: version === undefined ? undefined : policyDocument(version, 'Document'),
    },
  });
}

function authorizationDetails(node: JsonNode, call: Call): void {
  const lists = ['UserDetailList', 'GroupDetailList', 'RoleDetailList', 'Policies'];
  for (const key of lists) if (node.fields[key] === undefined) complain(node, key, 'is missing');
  for (const item of objects(node, 'Policies')) managedPolicy(item, call);
  for (const item of objects(node, 'GroupDetailList'))
    principal(item, call, { kind: 'identity.group', name: 'GroupName', inline: 'GroupPolicyList' });
  for (const item of objects(node, 'RoleDetailList')) role(item, call);
  for (const item of objects(node, 'UserDetailList')) {
    const user = principal(item, call, { kind: 'identity.user', name: 'UserName', inline: 'UserPolicyList' });
    if (user === undefined) continue;
    for (const { type, to } of memberships(item, call)) call.inventory.relate(user, type, to);
  }
}

function memberships(node: JsonNode, call: Call): AssetRelation[] {
  return texts(node, 'GroupList').map((name) => ({
    type: 'member-of',
    to: call.inventory.find(call, 'identity.group', name)?.id ?? `aws:${call.account}:global:identity.group:${name}`,
  }));
}

/** The account's own facts go to the account asset, which exists when the account is known. */
function accountDraft(call: Call): Draft | undefined {
  return call.inventory.find(call, 'account', call.account);
}

/** IAM: users, groups, roles, policies, credentials, and the account they govern. */
export const IAM_ROWS: readonly Row[] = [
  { operation: 'iam-get-account-authorization-details', map: authorizationDetails },
  {
    operation: 'iam-get-account-summary',
    detail: true,
    map(node, call) {
      const summary = maybeObject(node, 'SummaryMap');
      if (summary === undefined) return complain(node, 'SummaryMap', 'is missing');
      const account = accountDraft(call);
      if (account === undefined) return;
      call.inventory.enrich(account, summary, {
        rootMfa: maybeNumber(summary, 'AccountMFAEnabled') === 1,
        rootAccessKeys: maybeNumber(summary, 'AccountAccessKeysPresent'),
      });
    },
  },
  {
    operation: 'iam-get-credential-report',
    detail: true,
    map(node, call) {
      for (const { user, arn, facts } of credentialReport(node)) {
        const draft =
          user === '<root_account>'
            ? accountDraft(call)
            : (call.inventory.find(call, 'identity.user', arn) ??
              call.inventory.find(call, 'identity.user', user) ??
              call.inventory.add(call, node, { kind: 'identity.user', arn, native: user, region: 'global' }));
        if (draft !== undefined) call.inventory.enrich(draft, node, { credentials: facts });
      }
    },
  },
  {
    operation: 'iam-list-instance-profiles',
    list: 'InstanceProfiles',
    detail: true,
    map(node, call) {
      const arn = text(node, 'Arn');
      if (arn === undefined) return;
      for (const item of objects(node, 'Roles')) {
        const name = maybeText(item, 'RoleName') ?? '';
        const draft = call.inventory.find(call, 'identity.role', maybeText(item, 'Arn') ?? name);
        if (draft === undefined) continue;
        const known = draft.attributes.get('instanceProfiles');
        const profiles = Array.isArray(known) ? known.filter(isText) : [];
        call.inventory.enrich(draft, node, { instanceProfiles: [...new Set([...profiles, arn])].sort() });
      }
    },
  },
  principalDetail('iam-get-user', 'User', 'UserName', 'identity.user'),
  principalDetail('iam-get-role', 'Role', 'RoleName', 'identity.role'),
];

/** A single user or role: adds what the authorization details do not show, or the principal itself when they were not saved. */
function principalDetail(operation: string, key: string, name: string, kind: 'identity.user' | 'identity.role'): Row {
  return {
    operation,
    detail: true,
    listing: 'iam-get-account-authorization-details',
    map(node, call) {
      const inner = maybeObject(node, key);
      if (inner === undefined) return complain(node, key, 'is missing');
      const known = call.inventory.find(call, kind, text(inner, name) ?? '');
      const draft = known ?? principal(inner, call, { kind, name, inline: 'none' });
      if (draft === undefined) return;
      const used = maybeObject(inner, 'RoleLastUsed');
      call.inventory.enrich(draft, inner, {
        lastUsedAt: used === undefined ? maybeText(inner, 'PasswordLastUsed') : maybeText(used, 'LastUsedDate'),
      });
    },
  };
}
