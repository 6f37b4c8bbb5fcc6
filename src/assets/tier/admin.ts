import { may, type Permissions } from './permissions.ts';
import type { Grant } from './statements.ts';

/** Single actions that, on resources in general, let a principal give itself every permission. */
const SELF_ESCALATION = [
  'iam:PutUserPolicy',
  'iam:PutRolePolicy',
  'iam:PutGroupPolicy',
  'iam:AttachUserPolicy',
  'iam:AttachRolePolicy',
  'iam:AttachGroupPolicy',
  'iam:CreatePolicyVersion',
  'iam:SetDefaultPolicyVersion',
  'iam:UpdateAssumeRolePolicy',
  'iam:AddUserToGroup',
  'iam:CreateAccessKey',
  'iam:CreateLoginProfile',
  'iam:UpdateLoginProfile',
] as const;

/** Actions that run code as a role that was passed to them. */
const RUNS_A_PASSED_ROLE = [
  'ec2:RunInstances',
  'lambda:CreateFunction',
  'ecs:RunTask',
  'cloudformation:CreateStack',
  'codebuild:CreateProject',
  'glue:CreateJob',
  'glue:CreateDevEndpoint',
  'sagemaker:CreateNotebookInstance',
  'datapipeline:CreatePipeline',
] as const;

/** How a principal becomes administrator: the actions that suffice, and whether conditions stand before them. */
export interface AdminWay {
  readonly grant: Exclude<Grant, 'no'>;
  readonly actions: string;
}

/** The first way in which the permissions lead to administrator, or undefined. */
export function adminWay(permissions: Permissions): AdminWay | undefined {
  const ways: AdminWay[] = [];
  // A name no service has: only `*` grants it.
  const everything = may(permissions, 'cordon-probe:Anything');
  if (everything !== 'no') ways.push({ grant: everything, actions: '`*`' });
  for (const action of SELF_ESCALATION) {
    const grant = may(permissions, action);
    if (grant !== 'no') ways.push({ grant, actions: `\`${action}\`` });
  }
  const pass = may(permissions, 'iam:PassRole');
  if (pass !== 'no')
    for (const action of RUNS_A_PASSED_ROLE) {
      const grant = may(permissions, action);
      if (grant === 'no') continue;
      ways.push({
        grant: pass === 'yes' && grant === 'yes' ? 'yes' : 'conditional',
        actions: `\`iam:PassRole\` and \`${action}\``,
      });
    }
  return ways.find((way) => way.grant === 'yes') ?? ways[0];
}

/** Powers short of administrator: what an attacker could do with them, and how strong that is. */
export const POWERS: readonly {
  readonly id: string;
  readonly s: number;
  readonly actions: readonly string[];
  readonly means: string;
}[] = [
  { id: 'assumes-any-role', s: 0.9, actions: ['sts:AssumeRole'], means: 'become any role that trusts the account' },
  {
    id: 'reads-secrets',
    s: 0.8,
    actions: ['secretsmanager:GetSecretValue', 'ssm:GetParameter'],
    means: 'read every secret',
  },
  { id: 'runs-commands', s: 0.8, actions: ['ssm:SendCommand', 'ssm:StartSession'], means: 'run commands on instances' },
  { id: 'reads-data', s: 0.7, actions: ['s3:GetObject', 'dynamodb:Scan'], means: 'read all stored data' },
  {
    id: 'stops-logging',
    s: 0.7,
    actions: ['cloudtrail:StopLogging', 'cloudtrail:DeleteTrail'],
    means: 'switch off the audit log',
  },
  { id: 'decrypts', s: 0.6, actions: ['kms:Decrypt'], means: 'decrypt with every key' },
  { id: 'opens-network', s: 0.6, actions: ['ec2:AuthorizeSecurityGroupIngress'], means: 'open the network' },
  {
    id: 'destroys-data',
    s: 0.6,
    actions: ['s3:DeleteObject', 'rds:DeleteDBInstance', 'kms:ScheduleKeyDeletion'],
    means: 'destroy stored data',
  },
];
