import type { EC2Client } from '@aws-sdk/client-ec2';
import type { RunClock } from '../core/model/clock.ts';
import { type ListClients, MOST_CLIENTS } from '../nomad/transport/client-agents.ts';
import { type AutoScaling, type InstanceState, waits } from './auto-scaling.ts';
import { forRun } from './client.ts';
import { running } from './ec2.ts';

interface NomadClientsOptions {
  ec2: EC2Client;
  autoScaling: (clock: RunClock) => Pick<AutoScaling, 'members' | 'zones'>;
  /** The groups whose clients may be asked. */
  groups: () => readonly string[];
}

/**
 * The instances of the groups whose Nomad clients may be asked: running ones in service, in as many zones as there are; then those that wait
 * for a lifecycle hook, so that the last instances of a group are still asked about themselves; those that did not answer last.
 */
export function nomadClients({ ec2, autoScaling, groups }: NomadClientsOptions): ListClients {
  return async (clock, { good, bad } = { bad: new Set() }) => {
    const asked = autoScaling(clock);
    const isBad = ({ instanceId }: InstanceState) => bad.has(instanceId);
    const isSound = (member: InstanceState) => !isBad(member);
    const failures: unknown[] = [];
    const failed = (error: unknown) => failures.push(error);
    const ofGroups = await asked.members(groups(), failed, 'groups');
    // Those of some of the groups are enough to ask.
    const enough = ofGroups.some((member) => isInService(member) || waits(member));
    if (!enough && failures.length > 0) throw failures[0];
    // A call for each warm pool, only for an instance that waits in one while no other is left to ask.
    const members = enough ? ofGroups : await asked.members(groups());
    const inService = members.filter(isInService);
    const known = [acrossZones(inService, asked.zones), members.filter(waits)].map((some) => goodFirst(some, good));
    // Where some do not run, there are others.
    const candidates = [isSound, isBad].flatMap((is) =>
      known.flatMap((some) => some.filter(is).slice(0, 2 * MOST_CLIENTS)),
    );
    const found = await running(
      forRun(ec2, clock),
      candidates.map(({ instanceId }) => instanceId),
    );
    return [...found]
      .flatMap(([instanceId, [address]]) => (address ? [{ instanceId, address }] : []))
      .slice(0, MOST_CLIENTS);
  };
}

const isInService = ({ state }: InstanceState) => state === 'InService';

const goodFirst = (members: readonly InstanceState[], good: string | undefined): InstanceState[] =>
  members.toSorted((one, other) => Number(other.instanceId === good) - Number(one.instanceId === good));

/** One of each zone, then a second of each, and so on. */
function acrossZones(members: readonly InstanceState[], zones: ReadonlyMap<string, string>): InstanceState[] {
  const counts = new Map<string, number>();
  const nth = members.map(({ instanceId }) => {
    const zone = zones.get(instanceId) ?? '';
    const count = counts.get(zone) ?? 0;
    counts.set(zone, count + 1);
    return count;
  });
  return members
    .map((member, index) => ({ member, round: nth[index] ?? 0 }))
    .toSorted((one, other) => one.round - other.round)
    .map(({ member }) => member);
}
