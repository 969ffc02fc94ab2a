import type { Group, MarketOption, Member, Timing } from '../model.ts';
import type { Schedule } from './schedule.ts';

/** What Auto Scaling asks a function: https://docs.aws.amazon.com/autoscaling/ec2/userguide/lambda-custom-termination-policy.html */
interface TerminationEvent {
  AutoScalingGroupARN: string;
  AutoScalingGroupName: string;
  CapacityToTerminate: { AvailabilityZone: string; Capacity: number; InstanceMarketOption: MarketOption }[];
  Instances: {
    AvailabilityZone: string;
    InstanceId: string;
    InstanceType: string;
    InstanceMarketOption: MarketOption;
  }[];
  Cause: 'SCALE_IN' | 'INSTANCE_REFRESH';
  HasMoreInstances?: true;
}

export type TerminationFunction = (event: TerminationEvent) => Promise<unknown>;

export interface AskedPolicy {
  at: number;
  answeredAt: number;
  event: TerminationEvent;
  /** What it answered in time; `none` for an error, a time-out, or what is no answer. */
  answer: readonly string[] | 'none';
  /** Who of these goes. */
  taken: readonly string[];
}

/** How long the function may take. */
const LIMIT_MS = 2_000;
/** How many instances the question names. */
const MOST_NAMED = 30_000;
const NAMES =
  /^(AllocationStrategy|ClosestToNextInstanceHour|Default|NewestInstance|OldestInstance|OldestLaunch(Configuration|Template))$/;
const FUNCTION = /^arn:aws[\w-]*:lambda:[\w-]+:\d{12}:function:[\w-]+(:[\w-]+)?$/;

/** @throws Error as CreateAutoScalingGroup and UpdateAutoScalingGroup refuse what is no list of policies */
export function checkPolicies(policies: readonly string[]): void {
  for (const [index, policy] of policies.entries()) {
    const isFunction = FUNCTION.test(policy);
    if (!isFunction && !NAMES.test(policy)) throw new Error(`no termination policy: ${policy}`);
    if (isFunction && index > 0)
      throw new Error('a custom termination policy has to be the first one, and the only one');
    if (policy === 'Default' && index < policies.length - 1) throw new Error('Default has to be the last policy');
  }
}

/** The rest of the group's world. */
interface World {
  counted(group: Group): Member[];
  remove(instance: Member, cause: string, reuse?: boolean): void;
  /** How many instances the group should have now. */
  target(group: Group): number;
}

/** Who goes when a group is too large: balance between markets and zones first, then the policies in their order. */
export class TerminationPolicies {
  readonly functions = new Map<string, TerminationFunction>();
  readonly asked: AskedPolicy[] = [];
  readonly #schedule: Schedule;
  readonly #timing: Timing;
  readonly #world: World;
  /** Groups whose function is being asked, or will be asked again. */
  readonly #busy = new Set<Group>();

  constructor(schedule: Schedule, timing: Timing, world: World) {
    this.#schedule = schedule;
    this.#timing = timing;
    this.#world = world;
  }

  /** Takes out what the group has too much of, as soon as its function says who goes. */
  reduce(group: Group, cause: string): void {
    const [first = 'Default', ...others] = group.terminationPolicies;
    const pools = this.#capacityToTerminate(group);
    if (pools.size === 0) return;
    if (!FUNCTION.test(first)) {
      const from = this.#mayGo(group).filter((instance) => pools.has(poolOf(instance)));
      for (const instance of fitting(from, pools, first))
        this.#world.remove(instance, cause, group.refreshing ? false : undefined);
    } else if (!this.#busy.has(group)) {
      this.#busy.add(group);
      void this.#ask(group, first, others[0] ?? 'Default', cause).finally(() => {
        const again = () => {
          this.#busy.delete(group);
          this.reduce(group, cause);
        };
        // As long as the desired capacity is less than the current one.
        if (this.#excess(group) > 0) this.#schedule.after(this.#timing.askAgainMs, again);
        else this.#busy.delete(group);
      });
    }
  }

  async #ask(group: Group, arn: string, next: string, cause: string): Promise<void> {
    const pools = this.#capacityToTerminate(group);
    const event = this.#eventOf(group, pools);
    const at = this.#schedule.now();
    const answer = await this.#answer(arn, event);
    const answeredAt = this.#schedule.now();
    const mayGo = this.#mayGo(group);
    const named = answer === 'none' ? [] : mayGo.filter(({ id }) => answer.includes(id));
    const taken = this.#cut(group, named, pools, next);
    this.asked.push({ at, answeredAt, event, answer, taken: taken.map(({ id }) => id) });
    for (const instance of taken) this.#world.remove(instance, cause, group.refreshing ? false : undefined);
  }

  async #answer(arn: string, event: TerminationEvent): Promise<readonly string[] | 'none'> {
    let callOff = () => {};
    const late = new Promise<'none'>((resolve) => {
      callOff = this.#schedule.after(LIMIT_MS, () => resolve('none'));
    });
    // As Lambda hands it over: as JSON.
    const asked = this.functions.get(arn)?.(JSON.parse(JSON.stringify(event))) ?? Promise.resolve(undefined);
    const answer = await Promise.race([asked.catch(() => 'none' as const), late]);
    callOff();
    const ids = (answer as { InstanceIDs?: unknown } | undefined)?.InstanceIDs;
    return Array.isArray(ids) && ids.every((id) => typeof id === 'string') ? ids : 'none';
  }

  /**
   * All that are named, if they are no more than needed, of whatever zone: the zones are balanced later. Else the next policy
   * chooses among them, not their order.
   */
  #cut(group: Group, named: readonly Member[], pools: ReadonlyMap<string, number>, next: string): Member[] {
    const excess = this.#excess(group);
    if (named.length <= excess) return [...named];
    const wanted = fitting(named, pools, next);
    const others = sorted(named, next).filter((instance) => !wanted.includes(instance));
    return [...wanted, ...others].slice(0, excess);
  }

  #eventOf(group: Group, pools: ReadonlyMap<string, number>): TerminationEvent {
    const instances = this.#mayGo(group).filter((instance) => pools.has(poolOf(instance)));
    return {
      AutoScalingGroupARN: group.arn,
      AutoScalingGroupName: group.name,
      CapacityToTerminate: [...pools].map(([pool, Capacity]) => {
        const [AvailabilityZone = '', market = ''] = pool.split(' ');
        return { AvailabilityZone, Capacity, InstanceMarketOption: market as MarketOption };
      }),
      Instances: instances.slice(0, MOST_NAMED).map(({ id, zone, market }) => ({
        AvailabilityZone: zone,
        InstanceId: id,
        InstanceType: 'm7g.large',
        InstanceMarketOption: market,
      })),
      Cause: group.refreshing ? 'INSTANCE_REFRESH' : 'SCALE_IN',
      ...(instances.length > MOST_NAMED && { HasMoreInstances: true as const }),
    };
  }

  #excess(group: Group): number {
    return Math.max(0, this.#world.counted(group).length - this.#world.target(group));
  }

  /**
   * Protected instances count, and do not go; nor do those that are not in service yet. An instance refresh replaces the old ones
   * first, and protected ones too where it is told to.
   */
  #mayGo(group: Group): Member[] {
    const serving = this.#world.counted(group).filter(({ member }) => member.state === 'InService');
    const replaceable = serving.filter((instance) => group.refreshing?.mayReplace(instance));
    return replaceable.length > 0 ? replaceable : serving.filter(({ protectedFromScaleIn }) => !protectedFromScaleIn);
  }

  /** How many go of each zone and market: of the market that there is too much of, from the zone that has most. */
  #capacityToTerminate(group: Group): Map<string, number> {
    const pools = new Map<string, number>();
    let left = this.#mayGo(group);
    const stay = new Set(this.#world.counted(group));
    for (let excess = this.#excess(group); excess > 0 && left.length > 0; excess--) {
      const onDemand = [...stay].filter(({ market }) => market === 'on-demand').length;
      const wanted = Math.ceil(((stay.size - 1) * group.onDemandPercentage) / 100);
      const market: MarketOption = onDemand > wanted ? 'on-demand' : 'spot';
      const ofMarket = left.filter((instance) => instance.market === market);
      const from = ofMarket.length > 0 ? ofMarket : left;
      const size = (zone: string) => [...stay].filter((instance) => instance.zone === zone).length;
      const [first] = from.toSorted((one, other) => size(other.zone) - size(one.zone));
      if (!first) break;
      pools.set(poolOf(first), (pools.get(poolOf(first)) ?? 0) + 1);
      stay.delete(first);
      left = left.filter((instance) => instance !== first);
    }
    return pools;
  }
}

const poolOf = ({ zone, market }: Member): string => `${zone} ${market}`;

/** `Default` and those by launch template come down to age here: all instances have the same template. */
const sorted = (instances: readonly Member[], policy: string): Member[] =>
  policy === 'NewestInstance' ? instances.toReversed() : [...instances];

function fitting(instances: readonly Member[], pools: ReadonlyMap<string, number>, policy: string): Member[] {
  const left = new Map(pools);
  return sorted(instances, policy).filter((instance) => {
    const capacity = left.get(poolOf(instance)) ?? 0;
    if (capacity > 0) left.set(poolOf(instance), capacity - 1);
    return capacity > 0;
  });
}
