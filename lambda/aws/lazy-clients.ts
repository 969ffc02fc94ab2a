import type { AutoScalingClient } from '@aws-sdk/client-auto-scaling';
import type { EC2Client } from '@aws-sdk/client-ec2';
import type { Config } from '../config/config.ts';
import type { RunClock } from '../core/model/clock.ts';
import { type AwsAccess, parametersOf } from '../nomad/transport/create-transport.ts';
import { AutoScaling } from './auto-scaling.ts';
import type { EventBridge } from './event-bridge.ts';
import { nomadClients } from './nomad-clients.ts';

/**
 * What not every configuration needs of AWS, with its clients: in modules that are loaded where they are needed. A third of the time that the
 * import of the function took was for them.
 */
export interface OnDemand extends AwsAccess {
  eventBridge(): Promise<EventBridge>;
  /** Loads what this configuration needs before it is first used. */
  load(): Promise<void>;
}

export function onDemand(
  { nomad, events }: Config,
  { ec2, autoScaling, groups }: { ec2: EC2Client; autoScaling: AutoScalingClient; groups: () => readonly string[] },
): OnDemand {
  const ofGroups = { ec2, autoScaling: (clock: RunClock) => new AutoScaling(autoScaling, clock), groups };
  const eventBridge = once(async () => new (await import('./event-bridge.ts')).EventBridge());
  const identity = once(async () => (await import('./sts.ts')).webIdentity());
  const parameters = once(async () => new (await import('./parameter-store.ts')).Parameters(parametersOf(nomad)));
  const gateways = once(async () => (await import('./gateways.ts')).gateways);
  return {
    parameter: async (name, clock) => (await parameters()).read(name, clock),
    identity: async (audience, clock) => (await identity())(audience, clock),
    clients: nomadClients(ofGroups),
    instances: (by) => {
      const asking = once(async () => (await gateways())({ ...by, ...ofGroups }));
      return {
        list: async (clock) => (await asking()).list(clock),
        run: async (...order) => (await asking()).run(...order),
      };
    },
    eventBridge,
    load: async () => {
      await Promise.all([
        events && eventBridge(),
        nomad.via === 'ssm' && gateways(),
        nomad.via !== 'ssm' && nomad.login && identity(),
        parametersOf(nomad).length > 0 && parameters(),
      ]);
    },
  };
}

/** Made at the first call, and kept. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
