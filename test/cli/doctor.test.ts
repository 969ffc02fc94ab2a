import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { OWN_FINDINGS } from '../../bin/cli/commands/doctor/finding.ts';
import type { MetricAlarm } from '../../emulators/aws/cloudwatch/alarms.ts';
import { lambdaError } from '../../emulators/aws/events/functions.ts';
import { FUNCTION, FUNCTION_ARN, MINUTE, SWEEP } from '../../emulators/world/world.ts';
import { Operator } from './operator.ts';

const alarm = (AlarmName: string, more: Partial<MetricAlarm> = {}): MetricAlarm => ({
  AlarmName,
  ActionsEnabled: true,
  AlarmActions: ['arn:aws:sns:us-east-1:123456789012:on-call'],
  StateValue: 'OK',
  Dimensions: [{ Name: 'FunctionName', Value: FUNCTION }],
  ...more,
});

/** All is in order, but that Nomad is on loopback without TLS. */
async function startInOrder() {
  const operator = await Operator.start({
    tellsHeartbeatTimeout: true,
    group: { deletionProtection: 'prevent-force-deletion' },
  });
  const { nodeId: on } = operator.world.addBuilder();
  operator.world.nomad.run({ id: 'build', type: 'batch', on, runSeconds: 300 });
  await operator.world.advance(10 * MINUTE);
  operator.world.aws.rules.set('Sweep', { schedule: 'rate(1 minute)', enabled: true, targets: [FUNCTION_ARN] });
  operator.functions.alarms.push(alarm('OldestWait'), alarm('other', { ...{ AlarmActions: [] }, Dimensions: [] }));
  await operator.world.wake(SWEEP);
  return operator;
}

/** What it finds from here, by id: the levels and what is so. */
async function found(operator: Operator) {
  const { code, stdout } = await operator.run('doctor', '--json');
  const { findings } = JSON.parse(stdout) as { findings: { id: string; level: string; what: string; do?: string }[] };
  return { code, of: (id: string) => findings.filter((finding) => finding.id === id) };
}

describe('doctor', () => {
  test('shows what the function finds and what can be seen from here, the worst first, and counts it', async () => {
    const operator = await startInOrder();
    const { code, stdout, stderr } = await operator.run('doctor');
    expect([code, stderr]).toEqual([0, '']);
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^warning {2}certificate: http:.* is reached without TLS/);
    expect(lines[1]).toMatch(/^ {9}→ turn on TLS in Nomad/);
    expect(lines.slice(2, -2).every((line) => line.startsWith('ok       '))).toBe(true);
    for (const line of [
      'ok       token: the Nomad token sees every namespace and may drain nodes',
      `ok       function: function ${FUNCTION} can be run`,
      'ok       schedule: rule Sweep invokes the function: rate(1 minute)',
      'ok       alarms: the alarm is not firing, and has an action',
      'ok       quota: 1000 concurrent Lambda executions are allowed in this account and region',
    ]) {
      expect(lines).toContain(line);
    }
    expect(lines.at(-1)).toBe('1 warning, 15 ok');
    expect((await operator.run('doctor', '--quiet')).stdout).not.toContain('ok  ');
  });

  test('ends with 2 where there is a problem: the schedule is disabled or gone, an alarm fires', async () => {
    const operator = await startInOrder();
    operator.world.aws.rules.set('Sweep', { schedule: 'rate(1 minute)', enabled: false, targets: [FUNCTION_ARN] });
    const runbook = 'https://wiki.example.com/drains#failedruns';
    operator.functions.alarms.push(
      alarm('nomad-drain/DrainHook: timed out', { StateValue: 'ALARM' }),
      alarm('NotANode', { AlarmActions: [] }),
      // On a queue: it is this function's by what it says.
      alarm('nomad-drain/DrainHook: failed runs', {
        StateValue: 'ALARM',
        Dimensions: [{ Name: 'QueueName', Value: 'failed' }],
        AlarmDescription: `Runs failed. First run: \`nomad-drain-hook doctor --function ${FUNCTION}\`. Runbook: ${runbook}`,
      }),
    );
    const { code, of } = await found(operator);
    expect(code).toBe(2);
    expect(of('schedule')).toMatchObject([{ level: 'problem', do: 'aws events enable-rule --name Sweep' }]);
    expect(of('alarms')).toMatchObject([
      { level: 'problem', what: '2 of 4 alarms are firing: timed out, failed runs', do: runbook },
      { level: 'warning', what: '1 of 4 alarms have no action: NotANode' },
    ]);
    operator.world.aws.rules.clear();
    expect((await found(operator)).of('schedule')).toMatchObject([
      { level: 'problem', what: 'no rule invokes the function on a schedule' },
    ]);
  });

  test('warns of what will matter later: no alarms, a small quota, an old bootstrap stack', async () => {
    const operator = await startInOrder();
    operator.functions.alarms.length = 0;
    operator.functions.limits = { concurrent: 10, unreserved: 10 };
    operator.world.aws.putParameter('/cdk-bootstrap/hnb659fds/version', '5');
    const { code, of } = await found(operator);
    expect(code).toBe(0);
    for (const id of ['alarms', 'quota', 'bootstrap']) expect(of(id)).toMatchObject([{ level: 'warning' }]);
    operator.world.aws.putParameter('/cdk-bootstrap/hnb659fds/version', '27');
    expect((await found(operator)).of('bootstrap')).toMatchObject([{ level: 'ok' }]);
  });

  test('says what it could not ask, and which permission that takes', async () => {
    const operator = await startInOrder();
    operator.functions.cloudWatch.fault = () => ({
      status: 400,
      headers: { 'Content-Type': 'application/x-amz-json-1.0' },
      body: JSON.stringify({
        __type: 'AccessDenied',
        message: 'User is not authorized to perform: cloudwatch:DescribeAlarms',
      }),
    });
    expect((await found(operator)).of('alarms')).toMatchObject([
      { level: 'unknown', what: expect.stringContaining('not authorized'), do: 'allow cloudwatch:DescribeAlarms' },
    ]);
  });

  test('looks around where the function itself fails: that is what it is for', async () => {
    const operator = await startInOrder();
    operator.functions.deployed.set(FUNCTION, {
      tags: operator.functions.deployed.get(FUNCTION)?.tags ?? {},
      aliases: ['query'],
      invoke: () => Promise.reject(new Error('the configuration is refused')),
    });
    const { code, of } = await found(operator);
    expect(code).toBe(2);
    expect(of('answer')).toMatchObject([
      { level: 'problem', what: 'the function failed: the configuration is refused' },
    ]);
    expect(of('schedule')).toMatchObject([{ level: 'ok' }]);
  });

  test('looks at the SSM agents where Nomad is asked through them', async () => {
    const operator = await Operator.start({ ssm: {} });
    const { world } = operator;
    const [online, away, old] = Array.from({ length: 3 }, () => world.aws.addInstance('builders'));
    world.aws.commands.offline.add(away ?? '');
    world.aws.commands.agentVersions.set(old ?? '', '3.2.2303.0');
    const { of } = await found(operator);
    expect(of('agents')).toMatchObject([
      { level: 'warning', what: `1 of 3 SSM agents are not online: ${away}` },
      { level: 'warning', what: `1 of 3 SSM agents are too old: ${old}` },
    ]);
    expect(of('run-command')).toEqual([]);
    world.aws.commands.offline.add(online ?? '').add(old ?? '');
    expect((await found(operator)).of('agents')).toMatchObject([{ level: 'problem' }]);
  });

  test('fits a terminal of 80 columns', async () => {
    const operator = await startInOrder();
    const { tooLong, screen } = await operator.onTerminal('doctor');
    expect(tooLong).toEqual([]);
    expect(screen).toContain('1 warning, 15 ok');
  });

  test('ends with 1 where there is no function to ask', async () => {
    const operator = await startInOrder();
    operator.functions.lambda.fault = () =>
      lambdaError(403, 'AccessDeniedException', 'User is not authorized to perform: lambda:InvokeFunction');
    expect((await operator.run('doctor')).code).toBe(1);
  });

  test('has a paragraph on each of its findings in docs/reference.md', () => {
    const page = readFileSync(new URL('../../docs/reference.md', import.meta.url), 'utf8');
    expect(OWN_FINDINGS.filter((id) => !page.includes(`| \`${id}\` |`))).toEqual([]);
  });
});
