/** The CloudWatch namespace of what the function measures. */
export const NAMESPACE = 'NomadDrainHook';

/** The dimensions of every metric: this service, and the function, so that two stacks do not add up. */
export const DIMENSIONS = { service: 'service', functionName: 'FunctionName' } as const;
export const SERVICE = 'nomad-drain-hook';

/** One thing measured. */
export interface Metric {
  unit: 'Count' | 'Seconds';
  /**
   * `sweep`: once in each sweep, also where it is 0, so that silence tells that sweeps are missing.
   * `run`: once in each run that asked Nomad. `happening`: as often as it happens, in whatever run.
   */
  told: 'sweep' | 'run' | 'happening';
  /** What it is, for the legend of a graph. */
  about: string;
}

/** Everything that the function measures, by the name it has in CloudWatch. */
export const METRICS = {
  InstancesWaiting: { unit: 'Count', told: 'sweep', about: 'Instances that wait to be let go' },
  OldestWait: { unit: 'Seconds', told: 'sweep', about: 'How long the oldest of them has waited' },
  DrainsStuck: { unit: 'Count', told: 'sweep', about: 'Drains that will not end by themselves' },
  InstancesUnserved: { unit: 'Count', told: 'sweep', about: 'Instances that a sweep could not serve' },
  TokenTooNarrow: { unit: 'Count', told: 'run', about: 'The Nomad token lacks permissions (1) or not (0)' },
  TimeToDrain: { unit: 'Seconds', told: 'happening', about: 'From the start of a drain to an empty node' },
  WaitAfterEmpty: { unit: 'Seconds', told: 'happening', about: 'From an empty node to its instance being let go' },
  Drained: { unit: 'Count', told: 'happening', about: 'Let go: everything had finished' },
  Forced: { unit: 'Count', told: 'happening', about: 'Let go: the drain deadline had come' },
  NodeLost: { unit: 'Count', told: 'happening', about: 'Let go: the node was down or gone' },
  NotANode: { unit: 'Count', told: 'happening', about: 'Let go: never a Nomad node' },
  NodeMissing: {
    unit: 'Count',
    told: 'happening',
    about: 'Of these: in service for long, so that it should have been one',
  },
  InstanceGone: { unit: 'Count', told: 'happening', about: 'Let go: EC2 had ended it already' },
  TimedOut: { unit: 'Count', told: 'happening', about: 'Let go: the time was up' },
  AllocationsKilled: { unit: 'Count', told: 'happening', about: 'Allocations killed by a drain deadline' },
  HeartbeatsRefused: { unit: 'Count', told: 'happening', about: 'Heartbeats that Auto Scaling did not take' },
  NomadErrors: { unit: 'Count', told: 'happening', about: 'Questions that Nomad did not answer as it should' },
  EventsLost: { unit: 'Count', told: 'happening', about: 'Events that the event bus did not take' },
} as const satisfies Record<string, Metric>;

export type MetricName = keyof typeof METRICS;
