/** The CloudWatch namespace of the function's metrics. */
export const NAMESPACE = 'NomadDrainHook';

/** The dimensions of every metric: this service, and the function, so that two stacks do not add up. */
export const DIMENSIONS = { service: 'service', functionName: 'FunctionName' } as const;
export const SERVICE = 'nomad-drain-hook';

/** A metric. */
export interface Metric {
  unit: 'Count' | 'Seconds';
  /**
   * When it is written. `sweep`: in each sweep, also if it is 0, so that missing data means missing sweeps.
   * `fifth minute`: in every fifth sweep, unless Nomad does not answer. `admission`: in each sweep, where instances are put into service when their nodes are ready.
   * `run`: in each run that asks Nomad. `happening`: whenever it happens, in any run.
   */
  recorded: 'sweep' | 'fifth minute' | 'admission' | 'run' | 'happening';
  /** What it is, for the legend of a graph. */
  about: string;
}

/** Everything that the function measures, by its name in CloudWatch. */
export const METRICS = {
  InstancesWaiting: { unit: 'Count', recorded: 'sweep', about: 'Instances that wait to be released' },
  OldestWait: { unit: 'Seconds', recorded: 'sweep', about: 'How long the oldest of them has waited' },
  LongestOverdue: {
    unit: 'Seconds',
    recorded: 'sweep',
    about: 'The longest that one of them has waited past its deadline and kill margin',
  },
  DrainsStuck: { unit: 'Count', recorded: 'sweep', about: 'Drains that will not end by themselves' },
  InstancesUnserved: { unit: 'Count', recorded: 'sweep', about: 'Instances that a sweep could not serve' },
  InstancesRetained: {
    unit: 'Count',
    recorded: 'sweep',
    about: 'Instances that Auto Scaling retains until you terminate them',
  },
  ClientsMissing: {
    unit: 'Count',
    recorded: 'fifth minute',
    about: 'Instances in service for ten minutes that are no Nomad nodes',
  },
  TokenTooNarrow: { unit: 'Count', recorded: 'run', about: 'The Nomad token lacks permissions (1) or not (0)' },
  TimeToDrain: { unit: 'Seconds', recorded: 'happening', about: 'From the start of a drain to an empty node' },
  WaitAfterEmpty: {
    unit: 'Seconds',
    recorded: 'happening',
    about: 'From an empty node to the release of its instance',
  },
  Drained: { unit: 'Count', recorded: 'happening', about: 'Released: everything had finished' },
  Forced: { unit: 'Count', recorded: 'happening', about: 'Released: the drain deadline was reached' },
  NodeLost: { unit: 'Count', recorded: 'happening', about: 'Released: the node was down or gone' },
  NotANode: { unit: 'Count', recorded: 'happening', about: 'Released: never a Nomad node' },
  NodeMissing: {
    unit: 'Count',
    recorded: 'happening',
    about: 'Of these: in service for long, so that it should have been a node',
  },
  InstanceGone: { unit: 'Count', recorded: 'happening', about: 'Released: EC2 had terminated it already' },
  TimedOut: { unit: 'Count', recorded: 'happening', about: 'Released: the time was up' },
  AllocationsKilled: { unit: 'Count', recorded: 'happening', about: 'Allocations killed by a drain deadline' },
  InstancesJoining: { unit: 'Count', recorded: 'admission', about: 'Instances that wait to be put into service' },
  NodeReady: { unit: 'Seconds', recorded: 'happening', about: 'From the launch of an instance to its ready node' },
  InstancesAdmitted: { unit: 'Count', recorded: 'happening', about: 'Put into service: their nodes were ready' },
  InstancesAbandoned: { unit: 'Count', recorded: 'happening', about: 'Abandoned: their nodes were not ready in time' },
  HeartbeatsRefused: { unit: 'Count', recorded: 'happening', about: 'Heartbeats that Auto Scaling refused' },
  NomadErrors: { unit: 'Count', recorded: 'happening', about: 'Requests to Nomad that failed' },
  ChoicesAnswered: {
    unit: 'Count',
    recorded: 'happening',
    about: 'Times that Auto Scaling asked which instances go and was answered',
  },
  ChoicesFellBack: { unit: 'Count', recorded: 'happening', about: 'Choices left to Auto Scaling' },
  ChoicesLate: { unit: 'Count', recorded: 'happening', about: 'Answers that came too late for Auto Scaling' },
  EventsLost: { unit: 'Count', recorded: 'happening', about: 'Events that the event bus did not accept' },
} as const satisfies Record<string, Metric>;

export type MetricName = keyof typeof METRICS;
