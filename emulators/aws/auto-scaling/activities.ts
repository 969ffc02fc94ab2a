import type { ScalingActivityStatusCode } from '@aws-sdk/client-auto-scaling';
import type { Ids } from '../ids.ts';
import { type Group, SUBNET, ZONE } from '../model.ts';
import type { Schedule } from './schedule.ts';

export interface ScalingActivity {
  id: string;
  group: Group;
  description: string;
  cause: string;
  startedAt: number;
  endedAt?: number;
  status: ScalingActivityStatusCode;
  progress: number;
}

export const ACTIVITY_DETAILS = { 'Subnet ID': SUBNET, 'Availability Zone': ZONE };

/** What the groups did and are doing: one scaling activity for each transition of an instance. */
export class Activities {
  readonly #all: ScalingActivity[] = [];
  readonly #schedule: Schedule;
  readonly #ids: Ids;

  constructor(schedule: Schedule, ids: Ids) {
    this.#schedule = schedule;
    this.#ids = ids;
  }

  start(group: Group, description: string, cause: string): ScalingActivity {
    const startedAt = this.#schedule.now();
    const activity: ScalingActivity = {
      id: this.#ids.uuid(),
      group,
      description,
      cause: `At ${new Date(startedAt).toISOString().replace(/\.\d+Z$/, 'Z')} ${cause}`,
      startedAt,
      status: 'InProgress',
      progress: 50,
    };
    this.#all.push(activity);
    return activity;
  }

  end(activity: ScalingActivity, status: 'Successful' | 'Failed' | 'Cancelled'): void {
    activity.status = status;
    activity.progress = 100;
    activity.endedAt = this.#schedule.now();
  }

  /** "Activities in progress are described first", says DescribeScalingActivities; among like, the newest first. */
  list(group?: Group): ScalingActivity[] {
    return this.#all
      .filter((activity) => !group || activity.group === group)
      .reverse()
      .sort(
        (one, other) =>
          Number(one.endedAt !== undefined) - Number(other.endedAt !== undefined) || other.startedAt - one.startedAt,
      );
  }
}
