import { UNNAMED, World } from '../e2e/world.ts';
import { BUILDERS, type Story } from './steps.ts';

export const HEARTBEAT_TIMEOUT = 480;
export const RESTORE_SECONDS = 600;
/** Long: longer than any story, so that a build that is killed was killed by us. Short: Nomad kills builds at the deadline. */
export const POLICIES = {
  long: { deadlineSeconds: 7200, killMarginSeconds: 120, graceSeconds: 60 },
  short: { deadlineSeconds: 150, killMarginSeconds: 30, graceSeconds: 60 },
};

/** An instance of the group, and the Nomad client on it: another one after its agent came back under a new id. */
export interface Builder {
  instanceId: string;
  nodeId: string;
}

/** The instances of a story, and what it has done to them. */
export interface Cast {
  world: World;
  version: Story['version'];
  builders: Builder[];
  policy: (typeof POLICIES)['long'];
  secrets: string[];
  /** Nodes whose machine, client or data the story has killed: we are not to blame for their builds. */
  doomed: Set<string>;
  /** Nodes whose agent is away for now. */
  away: Set<string>;
  /** When EC2 warned that it interrupts the instance of a node, milliseconds since the epoch. */
  interrupted: Map<string, number>;
  /** The instances that a notice was about. */
  noticed: Set<string>;
  /** Nodes whose eligibility or drain somebody else has changed. */
  touched: Set<string>;
  /** When the termination of each instance began, milliseconds since the epoch. */
  leaving: Map<string, number>;
  /** The drain deadlines that anybody gave Nomad for each node, and when, the last one first. Milliseconds since the epoch. */
  deadlines: Map<string, { givenAt: number; deadlineAt: number }[]>;
  /** Cold starts and clocks set back: after each, a heartbeat slot may be served again. */
  forgotten: number;
}

/** Four builders, one of which does not name its instance, in a world with ACLs. */
export async function castOf({ deadline, version, rebalance, purge, retain }: Story): Promise<Cast> {
  const policy = POLICIES[deadline];
  const nomad = { token: { parameter: '/nomad/drain-token' } };
  const world = await World.start({
    acl: true,
    version,
    policy: { ...policy, onTimeout: retain ? 'ABANDON' : 'CONTINUE' },
    group: { retainOnAbandon: retain },
    heartbeatTimeoutSeconds: HEARTBEAT_TIMEOUT,
    nomad,
    notices: { rebalance, maintenance: rebalance !== 'off', restoreSeconds: RESTORE_SECONDS },
    purge,
  });
  world.nomad.policy('drainer', 'node { policy = "write" }\nnamespace "*" { capabilities = ["read-job"] }');
  const token = world.nomad.token({ policies: ['drainer'] });
  world.aws.putParameter('/nomad/drain-token', token, 'SecureString');
  const builders = Array.from({ length: BUILDERS }, (_, index) => world.addBuilder(index === 0 ? UNNAMED : {}));
  const deadlines: Cast['deadlines'] = new Map();
  world.nomad.state.onCommit((tables) => {
    if (!tables.includes('nodes')) return;
    for (const { ID, DrainStrategy } of world.nomad.state.nodes.values()) {
      const deadlineAt = Date.parse(DrainStrategy?.ForceDeadline ?? '');
      const before = deadlines.get(ID) ?? [];
      if (Number.isNaN(deadlineAt) || before[0]?.deadlineAt === deadlineAt) continue;
      deadlines.set(ID, [{ givenAt: world.clock.now(), deadlineAt }, ...before]);
    }
  });
  return {
    world,
    version,
    builders,
    policy,
    secrets: [token, world.nomad.managementToken],
    doomed: new Set(),
    away: new Set(),
    interrupted: new Map(),
    noticed: new Set(),
    touched: new Set(),
    leaving: new Map(),
    deadlines,
    forgotten: 0,
  };
}

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
