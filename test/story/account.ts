/** A small account as the AWS CLI saves it: two instances, an ordinary one and one that holds personal data, behind security groups. */
export const ACCOUNT: Readonly<Record<string, unknown>> = {
  'eu-central-1/sts-get-caller-identity.json': {
    Account: '111122223333',
    Arn: 'arn:aws:iam::111122223333:user/auditor',
    UserId: 'AIDAEXAMPLE',
  },
  'eu-central-1/ec2-describe-vpcs.json': { Vpcs: [{ VpcId: 'vpc-1', CidrBlock: '10.0.0.0/16' }] },
  'eu-central-1/ec2-describe-subnets.json': {
    Subnets: [{ SubnetId: 'subnet-1', VpcId: 'vpc-1', CidrBlock: '10.0.1.0/24' }],
  },
  'eu-central-1/ec2-describe-security-groups.json': {
    SecurityGroups: [
      group('sg-wiki', 'wiki', [{ port: 443, from: 'sg-people' }]),
      group('sg-people', 'people', [{ port: 5432, from: 'sg-wiki' }]),
    ],
  },
  'eu-central-1/ec2-describe-instances.json': {
    Reservations: [
      {
        OwnerId: '111122223333',
        Instances: [
          instance({ id: 'i-0000000000000wiki', name: 'wiki', ip: '10.0.1.10', group: 'sg-wiki', tags: {} }),
          instance({
            id: 'i-00000000000people',
            name: 'people-records',
            ip: '10.0.1.20',
            group: 'sg-people',
            tags: { data: 'pii', environment: 'production' },
          }),
        ],
      },
    ],
  },
};

/** Id of the ordinary instance. */
export const WIKI_ASSET = 'aws:111122223333:eu-central-1:compute.instance:i-0000000000000wiki';

function group(id: string, name: string, rules: readonly { port: number; from: string }[]): object {
  return {
    GroupId: id,
    GroupName: name,
    VpcId: 'vpc-1',
    OwnerId: '111122223333',
    IpPermissions: rules.map(({ port, from }) => ({
      IpProtocol: 'tcp',
      FromPort: port,
      ToPort: port,
      UserIdGroupPairs: [{ GroupId: from, UserId: '111122223333' }],
      IpRanges: [],
      Ipv6Ranges: [],
      PrefixListIds: [],
    })),
    IpPermissionsEgress: [{ IpProtocol: '-1', IpRanges: [{ CidrIp: '0.0.0.0/0' }], UserIdGroupPairs: [] }],
  };
}

function instance(one: {
  readonly id: string;
  readonly name: string;
  readonly ip: string;
  readonly group: string;
  readonly tags: Readonly<Record<string, string>>;
}): object {
  return {
    InstanceId: one.id,
    State: { Name: 'running' },
    PrivateIpAddress: one.ip,
    SubnetId: 'subnet-1',
    VpcId: 'vpc-1',
    SecurityGroups: [{ GroupId: one.group }],
    Tags: Object.entries({ Name: one.name, ...one.tags }).map(([Key, Value]) => ({ Key, Value })),
    NetworkInterfaces: [
      {
        NetworkInterfaceId: `eni-${one.name}`,
        PrivateIpAddress: one.ip,
        SubnetId: 'subnet-1',
        VpcId: 'vpc-1',
        Groups: [{ GroupId: one.group }],
        PrivateIpAddresses: [{ PrivateIpAddress: one.ip, Primary: true }],
      },
    ],
  };
}
