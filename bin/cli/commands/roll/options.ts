import { InvalidArgumentError, Option } from '@commander-js/extra-typings';
import type { ChangeOptions } from '../../confirm-and-apply.ts';
import { durationIn } from '../../duration.ts';

/** What `roll` is given beside the group. */
export interface RollOptions extends ChangeOptions {
  /** Percent of the desired capacity. */
  maxHealthy: number;
  /** How many instances come first; false for none. */
  canary: number | false;
  /** In seconds. */
  canaryWait: number;
  protected: 'ignore' | 'refresh' | 'wait';
  standby: 'ignore' | 'terminate' | 'wait';
  autoRollback?: true;
  templateVersion?: string;
  wait: boolean;
  /** In seconds. */
  interval: number;
}

/** What is done with the roll that is under way. */
export const CONTROLS = ['status', 'pause', 'resume', 'cancel', 'rollback'] as const;
export type Control = (typeof CONTROLS)[number];

/** The longest CheckpointDelay of Auto Scaling is 48 hours. */
const delay = durationIn(/^(\d{1,4})([mh])$/, 'It must be a number of minutes or hours, such as 10m or 2h.');

export const MAX_HEALTHY = new Option(
  '--max-healthy <percent>',
  'the most instances at a time, in percent of the desired capacity; at least one more than that is launched',
)
  .default(110)
  .argParser(whole(101, 200));

export const CANARY = new Option('--canary <number>', 'how many instances to replace first')
  .default(1)
  .argParser(whole(1, 100));
export const NO_CANARY = new Option('--no-canary', 'replace all without a stop');
export const CANARY_WAIT = new Option('--canary-wait <time>', 'from then until the rest follows')
  .default(600, '10m')
  .argParser(delay);
export const PROTECTED = new Option('--protected <choice>', 'instances that are protected from scale-in')
  .choices(['ignore', 'refresh', 'wait'] as const)
  .default('ignore' as const);
export const STANDBY = new Option('--standby <choice>', 'instances in standby')
  .choices(['ignore', 'terminate', 'wait'] as const)
  .default('ignore' as const);

/** Only one of them at a time. */
export const control = (name: Control, about: string): Option<`--${Control}`> =>
  new Option(`--${name}`, about).conflicts(CONTROLS.filter((other) => other !== name));

function whole(least: number, most: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (/^\d+$/.test(text) && number >= least && number <= most) return number;
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
  };
}
