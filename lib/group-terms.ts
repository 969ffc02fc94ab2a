import { Duration } from 'aws-cdk-lib';
import { DefaultResult } from 'aws-cdk-lib/aws-autoscaling';
import { DEFAULT_RESTORE_SECONDS } from '../lambda/config/config.ts';
import { DEFAULT_ADMISSION, DEFAULT_POLICY } from '../lambda/core/model/policy.ts';
import { defined } from './defined.ts';
import {
  type AdmissionOptions,
  DEFAULT_HOOK,
  type DrainedGroup,
  type DrainPolicy,
  type GroupOptions,
  type IdleFirstOptions,
  type LifecycleHookOptions,
  type NomadDrainHookProps,
  type NoticeOptions,
} from './props.ts';

/** What holds for the instances of a group, with every default. */
export interface Terms {
  readonly policy: Required<DrainPolicy>;
  readonly notices: Required<NoticeOptions>;
  /** Undefined where Auto Scaling chooses by itself. */
  readonly idleFirst: IdleFirstOptions | undefined;
  /** Undefined where instances are put into service whether their nodes are ready or not. */
  readonly admission: Required<AdmissionOptions> | undefined;
  readonly purgeNodes: boolean;
}

/** A group, and what holds for it. */
export interface GroupTerms extends Terms {
  readonly group: DrainedGroup;
}

/** Those properties of the construct that hold for all groups that do not say otherwise. */
export type SharedOptions = Pick<
  NomadDrainHookProps,
  'policy' | 'notices' | 'chooseIdleFirst' | 'admitWhenReady' | 'purgeNodes'
>;

const DEFAULTS: Terms = {
  policy: {
    deadline: Duration.seconds(DEFAULT_POLICY.deadlineSeconds),
    killMargin: Duration.seconds(DEFAULT_POLICY.killMarginSeconds),
    grace: Duration.seconds(DEFAULT_POLICY.graceSeconds),
    ignoreSystemJobs: DEFAULT_POLICY.ignoreSystemJobs,
    onTimeout: DefaultResult[DEFAULT_POLICY.onTimeout],
    jobMeta: DEFAULT_POLICY.jobMeta,
  },
  notices: {
    spot: true,
    rebalance: 'off',
    maintenance: false,
    restoreAfter: Duration.seconds(DEFAULT_RESTORE_SECONDS),
  },
  idleFirst: undefined,
  admission: undefined,
  purgeNodes: false,
};

/** What holds for all groups that do not say otherwise. An undefined option gets its default, as everywhere in the CDK. */
export const sharedTerms = (options: SharedOptions): Terms => termsOf(options, DEFAULTS);

/** What holds for each group: its own options, or else those of the construct. */
export function groupTerms(
  groups: readonly (DrainedGroup | GroupOptions)[],
  options: SharedOptions,
): readonly GroupTerms[] {
  const shared = sharedTerms(options);
  return groups.map((entry) => {
    if (typeof entry === 'string' || 'autoScalingGroupName' in entry) return { group: entry, ...shared };
    const { group, notices, chooseIdleFirst, admitWhenReady, purgeNodes, ...policy } = entry;
    return { group, ...termsOf({ policy, notices, chooseIdleFirst, admitWhenReady, purgeNodes }, shared) };
  });
}

type Given = { readonly [Option in keyof SharedOptions]: SharedOptions[Option] | undefined };

function termsOf(given: Given, others: Terms): Terms {
  const { policy = {}, notices = {}, chooseIdleFirst, admitWhenReady, purgeNodes } = given;
  return {
    policy: { ...others.policy, ...defined(policy) },
    notices: { ...others.notices, ...defined(notices) },
    idleFirst: chooseIdleFirst === undefined ? others.idleFirst : idleFirstOf(chooseIdleFirst),
    admission: admitWhenReady === undefined ? others.admission : admissionOf(admitWhenReady, others),
    purgeNodes: purgeNodes ?? others.purgeNodes,
  };
}

const idleFirstOf = (given: boolean | IdleFirstOptions): IdleFirstOptions | undefined =>
  typeof given === 'boolean' ? (given ? {} : undefined) : given;

const READY: Required<AdmissionOptions> = {
  readyTimeout: Duration.seconds(DEFAULT_ADMISSION.readyTimeoutSeconds),
  drivers: DEFAULT_ADMISSION.drivers,
  awaitSystemJobs: DEFAULT_ADMISSION.awaitSystemJobs,
};

function admissionOf(given: boolean | AdmissionOptions, others: Terms): Required<AdmissionOptions> | undefined {
  if (given === false) return undefined;
  return { ...READY, ...others.admission, ...(given === true ? {} : defined(given)) };
}

/** The name and the timeout of the hook, with every default: the same in every group. */
export function hookOf({
  name = DEFAULT_HOOK.name,
  heartbeatTimeout = DEFAULT_HOOK.heartbeatTimeout,
}: LifecycleHookOptions = {}): Required<Pick<LifecycleHookOptions, 'name' | 'heartbeatTimeout'>> {
  return { name, heartbeatTimeout };
}

/** A wait that lapses did not end in time, and Auto Scaling retains no instance that ends by CONTINUE. */
export const defaultResultOf = (hook: LifecycleHookOptions = {}, { policy }: Terms): DefaultResult =>
  hook.defaultResult ?? policy.onTimeout;
