import type { InstanceRefreshStatus } from '@aws-sdk/client-auto-scaling';
import { type Group, type Instance, isMember, type Member, type Refreshing } from '../../model.ts';
import type { Preferences, Wanted } from './preferences.ts';

const GOING = /^Terminat/;
const COUNTED = /^(Pending|InService|ReplacingRootVolume|RootVolumeReplaced)/;

/** An instance refresh of a group, under way or ended. Times in milliseconds since the epoch. */
export class InstanceRefresh {
  readonly id: string;
  readonly group: Group;
  readonly preferences: Preferences;
  readonly desiredVersion: string | undefined;
  readonly startedAt: number;
  /** What the group does beside what its desired capacity says. */
  readonly refreshing: Refreshing;
  status: InstanceRefreshStatus = 'Pending';
  statusReason?: string;
  endedAt?: number;
  /** How many instances were in the group, or in standby, when it began. */
  size: number;
  /** The instances that it replaces. */
  old: ReadonlySet<Instance>;
  /** When an instance was last replaced, or a wait at a checkpoint was over. */
  progressAt: number;
  /** The most progress that was seen. */
  seen = 0;
  /** The waits at checkpoints that are over. */
  checkpointsPassed = 0;
  /** Until when it waits at a checkpoint. */
  waitsUntil?: number;
  /** When all instances were replaced: it bakes since. */
  bakesSince?: number;
  /** Of what was replaced before a rollback, in percent. */
  percentBefore?: number;

  constructor(id: string, group: Group, { preferences, desiredVersion }: Wanted, version: number, now: number) {
    this.id = id;
    this.group = group;
    this.preferences = preferences;
    this.desiredVersion = desiredVersion;
    this.startedAt = now;
    this.progressAt = now;
    this.size = 0;
    this.old = new Set();
    this.refreshing = { surplus: 0, version, mayReplace: (instance) => this.mayReplace(instance) };
  }

  get isActive(): boolean {
    return ['Pending', 'InProgress', 'Baking', 'Cancelling', 'RollbackInProgress'].includes(this.status);
  }

  /** Those that are replaced from now on: instances of another version than new ones have, or all. */
  choose(members: readonly Member[], matching: boolean): void {
    const there = members.filter(({ member: { state } }) => COUNTED.test(state) || /Standby/.test(state));
    this.size = there.length;
    this.old = new Set(there.filter(({ member }) => !matching || member.version !== this.refreshing.version));
  }

  /** The old ones that have not begun to go, but for those that are ignored. */
  get remaining(): Member[] {
    return [...this.old].filter((each): each is Member => isThere(each) && !this.#isIgnored(each));
  }

  /** The old ones that go, at their hooks perhaps, and are not terminated yet. */
  get going(): number {
    return [...this.old].filter(({ member }) => member && GOING.test(member.state) && member.state !== 'Terminated')
      .length;
  }

  /** How many are to be replaced in all. */
  get total(): number {
    return this.old.size - this.ignored;
  }

  /** How many stay, protected or in standby. */
  get ignored(): number {
    return [...this.old].filter((each) => isThere(each) && this.#isIgnored(each)).length;
  }

  /** An old one that may be terminated now: those that it waits for may not. */
  mayReplace(instance: Member): boolean {
    const mayGo = !instance.protectedFromScaleIn || this.preferences.protectedInstances === 'Refresh';
    return this.old.has(instance) && instance.member.state === 'InService' && mayGo;
  }

  /** In service and healthy; a new one for as long as its warm-up takes at least. */
  isReady(instance: Member, now: number): boolean {
    const { state, healthy, inServiceAt = 0 } = instance.member;
    if (state !== 'InService' || !healthy) return false;
    return this.old.has(instance) || !this.#isNew(instance) || now - inServiceAt >= this.preferences.warmup * 1000;
  }

  /** The instances that have come since it began, and are ready. */
  updated(members: readonly Member[], now: number): number {
    const ready = members.filter((each) => this.#isNew(each) && this.isReady(each, now)).length;
    return Math.min(ready, this.total);
  }

  #isNew(instance: Member): boolean {
    return (
      !this.old.has(instance) &&
      instance.launchedAt >= this.startedAt &&
      instance.member.version === this.refreshing.version
    );
  }

  #isIgnored({ protectedFromScaleIn, member }: Member): boolean {
    const { protectedInstances, standbyInstances } = this.preferences;
    if (/Standby/.test(member.state)) return standbyInstances === 'Ignore';
    return protectedFromScaleIn && protectedInstances === 'Ignore';
  }
}

const isThere = (each: Instance): each is Member =>
  isMember(each) && !/^(Terminat|Warmed:|Detach)/.test(each.member.state);
