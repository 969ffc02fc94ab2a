import type { Report } from '../../lambda/core/drain/report.ts';
import type { Allocation, Ended } from './nomad-api.ts';
import type { News, Row } from './screen.ts';
import type { Builder, Stage } from './stage.ts';

/** Looks at Auto Scaling and Nomad as an audience does, and asks the function why each instance waits. */
export class Audience {
  readonly #stage: Stage;
  readonly #status: () => Promise<Report>;
  /** How many allocations each node had at first. */
  readonly #before = new Map<string, number>();
  /** The ends and arrivals that are known already. */
  readonly #known = new Set<string>();

  constructor(stage: Stage, status: () => Promise<Report>) {
    this.#stage = stage;
    this.#status = status;
  }

  /** @returns how each client stands, and what has happened in Nomad since the look before */
  async look(outcomes: ReadonlyMap<string, string>): Promise<{ rows: Row[]; news: News[] }> {
    const { aws, nomad, builders } = this.#stage;
    const report = await this.#status();
    const seen: { builder: Builder; allocations: Allocation[] }[] = [];
    for (const builder of builders) seen.push({ builder, allocations: await nomad.allocationsOn(builder.nodeId) });
    const rows = seen.map(({ builder: { name, instanceId, nodeId }, allocations }): Row => {
      const { state, ec2State } = aws.instance(instanceId);
      const waiting = report.instances.find((each) => each.instanceId === instanceId);
      const left = allocations.filter(({ ended }) => ended === undefined).length;
      const before = this.#before.get(nodeId) ?? left;
      this.#before.set(nodeId, before);
      const outcome = outcomes.get(instanceId);
      return {
        name,
        instanceId,
        state: state ?? ec2State,
        left,
        before,
        ...(outcome !== undefined && { outcome }),
        ...(waiting && outcome === undefined && { because: waiting.because, stuck: waiting.stuck !== undefined }),
      };
    });
    return { rows, news: this.#news(seen) };
  }

  /** Builds that have ended since, and services that have come from another node. */
  #news(seen: readonly { builder: Builder; allocations: readonly Allocation[] }[]): News[] {
    const first = this.#known.size === 0;
    const isNew = (fact: string) => !this.#known.has(fact) && this.#known.add(fact).size > 0;
    const builds = new Set(seen.flatMap(({ builder }) => builder.builds));
    const happened = seen.flatMap(({ builder: { name }, allocations }) =>
      allocations.flatMap(({ id, job, ended, cameAt, changedAt }): News[] => {
        // On a real Nomad, an allocation that is seen for the first time comes from nowhere.
        const [came, moved] = [isNew(id), !isNew(`job ${job}`)];
        if (builds.has(job))
          return ended && isNew(`end of ${id}`) ? [{ at: changedAt, name, ...endOf(job, ended) }] : [];
        return came && moved ? [{ at: cameAt, name, text: `the service ${job} has moved here`, tone: 'good' }] : [];
      }),
    );
    return first ? [] : happened;
  }
}

const endOf = (job: string, ended: Ended): Pick<News, 'text' | 'tone'> =>
  ended === 'finished' ? { text: `${job} has finished`, tone: 'good' } : { text: `${job} was killed`, tone: 'bad' };
