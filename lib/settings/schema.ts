import { DefaultResult } from 'aws-cdk-lib/aws-autoscaling';
import * as z from 'zod';
import { DEFAULT_RESTORE_SECONDS, LAUNCH_HOOK } from '../../lambda/config/config.ts';
import { DEFAULT_AUDIENCE, DEFAULT_CLIENT_SCHEME, DEFAULT_NOMAD_PORT } from '../../lambda/config/nomad-access.ts';
import { DEFAULT_ADMISSION, DEFAULT_POLICY } from '../../lambda/core/model/policy.ts';
import { DEFAULT_MEMORY } from '../function/memory.ts';
import { DEFAULT_HOOK } from '../props.ts';
import { groupList } from './group-list.ts';
import { asWritten, awsId, choice, duration, flag, list, parameterName, text, unitOf } from './kinds.ts';

/** The ways to Nomad. */
export const WAYS = ['http', 'clients', 'ssm'] as const;

const RESULTS = ['CONTINUE', 'ABANDON'] as const;

const result = () =>
  choice(...RESULTS)
    .transform((chosen) => DefaultResult[chosen])
    .meta({ unit: unitOf(RESULTS) });

const hookName = () => text(/^[\w/-]{1,255}$/, 'the name of a lifecycle hook: letters, digits, - _ /');

/** The settings that a group may have, too; what it leaves out is as for all groups. */
const ofGroup = {
  deadline: duration('deadlineSeconds').meta({
    default: asWritten(DEFAULT_POLICY.deadlineSeconds),
    description:
      'how long builds may take to finish before Nomad kills them. With the defaults of the hook and the margin, at most 47 h 50 min',
  }),
  killMargin: duration('killMarginSeconds').meta({
    default: asWritten(DEFAULT_POLICY.killMarginSeconds),
    description: 'how long killed tasks may take to stop',
  }),
  grace: duration('graceSeconds').meta({
    default: asWritten(DEFAULT_POLICY.graceSeconds),
    description: 'how long an instance may wait without a Nomad node before it is released as one that has none',
  }),
  ignoreSystemJobs: flag().meta({
    default: String(DEFAULT_POLICY.ignoreSystemJobs),
    description: 'leave system jobs running, and do not wait for them',
  }),
  onTimeout: result().meta({
    default: DEFAULT_POLICY.onTimeout,
    description:
      "how an instance is released whose drain did not end in time; `ABANDON` retains it if the group's instance lifecycle policy says so",
  }),
  jobMeta: flag().meta({
    default: String(DEFAULT_POLICY.jobMeta),
    description:
      'jobs may say in their meta how long a drain waits for them: the author of a job then decides how long its instance lives',
  }),
  spotInterruptions: flag().meta({
    default: 'true',
    description: 'drain at once when EC2 warns that it interrupts a Spot instance',
  }),
  rebalanceRecommendations: choice('drain', 'cordon', 'off').meta({
    otherwise: '`off`: not acted on',
    description:
      'when EC2 says that a Spot instance is at risk: drain its node, or only make it ineligible, so that no new build lands there',
  }),
  scheduledMaintenance: flag().meta({
    default: 'false',
    description: 'drain a node before scheduled maintenance stops, reboots or disconnects its instance',
  }),
  restoreAfter: duration('restoreSeconds').meta({
    default: asWritten(DEFAULT_RESTORE_SECONDS),
    description:
      'how long after a recommendation, or after the end of maintenance, a node is eligible again if its instance is still in service; needs one of the two',
  }),
  purgeNodes: flag().meta({
    default: 'false',
    description:
      'remove a drained node from Nomad once its instance is terminated: a sweep does it, within a minute or so of the node being down',
  }),
  chooseIdleFirst: flag().meta({
    default: 'false',
    description:
      "make the function that lets [idle instances go first](who-goes.md); the stack's outputs have the command that sets it on the groups",
  }),
  onlyIdleFor: duration('onlyIdleForSeconds').meta({
    otherwise: 'none: it does not wait',
    description:
      'how long a group waits for instances to become idle, when too few are, before others go; needs `chooseIdleFirst=true`',
  }),
  admitWhenReady: flag().meta({
    default: 'false',
    description: 'put a new instance into service only when its Nomad node is ready ([how](joining.md))',
  }),
  readyTimeout: duration('readyTimeoutSeconds').meta({
    default: asWritten(DEFAULT_ADMISSION.readyTimeoutSeconds),
    description:
      'how long that may take: then the instance is abandoned, and Auto Scaling replaces it; needs `admitWhenReady=true`',
  }),
  drivers: list(/^[\w.-]+$/, 'names of task drivers, separated by commas').meta({
    unit: 'names',
    otherwise: 'none',
    description: 'the task drivers that have to be healthy on the node, such as `docker`; needs `admitWhenReady=true`',
  }),
  awaitSystemJobs: flag().meta({
    default: String(DEFAULT_ADMISSION.awaitSystemJobs),
    description: 'the system jobs on the node have to run, too; needs `admitWhenReady=true`',
  }),
};

/**
 * Each setting as it is written after `-c` or in cdk.json, what it is read as, and what docs/settings.md says of it: its `unit`, its
 * `default` (a value) or what holds `otherwise` (in words; without either it is required), and its `description`.
 */
export const settings = z
  .strictObject({
    groups: groupList(ofGroup).meta({
      unit: 'names, or JSON',
      description:
        'the Auto Scaling groups of Nomad clients; [a group may have settings of its own](#settings-of-one-group)',
    }),
    nomadVia: choice(...WAYS).meta({
      default: 'http',
      description:
        '`clients`: no address leads to the servers, so Nomad is asked through the clients of the groups ([how](security.md#through-the-clients)); `ssm`: without a network path, by the `nomad` command of an instance ([how](security.md#no-network-path))',
    }),
    nomadClientScheme: choice('http', 'https').meta({
      default: DEFAULT_CLIENT_SCHEME,
      description: 'with `nomadVia=clients`: `https` if the clients have TLS on HTTP (`tls { http = true }`)',
    }),
    nomadClientPort: text(/^\d{1,6}$/, 'a port')
      .transform(Number)
      .meta({
        unit: 'port',
        default: String(DEFAULT_NOMAD_PORT),
        description: 'with `nomadVia=clients`: the port on which the clients listen for HTTP',
      }),
    nomadGateway: text(/^[^=]+=[^=]*$/, 'a tag of instances, like Role=nomad-server')
      .transform((tag) => {
        const [key = '', value = ''] = tag.split('=');
        return { tag: key, value };
      })
      .meta({
        unit: 'tag=value',
        otherwise: "the groups' instances",
        description: 'with `nomadVia=ssm`: which instances to ask instead',
      }),
    nomadAddress: text(/./, 'the URL of Nomad').meta({
      unit: 'URL',
      otherwise: 'required with `nomadVia=http`',
      description: "where Nomad's HTTP API answers, `https://…` or `http://…`",
    }),
    nomadFallbackAddresses: list(/./, 'the URLs of further Nomad servers, separated by commas').meta({
      unit: 'URLs',
      otherwise: 'none',
      description: 'further servers of the cluster, asked in turn if one does not answer; at most six',
    }),
    nomadTokenParameter: parameterName().meta({
      otherwise: 'none: ACLs are off',
      description: 'the parameter of Parameter Store that holds the ACL token; its name, never the token',
    }),
    nomadLogin: text(/./, 'the name of an auth method of Nomad').meta({
      unit: 'auth method',
      otherwise: 'none',
      description:
        "instead of a token: log in with the function's own AWS identity ([how](security.md#no-stored-secret))",
    }),
    nomadAudience: text(/./, 'an audience of that auth method').meta({
      unit: 'text',
      default: DEFAULT_AUDIENCE,
      description: "the audience of that identity: one of the auth method's `BoundAudiences`",
    }),
    nomadCaParameter: parameterName().meta({
      otherwise: 'the public CAs',
      description: "the parameter that holds the PEM certificate of Nomad's CA",
    }),
    nomadClientCertificateParameter: parameterName().meta({
      otherwise: 'none',
      description: "the parameter that holds the function's own certificate, PEM, if Nomad requires one",
    }),
    nomadClientKeyParameter: parameterName().meta({
      otherwise: 'none',
      description: 'the parameter that holds the key of that certificate, PEM',
    }),
    nomadServerName: text(/./, "the name in Nomad's certificate").meta({
      unit: 'name',
      otherwise: "the address's host; with `nomadVia=clients` `client.<region>.nomad`",
      description: "the name that Nomad's certificate is for, such as `server.global.nomad`",
    }),
    nomadRegion: text(/./, 'the name of a region of Nomad').meta({
      unit: 'name',
      otherwise: "the agent's own",
      description: 'the Nomad region of the clients',
    }),
    nomadNodeMetaKey: text(/./, 'a key of the meta of Nomad clients').meta({
      unit: 'key',
      otherwise: 'none',
      description:
        "a key of the clients' own `meta` that holds their instance id, for clients that do not fingerprint EC2",
    }),
    outsideEc2Datacenters: list(/./, 'names of datacenters of Nomad, separated by commas').meta({
      unit: 'names',
      otherwise: 'none',
      description:
        'datacenters with only clients that are not EC2 instances: an instance whose node cannot be found is kept while any live node could be its own, and theirs could not',
    }),
    outsideEc2NodePools: list(/./, 'names of node pools of Nomad, separated by commas').meta({
      unit: 'names',
      otherwise: 'none',
      description: 'node pools with only such clients',
    }),
    ...ofGroup,
    hookName: hookName().meta({
      unit: 'name',
      default: DEFAULT_HOOK.name,
      description: "the lifecycle hook's name",
    }),
    launchHookName: hookName().meta({
      unit: 'name',
      default: LAUNCH_HOOK.name,
      description: "the launching hook's name, with `admitWhenReady=true`",
    }),
    hookDefaultResult: result().meta({
      otherwise: 'as `onTimeout`',
      description: 'how Auto Scaling ends a wait when heartbeats stop coming',
    }),
    heartbeatTimeout: duration('heartbeatTimeoutSeconds').meta({
      default: asWritten(DEFAULT_HOOK.heartbeatTimeout.toSeconds()),
      description: "the hook's heartbeat timeout; a hundred of them, at most 48 h, limit every drain",
    }),
    alarmTopic: text(
      /^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[\w-]{1,256}$/,
      'the ARN of an SNS topic, like arn:aws:sns:eu-west-1:111122223333:on-call',
    ).meta({
      unit: 'ARN of an SNS topic',
      otherwise: 'none',
      description: 'the topic that is notified when an alarm fires and when it resolves',
    }),
    runbookUrl: text(/^https?:\/\/[^\s"\\]{1,300}$/, 'the URL of a page').meta({
      unit: 'URL',
      otherwise: '[the runbook](operations.md) in the repository on the web',
      description:
        'the runbook that alarms and dashboard link to; `#sweepmissing` is appended for the alarm `SweepMissing`',
    }),
    eventBus: text(
      /^(arn:aws[a-z-]*:events:[a-z0-9-]+:\d{12}:event-bus\/)?[\w./-]{1,256}$/,
      'the name or the ARN of an event bus',
    ).meta({
      unit: 'name or ARN',
      otherwise: "the account's default bus",
      description: 'the bus that [events about drains](reference.md#events) are put on',
    }),
    memorySize: text(/^\d{1,6}$/, 'a number of megabytes')
      .transform(Number)
      .meta({
        unit: 'megabytes',
        default: String(DEFAULT_MEMORY),
        description:
          'the memory of the function that drains: give it more if more than a thousand instances may begin to wait in the same minute',
      }),
    vpcId: text(awsId('vpc'), 'like vpc-0123abcd').meta({
      unit: 'id',
      otherwise: 'none: outside any VPC',
      description: 'the VPC that the function runs in; needs the next two. Required with `nomadVia=clients`',
    }),
    subnetIds: list(awsId('subnet'), 'like subnet-0123abcd,subnet-4567cdef').meta({
      unit: 'ids',
      otherwise: 'none',
      description: 'its subnets',
    }),
    securityGroupIds: list(awsId('sg'), 'like sg-0123abcd').meta({
      unit: 'ids',
      otherwise: 'none',
      description: 'the security groups of the function',
    }),
    stackName: text(/^[A-Za-z][A-Za-z0-9-]{0,127}$/, 'the name of a stack: a letter, then letters, digits and -').meta({
      unit: 'name',
      default: 'NomadDrainHook',
      description: 'the name of the stack',
    }),
  })
  .partial();

/** The values of the settings that are given. */
export type Values = z.output<typeof settings>;
export type SettingName = keyof Values;

/** The names of all settings. */
export const SETTING_NAMES = settings.keyof().options;

/** The names of those that a group may have, too. */
export const GROUP_SETTING_NAMES = Object.keys(ofGroup) as (keyof typeof ofGroup)[];

/** A group, and the settings that it has of its own. */
export type GroupValues = NonNullable<Values['groups']>[number];
