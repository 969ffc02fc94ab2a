import { DEFAULT_MEMORY } from '../lib/function/memory.ts';

/**
 * AWS's list prices in US East (N. Virginia), in dollars, without the free tier; looked up in November 2026 on the pages of AWS and
 * of those who quote them.
 */
export const PRICES = {
  /** https://aws.amazon.com/lambda/pricing/: on Arm, for a gigabyte of memory and a second. */
  lambdaGigabyteSecond: 0.0000133334,
  lambdaRequest: 0.2 / 1e6,
  /** https://aws.amazon.com/step-functions/pricing/: standard workflows. */
  stateTransition: 0.025 / 1000,
  /** https://aws.amazon.com/cloudwatch/pricing/: of the first 10,000 metrics; by the hour in which they are written. */
  metricMonth: 0.3,
  alarmMonth: 0.1,
  /** From the fourth one of an account on. */
  dashboardMonth: 3,
  logGigabyte: 0.5,
  /** https://aws.amazon.com/eventbridge/pricing/: an event that we put on a bus. What AWS sends, and the schedule, are free. */
  customEvent: 1 / 1e6,
};

/** The mean month of a year, in hours and minutes. */
export const MONTH_HOURS = 730;
export const MONTH_MINUTES = MONTH_HOURS * 60;

/** The memory that the construct gives the function, in gigabytes. */
export const MEMORY_GB = DEFAULT_MEMORY / 1024;

/** With 1,769 MB a function has one core, and with less a share of it. https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html */
const MEMORY_OF_A_CORE_GB = 1769 / 1024;

/** How long a run lasts with this memory that here took `ms`, of which `cpuMs` of processor time on a whole core. */
export function lasts(ms: number, cpuMs: number, memoryGb: number): number {
  return ms + cpuMs * (Math.max(1, MEMORY_OF_A_CORE_GB / memoryGb) - 1);
}

/** Of runs that lasted so many seconds each, in dollars. */
export function lambdaCost(seconds: number, runs: number, memoryGb = MEMORY_GB): number {
  return seconds * memoryGb * PRICES.lambdaGigabyteSecond + runs * PRICES.lambdaRequest;
}
