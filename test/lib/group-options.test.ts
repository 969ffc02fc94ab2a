import { Duration } from 'aws-cdk-lib';
import { Annotations, Match, type Template } from 'aws-cdk-lib/assertions';
import * as autoscaling from 'aws-cdk-lib/aws-autoscaling';
import { describe, expect, test } from 'vitest';
import { CONFIG_VARIABLE, parseConfig } from '../../lambda/config/config.ts';
import { NomadAccess } from '../../lib/access/nomad-access.ts';
import type { GroupOptions, IdleFirstOptions, NomadDrainHookProps } from '../../lib/props.ts';
import {
  configOf,
  drainHook,
  emptyStack,
  environmentOf,
  groupIn,
  type Json,
  problemsOf,
  resources,
  statementsOf,
  templateOf,
  thrownProblems,
} from './stacks.ts';

const GROUP = 'AWS::AutoScaling::AutoScalingGroup';
const minutes = (amount: number) => Duration.minutes(amount);
const web = (own: Omit<GroupOptions, 'group'>): GroupOptions => ({ group: 'web', ...own });
const ABANDON = autoscaling.DefaultResult.ABANDON;

/** The groups in the environment, as they are written there. */
const written = (template: Template) => JSON.parse(environmentOf(template).NOMAD_DRAIN_HOOK!).groups;

describe('a group with options of its own', () => {
  test('is drained by them, and by the options of the construct for all that it leaves out', () => {
    const template = templateOf({
      policy: { deadline: Duration.hours(2), killMargin: minutes(1) },
      notices: { rebalance: 'drain', restoreAfter: minutes(20) },
      chooseIdleFirst: { onlyIdleFor: minutes(5) },
      purgeNodes: true,
      groups: [
        'builders',
        web({
          ...{ deadline: minutes(30), grace: minutes(1), ignoreSystemJobs: true, onTimeout: ABANDON, jobMeta: true },
          notices: { rebalance: 'off', maintenance: true },
          chooseIdleFirst: false,
          purgeNodes: false,
        }),
      ],
    });
    const [builders, other] = configOf(template).groups;
    expect(builders).toMatchObject({
      policy: {
        deadlineSeconds: 7200,
        killMarginSeconds: 60,
        graceSeconds: 120,
        onTimeout: 'CONTINUE',
        jobMeta: false,
      },
      notices: { spot: true, rebalance: 'drain', maintenance: false, restoreSeconds: 1200 },
      chooses: { on: true, onlyIdle: true, onlyIdleForSeconds: 300 },
      purge: true,
    });
    expect(other).toMatchObject({
      name: 'web',
      policy: {
        ...{ deadlineSeconds: 1800, killMarginSeconds: 60, graceSeconds: 60, ignoreSystemJobs: true },
        ...{ onTimeout: 'ABANDON', jobMeta: true },
      },
      notices: { spot: true, rebalance: 'off', maintenance: true, restoreSeconds: 1200 },
      chooses: { on: false },
      purge: false,
    });
  });

  test('takes room in the environment for what differs from the construct, and for nothing else', () => {
    const same = web({ deadline: Duration.hours(6), notices: { spot: true }, chooseIdleFirst: false });
    expect(written(templateOf({ groups: ['builders', same] }))).toEqual([{ name: 'builders' }, { name: 'web' }]);
    expect(written(templateOf({ groups: [web({ deadline: minutes(30), notices: { maintenance: true } })] }))).toEqual([
      { name: 'web', policy: { deadlineSeconds: 1800 }, notices: { maintenance: true } },
    ]);
  });

  test('ends a wait that lapses as it ends one that took too long', () => {
    const results = (props: Partial<NomadDrainHookProps>) =>
      Object.values(
        resources(
          templateOf({ groups: ['builders', web({ onTimeout: ABANDON })], ...props }),
          'AWS::AutoScaling::LifecycleHook',
        ),
      ).map(({ Properties }) => [Properties.AutoScalingGroupName, Properties.DefaultResult]);
    expect(results({})).toEqual([
      ['builders', 'CONTINUE'],
      ['web', 'ABANDON'],
    ]);
    expect(results({ hook: { defaultResult: ABANDON } }).map(([, result]) => result)).toEqual(['ABANDON', 'ABANDON']);
  });

  test('puts instances into service when they are ready: as the construct has it, with its own drivers, or not at all', () => {
    const template = templateOf({
      admitWhenReady: { readyTimeout: minutes(10), drivers: ['docker'] },
      launchHookName: 'ready',
      groups: [
        'builders',
        web({ admitWhenReady: { drivers: ['docker', 'exec'] } }),
        { group: 'api', admitWhenReady: true },
        { group: 'old', admitWhenReady: false },
      ],
    });
    expect(configOf(template).groups.map(({ admission }) => [admission.on, ...admission.drivers])).toEqual([
      [true, 'docker'],
      [true, 'docker', 'exec'],
      [true, 'docker'],
      [false, 'docker'],
    ]);
    expect(configOf(template).groups.map(({ admission }) => admission.readyTimeoutSeconds)).toEqual([
      600, 600, 600, 600,
    ]);
    const launching = Object.values(resources(template, 'AWS::AutoScaling::LifecycleHook'))
      .map(({ Properties }) => Properties)
      .filter(({ LifecycleTransition }) => LifecycleTransition === 'autoscaling:EC2_INSTANCE_LAUNCHING');
    expect(launching).toEqual(
      ['builders', 'web', 'api'].map((AutoScalingGroupName) => ({
        AutoScalingGroupName,
        LifecycleHookName: 'ready',
        LifecycleTransition: 'autoscaling:EC2_INSTANCE_LAUNCHING',
        HeartbeatTimeout: 300,
        DefaultResult: 'CONTINUE',
      })),
    );
    const [rule] = Object.values(resources(template, 'AWS::Events::Rule')).filter(
      ({ Properties }) => Properties.EventPattern?.['detail-type'][0] === 'EC2 Instance-launch Lifecycle Action',
    );
    expect(rule?.Properties.EventPattern.detail).toEqual({
      AutoScalingGroupName: ['builders', 'web', 'api'],
      LifecycleHookName: ['ready'],
    });
  });

  test('may be a construct as well as a name', () => {
    const stack = emptyStack();
    const template = templateOf({ groups: [{ group: groupIn(stack), deadline: minutes(30) }] }, stack);
    expect(configOf(template).groups[0]?.policy.deadlineSeconds).toBe(1800);
    expect(written(template)[0].name).toBe(Object.keys(resources(template, GROUP))[0]);
  });
});

describe('at synth is refused, by the name of the group', () => {
  test('every option that is wrong', () => {
    const wrong = web({
      ...{ deadline: Duration.hours(49), grace: Duration.millis(1500), onTimeout: 'KEEP' as typeof ABANDON },
      notices: { restoreAfter: Duration.seconds(59) },
      chooseIdleFirst: { onlyIdleFor: Duration.hours(1) },
      admitWhenReady: { readyTimeout: Duration.seconds(59) },
      purgeNodes: 1 as unknown as boolean,
    });
    expect(problemsOf(() => drainHook({ groups: ['builders', wrong] })).map((each) => each.split(': ')[0])).toEqual([
      'groups[1].deadline',
      'groups[1].grace',
      'groups[1].onTimeout',
      'groups[1].notices.restoreAfter',
      'groups[1].chooseIdleFirst.onlyIdleFor',
      'groups[1].admitWhenReady.readyTimeout',
      'groups[1].purgeNodes',
    ]);
  });

  test('a deadline that the hook cannot hold: that of a group, or once that of the construct', () => {
    const problems = (groups: NomadDrainHookProps['groups'], deadline = minutes(10)) =>
      problemsOf(() => drainHook({ groups, policy: { deadline }, hook: { heartbeatTimeout: minutes(1) } }));
    expect(problems(['builders', web({ deadline: minutes(91) })])).toEqual([
      expect.stringMatching(/^groups\[1\]\.deadline: 1 h 31 min is more than the 1 h 30 min that the hook can hold/),
    ]);
    expect(problems([web({ killMargin: minutes(60) })])).toEqual([
      expect.stringMatching(/^groups\[0\]\.deadline: 10 min is more than the 0 s that the hook can hold/),
    ]);
    const tooLong = minutes(91);
    expect(problems(['builders', 'runners', web({ grace: minutes(1) })], tooLong)).toEqual([
      expect.stringMatching(/^policy\.deadline: 1 h 31 min is more/),
    ]);
    // No instance has it.
    expect(problems([web({ deadline: minutes(10) })], tooLong)).toEqual([]);
  });

  test('to choose where Nomad is asked through instances', () => {
    const groups = ['builders', web({ chooseIdleFirst: true })];
    expect(problemsOf(() => drainHook({ groups, nomad: NomadAccess.runCommand() }))).toEqual([
      expect.stringMatching(/^groups\[1\]\.chooseIdleFirst: Nomad must be reached over HTTP/),
    ]);
  });

  test('a group that is given twice, once with options', () => {
    expect(problemsOf(() => drainHook({ groups: ['web', web({ deadline: minutes(30) })] }))).toEqual([
      'groups[1]: group web is named more than once [nomad-drain-hook:groupTwice]',
    ]);
  });
});

test('a deadline below a minute is warned about by the groups that have it', () => {
  const stack = emptyStack();
  drainHook({ groups: ['builders', web({ deadline: Duration.seconds(6) })] }, stack);
  const found = Annotations.fromStack(stack).findWarning('*', Match.stringLikeRegexp('shortDeadline'));
  expect(found.map(({ entry }) => entry.data)).toEqual([
    expect.stringMatching(/^The drain deadline of web is 6 s: builds that need longer are killed/),
  ]);
});

describe('what one group alone acts on', () => {
  const invokedBy = (props: Partial<NomadDrainHookProps>) =>
    Object.values(resources(templateOf(props), 'AWS::Events::Rule')).flatMap(
      ({ Properties: { EventPattern: pattern } }) => pattern?.['detail-type'][0] ?? [],
    );
  const own = { spot: true, rebalance: 'cordon', maintenance: true } as const;
  const none = { spot: false, rebalance: 'off', maintenance: false } as const;

  test('invokes the function, which may ask EC2 about it', () => {
    const groups = ['builders', web({ notices: own })];
    expect(invokedBy({ groups, notices: none })).toHaveLength(4);
    const statements = statementsOf(templateOf({ groups, notices: none }));
    expect(Object.keys(statements)).toEqual(expect.arrayContaining(['ReadMaintenance', 'ReadSpotRequests']));
  });

  test('does neither where no group does, whatever the construct has for the others', () => {
    expect(invokedBy({ groups: [web({ notices: none })], notices: own })).toHaveLength(1);
    const statements = statementsOf(templateOf({ groups: [web({ notices: none })], notices: own }));
    expect(Object.keys(statements).filter((sid) => /ReadMaintenance|ReadSpotRequests/.test(sid))).toEqual([]);
  });
});

describe('which instance goes', () => {
  /** The groups as the function that chooses knows them, by their waits in seconds. */
  const known = (template: Template) => {
    const [answers] = Object.entries(resources(template, 'AWS::Lambda::Function')).filter(([id]) =>
      id.includes('WhoGoes'),
    );
    const { groups } = parseConfig(answers![1].Properties.Environment.Variables[CONFIG_VARIABLE]);
    return groups.map(({ name, chooses: { onlyIdle, onlyIdleForSeconds } }) => [
      name,
      onlyIdle ? onlyIdleForSeconds : 0,
    ]);
  };
  const waits = (amount: number): IdleFirstOptions => ({ onlyIdleFor: minutes(amount) });

  test('is asked by those groups alone that want it', () => {
    const template = templateOf({ groups: ['builders', web({ chooseIdleFirst: true }), 'runners'] });
    expect(known(template)).toEqual([['*', 0]]);
    const outputs = Object.values(template.toJSON().Outputs).map((each) => JSON.stringify((each as Json).Value));
    expect(outputs).toEqual([
      expect.stringContaining("for group in 'web'; do"),
      expect.stringContaining("in 'web'; do"),
    ]);
    expect(
      Object.keys(resources(templateOf({ groups: [web({ chooseIdleFirst: false })] }), 'AWS::Lambda::Function')),
    ).toHaveLength(1);
    expect(drainHook({ groups: [web({ chooseIdleFirst: false })], chooseIdleFirst: true }).whoGoes).toBeUndefined();
  });

  test('is answered for a group with its own wait by its name, and for any other as the construct has it', () => {
    const groups = ['builders', web({ chooseIdleFirst: waits(20) }), { group: 'api', chooseIdleFirst: true }];
    expect(known(templateOf({ groups, chooseIdleFirst: waits(5) }))).toEqual([
      ['*', 300],
      ['web', 1200],
      ['api', 0],
    ]);
  });

  const withMade = (
    name: string | undefined,
    others: (made: autoscaling.AutoScalingGroup) => NomadDrainHookProps['groups'],
  ) => {
    const stack = emptyStack();
    const made = groupIn(stack, name);
    return () => templateOf({ groups: others(made) }, stack);
  };

  test('is answered for a group of the stack without its name, which is made up after the function is', () => {
    const groups = (group: autoscaling.AutoScalingGroup) => [
      web({ chooseIdleFirst: true }),
      { group, chooseIdleFirst: waits(20) },
    ];
    expect(known(withMade(undefined, groups)())).toEqual([
      ['*', 1200],
      ['web', 0],
    ]);
    // It is known by a name that its author gives it.
    expect(known(withMade('builders', groups)())).toEqual([
      ['*', 0],
      ['builders', 1200],
    ]);
  });

  test('is refused for two groups of the stack that differ and have no names yet', () => {
    const stack = emptyStack();
    const one = groupIn(stack);
    const other = new autoscaling.CfnAutoScalingGroup(stack, 'Other', { minSize: '0', maxSize: '1' });
    const both = (chooseIdleFirst: IdleFirstOptions) =>
      thrownProblems(() =>
        drainHook(
          {
            groups: [
              { group: one, chooseIdleFirst: waits(20) },
              { group: other.ref, chooseIdleFirst },
            ],
          },
          stack,
        ),
      );
    const [problem, ...rest] = both(waits(5));
    expect(rest).toEqual([]);
    expect(problem).toMatchObject({ path: ['groups', 1], id: 'nomad-drain-hook:idleFirstDiffers' });
    expect(problem?.message).toMatch(
      /^has another chooseIdleFirst than groups\[0\], and CloudFormation makes up the names/,
    );
  });

  test('may be asked by each service-linked role that the groups have', () => {
    const template = templateOf({
      chooseIdleFirst: true,
      groups: ['builders', 'runners', web({ chooseIdleFirst: { serviceLinkedRoleSuffix: 'ci' } })],
    });
    const roles = Object.values(resources(template, 'AWS::Lambda::Permission')).flatMap(
      ({ Properties: { Principal: principal } }) => /role\/.*\/(\w+)"/.exec(JSON.stringify(principal))?.[1] ?? [],
    );
    expect(roles).toEqual(['AWSServiceRoleForAutoScaling', 'AWSServiceRoleForAutoScaling_ci']);
  });
});
