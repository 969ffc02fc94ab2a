import { readFileSync } from 'node:fs';
import { CfnParameter, Duration, Stack } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import { DefaultResult } from 'aws-cdk-lib/aws-autoscaling';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as ssm from 'aws-cdk-lib/aws-ssm';
import { describe, expect, test } from 'vitest';
import { NomadAccess } from '../../lib/access/nomad-access.ts';
import { ENVIRONMENT_BYTES, environmentBytes, ROLE_CHARACTERS } from '../../lib/function/deployed-size.ts';
import { NomadDrainHook } from '../../lib/nomad-drain-hook.ts';
import type { GroupOptions } from '../../lib/props.ts';
import {
  drainHook,
  emptyStack,
  environmentOf,
  groupIn,
  makeApp,
  problemsOf,
  templateOf,
  thrownProblems,
  vpcIn,
} from './stacks.ts';

const at = (address: string) => ({ nomad: NomadAccess.http({ address }) });

function messageOf(action: () => unknown): string {
  try {
    action();
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

describe('at synth the construct refuses', () => {
  test('everything that is wrong at once, each by the name of its property', () => {
    const problems = problemsOf(() =>
      drainHook({
        groups: ['builders', 'runners', 'builders'],
        ...at('ftp://nomad'),
        policy: { grace: Duration.hours(2), deadline: Duration.millis(1500) },
        hook: { name: '', heartbeatTimeout: Duration.seconds(20) },
        securityGroups: [],
      }),
    );
    expect(problems.map((problem) => problem.split(': ')[0]).toSorted()).toEqual([
      'groups[2]',
      'hook.heartbeatTimeout',
      'hook.name',
      'nomad.address',
      'policy.deadline',
      'policy.grace',
      'vpcSubnets, securityGroups, vpcEndpoints',
    ]);
    expect(problems.join('\n')).toContain('group builders is named more than once');
  });

  test('by values: the keys of the property, the id, what is wrong', () => {
    const groups = ['builders', 'x'.repeat(256)];
    const wrong = { policy: { grace: Duration.hours(2) }, hook: { name: '' }, vpcEndpoints: true };
    const nomad = NomadAccess.http({ address: 'https://nomad.internal:4646', ca: '', region: '' });
    expect(thrownProblems(() => drainHook({ groups, nomad, ...wrong })).map(({ path, id }) => [...path, id])).toEqual([
      ['hook', 'name', 'nomad-drain-hook:hookName'],
      ['groups', 1, 'nomad-drain-hook:groupName'],
      ['nomad', 'region', 'nomad-drain-hook:emptyText'],
      ['nomad', 'ca', 'nomad-drain-hook:emptyText'],
      ['policy', 'grace', 'nomad-drain-hook:graceOutOfRange'],
      ['nomad-drain-hook:vpcMissing'],
    ]);
  });

  test('no group at all', () => {
    expect(problemsOf(() => drainHook({ groups: [] }))).toEqual([expect.stringMatching(/^groups: /)]);
  });

  test.each([
    ['30 s', Duration.seconds(30), true],
    ['29 s', Duration.seconds(29), false],
    ['2 h', Duration.hours(2), true],
    ['2 h and a second', Duration.seconds(7201), false],
  ])('a heartbeat timeout that Auto Scaling refuses: %s', (_, heartbeatTimeout, accepted) => {
    const policy = { deadline: Duration.minutes(10) };
    const problems = problemsOf(() => drainHook({ hook: { heartbeatTimeout }, policy }));
    expect(problems.length).toBe(accepted ? 0 : 1);
    expect(problems.join()).toContain(accepted ? '' : 'hook.heartbeatTimeout');
  });

  test.each([
    // 100 heartbeat timeouts of 100 s are 10,000 s; two kill margins of 300 s leave 9,400 s.
    ['fits 100 heartbeat timeouts', Duration.seconds(9400), Duration.seconds(100), true],
    ['is a second longer than 100 heartbeat timeouts hold', Duration.seconds(9401), Duration.seconds(100), false],
    ['fits 48 h', Duration.hours(48).minus(Duration.minutes(10)), Duration.hours(2), true],
    ['is a second longer than 48 h hold', Duration.seconds(172_201), Duration.hours(2), false],
  ])('a hook that cannot hold the deadline: one that %s', (_, deadline, heartbeatTimeout, accepted) => {
    const problems = problemsOf(() => drainHook({ policy: { deadline }, hook: { heartbeatTimeout } }));
    expect(problems.length).toBe(accepted ? 0 : 1);
    expect(problems.join()).toContain(accepted ? '' : 'that the hook can hold');
  });

  test.each([
    [
      '48 h by default, saying what it leaves',
      {},
      { deadline: Duration.hours(48) },
      '48 h is more than the 47 h 50 min that the hook can hold: Auto Scaling holds an instance for 48 h (100 heartbeat timeouts ' +
        'of 30 min, at most 48 h), and the last 10 min of that are for what is killed at the deadline. You can shorten the ' +
        'deadline, or shorten the kill margin',
    ],
    [
      '91 min with a hook of a minute, which may be longer',
      { heartbeatTimeout: Duration.minutes(1) },
      { deadline: Duration.minutes(91) },
      '1 h 31 min is more than the 1 h 30 min that the hook can hold: Auto Scaling holds an instance for 1 h 40 min (100 heartbeat ' +
        'timeouts of 1 min, at most 48 h), and the last 10 min of that are for what is killed at the deadline. You can shorten ' +
        'the deadline, or shorten the kill margin, or lengthen the heartbeat timeout',
    ],
    [
      'any length with a kill margin that fills the hook',
      { heartbeatTimeout: Duration.seconds(30) },
      { deadline: Duration.minutes(1), killMargin: Duration.hours(1) },
      '1 min is more than the 0 s that the hook can hold: Auto Scaling holds an instance for 50 min (100 heartbeat timeouts of ' +
        '30 s, at most 48 h), and the last 2 h of that are for what is killed at the deadline. You can shorten the kill ' +
        'margin, or lengthen the heartbeat timeout',
    ],
  ])('a deadline of %s', (_, hook, policy, why) => {
    expect(problemsOf(() => drainHook({ policy, hook }))).toEqual([
      `policy.deadline: ${why} [nomad-drain-hook:deadlineBeyondHook]`,
    ]);
  });

  test.each([
    ['deadline', Duration.hours(49), '49 h is more than the 48 h a deadline may be'],
    ['killMargin', Duration.hours(3), '3 h is more than the 2 h a kill margin may be'],
    ['grace', Duration.seconds(3601), '1 h 1 s is more than the 1 h a grace period may be'],
    ['grace', Duration.millis(1500), '1.5 s is not a whole number of seconds'],
  ])('a duration out of its limits, once and in words: %s', (name, duration, why) => {
    expect(problemsOf(() => drainHook({ policy: { [name]: duration } }))).toEqual([
      expect.stringMatching(new RegExp(`^policy\\.${name}: ${why} \\[nomad-drain-hook:${name}OutOfRange\\]$`)),
    ]);
  });

  test('more groups than fit the environment', () => {
    const groups = Array.from({ length: 200 }, (_, index) => `builders-${index}`);
    expect(problemsOf(() => drainHook({ groups }))).toEqual([
      expect.stringMatching(/^groups: the environment of the function would be \d+ bytes, Lambda takes 4096/),
    ]);
    expect(problemsOf(() => drainHook({ groups: groups.slice(0, 30) }))).toEqual([]);
  });

  const EVERYTHING: Omit<GroupOptions, 'group'> = {
    deadline: Duration.minutes(30),
    killMargin: Duration.minutes(1),
    grace: Duration.minutes(1),
    ignoreSystemJobs: true,
    onTimeout: DefaultResult.ABANDON,
    jobMeta: true,
    notices: { spot: false, rebalance: 'cordon', maintenance: true, restoreAfter: Duration.minutes(30) },
    chooseIdleFirst: { onlyIdleFor: Duration.minutes(10) },
    purgeNodes: true,
  };

  test.each<[string, RegExp, Omit<GroupOptions, 'group'> | undefined]>([
    ['as the construct has it', /(\d+) groups fit whose names have 20 characters/, undefined],
    ['with a deadline of its own', /(\d+) if each has a deadline of its own/, { deadline: Duration.minutes(30) }],
    ['that differs in everything', /(\d+) if each differs in everything/, EVERYTHING],
  ])('one group more than docs/construct.md says, each %s, and says how many fit', (_, documented, own) => {
    const page = readFileSync(new URL('../../docs/construct.md', import.meta.url), 'utf8');
    const fit = Number(documented.exec(page)?.[1]);
    const groups = Array.from({ length: fit + 1 }, (_each, index) => `${index}`.padStart(20, 'g')).map((name) =>
      own ? { group: name, ...own } : name,
    );
    expect(problemsOf(() => drainHook({ groups: groups.slice(0, fit) }))).toEqual([]);
    expect(problemsOf(() => drainHook({ groups }))).toEqual([
      expect.stringContaining(`about ${fit} of the groups (${fit + 1}) fit. Spread them over several NomadDrainHooks`),
    ]);
  });

  test('more permissions of its role than IAM takes, whoever added them', () => {
    const synth = (filler: number) => {
      const stack = emptyStack();
      const { role } = drainHook({}, stack).lambdaFunction;
      const statement = new iam.PolicyStatement({
        actions: ['s3:GetObject'],
        resources: [`arn:aws:s3:::${'x'.repeat(filler)}`],
      });
      role!.attachInlinePolicy(new iam.Policy(stack, 'More', { statements: [statement] }));
      return Template.fromStack(stack);
    };
    const tooLarge = /the inline policies of the function's role would be (\d+) characters, IAM takes 10240/;
    const [, characters] = tooLarge.exec(messageOf(() => synth(10_000))) ?? [];
    const fitting = 10_000 - (Number(characters) - ROLE_CHARACTERS);
    // Of its own 1,700 or so characters, those that CloudFormation fills in are estimated.
    expect(fitting).toBeGreaterThan(8000);
    expect(messageOf(() => synth(fitting))).toBe('');
    expect(messageOf(() => synth(fitting + 1))).toMatch(tooLarge);
    expect(messageOf(() => synth(fitting + 1))).toContain('[nomad-drain-hook:roleTooLarge]');
  });

  test('an environment that was filled up afterwards', () => {
    const stack = emptyStack();
    const hook = drainHook({}, stack);
    hook.lambdaFunction.addEnvironment('OTHER', 'x'.repeat(4000));
    expect(() => Template.fromStack(stack)).toThrow(/the environment of the function would be \d+ bytes/);
  });
});

describe('of the groups the construct refuses', () => {
  test.each([
    '*',
    'build*',
    'arn:aws:autoscaling:eu-west-1:111122223333:autoScalingGroup:1:name/a',
    'a:b',
    `$\{aws:x}`,
  ])('%s, which is no name of one, quoting it', (name) => {
    expect(problemsOf(() => drainHook({ groups: [name] }))).toEqual([
      expect.stringMatching(/^groups\[0\]: must be the name of a group.*\[nomad-drain-hook:groupName\]$/),
    ]);
    expect(problemsOf(() => drainHook({ groups: [name] })).join()).toContain(`"${name}"`);
  });

  test('one of another region than the stack', () => {
    const group = groupIn(new Stack(undefined, 'Clients', { env: { region: 'eu-west-1' } }));
    const stack = new Stack(undefined, 'Test', { env: { region: 'us-east-1' } });
    expect(problemsOf(() => drainHook({ groups: [group] }, stack))).toEqual([
      'groups[0]: group Clients/Builders is in eu-west-1: its instances are drained by a stack there [nomad-drain-hook:groupElsewhere]',
    ]);
  });

  test('one that is given by its construct and by its name', () => {
    const stack = emptyStack();
    const group = groupIn(stack, 'builders');
    const twice = 'group builders is named more than once [nomad-drain-hook:groupTwice]';
    expect(problemsOf(() => drainHook({ groups: [group, 'runners', 'builders'] }, stack))).toEqual([
      `groups[2]: ${twice}`,
    ]);
  });

  test('one that is given by its construct and by the name that CloudFormation makes', () => {
    const stack = emptyStack();
    const group = groupIn(stack);
    expect(problemsOf(() => drainHook({ groups: [group, group.autoScalingGroupName] }, stack))).toEqual([
      'groups[1]: group Test/Builders/ASG is named more than once [nomad-drain-hook:groupTwice]',
    ]);
  });

  test('one that two constructs drain in one stack or region, and not where only the names are the same', () => {
    const twoIn = (one: Stack, other: Stack) => {
      drainHook({ groups: ['runners', 'builders'] }, one);
      new NomadDrainHook(other, 'Again', { groups: ['builders'], ...at('https://nomad.internal:4646') });
      return messageOf(() => Template.fromStack(other));
    };
    const stack = emptyStack();
    expect(twoIn(stack, stack)).toContain(
      'groups[0]: group builders is drained by Test/DrainHook too: one NomadDrainHook drains a group [nomad-drain-hook:groupTwice]',
    );
    const same = makeApp();
    const env = { account: '111122223333', region: 'eu-west-1' };
    expect(twoIn(new Stack(same, 'A', { env }), new Stack(same, 'B', { env }))).toContain(
      'is drained by A/DrainHook too',
    );
    const agnostic = makeApp();
    expect(twoIn(new Stack(agnostic, 'A'), new Stack(agnostic, 'B'))).toBe('');
  });
});

test('a parameter of one version is refused: a rotated token would never be read', () => {
  const stack = emptyStack();
  const pinned = ssm.StringParameter.fromSecureStringParameterAttributes(stack, 'Token', {
    parameterName: '/nomad/drain-token',
    version: 3,
  });
  const nomad = NomadAccess.http({ address: 'https://nomad.internal:4646', token: pinned, ca: '/nomad/ca:2' });
  const why = 'must have no version: the newest is read, so that it can be rotated [nomad-drain-hook:parameterName]';
  expect(problemsOf(() => drainHook({ nomad }, stack))).toEqual([`nomad.token: ${why}`, `nomad.ca: ${why}`]);
});

test('a password in an address is not repeated', () => {
  const [problem] = problemsOf(() => drainHook(at('https://user:hunter2@nomad.internal')));
  expect(problem).toContain('not "https://…@nomad.internal"');
});

test('a duration that only CloudFormation knows is refused by that', () => {
  const stack = emptyStack();
  const minutes = new CfnParameter(stack, 'Minutes', { type: 'Number' }).valueAsNumber;
  const policy = { deadline: Duration.minutes(minutes) };
  expect(problemsOf(() => drainHook({ policy }, stack))).toEqual([
    'policy.deadline: is a token: a duration must be known at synthesis, because it is checked against the hook [nomad-drain-hook:durationToken]',
  ]);
});

test('the environment is measured as Lambda does: all of it as JSON, names and escapes included', () => {
  expect(environmentBytes({ A: '"é"' }, emptyStack())).toBe(Buffer.byteLength(String.raw`{"A":"\"é\""}`));
  const environment = environmentOf(templateOf());
  expect(environmentBytes(environment, emptyStack())).toBe(Buffer.byteLength(JSON.stringify(environment)));
  expect(ENVIRONMENT_BYTES).toBe(4096);
});

describe('an address that only CloudFormation knows', () => {
  const written = (address: (name: string) => string) => {
    const stack = emptyStack();
    const template = templateOf(at(address(new CfnParameter(stack, 'Given').valueAsString)), stack);
    return JSON.parse(environmentOf(template).NOMAD_DRAIN_HOOK!).nomad.address;
  };

  test('in its host or its port is accepted', () => {
    expect(written((token) => `https://${token}:4646`)).toBe('https://Given:4646');
    expect(written((token) => `https://nomad.internal:${token}`)).toBe('https://nomad.internal:Given');
  });

  test('as a whole is accepted, and left to the function to check', () => {
    expect(written((token) => token)).toBe('Given');
  });

  test('is still refused where the rest of it is wrong', () => {
    expect(problemsOf(() => written((token) => `ftp://${token}`))).toEqual([
      expect.stringMatching(/^nomad\.address: /),
    ]);
  });
});

describe('plain HTTP', () => {
  const warnings = (address: string) => {
    const stack = emptyStack();
    drainHook(at(address), stack);
    return Annotations.fromStack(stack).findWarning('*', Match.stringLikeRegexp('plain HTTP'));
  };

  test('is warned about, and HTTPS is not', () => {
    expect(warnings('http://nomad.internal:4646').map((warning) => warning.entry.data)).toEqual([
      expect.stringContaining('[ack: nomad-drain-hook:plainHttp]'),
    ]);
    expect(warnings('https://nomad.internal:4646')).toEqual([]);
  });

  test('is warned about where clients are asked, too', () => {
    const warned = (scheme?: 'http' | 'https') => {
      const stack = emptyStack();
      drainHook({ nomad: NomadAccess.clients(scheme ? { scheme } : {}), vpc: vpcIn(stack) }, stack);
      return Annotations.fromStack(stack).findWarning('*', Match.stringLikeRegexp('plain HTTP')).length;
    };
    expect([warned(), warned('http'), warned('https')]).toEqual([1, 1, 0]);
  });
});

describe('a deadline below a minute, such as 6s for 6h', () => {
  const warnings = (seconds: number) => {
    const stack = emptyStack();
    drainHook({ policy: { deadline: Duration.seconds(seconds) } }, stack);
    const found = Annotations.fromStack(stack).findWarning('*', Match.stringLikeRegexp('shortDeadline'));
    return found.map(({ entry }) => String(entry.data));
  };

  test('is warned about', () => {
    expect(warnings(6)).toEqual([
      expect.stringMatching(/^The drain deadline is 6 s: builds that need longer are killed/),
    ]);
    expect(warnings(59)).toHaveLength(1);
    expect(warnings(60)).toEqual([]);
  });
});

describe('a hook that may lapse before the first sweep', () => {
  const warnings = (seconds: number) => {
    const stack = emptyStack();
    const hook = { heartbeatTimeout: Duration.seconds(seconds) };
    drainHook({ ...at('https://nomad.internal:4646'), hook, policy: { deadline: Duration.minutes(30) } }, stack);
    return Annotations.fromStack(stack).findWarning('*', Match.stringLikeRegexp('shortHook'));
  };

  test('is warned about', () => {
    expect(warnings(119)).toHaveLength(1);
    expect(warnings(120)).toEqual([]);
  });
});
