import type { IdentityHeaderPreset, User } from '#model';

/** Who an upstream is told is there, in the words of the product that its application was made for. */
export interface KnownIdentity {
  readonly user: Pick<User, 'id' | 'email' | 'name'>;
  /** Ids of all groups, direct or through parents. */
  readonly groups: ReadonlySet<string>;
  readonly appId: string;
  /** The signed assertion. */
  readonly assertion: string;
  /** Where the keys of the assertion are. */
  readonly jwksUrl: string;
}

type Value = (identity: KnownIdentity) => string;

const email: Value = ({ user }) => user.email;
const name: Value = ({ user }) => user.name;
const id: Value = ({ user }) => user.id;
const assertion: Value = (identity) => identity.assertion;
const commas: Value = ({ groups }) => groupList(groups, ',');
const bars: Value = ({ groups }) => groupList(groups, '|');
const unknown: Value = () => '';

/**
 * What each product calls it, and what stands in it there. People sign in with their e-mail address, so that is the user name.
 * IAP names an authority before a colon, and applications cut off exactly these letters. What Cordon does not have, such as the
 * access token of another provider, is sent empty: a name that is not set is a name that a client could set.
 */
const PRESETS: Readonly<Record<IdentityHeaderPreset, Readonly<Record<string, Value>>>> = {
  authelia: {
    'remote-user': email,
    'remote-name': name,
    'remote-email': email,
    'remote-groups': commas,
  },
  'oauth2-proxy': {
    'x-auth-request-user': id,
    'x-auth-request-email': email,
    'x-auth-request-preferred-username': email,
    'x-auth-request-groups': commas,
    'x-auth-request-access-token': unknown,
    'x-forwarded-user': id,
    'x-forwarded-email': email,
    'x-forwarded-preferred-username': email,
    'x-forwarded-groups': commas,
    'x-forwarded-access-token': unknown,
  },
  authentik: {
    'x-authentik-username': email,
    'x-authentik-name': name,
    'x-authentik-email': email,
    'x-authentik-uid': id,
    'x-authentik-groups': bars,
    'x-authentik-entitlements': unknown,
    'x-authentik-jwt': assertion,
    'x-authentik-meta-jwks': ({ jwksUrl }) => jwksUrl,
    'x-authentik-meta-app': ({ appId }) => appId,
    'x-authentik-meta-outpost': unknown,
    'x-authentik-meta-provider': unknown,
    'x-authentik-meta-version': unknown,
  },
  iap: {
    'x-goog-iap-jwt-assertion': assertion,
    'x-goog-authenticated-user-email': ({ user }) => `accounts.google.com:${user.email}`,
    'x-goog-authenticated-user-id': ({ user }) => `accounts.google.com:${user.id}`,
  },
  pomerium: {
    'x-pomerium-jwt-assertion': assertion,
    'x-pomerium-claim-email': email,
    'x-pomerium-claim-user': id,
    'x-pomerium-claim-name': name,
    'x-pomerium-claim-groups': commas,
  },
  cloudflare: {
    'cf-access-jwt-assertion': assertion,
    'cf-access-authenticated-user-email': email,
  },
};

/** Says how many groups there are when they are too many to be listed; otherwise it is not sent, or empty where all names are. */
export const GROUPS_OMITTED_HEADER = 'x-cordon-groups-omitted';
/** The longest list of groups, bytes. Servers refuse heads of 8 to 16 kB with 431, and a list may be sent in two headers. */
const MOST_GROUP_BYTES = 2048;
/** The longest other text about a person, bytes; a longer one is left empty. */
const MOST_BYTES = 512;

/** Names of all headers of the presets, in lower case. */
export function identityHeaderNames(presets: readonly IdentityHeaderPreset[]): string[] {
  return presets.flatMap((preset) => Object.keys(PRESETS[preset]));
}

/**
 * Fields of the presets, as alternating names and values: every name once, empty when nobody is known. A list of groups that is too
 * long is left empty as a whole, since a part of it could lack just the group that excludes somebody; a field of its own says so.
 */
export function identityHeaders(
  presets: readonly IdentityHeaderPreset[],
  identity: KnownIdentity | undefined,
): string[] {
  const fields: string[] = [];
  for (const preset of presets) {
    for (const [header, value] of Object.entries(PRESETS[preset])) {
      fields.push(header, identity === undefined ? '' : fieldText(value, identity));
    }
  }
  return fields;
}

/** How many groups are not listed because the list would be too long; 0 when it is sent. */
export function omittedGroups(groups: ReadonlySet<string>): number {
  return groupList(groups, ',') === '' ? groups.size : 0;
}

function fieldText(value: Value, identity: KnownIdentity): string {
  const text = value(identity);
  // A list has its own bound and a signature must be whole.
  if (value === assertion || value === commas || value === bars) return text;
  return /^[\x20-\x7e]*$/.test(text) && text.length <= MOST_BYTES ? text : octets(text);
}

/**
 * A text as a field value. Products before Cordon send UTF-8 as it is, and their applications read it so; Node writes one octet per
 * character. Controls (attack: CR LF in a display name) become one space.
 */
function octets(text: string): string {
  const clean = text.toWellFormed().replace(/[\x00-\x1f\x7f-\x9f]+/g, ' ');
  const written = Buffer.from(clean.trim(), 'utf8').toString('latin1');
  return written.length > MOST_BYTES ? '' : written;
}

const lists = new WeakMap<ReadonlySet<string>, Map<string, string>>();

/** The sorted list, or nothing when it is too long. The graph makes a new set when the groups of a person change, so a set has one list. */
function groupList(groups: ReadonlySet<string>, separator: string): string {
  const known = lists.get(groups) ?? new Map<string, string>();
  lists.set(groups, known);
  const kept = known.get(separator);
  if (kept !== undefined) return kept;
  const text = [...groups].sort().map(oneGroup).join(separator);
  const whole = Buffer.from(text, 'utf8').toString('latin1');
  const list = whole.length > MOST_GROUP_BYTES ? '' : whole;
  known.set(separator, list);
  return list;
}

/** One group of a list. Separators are escaped (attack: who may name a group `staff,admins` would put its members into both). */
function oneGroup(group: string): string {
  const escape = (character: string): string =>
    `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
  return group.toWellFormed().replace(/[\x00-\x1f\x7f-\x9f%,|]/g, escape);
}
