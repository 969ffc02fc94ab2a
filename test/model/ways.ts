import { jobOf } from '../../emulators/nomad/scheduler/jobs.ts';
import { SECOND } from '../../emulators/world/world.ts';
import { spotWarning } from '../e2e/notice-events.ts';
import type { Builder, Cast } from './cast.ts';
import type { Stage } from './stage.ts';
import type { Step, Way } from './steps.ts';

export function leaves({ leaving, world }: Cast, instanceId: string): void {
  if (!leaving.has(instanceId)) leaving.set(instanceId, world.clock.now());
}

export function leaveBy({ world: { aws } }: Cast, how: Way, instanceId: string): void {
  const { state } = aws.instance(instanceId);
  if (how === 'back from standby' && state === 'Standby') aws.exitStandby(instanceId);
  if (how === 'back from standby' || state !== 'InService') return;
  aws.deliver = () => [0];
  if (how === 'standby') aws.standby(instanceId);
  if (how === 'detach') aws.detach(instanceId);
  if (how === 'refresh') aws.refresh(instanceId);
  if (how === 'lifetime') aws.exceedLifetime(instanceId);
  if (how === 'zones') aws.rebalanceZones(instanceId);
  if (how === 'root volume') aws.replaceRootVolume(instanceId);
}

/** EC2 warns, or its warning is lost, and ends the instance two minutes later, whatever else happens. */
export async function interrupt(
  stage: Stage,
  { instanceId }: Builder,
  { action, event }: Step & { what: 'Spot interruption' },
): Promise<void> {
  const { world, interrupted, noticed, leaving } = stage.cast;
  if (interrupted.has(instanceId) || world.aws.instance(instanceId).ec2State !== 'running') return;
  interrupted.set(instanceId, world.clock.now());
  noticed.add(instanceId);
  const warning = spotWarning(instanceId, world, action);
  if (event === 'late') world.clock.after(60 * SECOND, () => world.events.push(warning));
  world.clock.after(120 * SECOND, () => {
    if (world.aws.instance(instanceId).ec2State !== 'running') return;
    if (!leaving.has(instanceId)) leaving.set(instanceId, world.clock.now());
    world.aws.terminate(instanceId);
  });
  if (event === 'in time') await stage.wake(warning);
}

/** Builds are submitted as the event arrives: Nomad plans them on what it saw, and commits later. */
export async function goWhilePlanned(
  stage: Stage,
  builder: Builder,
  { gapMs, seconds }: Step & { what: 'goes while builds are planned' },
): Promise<void> {
  const { cast } = stage;
  const { world } = cast;
  const { instanceId, nodeId } = builder;
  if (world.aws.instance(instanceId).state !== 'InService') return;
  leaves(cast, instanceId);
  world.aws.deliver = () => [0];
  world.aws.scaleIn(world.groupOf(instanceId), [instanceId]);
  while (!world.events.some(({ detail }) => detail.EC2InstanceId === instanceId)) await world.advance(100);
  if (stage.takesWork(builder)) {
    world.nomad.planGapMs = gapMs;
    world.nomad.register(
      jobOf({ id: `build-${cast.jobs++}`, type: 'batch', on: nodeId, count: 5, runSeconds: seconds }),
    );
  }
  for (const event of world.events.splice(0)) await stage.wake(event);
  world.nomad.planGapMs = 0;
}

/** From an archive, or by somebody's hand. */
export async function eventComesAgain(stage: Stage, instanceId: string, hoursOld: number): Promise<void> {
  const { aws, events, clock } = stage.cast.world;
  const isIts = (event: (typeof aws.events)[number]) =>
    event['detail-type'] === 'EC2 Instance-terminate Lifecycle Action' && event.detail.EC2InstanceId === instanceId;
  const event = aws.events.find(isIts);
  if (!event) return;
  aws.resend(event, { time: clock.now() - hoursOld * 3600 * SECOND });
  const again = events.pop();
  if (again) await stage.wake(again);
}
