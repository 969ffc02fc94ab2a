import { Duration } from 'aws-cdk-lib';
import { DefaultResult } from 'aws-cdk-lib/aws-autoscaling';
import * as z from 'zod';
import { isSecret, SECRET_REFUSED } from '../../lambda/config.ts';
import { DURATIONS, durationRefusal } from '../../lambda/durations.ts';

/** Each setting as it is written after `-c` or in cdk.json, and what it is read as. */
export const settings = z
  .strictObject({
    groups: list(/^[^:]{1,255}$/, 'names of Auto Scaling groups, separated by commas'),
    nomadAddress: text(/./, 'the URL of Nomad'),
    nomadTokenParameter: parameterName(),
    nomadVia: choice('http', 'ssm'),
    nomadGateway: text(/^[^=]+=[^=]*$/, 'a tag of instances, like Role=nomad-server').transform((tag) => {
      const [key = '', value = ''] = tag.split('=');
      return { tag: key, value };
    }),
    nomadFallbackAddresses: list(/./, 'the URLs of further Nomad servers, separated by commas'),
    nomadLogin: text(/./, 'the name of an auth method of Nomad'),
    nomadAudience: text(/./, 'an audience of that auth method'),
    nomadCaParameter: parameterName(),
    nomadClientCertificateParameter: parameterName(),
    nomadClientKeyParameter: parameterName(),
    nomadServerName: text(/./, "the name in Nomad's certificate"),
    nomadRegion: text(/./, 'the name of a region of Nomad'),
    nomadNodeMetaKey: text(/./, 'a key of the meta of Nomad clients'),
    hookName: text(/^[\w/-]{1,255}$/, 'the name of a lifecycle hook: letters, digits, - _ /'),
    heartbeatTimeout: duration('heartbeatTimeoutSeconds'),
    hookDefaultResult: choice('CONTINUE', 'ABANDON').transform((result) => DefaultResult[result]),
    deadline: duration('deadlineSeconds'),
    killMargin: duration('killMarginSeconds'),
    grace: duration('graceSeconds'),
    ignoreSystemJobs: flag(),
    onTimeout: choice('CONTINUE', 'ABANDON'),
    spotInterruptions: flag(),
    rebalanceRecommendations: choice('drain', 'cordon'),
    scheduledMaintenance: flag(),
    restoreAfter: duration('restoreSeconds'),
    purgeNodes: flag(),
    chooseIdleFirst: flag(),
    onlyIdleFor: duration('onlyIdleForSeconds'),
    memorySize: text(/^\d{1,6}$/, 'a number of megabytes').transform(Number),
    alarmTopic: text(
      /^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[\w-]{1,256}$/,
      'the ARN of an SNS topic, like arn:aws:sns:eu-west-1:111122223333:on-call',
    ),
    eventBus: text(
      /^(arn:aws[a-z-]*:events:[a-z0-9-]+:\d{12}:event-bus\/)?[\w./-]{1,256}$/,
      'the name or the ARN of an event bus',
    ),
    vpcId: text(awsId('vpc'), 'like vpc-0123abcd'),
    subnetIds: list(awsId('subnet'), 'like subnet-0123abcd,subnet-4567cdef'),
    securityGroupIds: list(awsId('sg'), 'like sg-0123abcd'),
    stackName: text(/^[A-Za-z][A-Za-z0-9-]{0,127}$/, 'the name of a stack: a letter, then letters, digits and -'),
  })
  .partial();

/** The values of the settings that are given. */
export type Values = z.output<typeof settings>;
export type SettingName = keyof Values;

/** The names of all settings. */
export const SETTING_NAMES = settings.keyof().options;

/** With nomadVia=ssm these are set on the instances themselves. */
const ONLY_HTTP = [
  'nomadAddress',
  'nomadFallbackAddresses',
  'nomadTokenParameter',
  'nomadLogin',
  'nomadCaParameter',
  'nomadClientCertificateParameter',
  'nomadClientKeyParameter',
  'nomadServerName',
] as const;

/** What is always needed, with a value to begin from. */
const REQUIRED = {
  groups: 'the Auto Scaling groups of Nomad clients, like -c groups=builders,runners',
  nomadAddress: "where Nomad's HTTP API answers, like -c nomadAddress=https://nomad.internal:4646",
} as const;

const NETWORK = ['vpcId', 'subnetIds', 'securityGroupIds'] as const;

/** The same, and which settings need or exclude each other. Checked even when a value is wrong: all problems are reported at once. */
export const fittingSettings = settings.superRefine(
  (values, context) => {
    const refuse = (name: SettingName, message: string) => context.addIssue({ code: 'custom', path: [name], message });
    const isGiven = (name: SettingName) => values[name] !== undefined;
    const ssm = values.nomadVia === 'ssm';

    for (const name of ['groups', ...(ssm ? [] : ['nomadAddress' as const])] as const) {
      if (!isGiven(name)) refuse(name, `missing: ${REQUIRED[name]}`);
    }
    for (const name of NETWORK.some(isGiven) ? NETWORK : []) {
      if (!isGiven(name)) refuse(name, 'missing: vpcId, subnetIds and securityGroupIds belong together');
    }
    for (const name of ssm ? ONLY_HTTP : []) {
      if (isGiven(name)) refuse(name, 'has no meaning with nomadVia=ssm');
    }
    if (isGiven('nomadGateway') && !ssm) refuse('nomadGateway', 'needs nomadVia=ssm');
    if (isGiven('nomadAudience') && !isGiven('nomadLogin'))
      refuse('nomadAudience', 'belongs to nomadLogin, which is missing');
    if (values.chooseIdleFirst && ssm) refuse('chooseIdleFirst', 'has no meaning with nomadVia=ssm: that is too slow');
    if (isGiven('onlyIdleFor') && !values.chooseIdleFirst) refuse('onlyIdleFor', 'needs chooseIdleFirst=true');
    if (isGiven('restoreAfter') && !isGiven('rebalanceRecommendations') && !values.scheduledMaintenance)
      refuse(
        'restoreAfter',
        'needs rebalanceRecommendations or scheduledMaintenance=true: nothing else is restored after it',
      );
  },
  { when: () => true },
);

function awsId(kind: string): RegExp {
  return new RegExp(`^${kind}-([0-9a-f]{8}|[0-9a-f]{17})$`);
}

/** What to say of a value that is none of these. */
function mustBe(wanted: string) {
  return { error: ({ input }: { input?: unknown }) => `must be ${wanted}, not ${JSON.stringify(input)}` };
}

function text(pattern: RegExp, wanted: string) {
  return z.string(mustBe(wanted)).regex(pattern, mustBe(wanted));
}

/** Its messages never say the value: it may be the secret that belongs into the parameter. */
function parameterName() {
  const error = 'must be the name of a parameter';
  return z
    .string(error)
    .refine((name) => !isSecret(name), { error: SECRET_REFUSED, abort: true })
    .regex(/^[\w./-]+$/, error);
}

function list(pattern: RegExp, wanted: string) {
  return z
    .union([z.string(), z.array(z.string())], mustBe(wanted))
    .transform((items) => (typeof items === 'string' ? items.split(',') : items).map((item) => item.trim()))
    .pipe(z.array(text(pattern, wanted)));
}

/** In cdk.json it may be true, on the command line it is "true". */
function choice<const Option extends string>(...options: Option[]) {
  const wanted = mustBe(options.join(' or '));
  return z.union([z.string(), z.boolean()], wanted).transform(String).pipe(z.enum(options, wanted));
}

function flag() {
  return choice('true', 'false').transform((chosen) => chosen === 'true');
}

function duration(field: keyof typeof DURATIONS) {
  const pattern = /^(?=\d)(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?$/;
  return text(pattern, 'a duration like 6h, 30m, 90s or 1h30m').transform((written, context) => {
    const [, hours = 0, minutes = 0, seconds = 0] = pattern.exec(written) ?? [];
    const amount = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
    const { id } = DURATIONS[field];
    const message = durationRefusal(DURATIONS[field], amount, written);
    if (message) context.addIssue({ code: 'custom', message, params: { id } });
    return Duration.seconds(amount);
  });
}
