import * as z from 'zod';
import type { MetricId } from './alarm.ts';

/** One value of a metric. */
export interface Datum extends MetricId {
  value: number;
  unit?: string;
  /** Milliseconds since the epoch. */
  at: number;
}

const name = z.string().min(1).max(255);
const directive = z.object({
  Namespace: name,
  Dimensions: z.array(z.array(name).max(30)).min(1),
  Metrics: z.array(z.object({ Name: name, Unit: z.string().optional() })).max(100),
});
const metadata = z.object({ Timestamp: z.int(), CloudWatchMetrics: z.array(directive) });
const values = z.union([z.number().transform((value) => [value]), z.array(z.number()).max(100)]);

/**
 * The data of a log line in the embedded metric format; none where the line is not in that format.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 * @throws Error saying why CloudWatch would take nothing of the line
 */
export function dataOf(line: string): Datum[] {
  const root = asJson(line);
  if (!root || !('_aws' in root)) return [];
  const { Timestamp: at, CloudWatchMetrics: directives } = metadata.parse(root._aws);
  return directives.flatMap(({ Namespace: namespace, Dimensions: sets, Metrics: metrics }) =>
    sets.flatMap((set) => {
      const dimensions = Object.fromEntries(set.map((key) => [key, name.parse(root[key])]));
      return metrics.flatMap(({ Name, Unit: unit }) =>
        values
          .parse(root[Name])
          .map((value) => ({ namespace, name: Name, dimensions, value, at, ...(unit !== undefined && { unit }) })),
      );
    }),
  );
}

function asJson(line: string): Record<string, unknown> | undefined {
  try {
    const json: unknown = JSON.parse(line);
    return typeof json === 'object' && json !== null ? (json as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
