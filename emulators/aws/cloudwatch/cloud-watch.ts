import { type Alarm, type AlarmState, evaluate, evaluationRange, type MetricId } from './alarm.ts';
import { type Datum, dataOf } from './embedded-metrics.ts';

const MINUTE = 60_000;

/** A change of an alarm's state. */
export interface Transition {
  /** Milliseconds since the epoch. */
  at: number;
  state: AlarmState;
}

/** What of a metric is looked at. */
type Query = Pick<Alarm, 'metric' | 'statistic' | 'unit' | 'periodSeconds'>;

/** The values of one metric, by the minute they are of. */
type Minutes = Map<number, { value: number; unit?: string | undefined }[]>;

/** CloudWatch: takes what is measured, and says at any moment what state an alarm on it is in. */
export class CloudWatch {
  readonly #metrics = new Map<string, Minutes>();
  /** Lines in the embedded metric format that CloudWatch takes nothing of, and why. In AWS they are dropped in silence. */
  readonly refused: { line: string; because: string }[] = [];

  /** Takes a line of a function's log: what is measured, if it is in the embedded metric format, else nothing. */
  read(line: string): void {
    try {
      for (const datum of dataOf(line)) this.put(datum);
    } catch (error) {
      this.refused.push({ line, because: (error as Error).message });
    }
  }

  /** Takes one value, as AWS's own services publish it. */
  put({ namespace, name, dimensions, value, unit, at }: Datum): void {
    const key = keyOf({ namespace, name, dimensions });
    const minutes: Minutes = this.#metrics.get(key) ?? new Map();
    this.#metrics.set(key, minutes);
    const minute = Math.floor(at / MINUTE);
    const data = minutes.get(minute) ?? [];
    minutes.set(minute, data);
    data.push({ value, unit });
  }

  /** Every metric that there are data of. */
  get metrics(): MetricId[] {
    return [...this.#metrics.keys()].map((key) => {
      const [namespace, name, dimensions] = JSON.parse(key);
      return { namespace, name, dimensions: Object.fromEntries(dimensions) };
    });
  }

  /** What an alarm sees of its metric in the period that begins at `from`; undefined where there are no data. */
  statistic(alarm: Query, from: number): number | undefined {
    return statisticOf(this.#metrics.get(keyOf(alarm.metric)), alarm, from);
  }

  /** The state of an alarm at a moment: after its last evaluation, which sees no period that is not over. */
  state(alarm: Alarm, at: number): AlarmState {
    return this.history(alarm, at).at(-1)?.state ?? 'INSUFFICIENT_DATA';
  }

  /**
   * How an alarm changed its state until a moment, evaluated at the end of each period, from the first one on that there
   * are data of. Where there never were any, it is evaluated at that moment alone.
   */
  history(alarm: Alarm, until: number): Transition[] {
    const minutes = this.#metrics.get(keyOf(alarm.metric));
    const period = alarm.periodSeconds * 1000;
    const last = Math.floor(until / period) * period;
    const firstMinute = Math.min(...(minutes?.keys() ?? []));
    const first = Math.min(last, Math.floor((firstMinute * MINUTE) / period) * period + period);
    const transitions: Transition[] = [];
    let state: AlarmState = 'INSUFFICIENT_DATA';
    for (let at = first; at <= last; at += period) {
      const now = evaluate(alarm, pointsOf(minutes, alarm, at), state);
      if (now !== state || transitions.length === 0) transitions.push({ at, state: now });
      state = now;
    }
    return transitions;
  }
}

/** The data points of the evaluation range that ends at `until`, the oldest first. */
function pointsOf(minutes: Minutes | undefined, alarm: Alarm, until: number): (number | undefined)[] {
  const period = alarm.periodSeconds * 1000;
  const length = evaluationRange(alarm);
  return Array.from({ length }, (_, index) => statisticOf(minutes, alarm, until - (length - index) * period));
}

function statisticOf(minutes: Minutes | undefined, query: Query, from: number): number | undefined {
  const { unit: wanted, periodSeconds, statistic } = query;
  const first = Math.floor(from / MINUTE);
  const data = Array.from({ length: periodSeconds / 60 }, (_, index) => minutes?.get(first + index) ?? []).flat();
  const values = data.filter(({ unit }) => wanted === undefined || unit === wanted).map(({ value }) => value);
  return values.length === 0 ? undefined : summed(values, statistic);
}

const keyOf = ({ namespace, name, dimensions }: MetricId) =>
  JSON.stringify([namespace, name, Object.entries(dimensions).toSorted(([one], [other]) => (one < other ? -1 : 1))]);

function summed(values: number[], statistic: string): number {
  const sum = values.reduce((total, value) => total + value, 0);
  switch (statistic) {
    case 'SampleCount':
      return values.length;
    case 'Sum':
      return sum;
    case 'Average':
      return sum / values.length;
    case 'Minimum':
      return Math.min(...values);
    case 'Maximum':
      return Math.max(...values);
  }
  const [, percent] = /^p(\d{1,2}(?:\.\d+)?|100)$/.exec(statistic) ?? [];
  if (percent === undefined) throw new Error(`the statistic ${statistic} is not known here`);
  // By nearest rank: CloudWatch does not say how it interpolates.
  const rank = Math.max(1, Math.ceil((Number(percent) / 100) * values.length));
  return values.toSorted((one, other) => one - other)[rank - 1] ?? Number.NaN;
}
