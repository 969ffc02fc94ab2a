import type { Group } from '../../model.ts';
import { type QueryParams, validationError } from '../../query-protocol.ts';

/** https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_RefreshPreferences.html */
export interface Preferences {
  /** Percent of the desired capacity. */
  minHealthy: number;
  /** The same; undefined where none was given: then an instance is terminated and its replacement launched at the same time. */
  maxHealthy: number | undefined;
  /** In seconds, as all times here. */
  warmup: number;
  /** Percent of the instances of the group that are new by then. */
  checkpoints: readonly number[];
  checkpointDelay: number;
  skipMatching: boolean;
  autoRollback: boolean;
  protectedInstances: 'Refresh' | 'Ignore' | 'Wait';
  standbyInstances: 'Terminate' | 'Ignore' | 'Wait';
  bakeTime: number;
}

/** What a request of StartInstanceRefresh wants. */
export interface Wanted {
  preferences: Preferences;
  /** The version of the launch template in its DesiredConfiguration, if it has one. */
  desiredVersion: string | undefined;
}

/** "Value range is 0 to 172800." */
const LONGEST_DELAY = 172_800;

/** @throws QueryError where AWS documents that it refuses this */
export function readWanted(params: QueryParams, group: Group): Wanted {
  const of = (name: string) => `Preferences.${name}`;
  const percentage = (name: string, least: number, most: number) => inRange(params, of(name), least, most);
  const minHealthy = percentage('MinHealthyPercentage', 0, 100);
  const maxHealthy = percentage('MaxHealthyPercentage', 100, 200);
  // "If you specify MaxHealthyPercentage, you must also specify MinHealthyPercentage, and the difference between them cannot be
  // greater than 100."
  if (maxHealthy !== undefined && (minHealthy === undefined || maxHealthy - minHealthy > 100)) {
    throw validationError(
      'MinHealthyPercentage has to be given with MaxHealthyPercentage, at most 100 percentage points below it.',
    );
  }
  const checkpoints = params.list(of('CheckpointPercentages.member')).map(Number);
  const ascend = checkpoints.every((each, index) => each > (checkpoints[index - 1] ?? 0) && each <= 100);
  if (!ascend) throw validationError('CheckpointPercentages have to ascend, from 1 to 100.');
  const checkpointDelay = inRange(params, of('CheckpointDelay'), 0, LONGEST_DELAY);
  if (checkpointDelay !== undefined && checkpoints.length === 0) {
    throw validationError('CheckpointDelay needs CheckpointPercentages.');
  }
  const preferences: Preferences = {
    minHealthy: minHealthy ?? 90,
    maxHealthy,
    // Else DefaultInstanceWarmup, which no group here has, or the grace period of its health check, which is 0.
    warmup: params.integer(of('InstanceWarmup')) ?? 0,
    checkpoints,
    checkpointDelay: checkpointDelay ?? 3600,
    skipMatching: params.get(of('SkipMatching')) === 'true',
    autoRollback: params.get(of('AutoRollback')) === 'true',
    protectedInstances: oneOf(params, of('ScaleInProtectedInstances'), ['Wait', 'Refresh', 'Ignore']),
    standbyInstances: oneOf(params, of('StandbyInstances'), ['Wait', 'Terminate', 'Ignore']),
    bakeTime: inRange(params, of('BakeTime'), 0, LONGEST_DELAY) ?? 0,
  };
  const desiredVersion = params.get('DesiredConfiguration.LaunchTemplate.Version');
  checkKind(group, preferences, desiredVersion);
  return { preferences, desiredVersion };
}

function checkKind(
  group: Group,
  { skipMatching, autoRollback }: Preferences,
  desiredVersion: string | undefined,
): void {
  // https://docs.aws.amazon.com/autoscaling/ec2/userguide/instance-refresh-overview.html: neither skip matching nor a desired
  // configuration where the instance types are chosen by attributes.
  if (group.attributeBased && (skipMatching || desiredVersion !== undefined)) {
    throw validationError('Attribute-based instance type selection excludes SkipMatching and DesiredConfiguration.');
  }
  if (autoRollback && !canRollBack(group, desiredVersion)) {
    throw validationError('AutoRollback needs a DesiredConfiguration, and launch template versions that are numbers.');
  }
}

/** https://docs.aws.amazon.com/autoscaling/ec2/userguide/instance-refresh-rollback.html */
export const canRollBack = ({ launchTemplate }: Group, desiredVersion: string | undefined): boolean =>
  desiredVersion !== undefined && ![desiredVersion, launchTemplate.version].some((version) => version.startsWith('$'));

function inRange(params: QueryParams, name: string, least: number, most: number): number | undefined {
  const value = params.integer(name);
  if (value === undefined || (value >= least && value <= most)) return value;
  throw validationError(`${name} must be from ${least} to ${most}.`);
}

function oneOf<Value extends string>(
  params: QueryParams,
  name: string,
  [byDefault, ...others]: [Value, ...Value[]],
): Value {
  const value = params.get(name) ?? byDefault;
  const found = [byDefault, ...others].find((each) => each === value);
  if (found === undefined) throw validationError(`${name} has no value ${value}.`);
  return found;
}
