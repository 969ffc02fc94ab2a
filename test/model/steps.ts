import type { Action } from '../../emulators/aws/faults.ts';

/** What may happen in the world: to the group, to its builds, to Nomad, to AWS, and to the function itself. */
export type Step =
  | { what: 'scale-in'; builder: number; event: 'in time' | 'twice' | 'late' | 'lost' }
  | { what: 'build'; builder: number; seconds: number; kind: BuildKind }
  | { what: 'system job' }
  | { what: 'service'; stopSeconds: number }
  | { what: 'goes while builds are planned'; builder: number; gapMs: number; seconds: number }
  | { what: 'job purged'; builder: number }
  | { what: 'garbage collection' }
  | { what: 'purged by another'; builder: number }
  | { what: 'another deployment drains'; named: boolean; after: 'stays' | 'goes down' }
  | { what: 'token'; how: 'rotated' | 'rotated to a narrow one' | 'narrowed' | 'widened' }
  | { what: "the hook's timeout changes"; seconds: number }
  | { what: 'event comes again'; builder: number; hoursOld: number }
  | { what: 'another leader' }
  | { what: 'pass'; seconds: number }
  | { what: 'deliver'; backwards: boolean }
  | { what: 'sweep' }
  | { what: 'two sweeps' }
  | { what: 'killed run'; afterRequests: number }
  | { what: 'stray event'; builder: number }
  | { what: 'cancel drain'; builder: number; eligible: boolean }
  | { what: 'mark ineligible'; builder: number }
  | { what: 'Spot interruption'; builder: number; action: 'terminate' | 'stop'; event: 'in time' | 'late' | 'lost' }
  | { what: 'rebalance recommendation'; builder: number }
  | { what: 'maintenance'; builder: number; event: 'in time' | 'lost' }
  | { what: 'another way'; builder: number; how: Way }
  | { what: 'instance dies'; builder: number }
  | { what: 'client dies'; builder: number }
  | { what: 'agent goes away'; builder: number }
  | { what: 'agent comes back'; builder: number }
  | { what: 'agent comes back as another'; builder: number; saying?: Saying }
  | { what: 'agent restarts'; builder: number; saying: Exclude<Saying, 'its instance'> }
  | { what: 'agent joins'; builder: number; as: Joining }
  | { what: 'agent gets ready'; builder: number }
  | { what: 'another tool drains'; builder: number; seconds: number; ignoreSystemJobs: boolean }
  | { what: 'EC2 fails'; how: 'RequestLimitExceeded' | 'UnauthorizedOperation' | 'silence'; requests: number }
  | { what: 'no sweeps'; seconds: number }
  | { what: 'the clock jumps'; seconds: number }
  | { what: 'Nomad is away'; seconds: number }
  | { what: 'Nomad fails'; how: NomadFault; requests: number }
  | { what: 'the event bus fails'; requests: number }
  | { what: 'Auto Scaling fails'; how: 'Throttling' | 'ResourceContention'; requests: number }
  | { what: 'one call is silent'; call: Action; requests: number };

/** What an agent says of its instance at its start: by its fingerprint of EC2, by its address alone, or not at all. */
export type Saying = 'its instance' | 'its address' | 'nothing';

/** How the agent of a new instance registers: unhealthy is its driver; nameless, it says nothing of its instance. */
export type Joining = 'ready' | 'initializing' | 'ineligible' | 'unhealthy' | 'nameless';

/** Ways by which Auto Scaling takes an instance out of service, with a hook or without one. */
export type Way = 'refresh' | 'lifetime' | 'zones' | 'root volume' | 'standby' | 'back from standby' | 'detach';

/** 404, 502 and 504 are a load balancer's; `hollow` is a client agent's that shuts down. */
export type NomadFault =
  | 403
  | 404
  | 429
  | 500
  | 502
  | 504
  | 'garbage'
  | 'hang-up'
  | 'answer lost'
  | 'silence'
  | 'slow'
  | 'hollow';

/** How a story ends: without faults, with Nomad failing for one node only, or with Nomad away for good. */
export type Ending =
  | { how: 'healed' }
  | { how: 'one stays sick'; builder: number; answer: 500 | 'silence' }
  | { how: 'Nomad stays away' };

/** It ends well; or fails, and uploads its artifacts; or Nomad keeps it while its client is away. */
export type BuildKind = 'plain' | 'fails and uploads' | 'outlives its agent';

export interface Story {
  /** The drain deadline: longer than the story, or so short that builds are killed in it. */
  deadline: 'long' | 'short';
  /** 1.8 keeps builds on nodes that are down; 2.0 keeps them on disconnected nodes, for a time. */
  version: '1.8.4' | '2.0.6';
  /** What is done about rebalance recommendations; scheduled maintenance is acted on unless it is off. */
  rebalance: 'off' | 'drain' | 'cordon';
  /** Nodes of terminated instances are purged. */
  purge: boolean;
  /** Instances whose time is up are abandoned, and the group retains those. */
  retain: boolean;
  /** How far Nomad's clock is ahead. */
  skewSeconds: number;
  /**
   * What builds say of drains, in turn: the policy lets them. The last builder is then in a group of its own, whose deadline is the other one.
   */
  asks?: readonly Asks[];
  /** Instances are put into service when their nodes are ready; these builders are only being launched when the story begins. */
  launched?: readonly number[];
  steps: Step[];
  ending: Ending;
}

/** What the author of a build says of drains, if anything. */
export type Asks = 'nothing' | 'now' | 'until-done' | '40s' | '20m';

/** What a story is like unless it says otherwise. */
export const PLAIN = {
  deadline: 'long',
  version: '2.0.6',
  rebalance: 'off',
  purge: false,
  retain: false,
  skewSeconds: 0,
} as const;

export const BUILDERS = 4;
