import { MINUTE, SECOND, SWEEP } from '../../emulators/world/world.ts';
import { GROUP, HOOK } from '../../emulators/world/world-options.ts';
import { rebalanceRecommendation } from '../e2e/notice-events.ts';
import { released } from './cast.ts';
import { autoScalingFault, ec2Fault, failing, failNomad, LONGEST_FAULT_MS, silentCalls, strayEvent } from './faults.ts';
import { changeToken, comeBack, drainAsAnother, forgetBuilds, getReady, join, purgeAsAnother } from './others.ts';
import type { Stage } from './stage.ts';
import type { Step } from './steps.ts';
import { eventComesAgain, goWhilePlanned, interrupt, leaveBy, leaves } from './ways.ts';
import { build } from './work.ts';

/** How far away maintenance is when it is announced, in milliseconds. */
const MAINTENANCE_IN_MS = 20 * MINUTE;

/** What happens in a step. */
export async function enact(stage: Stage, step: Step): Promise<void> {
  const { cast } = stage;
  const { world, leaving, doomed, away } = cast;
  const builder = stage.builder('builder' in step ? step.builder : 0);
  const { instanceId, nodeId } = builder;
  if ('requests' in step) {
    cast.account.trouble.push({ from: world.clock.now(), to: world.clock.now() + LONGEST_FAULT_MS });
  }
  switch (step.what) {
    case 'scale-in':
      if (world.aws.instance(instanceId).state !== 'InService') return;
      leaves(cast, instanceId);
      world.aws.deliver = () => ({ 'in time': [0], twice: [0, 500], late: [200 * SECOND], lost: [] })[step.event];
      return world.scaleIn(instanceId);
    case 'goes while builds are planned':
      return goWhilePlanned(stage, builder, step);
    case 'build':
      return build(stage, builder, step.seconds, step.kind);
    case 'system job':
      world.nomad.run({ id: `system-${cast.jobs++}`, type: 'system' });
      return;
    case 'service':
      world.nomad.run({ id: `service-${cast.jobs++}`, type: 'service', stopSeconds: step.stopSeconds });
      return;
    case 'job purged':
    case 'garbage collection':
      return forgetBuilds(stage, step.what === 'job purged' ? nodeId : undefined);
    case 'pass':
      return stage.pass(step.seconds * SECOND);
    case 'deliver':
      if (step.backwards) world.events.reverse();
      for (const event of world.events.splice(0)) await stage.wake(event);
      return;
    case 'sweep':
      return stage.wake(SWEEP);
    case 'two sweeps':
      return stage.wakeTwice(SWEEP);
    case 'killed run':
      cast.forgotten += 1;
      await world.killRun(SWEEP, step.afterRequests);
      cast.remembersSince = world.clock.now();
      return;
    case 'no sweeps':
      await world.advance(step.seconds * SECOND);
      return stage.wake(SWEEP);
    case 'the clock jumps':
      if (step.seconds < 0) cast.forgotten += 1;
      return world.clock.jump(step.seconds * SECOND);
    case 'stray event':
      return stage.wake(strayEvent(instanceId));
    case 'event comes again':
      return eventComesAgain(stage, instanceId, step.hoursOld);
    case 'cancel drain':
      return stage.operate(nodeId, 'drain', { DrainSpec: null, MarkEligible: step.eligible });
    case 'mark ineligible':
      return stage.operate(nodeId, 'eligibility', { Eligibility: 'ineligible' });
    case 'another tool drains': {
      // Once the instance is released it is too late for more time.
      if (released(cast, instanceId)) return;
      const DrainSpec = { Deadline: step.seconds * 1e9, IgnoreSystemJobs: step.ignoreSystemJobs };
      return stage.operate(nodeId, 'drain', { DrainSpec, Meta: { drained_by: 'another tool' } });
    }
    case 'purged by another':
      return purgeAsAnother(stage, builder);
    case 'another deployment drains':
      return drainAsAnother(stage, step);
    case 'token':
      return changeToken(stage, step.how);
    case "the hook's timeout changes":
      cast.shortestTimeout = Math.min(cast.shortestTimeout, step.seconds);
      for (const { instanceId: waiting } of world.aws.waiting) cast.retimed.add(waiting);
      return world.aws.addHook(GROUP, {
        name: HOOK,
        heartbeatTimeoutSeconds: step.seconds,
        defaultResult: 'CONTINUE',
      });
    case 'Spot interruption':
      return interrupt(stage, builder, step);
    case 'rebalance recommendation':
      if (world.aws.instance(instanceId).ec2State !== 'running') return;
      cast.noticed.add(instanceId);
      return stage.wake(rebalanceRecommendation(instanceId, world));
    case 'maintenance': {
      if (world.aws.instance(instanceId).ec2State !== 'running') return;
      cast.noticed.add(instanceId);
      world.aws.deliver = () => (step.event === 'lost' ? [] : [0]);
      const code = 'AWS_EC2_INSTANCE_REBOOT_MAINTENANCE_SCHEDULED';
      world.aws.scheduleMaintenance([instanceId], { code, startTime: world.clock.now() + MAINTENANCE_IN_MS });
      return;
    }
    case 'another way':
      return leaveBy(cast, step.how, instanceId);
    case 'instance dies':
      if (world.aws.instance(instanceId).ec2State !== 'running') return;
      doomed.add(nodeId);
      if (!leaving.has(instanceId)) leaving.set(instanceId, world.clock.now());
      world.aws.terminate(instanceId);
      return;
    case 'client dies':
      if (!world.nomad.state.nodes.has(nodeId)) return;
      doomed.add(nodeId);
      world.nomad.stopClient(nodeId);
      return;
    case 'agent goes away':
      if (!stage.lives(builder) || away.has(nodeId)) return;
      away.add(nodeId);
      world.nomad.stopClient(nodeId);
      return;
    case 'agent comes back':
      if (stage.lives(builder) && away.delete(nodeId)) world.nomad.startClient(nodeId);
      return;
    case 'agent comes back as another':
    case 'agent restarts':
      return comeBack(stage, builder, step);
    case 'agent joins':
      return join(stage, builder, step.as);
    case 'agent gets ready':
      return getReady(stage, builder);
    case 'another leader':
      return world.nomad.newLeader();
    case 'Nomad is away':
      world.nomad.server.fault = () => 'hang-up';
      cast.silent = true;
      await stage.pass(step.seconds * SECOND);
      cast.silent = false;
      world.nomad.server.fault = undefined;
      return;
    case 'Nomad fails':
      return failNomad(world.nomad, step.how, step.requests, world.clock);
    case 'the event bus fails':
      world.aws.servers.eventBridge.fault = failing(step.requests, () => 'hang-up', world.clock);
      return;
    case 'Auto Scaling fails':
      hideHook(cast);
      world.aws.servers.autoScaling.fault = failing(step.requests, () => autoScalingFault(step.how), world.clock);
      return;
    case 'EC2 fails':
      world.aws.servers.ec2.fault = failing(step.requests, () => ec2Fault(step.how), world.clock);
      return;
    case 'one call is silent': {
      if (step.call === 'DescribeLifecycleHooks') hideHook(cast);
      const { autoScaling, ec2, ssm } = world.aws.servers;
      const isOfEc2 = /^Describe(Spot)?Instance/.test(step.call);
      const server = step.call === 'GetParameters' ? ssm : isOfEc2 ? ec2 : autoScaling;
      server.fault = silentCalls(step.call, step.requests, world.clock);
    }
  }
}

/** Of a hook that cannot be read the shortest timeout is taken that there is. */
function hideHook(cast: Stage['cast']): void {
  cast.shortestTimeout = 30;
}
