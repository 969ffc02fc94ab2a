import { Duration } from 'aws-cdk-lib';
import { groupArn } from '../../lib/function/function-role.ts';
import type { Settings } from '../../lib/settings/settings.ts';

/**
 * Numbers that no template holds by itself: primes. By the heartbeat timeout an alarm is made that counts minutes: this one
 * is of the same minutes as the default.
 */
const NUMBERS = { HeartbeatTimeoutSeconds: 1789, DeadlineSeconds: 20_011, KillMarginSeconds: 307, GraceSeconds: 113 };

/**
 * What stands for each parameter while the construct is synthesized. A parameter for what the construct reckons out of
 * others (CloudFormation cannot add) stands here with the same sum.
 * @param numbers other numbers must give the same template: a test finds by it what was reckoned and forgotten here
 */
export function standInsOf(numbers = NUMBERS) {
  return {
    GroupNames: 'stand-in-group',
    NomadAddress: 'https://stand-in-address',
    NomadTokenParameter: '/stand-in-token',
    NomadCaParameter: '/stand-in-ca',
    // The CDK refuses ids that are not well-formed.
    SubnetIds: 'subnet-57a2d1257a2d12ff1',
    SecurityGroupIds: 'sg-57a2d1257a2d12ff2',
    HookName: 'stand-in-hook',
    CodeBucket: 'stand-in-bucket',
    CodeKey: 'stand-in-key',
    AlarmTopicArn: 'arn:aws:sns:us-east-1:111122223333:stand-in-topic',
    ...numbers,
    AlarmAfterSeconds: numbers.DeadlineSeconds + numbers.KillMarginSeconds,
  };
}

export type StandIns = ReturnType<typeof standInsOf>;

/** A variable in the notation of Fn::Sub. */
const variable = (name: string) => `\${${name}}`;

/** Where a text needs more than the parameter in place of its stand-in: as it is synthesized, and as Fn::Sub takes it. */
export function textsOf({ GroupNames: name, HookName: hook, HeartbeatTimeoutSeconds }: StandIns): [string, string][] {
  const groups = JSON.stringify([{ name, hook, heartbeatTimeoutSeconds: HeartbeatTimeoutSeconds }]);
  const timeout = variable('HeartbeatTimeoutSeconds');
  // CloudFormation joins names only by a fixed text: what all groups have in common is said once, beside them.
  const shared = `"hook":{"name":"${variable('HookName')}","heartbeatTimeoutSeconds":${timeout}}`;
  return [
    [`"groups":${groups}`, `"groups":[{"name":"${variable('GroupsInDocument')}"}],${shared}`],
    ['"ignoreSystemJobs":false', `"ignoreSystemJobs":${variable('IgnoreSystemJobs')}`],
    ['"onTimeout":"CONTINUE"', `"onTimeout":"${variable('OnTimeout')}"`],
  ];
}

/** The stand-in of a list as something else than a text: one ARN becomes that of every group. */
export function valuesOf({ GroupNames: name }: StandIns): Record<string, object> {
  const arns = { 'Fn::Join': [`,${groupArn('')}`, { Ref: 'GroupNames' }] };
  return {
    [groupArn(name)]: { 'Fn::Split': [',', { 'Fn::Sub': [`${groupArn('')}${variable('Arns')}`, { Arns: arns }] }] },
  };
}

/** What a list reads as in a text: a variable of Fn::Sub. */
export const LISTS_IN_TEXTS: Readonly<Record<string, object>> = {
  GroupsInDocument: { 'Fn::Join': ['"},{"name":"', { Ref: 'GroupNames' }] },
};

/** What may be left out. */
export interface Option {
  /** The parameters that are empty then. */
  readonly parameters: readonly string[];
  /** What it adds to the settings. */
  readonly settings: (
    standIns: StandIns,
  ) => { readonly nomad?: Partial<Settings['nomad']> } & Pick<Settings, 'network'>;
}

/** The options, by the name of their condition. Each doubles the number of times that the construct is synthesized. */
export const OPTIONS: Readonly<Record<string, Option>> = {
  HasToken: {
    parameters: ['NomadTokenParameter'],
    settings: ({ NomadTokenParameter: token }) => ({ nomad: { token } }),
  },
  HasCa: { parameters: ['NomadCaParameter'], settings: ({ NomadCaParameter: ca }) => ({ nomad: { ca } }) },
  HasNetwork: {
    // One without the other is refused by Lambda, not passed over in silence.
    parameters: ['SubnetIds', 'SecurityGroupIds'],
    settings: ({ SubnetIds: subnet, SecurityGroupIds: securityGroup }) => ({
      network: { vpcId: 'vpc-57a2d1257a2d12ff0', subnetIds: [subnet], securityGroupIds: [securityGroup] },
    }),
  },
};

/** The settings with the stand-ins in their places and these options chosen. */
export function settingsOf(standIns: StandIns, chosen: readonly Option[]): Settings {
  const { DeadlineSeconds, KillMarginSeconds, GraceSeconds, HeartbeatTimeoutSeconds } = standIns;
  const options = chosen.map(({ settings }) => settings(standIns));
  return {
    groups: [standIns.GroupNames],
    policy: {
      deadline: Duration.seconds(DeadlineSeconds),
      killMargin: Duration.seconds(KillMarginSeconds),
      grace: Duration.seconds(GraceSeconds),
      ignoreSystemJobs: false,
      onTimeout: 'CONTINUE',
    },
    hook: { name: standIns.HookName, heartbeatTimeout: Duration.seconds(HeartbeatTimeoutSeconds) },
    alarmTopic: standIns.AlarmTopicArn,
    example: false,
    ...Object.assign({}, ...options),
    nomad: Object.assign({ address: standIns.NomadAddress }, ...options.map(({ nomad }) => nomad)),
  };
}
