import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import { DIMENSIONS, type MetricName, NAMESPACE, SERVICE } from '../../lambda/core/metrics.ts';

/** How many values of one minute make one number. */
export type Statistic = 'Maximum' | 'Sum' | 'SampleCount' | 'p50' | 'p90';

/** Something that the function measures, as CloudWatch has it, minute by minute. */
export type Measured = (name: MetricName, statistic: Statistic) => cloudwatch.Metric;

/** What this one function measures: that of another stack's has another dimension. */
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
