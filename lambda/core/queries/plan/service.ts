import { groupKey } from '../../model/allocation.ts';
import type { Candidate, Running } from '../../scale-in/candidate.ts';
import { largestFirst, Room, stoppedAtOnce } from '../../scale-in/free-capacity.ts';
import type { PlanCircumstances } from './circumstances.ts';

/** A service that has to be moved. */
export interface ServicePlan {
  id: string;
  job: string;
  namespace: string;
  taskGroup: string;
  /**
   * Whether another client has room for it; if none has, whether the drain stops it at once all the same, or waits for it until its
   * deadline. Nothing is certain but that there is no room: it is so now, and may change.
   */
  goes: 'elsewhere' | 'perhaps' | 'stopped' | 'nowhere';
  because: string;
}

/** Where the services of an instance go, if it goes alone. */
export function planServices(
  candidate: Candidate,
  services: readonly Running[],
  circumstances: PlanCircumstances,
): ServicePlan[] {
  if (services.length === 0) return [];
  const { clients, blocked, needs } = circumstances;
  const room = new Room(clients);
  const placeable = services.filter((service) => !blocked.has(groupKey(service)));
  const together = room.move(candidate, placeable, needs).nowhere;
  const nowhere = new Map<Running, string>();
  for (const service of services) {
    const alone = () => room.move(candidate, [service], needs).nowhere.get(service);
    const because = blocked.get(groupKey(service)) ?? (together.has(service) ? alone() : undefined);
    if (because !== undefined) nowhere.set(service, because);
  }
  const stopped = stoppedAtOnce([...nowhere.keys()], circumstances);
  return services.toSorted(largestFirst).map((service) => {
    const { id, job, namespace, taskGroup } = service;
    const [goes, because] = whereTo(service);
    return { id, job, namespace, taskGroup, goes, because: `${job} has ${because}` };
  });

  function whereTo(service: Running): [goes: ServicePlan['goes'], because: string] {
    const [noRoom, left, crowded] = [nowhere.get(service), stopped.get(service), together.get(service)];
    if (noRoom !== undefined) {
      const because = `nowhere to go: ${noRoom}; a drain`;
      if (left === undefined) return ['nowhere', `${because} waits for it until the deadline`];
      const then = left === 0 ? 'it runs nowhere' : `${left} of its group ${left === 1 ? 'is' : 'are'} left`;
      return ['stopped', `${because} stops it at once, and ${then} until there is room`];
    }
    if (crowded !== undefined) return ['perhaps', `room elsewhere, but not together with the others: ${crowded}`];
    const unseen = needs.get(groupKey(service))?.unseen ?? ['what its job asks for'];
    if (unseen.length === 0) return ['elsewhere', 'room elsewhere'];
    return ['perhaps', `room elsewhere, as far as is known; not looked at: ${unseen.join(', ')}`];
  }
}
