import { readFileSync } from 'node:fs';
import { AutoScalingClient, TerminateInstanceInAutoScalingGroupCommand } from '@aws-sdk/client-auto-scaling';
import { afterEach, describe, expect, it } from 'vitest';
import { autoScalingError } from '../../emulators/aws/services.ts';
import { FUNCTION_ARN, UNNAMED } from '../../emulators/world/world.ts';
import { GROUP } from '../../emulators/world/world-options.ts';
import { EVENT_TYPES } from '../../lambda/core/model/drain-event.ts';
import { METRICS } from '../../lambda/core/model/metrics.ts';
import type { AlarmName } from '../../lib/monitoring/alarms.ts';
import { alarmsOf, dashboardOf } from '../lib/monitored.ts';
import { templateOf } from '../lib/stacks.ts';
import { MonitoredWorld } from './monitored-world.ts';

/** What the stories below have brought about in all. */
const measured = new Set<string>();
const told = new Set<string>();
const logged = new Set<string>();
const rung = new Set<AlarmName>();

let stage: MonitoredWorld;
const start = async (...options: Parameters<typeof MonitoredWorld.start>) => {
  stage = await MonitoredWorld.start(...options);
};
afterEach(async () => {
  expect(stage.refused).toEqual([]);
  for (const name of stage.measured) measured.add(name);
  for (const event of stage.world.told) told.add(event['detail-type']);
  for (const { message } of stage.world.log) logged.add(message);
  for (const name of stage.rung) rung.add(name);
});

/** A builder that has to go, and what runs on it. */
const leaving = async (...jobs: Omit<Parameters<MonitoredWorld['world']['nomad']['run']>[0], 'on'>[]) => {
  const { world } = stage;
  const builder = world.addBuilder();
  for (const job of jobs) world.nomad.run({ ...job, on: builder.nodeId });
  await world.scaleIn(builder.instanceId);
  return builder;
};

const unstoppable = { type: 'batch', runSeconds: 1e5, stopSeconds: 1e5, killTimeoutSeconds: 1e5 } as const;

describe('no alarm rings', () => {
  it('on a day of scale-ins: builds that end, services that move, instances that died', async () => {
    await start();
    const { world } = stage;
    await stage.run(5);
    const withService = world.addBuilder();
    world.nomad.run({ id: 'web', type: 'service', count: 2 });
    world.addBuilder();
    await world.scaleIn(withService.instanceId);
    await leaving();
    await leaving({ id: 'short', type: 'batch', runSeconds: 100 }, { id: 'logs', type: 'system' });
    await leaving({ id: 'long', type: 'batch', runSeconds: 3000 });
    const lost = await leaving({ id: 'lost', type: 'batch', runSeconds: 3000 });
    const spot = world.addBuilder();
    const before = new Set(world.aws.instances(GROUP).map(({ id }) => id));
    world.aws.terminate(spot.instanceId);
    await stage.run(5);
    // The agent of what replaces it registers.
    for (const { id } of world.aws.instances(GROUP)) if (!before.has(id)) world.join(id);
    world.nomad.killInstance(lost.nodeId);
    await stage.run(55);

    expect(world.aws.waiting).toEqual([]);
    expect(stage.rung).toEqual([]);
    expect(stage.measured).toEqual(expect.arrayContaining(['Drained', 'NodeLost', 'InstanceGone']));
  });

  it('where a drain stops a service that runs nowhere now: the log and the event say so', async () => {
    await start();
    await leaving({ id: 'only-here', type: 'service' });
    await stage.run(5);

    expect(stage.world.aws.waiting).toEqual([]);
    expect(stage.rung).toEqual([]);
  });

  it('where Nomad is away for two minutes, as when its servers elect a leader', async () => {
    await start();
    await leaving({ id: 'build', type: 'batch', runSeconds: 900 });
    await stage.run(3);
    stage.world.nomad.server.fault = () => ({ status: 500, body: 'No cluster leader' });
    await stage.run(2);
    stage.world.nomad.server.fault = undefined;
    await stage.run(15);
    expect(stage.rung.filter((name) => name !== 'FailedRuns')).toEqual([]);
  });
});

describe('an alarm rings', () => {
  it('AllocationsKilled, where a build outlasts the drain deadline', async () => {
    await start({ deadlineSeconds: 900 });
    await leaving({ id: 'build', type: 'batch', runSeconds: 7200 });
    await stage.run(14);
    expect(stage.rung).toEqual([]);
    await stage.run(4);
    expect(stage.rung).toEqual(['AllocationsKilled']);
  });

  it('OldestWait and then TimedOut, where a build cannot be killed', async () => {
    await start({ deadlineSeconds: 900, killMarginSeconds: 180 });
    await leaving({ id: 'build', ...unstoppable });
    await stage.run(17);
    expect(stage.rung).toEqual([]);
    await stage.run(3);
    expect(stage.rung).toEqual(['OldestWait']);
    await stage.run(10);
    expect(stage.hasRung('TimedOut')).toBe(true);
    expect(stage.rings('OldestWait')).toBe(false);
  });

  it('NotANode, where Nomad knows no node of an instance that was in service for long', async () => {
    await start();
    await stage.world.scaleIn(stage.world.aws.addInstance('builders'));
    const old = stage.world.aws.addInstance('builders');
    await stage.run(12);
    expect(stage.world.outcome(old)).toBeUndefined();
    expect(stage.rung).toEqual([]);
    await stage.world.scaleIn(old);
    await stage.run(5);
    expect(stage.world.aws.waiting).toEqual([]);
    expect(stage.rung).toEqual(['NotANode']);
  });

  it('NomadUnreachable, where Nomad does not answer for five minutes, though nobody waits', async () => {
    await start();
    await stage.run(3);
    stage.world.nomad.server.fault = () => 'hang-up';
    await stage.run(7);
    expect(stage.rings('NomadUnreachable')).toBe(true);
    stage.world.nomad.server.fault = undefined;
    await stage.run(5);
    expect(stage.rings('NomadUnreachable')).toBe(false);
  });

  it('TokenTooNarrow, as soon as a sweep finds that a namespace is hidden', async () => {
    await start({}, { acl: true, nomad: { token: { parameter: '/nomad/drain-token' } } });
    const { world } = stage;
    world.nomad.policy('narrow', 'node { policy = "write" }\nnamespace "default" { capabilities = ["read-job"] }');
    world.aws.putParameter('/nomad/drain-token', world.nomad.token({ policies: ['narrow'] }), 'SecureString');
    await stage.run(3);
    expect(stage.rung).toEqual(['TokenTooNarrow']);
  });

  it('DrainStuck, where a service has had nowhere to go for ten minutes', async () => {
    await start();
    await leaving({ id: 'web', type: 'service', count: 2 });
    await stage.run(9);
    expect(stage.rung).toEqual([]);
    await stage.run(6);
    expect(stage.rung).toEqual(['DrainStuck']);
  });

  it('InstanceUnserved and FailedRuns, where two nodes have the address of one instance', async () => {
    await start();
    const { instanceId } = stage.world.addBuilder(UNNAMED);
    stage.world.nomad.addNode({ address: stage.world.aws.instance(instanceId).privateIp });
    await stage.world.scaleIn(instanceId);
    await stage.run(8);
    expect(stage.rings('InstanceUnserved')).toBe(true);
    expect(stage.rings('FailedRuns')).toBe(true);
    expect(stage.rings('NomadUnreachable')).toBe(false);
  });

  it('InstanceRetained, until somebody terminates it', async () => {
    const policy = { deadlineSeconds: 300, killMarginSeconds: 60, onTimeout: 'ABANDON' } as const;
    await start(policy, { policy, group: { retainOnAbandon: true } });
    const { instanceId, nodeId } = await leaving({ id: 'build', ...unstoppable });
    await stage.run(15);
    const { world } = stage;
    expect(world.aws.instance(instanceId).state).toBe('Terminating:Retained');
    expect(stage.rings('InstanceRetained')).toBe(true);
    const told = world.told.filter((event) => event['detail-type'] === 'Nomad Instance Retained');
    expect(told).toMatchObject([{ detail: { instanceId, because: expect.stringContaining('Terminating:Retained') } }]);
    expect(world.reports.at(-1)?.retained).toEqual([{ instanceId, group: 'builders', state: 'Terminating:Retained' }]);
    expect(world.nomad.node(nodeId)).toMatchObject({ SchedulingEligibility: 'ineligible' });

    const byHand = { InstanceId: instanceId, ShouldDecrementDesiredCapacity: false };
    await new AutoScalingClient().send(new TerminateInstanceInAutoScalingGroupCommand(byHand));
    await stage.run(5);
    expect(stage.rings('InstanceRetained')).toBe(false);
  });

  it('HeartbeatsRefused, before the hook lapses', async () => {
    await start();
    const { instanceId } = await leaving({ id: 'build', type: 'batch', runSeconds: 7200 });
    stage.world.aws.servers.autoScaling.fault = ({ body }) =>
      body.includes('RecordLifecycleActionHeartbeat') ? autoScalingError('AccessDenied', 'denied', 403) : undefined;
    let minutes = 0;
    while (!stage.hasRung('HeartbeatsRefused') && minutes++ < 60) await stage.run(1);
    expect(stage.world.completion(instanceId)).toBeUndefined();
    expect(stage.rung).toContain('HeartbeatsRefused');
  });

  it('SweepMissing, where no sweep comes for five minutes, and for nothing else', async () => {
    await start();
    await leaving({ id: 'build', type: 'batch', runSeconds: 7200 });
    await stage.run(5);
    await stage.run(4, false);
    expect(stage.rung).toEqual([]);
    await stage.run(4, false);
    expect(stage.rung).toEqual(['SweepMissing']);
    await stage.run(4);
    expect(stage.rings('SweepMissing')).toBe(false);
  });

  it('SweepMissing, where Auto Scaling refuses every sweep', async () => {
    await start();
    await stage.run(3);
    stage.world.aws.servers.autoScaling.fault = () => autoScalingError('AccessDenied', 'denied', 403);
    await stage.run(8);
    expect(stage.rings('SweepMissing')).toBe(true);
    expect(stage.rings('FailedRuns')).toBe(true);
  });

  it('UndeliveredEvents, where EventBridge could not wake the function', async () => {
    await start();
    await stage.run(2);
    stage.undelivered = 1;
    await stage.run(2);
    expect(stage.rung).toEqual(['UndeliveredEvents']);
  });

  it('EventsLost, where the event bus does not take them', async () => {
    await start();
    stage.world.aws.servers.eventBridge.fault = () => 'hang-up';
    await leaving();
    await stage.run(3);
    expect(stage.rung).toEqual(['EventsLost']);
  });
});

describe('where Auto Scaling asks the function which instances go, an alarm rings', () => {
  const choosing = async () => {
    await start({}, { group: { terminationPolicies: [FUNCTION_ARN, 'Default'] } });
    stage.world.addBuilder();
    stage.world.addBuilder();
  };

  it('when it had to leave the choice to Auto Scaling, and not when it answered', async () => {
    await choosing();
    await stage.run(5);
    await stage.world.shrink(1);
    await stage.run(1);
    expect(stage.rung).toEqual([]);
    stage.world.nomad.server.fault = () => 'silence';
    await stage.world.shrink(1);
    stage.world.nomad.server.fault = undefined;
    await stage.run(1);
    expect(stage.rung).toEqual(['ChoiceFellBack']);
  });

  it('when Auto Scaling no longer waited for the answer of a function that took long to start', async () => {
    await choosing();
    await stage.run(5);
    await stage.world.shrink(1);
    const { event } = stage.world.aws.asked.at(-1) ?? {};
    await (await stage.world.environment(20_000))(event);
    await stage.run(1);
    expect(stage.rung).toEqual([]);
    const cold = await stage.world.environment(2_100);
    await cold(event);
    await stage.run(1);
    expect(stage.measured).toContain('ChoicesLate');
    expect(stage.rung).toEqual(['ChoiceFellBack']);
    await cold(event);
    expect(stage.world.printed.filter((line) => line.includes('ChoicesLate'))).toHaveLength(1);
  });
});

describe('no alarm rings, either', () => {
  it('where the group asks who goes', async () => {
    await start({}, { group: { terminationPolicies: [FUNCTION_ARN, 'Default'] } });
    for (let count = 0; count < 3; count++) stage.world.addBuilder();
    await stage.world.shrink(1);
    await stage.run(3);
    expect(stage.world.aws.completions).toHaveLength(1);
    expect(stage.rung).toEqual([]);
  });
});

describe('instances that come', () => {
  it('ring for one that is not ready in time, and not for one that is', async () => {
    await start({}, { admission: { readyTimeoutSeconds: 120 } });
    const { world } = stage;
    const ready = world.aws.launch(GROUP);
    world.join(ready);
    await stage.run(2);
    expect(world.aws.instance(ready).state).toBe('InService');
    expect(stage.rung).toEqual([]);
    world.aws.launch(GROUP);
    await stage.run(4);
    expect(stage.rung).toEqual(['InstancesAbandoned']);
    expect(stage.measured).toEqual(expect.arrayContaining(['NodeReady', 'InstancesAdmitted', 'InstancesJoining']));
  });

  it('ring for one that is in service and not in Nomad, after ten minutes', async () => {
    await start();
    const { world } = stage;
    const instanceId = world.aws.addInstance(GROUP);
    await stage.run(11);
    expect(stage.rung).toEqual([]);
    await stage.run(10);
    expect(stage.rung).toEqual(['ClientsMissing']);
    world.join(instanceId);
    await stage.run(12);
    expect(stage.rings('ClientsMissing')).toBe(false);
  });
});

describe('the stories above', () => {
  it('have made every alarm ring, every metric be measured and every event be told', () => {
    const alarms = Object.keys(alarmsOf(templateOf({ chooseIdleFirst: true, admitWhenReady: true })));
    // Its metric is Lambda's own.
    expect([...rung].toSorted()).toEqual(alarms.filter((name) => name !== 'ChoiceFailed').toSorted());
    expect([...measured].toSorted()).toEqual(Object.keys(METRICS).toSorted());
    expect([...told].toSorted()).toEqual(Object.values(EVENT_TYPES).toSorted());
  });

  it('have written every record that the runbook and the dashboard look for', () => {
    const page = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');
    const queries = JSON.stringify(dashboardOf(templateOf()));
    const wanted = [...page.matchAll(/\$\.message = "([^"*]+)/g), ...queries.matchAll(/message = \\\\?"([^"\\]+)/g)];
    expect(wanted.length).toBeGreaterThan(5);
    for (const [, start = ''] of wanted) {
      expect(
        [...logged].some((message) => message.startsWith(start)),
        start,
      ).toBe(true);
    }
  });
});
