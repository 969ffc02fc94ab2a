import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CloudWatch } from '../../../emulators/aws/cloudwatch/cloud-watch.ts';
import { environmentOf } from '../../../emulators/aws/environment.ts';
import { logGroupOf } from '../../../emulators/aws/events/function-settings.ts';
import { FUNCTION } from '../../../emulators/world/world.ts';
import { deployIn } from '../../cli/operator.ts';
import { Shell } from '../../cli/shell.ts';
import { Stage, SWEEP } from './stage.ts';

const context = { getRemainingTimeInMillis: () => 60_000 };
const OFTEN = ['--interval', '0.3'];

let stage: Stage;

/** A person's shell, and the function of the stage behind Lambda's Invoke. */
async function operator() {
  const handler = await stage.deploy({});
  const metrics = new CloudWatch();
  const functions = await deployIn(
    stage.aws,
    (event) => {
      for (const line of stage.printed.splice(0)) metrics.read(line);
      return handler(event, context);
    },
    metrics,
  );
  functions.logGroups.set(logGroupOf(FUNCTION), () => stage.logLines);
  return { handler, shell: new Shell({ ...environmentOf(stage.aws), ...functions.environment }) };
}

const nodeName = async (instanceId: string) =>
  (await stage.ask<{ Name: string }>('GET', `/v1/node/${stage.nodeOf(instanceId)}`)).Name;

describe('the command line, with a real Nomad', () => {
  beforeAll(async () => {
    stage = await Stage.start(3);
  }, 180_000);
  afterAll(() => stage?.close());

  it('drain takes out the instance of a node, and watches until its build has ended', async () => {
    const instanceId = stage.inService();
    const name = await nodeName(instanceId);
    await stage.run('cli-build', stage.nodeOf(instanceId), 'sleep 4');
    const { handler, shell } = await operator();
    // As EventBridge would: the event, and then the sweep of the minute.
    const woken = expect
      .poll(() => stage.events.length, { timeout: 30_000 })
      .toBe(1)
      .then(() => handler(stage.events[0], context))
      .then(() => handler(SWEEP, context));
    const terminal = shell.atTerminal(['drain', name, '--wait', ...OFTEN]);
    await terminal.until(`Take ${instanceId} out of builders?`);
    expect(terminal.screen).toMatch(/cli-build +batch +running for/);
    terminal.type('y');
    const { code, screen } = await terminal.ended();
    await woken;
    expect(screen).toContain('1 of 1 instance released');
    expect(screen).toContain(`${instanceId}  drained: `);
    expect(code).toBe(0);
    expect((await shell.run('history', '--since', '1h')).stdout).toMatch(
      new RegExp(`${instanceId} +builders +drained`),
    );
    expect(await stage.allocationsOf('cli-build')).toMatchObject([{ ClientStatus: 'complete' }]);
  });

  it('status says of an instance that waits its node, its deadline and its build', async () => {
    const instanceId = stage.inService();
    const name = await nodeName(instanceId);
    await stage.run('cli-status', stage.nodeOf(instanceId), 'while true; do sleep 1; done');
    const { handler, shell } = await operator();
    stage.events.length = 0;
    stage.aws.scaleIn('builders', [instanceId]);
    await expect.poll(() => stage.events.length, { timeout: 5_000 }).toBe(1);
    await handler(stage.events[0], context);
    await handler(SWEEP, { getRemainingTimeInMillis: () => 15_000 });
    const { code, stdout } = await shell.run('status');
    expect(stdout).toMatch(new RegExp(`${instanceId}  ${name}  waits \\d+ s  ░+  5 h 59 min left`));
    expect(stdout).toContain('the drain waits for 1 allocation: cli-status (task group g, running for');
    expect(code).toBe(0);
    const described = (await shell.run('describe', name)).stdout.replaceAll(/\s+/g, ' ');
    expect(described).toContain('drain started');
    expect(described).toMatch(/cli-status \(batch, task group g, namespace default\) running/);
    Object.assign(shell.environment, { NOMAD_ADDR: stage.nomad.address, NOMAD_TOKEN: stage.nomad.managementToken });
    expect(await shell.run('extend', name, '8h', '--yes')).toMatchObject({ code: 0 });
    expect((await shell.run('status')).stdout).toMatch(/7 h 59 min left/);
    expect(await stage.ask('GET', `/v1/node/${stage.nodeOf(instanceId)}`)).toMatchObject({
      LastDrain: { Meta: { drained_by: 'nomad-drain-hook', aws_instance_id: instanceId } },
    });
    await stage.ask('DELETE', '/v1/job/cli-status?purge=true');
  });

  it('drain --cordon makes a node ineligible, with the token of the operator', async () => {
    const instanceId = stage.inService();
    const { shell } = await operator();
    Object.assign(shell.environment, { NOMAD_ADDR: stage.nomad.address, NOMAD_TOKEN: stage.nomad.managementToken });
    const { code, stdout } = await shell.run('drain', instanceId, '--cordon', '--yes');
    expect(stdout).toContain('is ineligible. To make it eligible again:');
    expect(code).toBe(0);
    expect(await stage.ask('GET', `/v1/node/${stage.nodeOf(instanceId)}`)).toMatchObject({
      SchedulingEligibility: 'ineligible',
      DrainStrategy: null,
    });
  });
});
