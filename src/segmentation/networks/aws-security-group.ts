import { type Cidr, type IpSet, ipSet, ipSetOf, type Json, parseCidr, type Problem } from '#base';
import { jsonNumber, jsonObjects, jsonText } from './aws-json.ts';
import { protocolNumber, ruleTraffic, type Traffic, trafficLines } from './aws-traffic.ts';

/** One allow rule of a security group. There are no deny rules, and the groups of an interface add up. */
export interface GroupRule {
  readonly groupId: string;
  readonly direction: 'ingress' | 'egress';
  readonly traffic: Traffic;
  /** Addresses named by CIDRs and by prefix lists whose content is known. */
  readonly addresses: IpSet;
  /** Security groups named as peers: they stand for the private addresses of the interfaces that carry them. */
  readonly groups: readonly string[];
  /** For example `ingress tcp 443 from 0.0.0.0/0`. */
  readonly text: string;
}

/** Where prefix lists are looked up and what cannot be understood is noted. */
export interface RuleReader {
  readonly prefixLists: ReadonlyMap<string, readonly string[]>;
  readonly problems: Problem[];
}

/**
 * The rules of one direction of a group from AWS's `IpPermissions`. What cannot be read or resolved is a problem and allows nothing:
 * a rule is never widened.
 */
export function groupRules(
  groupId: string,
  direction: 'ingress' | 'egress',
  { permissions, reader }: { permissions: Json | undefined; reader: RuleReader },
): GroupRule[] {
  return jsonObjects(permissions).flatMap((permission) => {
    const protocol = protocolNumber(jsonText(permission['IpProtocol']) ?? '');
    const ports = [jsonNumber(permission['FromPort']), jsonNumber(permission['ToPort'])] as const;
    const traffic = protocol === undefined ? undefined : ruleTraffic(protocol, ports[0], ports[1]);
    if (traffic === undefined) {
      note(reader, 'aws-rule-unreadable', `\`${groupId}\` has a rule with protocol or ports that cannot be read`);
      return [];
    }
    const addresses = addressesOf(permission, groupId, reader);
    const groups = jsonObjects(permission['UserIdGroupPairs']).flatMap((pair) => jsonText(pair['GroupId']) ?? []);
    const peers = peersText(permission, groups);
    const what = trafficLines(traffic)
      .map(({ protocol: name, ports: range }) => (name === 'all' ? 'all' : `${name} ${range}`))
      .join(' ');
    const text = `${direction} ${what} ${direction === 'ingress' ? 'from' : 'to'} ${peers}`;
    return [{ groupId, direction, traffic, addresses, groups, text }];
  });
}

function addressesOf(permission: { readonly [key: string]: Json }, groupId: string, reader: RuleReader): IpSet {
  const texts = [
    ...jsonObjects(permission['IpRanges']).flatMap((item) => jsonText(item['CidrIp']) ?? []),
    ...jsonObjects(permission['Ipv6Ranges']).flatMap((item) => jsonText(item['CidrIpv6']) ?? []),
  ];
  for (const item of jsonObjects(permission['PrefixListIds'])) {
    const id = jsonText(item['PrefixListId']) ?? '';
    const content = reader.prefixLists.get(id);
    if (content !== undefined) texts.push(...content);
    else
      note(
        reader,
        'aws-prefix-list-unresolved',
        `\`${groupId}\` names the prefix list \`${id}\`, whose content is not in the import`,
      );
  }
  return texts.length === 0 ? ipSet.empty : ipSetOf(texts.flatMap((text) => cidr(text, groupId, reader)));
}

function cidr(text: string, groupId: string, reader: RuleReader): Cidr[] {
  // AWS clears host bits itself, so a saved description can hold `2.2.2.2/28`.
  const parsed = parseCidr(text, { hostBits: 'clear' });
  if (parsed.ok) return [parsed.value];
  note(reader, 'aws-rule-unreadable', `\`${groupId}\` has a rule for ${parsed.error}`);
  return [];
}

function peersText(permission: { readonly [key: string]: Json }, groups: readonly string[]): string {
  const names = [
    ...jsonObjects(permission['IpRanges']).flatMap((item) => jsonText(item['CidrIp']) ?? []),
    ...jsonObjects(permission['Ipv6Ranges']).flatMap((item) => jsonText(item['CidrIpv6']) ?? []),
    ...jsonObjects(permission['PrefixListIds']).flatMap((item) => jsonText(item['PrefixListId']) ?? []),
    ...groups,
  ];
  return names.length === 0 ? 'nobody' : names.join(', ');
}

function note(reader: RuleReader, code: string, message: string): void {
  if (reader.problems.some((problem) => problem.code === code && problem.message === message)) return;
  reader.problems.push({ code, message, hint: 'the rule allows nothing in this report; check it by hand' });
}
