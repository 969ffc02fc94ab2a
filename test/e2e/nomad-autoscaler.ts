import { TerminateInstanceInAutoScalingGroupCommand } from '@aws-sdk/client-auto-scaling';
import { connect } from '../../emulators/aws/clients.ts';
import { MINUTE, SECOND, type World } from '../../emulators/world/world.ts';

/** Of nomad-autoscaler 0.5.0: what holds where a policy does not set `node_drain_deadline`. */
export const DEFAULT_DEADLINE = 15 * MINUTE;
/** It asks 15 times, every 10 s, whether the scaling activity is over; then it goes on all the same. */
const ACTIVITY_PATIENCE = 15 * 10 * SECOND;

interface ScaleInOptions {
  /** `node_drain_ignore_system_jobs` of its policy. */
  ignoreSystemJobs?: boolean;
  /** `node_purge` of its policy. */
  purge?: boolean;
}

type Builder = ReturnType<World['addBuilder']>;

/**
 * The requests that nomad-autoscaler's `aws-asg` target makes to scale in by one node, in its order: it drains the node,
 * waits until Nomad has completed the drain, terminates the instance through its group, and purges the node if it is told to.
 */
export class NomadAutoscaler {
  readonly #world: World;
  readonly #options: ScaleInOptions;

  constructor(world: World, options: ScaleInOptions = {}) {
    this.#world = world;
    this.#options = options;
  }

  async drain(nodeId: string): Promise<void> {
    const { ignoreSystemJobs = false } = this.#options;
    await this.#post(`node/${nodeId}/drain`, {
      NodeID: nodeId,
      DrainSpec: { Deadline: DEFAULT_DEADLINE * 1e6, IgnoreSystemJobs: ignoreSystemJobs },
      MarkEligible: false,
      Meta: { drained_by: 'nomad-autoscaler' },
    });
  }

  async terminate(instanceId: string): Promise<void> {
    const { autoScaling } = connect(this.#world.aws);
    const input = { InstanceId: instanceId, ShouldDecrementDesiredCapacity: true };
    await autoScaling.send(new TerminateInstanceInAutoScalingGroupCommand(input));
    autoScaling.destroy();
    await this.#world.advance(2 * SECOND);
  }

  /** Drains, and terminates once the drain is complete. Sweeps go on meanwhile. */
  async scaleIn({ instanceId, nodeId }: Builder): Promise<void> {
    await this.drain(nodeId);
    while (this.#world.nomad.node(nodeId).DrainStrategy) await this.#world.sweepFor(10 * SECOND);
    await this.terminate(instanceId);
    if (!this.#options.purge) return;
    this.#world.clock.after(ACTIVITY_PATIENCE, () => void this.#post(`node/${nodeId}/purge`, {}));
  }

  async #post(path: string, body: object): Promise<void> {
    const response = await fetch(`${this.#world.nomad.url}/v1/${path}`, { method: 'PUT', body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  }
}
