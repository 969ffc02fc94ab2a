import { type Candidate, groupKey, type Running } from '../candidate.ts';
import { largestFirst, Room } from '../room.ts';
import type { Circumstances } from './circumstances.ts';

/** A service that has to be moved. */
export interface ServicePlan {
  id: string;
  job: string;
  namespace: string;
  taskGroup: string;
  /** Whether another client has room for it. Nothing is certain but `nowhere`: it is so now, and may change. */
  goes: 'elsewhere' | 'perhaps' | 'nowhere';
  because: string;
}

/** Where the services of an instance go, if it goes alone. */
export function planServices(
  candidate: Candidate,
  services: readonly Running[],
  circumstances: Circumstances,
): ServicePlan[] {
  if (services.length === 0) return [];
  // One after the other: what one takes the next has not.
  const room = new Room(circumstances.clients);
  return services.toSorted(largestFirst).map((service) => {
    const { id, job, namespace, taskGroup } = service;
    return { id, job, namespace, taskGroup, ...whereTo(candidate, service, room, circumstances) };
  });
}

function whereTo(
  candidate: Candidate,
  service: Running,
  room: Room,
  { clients, blocked, needs: known }: Circumstances,
): Pick<ServicePlan, 'goes' | 'because'> {
  const { job } = service;
  const scheduler = blocked.get(groupKey(service));
  if (scheduler !== undefined) return { goes: 'nowhere', because: `${job} has nowhere to go: ${scheduler}` };

  const needs = known.get(groupKey(service));
  const noRoom = room.moveOne(candidate, service, needs);
  if (noRoom !== undefined) {
    const alone = new Room(clients).moveOne(candidate, service, needs);
    if (alone !== undefined) return { goes: 'nowhere', because: `${job} has nowhere to go: ${alone}` };
    return { goes: 'perhaps', because: `${job} has room elsewhere, but not together with the others: ${noRoom}` };
  }
  const unseen = needs ? needs.unseen : ['what its job asks for'];
  if (unseen.length === 0) return { goes: 'elsewhere', because: `${job} has room elsewhere` };
  return {
    goes: 'perhaps',
    because: `${job} has room elsewhere, as far as is known; not looked at: ${unseen.join(', ')}`,
  };
}
