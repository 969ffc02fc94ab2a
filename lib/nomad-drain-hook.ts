import { Duration, Stack } from 'aws-cdk-lib';
import * as autoscaling from 'aws-cdk-lib/aws-autoscaling';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as events from 'aws-cdk-lib/aws-events';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { SqsDestination } from 'aws-cdk-lib/aws-lambda-destinations';
import type * as logs from 'aws-cdk-lib/aws-logs';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { CONFIG_VARIABLE, LAUNCH_HOOK } from '../lambda/config/config.ts';
import { ConfigError, type ConfigProblem, formatProblem } from '../lambda/errors.ts';
import { QUEUED_FOR_SECONDS } from '../lambda/events/interruptions.ts';
import { Endpoints } from './access/endpoints.ts';
import { acknowledge } from './acknowledge.ts';
import { acknowledgeCheckov } from './checkov.ts';
import { documentOf, type FieldNames, policiesOf, problemsOf, type WrittenDocument } from './document.ts';
import { askingGroups, choiceProblems } from './function/asking-groups.ts';
import { ConsoleTestEvents } from './function/console-test-events.ts';
import { environmentProblems, roleProblems } from './function/deployed-size.ts';
import { functionProps } from './function/function-props.ts';
import { FunctionRole } from './function/function-role.ts';
import { FUNCTION_TAG } from './function/function-tag.ts';
import { groupProblems, groupsOfOthers, knownGroup } from './function/group-problems.ts';
import { hookId } from './function/hook-id.ts';
import { concurrencyProblems, DEFAULT_MEMORY, memoryProblems } from './function/memory.ts';
import { actedOn, Notices } from './function/notices.ts';
import { queryAlias } from './function/query-alias.ts';
import { Stores } from './function/stores.ts';
import { WakeUps } from './function/wake-ups.ts';
import { groupsThatAskOthers, WhoGoes } from './function/who-goes.ts';
import { defaultResultOf, groupTerms, hookOf, sharedTerms } from './group-terms.ts';
import type { Alarms } from './monitoring/alarms.ts';
import { grantEvents } from './monitoring/event-bus.ts';
import { timesOf } from './monitoring/group-times.ts';
import { type Measured, type MetricName, measuredBy } from './monitoring/measured.ts';
import { Monitoring } from './monitoring/monitoring.ts';
import type { DrainedGroup, NomadDrainHookProps } from './props.ts';
import { warnOfTimes } from './warnings.ts';

/**
 * Drains the Nomad node of every instance that an Auto Scaling group terminates, and releases the instance once its
 * allocations have stopped.
 *
 * One function, invoked by the lifecycle event of an instance, by what EC2 says of it before, and by a sweep every minute,
 * and a lifecycle hook in each group. The hooks are made last and deleted first, so that no instance waits for a function that does not exist. Deleting
 * a hook (with the stack, or by removing a group from `groups`) completes the instances that wait for it with CONTINUE:
 * they are terminated at once, drained or not. Instances that wait for a deleted launching hook are abandoned, and replaced.
 *
 * @throws ConfigError naming every property that is wrong, each with an id; docs/construct.md says what to do about it
 *
 * @example
 * new NomadDrainHook(this, 'DrainHook', {
 *   groups: ['builders'],
 *   nomad: NomadAccess.http({ address: 'https://nomad.internal:4646', token: '/nomad/drain-token' }),
 *   policy: { deadline: Duration.hours(2) },
 * });
 */
export class NomadDrainHook extends Construct {
  /** The function. Lambda's limit of 4 KB for the environment is shared by the configuration and variables that you add. */
  readonly lambdaFunction: lambda.Function;
  /** The function that Auto Scaling asks which instances go; undefined without `chooseIdleFirst`. */
  readonly whoGoes: lambda.Function | undefined;
  /** The function's log, in JSON. */
  readonly logGroup: logs.ILogGroup;
  /** Runs that failed, or were throttled for 5 minutes: each message has the event and the error. A sweep does their work. */
  readonly failedRuns: sqs.Queue;
  /** Events that EventBridge could not deliver to Lambda. */
  readonly undeliveredEvents: sqs.Queue;
  /** The rule that invokes the function every minute. */
  readonly sweep: events.Rule;
  /** The hooks, one per group, in the order of the groups. */
  readonly hooks: readonly autoscaling.LifecycleHook[];
  /** The launching hooks of the groups with `admitWhenReady`, in the order of the groups. */
  readonly launchHooks: readonly autoscaling.LifecycleHook[];
  /** The alarms, by the name of their section in docs/operations.md: `alarms.TimedOut`. Empty with `alarms: false`. */
  readonly alarms: Alarms;
  /** The dashboard; undefined with `dashboard: false`. */
  readonly dashboard: cloudwatch.Dashboard | undefined;
  readonly #queryAlias: lambda.CfnAlias;
  readonly #measured: Measured;
  readonly #groups: readonly DrainedGroup[];

  constructor(scope: Construct, id: string, props: NomadDrainHookProps) {
    super(scope, id);
    const hook = hookOf(props.hook);
    const terms = groupTerms(props.groups, props);
    const given = terms.map(({ group }) => group);
    this.#groups = given;
    const notices = actedOn(terms);
    const groups = given.map((group, index) =>
      typeof group === 'string'
        ? autoscaling.AutoScalingGroup.fromAutoScalingGroupName(this, `Group${index}`, group)
        : group,
    );

    const wrongGroups = groupProblems(this, given);
    // The CDK cannot even write the name of such a group down.
    if (wrongGroups.some(({ id }) => id === 'nomad-drain-hook:groupElsewhere')) throw new ConfigError(wrongGroups);

    const stores = new Stores(this, props);
    this.logGroup = stores.logGroup;
    this.failedRuns = stores.queue('FailedRuns');
    this.undeliveredEvents = stores.queue('UndeliveredEvents');

    const permissions = new FunctionRole(this, 'Role', {
      role: props.role,
      groups,
      logGroup: this.logGroup,
      readsMaintenance: notices.maintenance,
      readsSpotRequests: notices.spot,
      inVpc: props.vpc !== undefined,
    });
    const groupNames = groups.map((group) => group.autoScalingGroupName);
    const document = documentOf({
      ...props,
      groupNames,
      nomad: props.nomad.bind(this, permissions.grantee, groupNames),
      bus: grantEvents(this, permissions.grantee, props.eventBus),
    });
    const asking = askingGroups(Stack.of(this), terms, groups);
    const environment = { [CONFIG_VARIABLE]: Stack.of(this).toJsonString(document) };
    const problems = [
      // Tokens are the same to the schema that the construct can tell apart, and the other way round.
      ...wrongGroups,
      ...problemsOf(document, PROPERTY_NAMES).filter(({ id }) => id !== 'nomad-drain-hook:groupTwice'),
      ...environmentProblems(environment, Stack.of(this), document.groups),
      ...vpcProblems(props, document),
      ...memoryProblems(props.memorySize),
      ...concurrencyProblems(props.reservedConcurrentExecutions),
      ...groupsThatAskOthers(asking, Stack.of(this)),
      ...choiceProblems(asking),
    ];
    if (problems.length > 0) throw new ConfigError(problems);
    const policies = policiesOf(document);
    const displayNames = given.map((group) => knownGroup(group).name);
    warnOfTimes(this, timesOf(policies, displayNames), hook.heartbeatTimeout);

    const common = functionProps(props, this.logGroup);
    this.lambdaFunction = new lambda.Function(this, 'Function', {
      ...common,
      memorySize: props.memorySize ?? DEFAULT_MEMORY,
      description: 'Drains the Nomad nodes of instances that Auto Scaling terminates',
      // A sweep that waits takes about 56 s, and up to 65 s where Nomad or AWS is silent.
      timeout: Duration.seconds(67),
      role: permissions.role,
      ...(props.reservedConcurrentExecutions !== undefined && {
        reservedConcurrentExecutions: props.reservedConcurrentExecutions,
      }),
      environment,
      // Lambda would retry a failed run after a minute, at the same time as a sweep that does the same work.
      retryAttempts: 0,
      // What was throttled for so long has been done by a later sweep. Its event goes to FailedRuns.
      maxEventAge: Duration.seconds(QUEUED_FOR_SECONDS),
      onFailure: new SqsDestination(this.failedRuns),
    });
    if (props.role) this.lambdaFunction.node.addDependency(permissions);
    (this.lambdaFunction.node.defaultChild as lambda.CfnFunction).tags.setTag(FUNCTION_TAG, 'function');
    this.#queryAlias = queryAlias(this, this.lambdaFunction);
    this.#measured = measuredBy(this.lambdaFunction);
    acknowledge(this.lambdaFunction, {
      'Serverless-LambdaDLQ':
        'What fails goes to the queue of failed runs, as a destination: with the error, not the event alone.',
      'Serverless-LambdaTracing':
        'A run is one function that asks two APIs: its log says what was asked and how long it took.',
    });
    if (props.vpc && props.vpcEndpoints) {
      new Endpoints(this, 'Endpoints', {
        vpc: props.vpc,
        handler: this.lambdaFunction,
        nomad: document.nomad,
        ...(props.vpcSubnets && { subnets: props.vpcSubnets }),
      });
    }
    if (asking.length > 0) {
      const securityGroups = props.vpc && { securityGroups: this.lambdaFunction.connections.securityGroups };
      this.whoGoes = new WhoGoes(this, 'WhoGoes', {
        asking,
        shared: sharedTerms(props).idleFirst,
        document,
        common: { ...common, ...securityGroups },
        grant: (scope, role) => {
          props.nomad.bind(this, role, groupNames);
          grantEvents(scope, role, props.eventBus);
        },
      }).function;
    }
    if (props.testEvents) new ConsoleTestEvents(this, 'TestEvents', this.lambdaFunction, props.testEvents);
    // Again at synthesis: variables and permissions may be added until then.
    const { environment: everything } = this.lambdaFunction.node.defaultChild as lambda.CfnFunction;
    this.lambdaFunction.node.addValidation({
      validate: () =>
        [
          ...environmentProblems(Stack.of(this).resolve(everything).variables, Stack.of(this), document.groups),
          ...roleProblems(permissions.role),
          ...groupsOfOthers(given, this.#othersHere()),
        ].map(formatProblem),
    });

    const { launchHookName = LAUNCH_HOOK.name } = props;
    const admitting = groups.filter((_, index) => terms[index]?.admission);
    const wakeUps = new WakeUps(this, 'WakeUps', {
      handler: this.lambdaFunction,
      groupNames,
      hookName: hook.name,
      launches: { groupNames: admitting.map((group) => group.autoScalingGroupName), hookName: launchHookName },
      deadLetterQueue: this.undeliveredEvents,
    });
    this.sweep = wakeUps.sweep;
    // No hook depends on these: an instance that waits is released without them.
    new Notices(this, 'Notices', {
      notices,
      handler: this.lambdaFunction,
      deadLetterQueue: this.undeliveredEvents,
    });

    // Hooks are made last, deleted first: no instance waits while nothing can release it.
    const before = [permissions, this.lambdaFunction, this.failedRuns, this.undeliveredEvents];
    this.hooks = groups.map((group, index) => {
      const made = new autoscaling.LifecycleHook(this, `Hook-${hookId(this, group.autoScalingGroupName)}`, {
        autoScalingGroup: group,
        lifecycleHookName: hook.name,
        lifecycleTransition: autoscaling.LifecycleTransition.INSTANCE_TERMINATING,
        heartbeatTimeout: hook.heartbeatTimeout,
        defaultResult: defaultResultOf(props.hook, terms[index] ?? sharedTerms(props)),
      });
      made.node.addDependency(...before, ...wakeUps.terminations, wakeUps.sweep);
      return made;
    });
    this.launchHooks = admitting.map((group) => {
      const made = new autoscaling.LifecycleHook(this, `LaunchHook-${hookId(this, group.autoScalingGroupName)}`, {
        autoScalingGroup: group,
        lifecycleHookName: launchHookName,
        lifecycleTransition: autoscaling.LifecycleTransition.INSTANCE_LAUNCHING,
        heartbeatTimeout: Duration.seconds(LAUNCH_HOOK.heartbeatTimeoutSeconds),
        // A function that does not answer must not stop a group from growing.
        defaultResult: autoscaling.DefaultResult.CONTINUE,
      });
      made.node.addDependency(...before, wakeUps);
      return made;
    });

    const { alarms, dashboard } = new Monitoring(this, 'Monitoring', {
      ...props.monitoring,
      handler: this.lambdaFunction,
      logGroup: this.logGroup,
      sweep: this.sweep,
      failedRuns: this.failedRuns,
      undeliveredEvents: this.undeliveredEvents,
      whoGoes: this.whoGoes,
      groups: timesOf(policies, groupNames),
      admits: admitting.length > 0,
      heartbeatTimeoutSeconds: hook.heartbeatTimeout.toSeconds(),
    });
    this.alarms = alarms;
    this.dashboard = dashboard;
    acknowledgeCheckov(this);
  }

  /**
   * Lets a principal ask, and not drain: `nomad-drain-hook status`, `nodes`, `jobs`, `logs`, `plan` and dry runs. It may invoke the alias
   * `query` alone, through which the function refuses everything else.
   * @throws Error for a principal that has no policy, such as `iam.ArnPrincipal`: give its own policy the statement of docs/cli.md
   */
  grantQuery(grantee: iam.IGrantable): iam.Grant {
    const grant = iam.Grant.addToPrincipal({
      grantee,
      actions: ['lambda:InvokeFunction'],
      resourceArns: [this.#queryAlias.ref],
    });
    grant.assertSuccess();
    return grant;
  }

  /**
   * A metric of the function, over a minute.
   * @param metricName one of docs/reference.md
   * @param props other than the sum of it in each minute
   */
  metric(metricName: MetricName, props: cloudwatch.MetricOptions = {}): cloudwatch.Metric {
    return this.#measured(metricName, 'Sum').with(props);
  }

  /** How many instances wait to be released: the most in each minute. */
  metricInstancesWaiting(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric('InstancesWaiting', { statistic: 'Maximum', ...props });
  }

  /** How long the oldest of them has waited, in seconds: the longest in each minute. */
  metricOldestWait(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric('OldestWait', { statistic: 'Maximum', ...props });
  }

  /** How long drains took, from their start to an empty node, in seconds: the median of each minute. */
  metricTimeToDrain(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric('TimeToDrain', { statistic: 'p50', ...props });
  }

  /** How many allocations a drain deadline killed: the sum of each minute. */
  metricAllocationsKilled(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric('AllocationsKilled', props);
  }

  /** Those that were made before this one, and are surely of its region: of two, one reports what they share. */
  #othersHere(): { path: string; groups: readonly DrainedGroup[] }[] {
    const stack = Stack.of(this);
    const known = !stack.environment.includes('unknown-');
    const all = this.node.root.node.findAll().filter((each) => each instanceof NomadDrainHook);
    return all
      .slice(0, all.indexOf(this))
      .filter((each) => Stack.of(each) === stack || (known && Stack.of(each).environment === stack.environment))
      .map((each) => ({ path: each.node.path, groups: each.#groups }));
  }
}

function vpcProblems(props: NomadDrainHookProps, { nomad }: WrittenDocument): ConfigProblem[] {
  const { vpc, vpcSubnets, securityGroups, vpcEndpoints } = props;
  if (vpc) return [];
  if (vpcSubnets || securityGroups || vpcEndpoints) {
    const message = 'vpcSubnets, securityGroups, vpcEndpoints: no vpc given';
    return [{ path: [], id: 'nomad-drain-hook:vpcMissing', message }];
  }
  if (nomad.via !== 'clients') return [];
  const message = 'missing: the private addresses of Nomad clients are reachable from inside a VPC alone';
  return [{ path: ['vpc'], id: 'nomad-drain-hook:clientsNeedVpc', message }];
}

/** What the construct calls the fields of the configuration document. */
const PROPERTY_NAMES: FieldNames = {
  'groups.*.name': 'groups.*',
  'groups.*.hook': 'hook.name',
  'groups.*.heartbeatTimeoutSeconds': 'hook.heartbeatTimeout',
  'groups.*.policy': 'groups.*',
  'groups.*.policy.deadlineSeconds': 'groups.*.deadline',
  'groups.*.policy.killMarginSeconds': 'groups.*.killMargin',
  'groups.*.policy.graceSeconds': 'groups.*.grace',
  'groups.*.notices.restoreSeconds': 'groups.*.notices.restoreAfter',
  'groups.*.chooses.on': 'groups.*.chooseIdleFirst',
  'groups.*.chooses.onlyIdleForSeconds': 'groups.*.chooseIdleFirst.onlyIdleFor',
  'groups.*.admission.on': 'groups.*.admitWhenReady',
  'groups.*.admission.readyTimeoutSeconds': 'groups.*.admitWhenReady.readyTimeout',
  'groups.*.admission.drivers': 'groups.*.admitWhenReady.drivers',
  'groups.*.purge': 'groups.*.purgeNodes',
  'hook.heartbeatTimeoutSeconds': 'hook.heartbeatTimeout',
  'policy.deadlineSeconds': 'policy.deadline',
  'policy.killMarginSeconds': 'policy.killMargin',
  'policy.graceSeconds': 'policy.grace',
  'notices.restoreSeconds': 'notices.restoreAfter',
  'admission.on': 'admitWhenReady',
  'admission.readyTimeoutSeconds': 'admitWhenReady.readyTimeout',
  'admission.drivers': 'admitWhenReady.drivers',
  'admission.hook': 'launchHookName',
  purge: 'purgeNodes',
  'chooses.on': 'chooseIdleFirst',
  'chooses.onlyIdleForSeconds': 'chooseIdleFirst.onlyIdleFor',
  'nomad.token.parameter': 'nomad.token',
  'nomad.ca.parameter': 'nomad.ca',
  'nomad.clientCertificate.parameter': 'nomad.clientCertificate',
  'nomad.clientKey.parameter': 'nomad.clientKey',
};
