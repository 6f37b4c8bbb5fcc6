import { isJsonObject, type Json } from '#base';
import type { Asset } from '#model';
import { type Grant, grantOf, type Statement, statementsOf } from './statements.ts';

/** What a principal may do, as far as the import shows it. */
export interface Permissions {
  readonly statements: readonly Statement[];
  readonly boundary: readonly Statement[] | undefined;
  /** Attached policies whose document is not in the import. */
  readonly unknownPolicies: readonly string[];
}

/** Documents of AWS managed policies that decide a tier; accounts that export only local policies do not carry them. */
const MANAGED: Readonly<Record<string, Json>> = {
  AdministratorAccess: { Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] },
  IAMFullAccess: { Statement: [{ Effect: 'Allow', Action: 'iam:*', Resource: '*' }] },
  PowerUserAccess: { Statement: [{ Effect: 'Allow', NotAction: ['iam:*', 'organizations:*'], Resource: '*' }] },
};

/** The permissions of a user (with its groups), group, role or managed policy. */
export function permissionsOf(asset: Asset, byId: ReadonlyMap<string, Asset>): Permissions {
  const unknown = new Set<string>();
  const statements: Statement[] = [];
  if (asset.kind === 'identity.policy') statements.push(...statementsOf(asset.attributes['document']));
  const groups = asset.relations.filter(({ type }) => type === 'member-of').flatMap(({ to }) => byId.get(to) ?? []);
  for (const holder of [asset, ...groups]) {
    for (const inline of listOf(holder.attributes['inlinePolicies'])) {
      if (!isJsonObject(inline)) continue;
      if (isJsonObject(inline['document'])) statements.push(...statementsOf(inline['document']));
      else unknown.add(`${holder.name}/${String(inline['name'])}`);
    }
    for (const arn of listOf(holder.attributes['attachedPolicies'])) {
      if (typeof arn !== 'string') continue;
      const document = documentOf(arn, byId);
      if (document === undefined) unknown.add(arn);
      else statements.push(...statementsOf(document));
    }
  }
  const boundary = asset.attributes['boundary'];
  const limit = typeof boundary === 'string' ? documentOf(boundary, byId) : undefined;
  return {
    statements,
    // A boundary that cannot be read takes nothing away: the stricter reading.
    boundary: limit === undefined ? undefined : statementsOf(limit),
    unknownPolicies: [...unknown].sort(),
  };
}

/** How the principal holds `action`, with its boundary applied. */
export function may(permissions: Permissions, action: string): Grant {
  const own = grantOf(permissions.statements, action);
  if (own === 'no' || permissions.boundary === undefined) return own;
  const limit = grantOf(permissions.boundary, action);
  if (limit === 'no') return 'no';
  return limit === 'yes' ? own : 'conditional';
}

function documentOf(arn: string, byId: ReadonlyMap<string, Asset>): Json | undefined {
  const document = byId.get(arn)?.attributes['document'];
  if (document !== undefined) return document;
  const managed = /^arn:aws[a-z-]*:iam::aws:policy\/(?:[\w-]+\/)*([\w-]+)$/.exec(arn)?.[1];
  return managed !== undefined && Object.hasOwn(MANAGED, managed) ? MANAGED[managed] : undefined;
}

function listOf(value: Json | undefined): readonly Json[] {
  return value !== undefined && isList(value) ? value : [];
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
