import type { Json } from '#base';

/**
 * The account that saved answers belong to: what `sts get-caller-identity` says, else the owner named most often.
 * Several owners are normal (shared subnets, requester-managed interfaces), so the count decides and the smaller id breaks ties.
 */
export function accountOf(
  saved: readonly { readonly name: string; readonly fields: { readonly [key: string]: Json } }[],
): string | undefined {
  for (const { name, fields } of saved) {
    const account = fields['Account'];
    if (name === 'sts-get-caller-identity' && typeof account === 'string' && account !== '') return account;
  }
  const owners = new Map<string, number>();
  for (const { fields } of saved) countOwners(fields, owners, 4);
  return [...owners].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))[0]?.[0];
}

/** Counts `OwnerId`s, and the accounts in ARNs, near the top of an answer; deeper ones belong to attachments and peers. */
function countOwners(value: Json, owners: Map<string, number>, depth: number): void {
  if (depth === 0 || value === null || typeof value !== 'object') return;
  for (const [key, item] of Object.entries(value)) {
    if (typeof item === 'string') {
      const owner = key === 'OwnerId' ? item : /^arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:(\d{12}):/.exec(item)?.[1];
      if (owner !== undefined && /^\d{12}$/.test(owner)) owners.set(owner, (owners.get(owner) ?? 0) + 1);
    } else countOwners(item, owners, depth - 1);
  }
}
