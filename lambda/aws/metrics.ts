import { Metrics as PowertoolsMetrics } from '@aws-lambda-powertools/metrics';
import type { Clock } from '../core/model/clock.ts';
import { DIMENSIONS, METRICS, type MetricName, NAMESPACE, SERVICE } from '../core/model/metrics.ts';
import type { Metrics } from '../core/ports.ts';

/** Powertools itself writes a record to the standard output when a metric has a hundred values. */
const MOST_VALUES = 99;

/**
 * Metrics in CloudWatch's embedded metric format: JSON lines in the log, which CloudWatch turns into metrics by itself. They are
 * written as they happen, so that a run that is killed later loses none of them.
 */
export class EmbeddedMetrics implements Metrics {
  readonly #metrics: PowertoolsMetrics;
  readonly #clock: Clock;
  readonly #print: (line: string) => void;
  readonly #values = new Map<MetricName, number>();

  /** @param functionName the dimension that keeps the metrics of two functions apart */
  constructor(functionName: string, clock: Clock, print: (line: string) => void) {
    this.#metrics = new PowertoolsMetrics({
      namespace: NAMESPACE,
      serviceName: SERVICE,
      defaultDimensions: { [DIMENSIONS.functionName]: functionName },
    });
    this.#clock = clock;
    this.#print = print;
  }

  add(name: MetricName, value: number): void {
    const values = (this.#values.get(name) ?? 0) + 1;
    // What is measured in one go is written as one line.
    if (this.#values.size === 0) queueMicrotask(() => this.flush());
    this.#values.set(name, values);
    this.#metrics.addMetric(name, METRICS[name].unit, value);
    if (values === MOST_VALUES) this.flush();
  }

  /** Writes what has been measured since the last time, if anything has. */
  flush(): void {
    if (this.#values.size === 0) return;
    const record = this.#metrics.serializeMetrics();
    this.#print(JSON.stringify({ ...record, _aws: { ...record._aws, Timestamp: Math.floor(this.#clock.now()) } }));
    this.#metrics.clearMetrics();
    this.#values.clear();
  }
}
