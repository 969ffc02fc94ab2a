import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import { DIMENSIONS, type MetricName, NAMESPACE, SERVICE } from '../../lambda/core/model/metrics.ts';

export type { MetricName };

/** How CloudWatch aggregates the values of a minute. */
export type Statistic = 'Maximum' | 'Sum' | 'SampleCount' | 'p50' | 'p90';

/** A metric of the function, with a period of one minute. */
export type Measured = (name: MetricName, statistic: Statistic) => cloudwatch.Metric;

/** The metrics of this function. Those of another stack's function have another dimension. */
export function measuredBy(handler: lambda.IFunction): Measured {
  return (metricName, statistic) =>
    new cloudwatch.Metric({
      namespace: NAMESPACE,
      metricName,
      dimensionsMap: { [DIMENSIONS.service]: SERVICE, [DIMENSIONS.functionName]: handler.functionName },
      statistic,
      period: Duration.minutes(1),
    });
}
