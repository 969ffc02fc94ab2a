import type { Completion } from '../../emulators/aws/model.ts';
import type { TaskProcess } from '../../emulators/nomad/client/casualties.ts';
import { UNNAMED, World } from '../../emulators/world/world.ts';
import { GROUP, LAUNCHING_HOOK } from '../../emulators/world/world-options.ts';
import { Account } from './account.ts';
import { type Asks, BUILDERS, type Story } from './steps.ts';

export const HEARTBEAT_TIMEOUT = 480;
export const RESTORE_SECONDS = 600;
/** Long: longer than most stories, so that a build that is killed was killed by us. Short: Nomad kills builds at the deadline. */
export const POLICIES = {
  long: { deadlineSeconds: 3600, killMarginSeconds: 120, graceSeconds: 60 },
  short: { deadlineSeconds: 150, killMarginSeconds: 30, graceSeconds: 60 },
};

/** What an instance has to be before it is put into service. The hook's timeout is that of the other hook. */
const ADMISSION = { drivers: ['docker'], readyTimeoutSeconds: 300, heartbeatTimeoutSeconds: HEARTBEAT_TIMEOUT };
export const HEALTHY = { drivers: { docker: undefined } };

/** A group beside that of the builders. */
const OTHER = 'other';

/** The function stays warm, or is cold in every run: it then remembers nothing. */
export type Memory = 'warm' | 'cold';

/** An instance of the group, and the Nomad client on it: another one after its agent came back under a new id. */
export interface Builder {
  instanceId: string;
  nodeId: string;
}

/** We have completed an action, or purged a node, and this ran there, or was still to run: asked of the machine, not of Nomad. */
export interface Cut {
  /** Milliseconds since the epoch. */
  at: number;
  instanceId: string;
  how: 'completed' | 'purged';
  process: TaskProcess;
  /** Nomad has given it up, and replaced it, since the node was down. */
  lost: boolean;
  /** When Nomad said that the drain was complete, milliseconds since the epoch; infinite if it does not. */
  completeSince: number;
  excused?: boolean;
}

/** The instances of a story, and what it has done to them. */
export interface Cast {
  world: World;
  memory: Memory;
  version: Story['version'];
  builders: Builder[];
  /** That of the group of each instance. */
  policyOf: (instanceId: string) => (typeof POLICIES)['long'];
  /** What builds say of drains, in turn; and what each has said, by its job. */
  asks: readonly Asks[];
  asked: Map<string, Asks>;
  /** Its Nomad tokens, the one that it has now last; and the management token. */
  secrets: string[];
  token: string;
  isNarrowToken: boolean;
  isNarrowPolicy: boolean;
  /** So many jobs were submitted. */
  jobs: number;
  /** The instance of each node that there ever was. */
  instanceOf: Map<string, string>;
  /** Nodes whose machine, client or data the story has killed: we are not to blame for their builds. */
  doomed: Set<string>;
  /** Nodes whose agent is away for now. */
  away: Set<string>;
  /** Instances whose agent says nothing by which anybody could know it. */
  nameless: Set<string>;
  /** When EC2 warned that it interrupts an instance, milliseconds since the epoch. */
  interrupted: Map<string, number>;
  /** The instances that a notice was about. */
  noticed: Set<string>;
  /** Nodes whose eligibility or drain somebody else has changed. */
  touched: Set<string>;
  /** Nodes that somebody else has purged, and those that we have. */
  purged: Set<string>;
  ourPurges: Set<string>;
  /** The nodes of another deployment, and what each was like when that had drained it. */
  foreign: Map<string, string>;
  /** Allocations that the servers have forgotten, and when, milliseconds since the epoch. */
  forgottenAt: Map<string, number>;
  /** When the token last saw not every namespace, milliseconds since the epoch; infinite while it does not. */
  narrowUntil: number;
  /** Instances that the story launches. */
  launched: ReadonlySet<string>;
  /** Nomad answers nothing now. */
  silent: boolean;
  /** What was wrong when an instance was put into service, or abandoned. */
  misjudged: string[];
  /** When the termination of each instance began, milliseconds since the epoch. */
  leaving: Map<string, number>;
  /** When Auto Scaling lets each go at the latest, milliseconds since the epoch. */
  capAt: Map<string, number>;
  /** The drain deadlines that anybody gave Nomad for each node, and when, the last one first. Milliseconds since the epoch. */
  deadlines: Map<string, { givenAt: number; deadlineAt: number }[]>;
  /** Instances that were completed, and nodes that were purged, over what ran there. */
  cuts: Cut[];
  /** Since when this function environment remembers, milliseconds since the epoch. */
  remembersSince: number;
  /** Cold starts and clocks set back: after each, a heartbeat slot may be served again. */
  forgotten: number;
  /** The shortest heartbeat timeout that the hook has had, in seconds. */
  shortestTimeout: number;
  /** Instances that waited while the hook's timeout changed: nothing says which one holds for them, and so when Auto Scaling's cap is. */
  retimed: Set<string>;
  account: Account;
}

export const SEES_ALL = 'node { policy = "write" }\nnamespace "*" { capabilities = ["read-job"] }';
/** Of all that runs on the builders it sees nothing. */
export const SEES_OTHERS = 'node { policy = "write" }\nnamespace "other" { capabilities = ["read-job"] }';

/** Four builders, one of which does not name its instance, in a world with ACLs. */
export async function castOf(story: Story, memory: Memory): Promise<Cast> {
  const { deadline, version, rebalance, purge, retain, skewSeconds, asks = [], launched } = story;
  const policy = POLICIES[deadline];
  const other = POLICIES[deadline === 'long' ? 'short' : 'long'];
  const hasOther = asks.length > 0;
  const nomad = { token: { parameter: '/nomad/drain-token' } };
  const world = await World.start({
    acl: true,
    version,
    policy: { ...policy, onTimeout: retain ? 'ABANDON' : 'CONTINUE', jobMeta: hasOther },
    group: { retainOnAbandon: retain },
    ...(hasOther && { moreGroups: [{ name: OTHER, retainOnAbandon: retain }], terms: { [OTHER]: { policy: other } } }),
    heartbeatTimeoutSeconds: HEARTBEAT_TIMEOUT,
    nomad,
    notices: { rebalance, maintenance: rebalance !== 'off', restoreSeconds: RESTORE_SECONDS },
    purge,
    ...(launched && { admission: ADMISSION }),
  });
  world.nomad.clockSkewMs = skewSeconds * 1000;
  world.nomad.policy('drainer', SEES_ALL);
  world.nomad.policy('narrow', SEES_OTHERS);
  const token = world.nomad.token({ policies: ['drainer'] });
  world.aws.putParameter('/nomad/drain-token', token, 'SecureString');
  const builders = Array.from({ length: BUILDERS }, (_, index) =>
    launched?.includes(index)
      ? { instanceId: world.aws.launch(GROUP), nodeId: `the node of builder ${index}, which has not joined` }
      : world.addBuilder(
          index === 0 ? { ...UNNAMED, ...HEALTHY } : HEALTHY,
          {},
          hasOther && index === BUILDERS - 1 ? OTHER : undefined,
        ),
  );
  const last = builders.at(-1)?.instanceId;
  const deadlines: Cast['deadlines'] = new Map();
  const secrets = [token, world.nomad.managementToken];
  const cast: Cast = {
    world,
    memory,
    version,
    builders,
    policyOf: (instanceId) => (hasOther && instanceId === last ? other : policy),
    asks,
    asked: new Map(),
    secrets,
    token,
    isNarrowToken: false,
    isNarrowPolicy: false,
    jobs: 0,
    instanceOf: new Map(builders.map(({ nodeId, instanceId }) => [nodeId, instanceId])),
    doomed: new Set(),
    away: new Set(),
    nameless: new Set(),
    interrupted: new Map(),
    noticed: new Set(),
    touched: new Set(),
    purged: new Set(),
    ourPurges: new Set(),
    foreign: new Map(),
    forgottenAt: new Map(),
    narrowUntil: Number.NEGATIVE_INFINITY,
    launched: new Set(launched?.map((index) => builders[index]?.instanceId ?? '')),
    silent: false,
    misjudged: [],
    leaving: new Map(),
    capAt: new Map(),
    deadlines,
    cuts: [],
    remembersSince: world.clock.now(),
    forgotten: 0,
    shortestTimeout: HEARTBEAT_TIMEOUT,
    retimed: new Set(),
    account: new Account(
      world,
      secrets,
      builders.map(({ instanceId }) => instanceId),
    ),
  };
  for (const { nodeId, instanceId } of builders) cast.account.name(nodeId, instanceId);
  world.nomad.state.onCommit((tables) => {
    if (!tables.includes('nodes')) return;
    for (const { ID, DrainStrategy } of world.nomad.state.nodes.values()) {
      const deadlineAt = Date.parse(DrainStrategy?.ForceDeadline ?? '') - skewSeconds * 1000;
      const before = deadlines.get(ID) ?? [];
      if (Number.isNaN(deadlineAt) || before[0]?.deadlineAt === deadlineAt) continue;
      deadlines.set(ID, [{ givenAt: world.clock.now(), deadlineAt }, ...before]);
    }
  });
  return cast;
}

/** How the wait of an instance has ended that leaves service, or never came into it. */
export const released = ({ world }: Cast, instanceId: string): Completion | undefined =>
  world.aws.completions.find((each) => each.instanceId === instanceId && !isAdmission(each));

/** It is put into service. */
export const isAdmission = ({ hook, result }: Completion): boolean =>
  hook === LAUNCHING_HOOK.name && result === 'CONTINUE';

/**
 * Whether Nomad still keeps something of an agent that never comes back: what has not ended, or has a task that has yet to end. Only
 * what is lost on a node that is down counts as ended.
 */
export function isAnyAwayForGood({ world, doomed }: Cast): boolean {
  const { nodes } = world.nomad.state;
  return [...doomed].some((nodeId) =>
    world.nomad.allocationsOn(nodeId).some(({ ClientStatus, TaskStates }) => {
      if (ClientStatus === 'lost' && nodes.get(nodeId)?.Status === 'down') return false;
      const unended = Object.values(TaskStates ?? {}).some(({ State }) => State !== 'dead');
      return unended || !['complete', 'failed', 'lost'].includes(ClientStatus);
    }),
  );
}
