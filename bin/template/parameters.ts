import { DEFAULT_POLICY } from '../../lambda/config.ts';
import { DEFAULT_HOOK } from '../../lib/props.ts';

/** A parameter as CloudFormation is told of it. */
export interface Parameter {
  readonly Type: 'String' | 'Number' | 'CommaDelimitedList';
  readonly Description: string;
  readonly Default?: string | number;
  readonly MinValue?: number;
  readonly MaxValue?: number;
  readonly AllowedValues?: readonly string[];
  readonly AllowedPattern?: string;
  readonly ConstraintDescription?: string;
}

const parameterName = {
  Type: 'String',
  Default: '',
  // In an ARN the slash stands for the one after "parameter".
  AllowedPattern: '^(/[A-Za-z0-9_./-]+)?$',
  ConstraintDescription:
    'The name of a parameter of Parameter Store, beginning with a slash, or empty. Not what that parameter holds.',
} as const;

const seconds = (Default: number, MinValue: number, MaxValue: number, Description: string) =>
  ({ Type: 'Number', Default, MinValue, MaxValue, Description: `${Description} In seconds.` }) as const;

/**
 * What is asked of who deploys the template, in the order and under the headings of the console. No value may hold a
 * quote or a backslash: most of them end in a JSON document.
 */
export const HEADINGS: Readonly<Record<string, Readonly<Record<string, Parameter>>>> = {
  'What is drained': {
    GroupNames: {
      Type: 'CommaDelimitedList',
      Description:
        'The Auto Scaling groups of Nomad clients, separated by commas; in more than punctuation they must differ.',
      // They name IAM policies too.
      AllowedPattern: '^[\\w+=.@-]{1,128}$',
      ConstraintDescription: 'Names of 1 to 128 letters, digits and + = . @ - _',
    },
  },
  'How Nomad is reached': {
    NomadAddress: {
      Type: 'String',
      Description: "Where Nomad's HTTP API answers, such as https://nomad.internal:4646.",
      AllowedPattern: '^https?://[^"\\\\\\s]+$',
      ConstraintDescription: 'An http:// or https:// URL.',
    },
    NomadTokenParameter: {
      ...parameterName,
      Description:
        'The parameter of Parameter Store (a SecureString) that holds the ACL token. Empty where ACLs are off.',
    },
    NomadCaParameter: {
      ...parameterName,
      Description: "The parameter that holds the PEM certificate of Nomad's CA. Empty for the public CAs.",
    },
    SubnetIds: {
      Type: 'CommaDelimitedList',
      Default: '',
      Description: 'The subnets to run in, where Nomad is reached only from inside a VPC. Empty for none.',
      AllowedPattern: '^(subnet-[0-9a-f]+)?$',
    },
    SecurityGroupIds: {
      Type: 'CommaDelimitedList',
      Default: '',
      Description: 'The security groups of the function. Given if, and only if, subnets are.',
      AllowedPattern: '^(sg-[0-9a-f]+)?$',
    },
  },
  'How a node is drained': {
    DeadlineSeconds: seconds(
      DEFAULT_POLICY.deadlineSeconds,
      1,
      172_800,
      'How long builds may take to finish before Nomad kills them. With twice the kill margin, no more than 100 heartbeat timeouts or 48 h.',
    ),
    KillMarginSeconds: seconds(DEFAULT_POLICY.killMarginSeconds, 0, 7200, 'How long killed tasks may take to stop.'),
    GraceSeconds: seconds(
      DEFAULT_POLICY.graceSeconds,
      0,
      3600,
      'How long an instance may wait without a Nomad node before it is released as none.',
    ),
    IgnoreSystemJobs: {
      Type: 'String',
      Default: String(DEFAULT_POLICY.ignoreSystemJobs),
      AllowedValues: ['true', 'false'],
      Description: 'Whether to leave system jobs running, and not to wait for them.',
    },
    OnTimeout: {
      Type: 'String',
      Default: DEFAULT_POLICY.onTimeout,
      AllowedValues: ['CONTINUE', 'ABANDON'],
      Description:
        'How an instance is released whose drain did not end in time. ABANDON retains it in a group whose instance lifecycle policy says so.',
    },
  },
  'The lifecycle hook': {
    HookName: {
      Type: 'String',
      Default: DEFAULT_HOOK.name,
      AllowedPattern: '^[\\w/-]{1,255}$',
      Description: 'The name of the lifecycle hook, the same in every group.',
      ConstraintDescription: 'Up to 255 letters, digits, - _ and /',
    },
    HeartbeatTimeoutSeconds: seconds(
      DEFAULT_HOOK.heartbeatTimeout.toSeconds(),
      30,
      7200,
      'How long Auto Scaling waits for a heartbeat; a hundred of them, at most 48 h, bound every drain.',
    ),
    HookDefaultResult: {
      Type: 'String',
      Default: '',
      AllowedValues: ['', 'CONTINUE', 'ABANDON'],
      Description: 'How Auto Scaling ends a wait when heartbeats stop coming. Empty: as OnTimeout says.',
    },
  },
  'Who is told': {
    AlarmTopicArn: {
      Type: 'String',
      Default: '',
      AllowedPattern: '^(arn:[^:\\s"]+:sns:[^\\s"]+)?$',
      Description: 'The SNS topic that is told when an alarm fires and when it is over. Empty for none.',
      ConstraintDescription: 'The ARN of an SNS topic, or empty.',
    },
    AlarmAfterSeconds: seconds(
      DEFAULT_POLICY.deadlineSeconds + DEFAULT_POLICY.killMarginSeconds,
      1,
      172_800,
      'After how long a wait the alarm OldestWait fires: the deadline and the kill margin together.',
    ),
  },
  'The code of the function': {
    CodeBucket: { Type: 'String', Description: 'The S3 bucket that holds the zip file, in the region of the stack.' },
    CodeKey: {
      Type: 'String',
      Description: 'The key of the zip file. Another key for another file: see CodeObjectVersion.',
    },
    CodeObjectVersion: {
      Type: 'String',
      Default: '',
      Description:
        'The version of the zip file, in a bucket with versions. Without it, a new file under the same key is not noticed.',
    },
  },
};

export const PARAMETERS: Readonly<Record<string, Parameter>> = Object.assign({}, ...Object.values(HEADINGS));

/** The condition that any of these parameters is given. */
export function isGiven(names: readonly string[]): object {
  const text = (name: string) => {
    const value = { Ref: name };
    return PARAMETERS[name]?.Type === 'CommaDelimitedList' ? { 'Fn::Join': ['', value] } : value;
  };
  const [only, ...others] = names.map(text);
  return { 'Fn::Not': [{ 'Fn::Equals': [others.length > 0 ? { 'Fn::Join': ['', [only, ...others]] } : only, ''] }] };
}
