import { globSync, readFileSync } from 'node:fs';
import { Annotations as CdkAnnotations, Duration, Stack, Token } from 'aws-cdk-lib';
import { Annotations, Match } from 'aws-cdk-lib/assertions';
import type { DefaultResult } from 'aws-cdk-lib/aws-autoscaling';
import { describe, expect, test } from 'vitest';
import { type ClientsAccessProps, type HttpAccessProps, NomadAccess } from '../../lib/access/nomad-access.ts';
import { functionCode } from '../../lib/function/function-code.ts';
import type { DrainPolicy, LifecycleHookOptions, NomadDrainHookProps } from '../../lib/props.ts';
import { drainHook, emptyStack, groupIn, problemsOf } from './stacks.ts';

const read = (file: string) => readFileSync(file, 'utf8');
const root = new URL('../..', import.meta.url).pathname;
const idsIn = (text: string) => [...text.matchAll(/\bnomad-drain-hook:\w+/g)].map(([id]) => id);

/** Every id that the sources of the construct hold, and the schema that it shares with the function. */
const sources = [...globSync(`${root}/lib/**/*.ts`), ...globSync(`${root}/lambda/config/*.ts`)];
const inLib = new Set(sources.flatMap((file) => idsIn(read(file))));

const http = (props: Partial<HttpAccessProps>) => ({
  nomad: NomadAccess.http({ address: 'https://nomad.internal:4646', ...props }),
});
const clients = (props: ClientsAccessProps) => ({ nomad: NomadAccess.clients(props) });
const policy = (given: DrainPolicy) => ({ policy: given });
const hook = (given: LifecycleHookOptions) => ({ hook: given });
const seconds = (amount: number) => Duration.seconds(amount);
const many = (count: number, name: string) => Array.from({ length: count }, (_, index) => `${name}${index}`);

/** How to meet each of them. */
const ERRORS: Record<string, Partial<NomadDrainHookProps>> = {
  badAddress: http({ address: 'nomad.internal:4646' }),
  badPort: clients({ port: 65_536 }),
  badValue: policy({ onTimeout: 'KEEP' as DefaultResult }),
  chooseNeedsHttp: { chooseIdleFirst: true, nomad: NomadAccess.runCommand() },
  clientsNeedVpc: clients({}),
  concurrencyTooLow: { reservedConcurrentExecutions: 1 },
  certificateWithoutKey: http({ clientCertificate: '/certificate' }),
  deadlineBeyondHook: hook({ heartbeatTimeout: seconds(60) }),
  deadlineOutOfRange: policy({ deadline: Duration.days(3) }),
  durationToken: policy({ grace: Duration.minutes(Token.asNumber({ Ref: 'Grace' })) }),
  emptyText: http({ region: '' }),
  environmentTooLarge: { groups: many(200, 'builders-') },
  graceOutOfRange: policy({ grace: Duration.hours(2) }),
  groupElsewhere: { groups: [groupIn(new Stack(undefined, 'Other', { env: { region: 'eu-west-1' } }))] },
  groupName: { groups: ['x'.repeat(256)] },
  groupTwice: { groups: ['builders', 'builders'] },
  heartbeatTimeoutOutOfRange: hook({ heartbeatTimeout: seconds(29) }),
  hookName: hook({ name: '' }),
  httpsNeeded: http({ address: 'http://nomad.internal:4646', serverName: 'server.global.nomad' }),
  killMarginOutOfRange: policy({ killMargin: Duration.hours(3) }),
  memoryOutOfRange: { memorySize: 255 },
  mixedSchemes: http({ fallbackAddresses: ['http://other.internal:4646'] }),
  noGroup: { groups: [] },
  onlyIdleOutOfRange: { chooseIdleFirst: { onlyIdleFor: Duration.hours(1) } },
  parameterName: http({ token: 'nomad/drain-token' }),
  readyTimeoutOutOfRange: { admitWhenReady: { readyTimeout: seconds(59) } },
  restoreOutOfRange: { notices: { restoreAfter: seconds(59) } },
  secretGiven: http({ token: '3e2a7f0c-5b1d-4c8e-9f6a-0d1b2c3d4e5f' }),
  tokenAndLogin: http({ token: '/token', login: { authMethod: 'aws' } }),
  tooManyAddresses: http({ fallbackAddresses: many(7, 'https://server') }),
  vpcMissing: { vpcEndpoints: true },
};
const WARNINGS: Record<string, Partial<NomadDrainHookProps>> = {
  shortDeadline: policy({ deadline: seconds(59) }),
  plainHttp: http({ address: 'http://nomad.internal:4646' }),
  shortHook: { ...hook({ heartbeatTimeout: seconds(60) }), ...policy({ deadline: Duration.minutes(30) }) },
};

describe('each problem at synth has an id', () => {
  test.each(Object.entries(ERRORS))('the error %s', (id, props) => {
    const stack = new Stack(undefined, 'Test', { env: { region: 'us-east-1' } });
    const problems = problemsOf(() => drainHook(props, stack));
    for (const problem of problems) expect(idsIn(problem)).toHaveLength(1);
    expect(problems).toContainEqual(expect.stringMatching(new RegExp(`^\\S.*: .* \\[nomad-drain-hook:${id}\\]$`)));
  });

  test.each(Object.entries(WARNINGS))('the warning %s, by which it can be acknowledged', (id, props) => {
    const stack = emptyStack();
    const made = drainHook(props, stack);
    const warnings = () =>
      Annotations.fromStack(stack)
        .findWarning('*', Match.anyValue())
        .map(({ entry }) => String(entry.data));
    expect(warnings()).toEqual([expect.stringMatching(new RegExp(`\\[ack: nomad-drain-hook:${id}\\]$`))]);
    CdkAnnotations.of(made).acknowledgeWarning(`nomad-drain-hook:${id}`);
    expect(warnings()).toEqual([]);
  });

  test('that the function was not built', () => {
    expect(() => functionCode('/nowhere')).toThrow('[nomad-drain-hook:noBundle]');
  });

  test('and each id of the sources is met above', () => {
    // That the role is too large is seen at synthesis, in refusals.test.ts; that a group asks another, and that two groups differ, in who-goes.test.ts;
    // that a setting has its old name, in settings.test.ts.
    const elsewhere = ['noBundle', 'roleTooLarge', 'asksAnother', 'idleFirstDiffers', 'settingRenamed'];
    const met = [...Object.keys(ERRORS), ...Object.keys(WARNINGS), ...elsewhere].map((id) => `nomad-drain-hook:${id}`);
    expect([...inLib].toSorted()).toEqual(met.toSorted());
  });
});

test('docs/construct.md says what each id means and what to do, and knows no other', () => {
  const rows = read(`${root}/docs/construct.md`).matchAll(/^\| `(nomad-drain-hook:\w+)` \| (.{15,}) \| (.{10,}) \|$/gm);
  expect([...rows].map(([, id]) => id).toSorted()).toEqual([...inLib].toSorted());
});
