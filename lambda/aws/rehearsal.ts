import type { Termination } from '../core/termination.ts';
import { type TerminationsOptions, Waiting } from './terminations.ts';

/** One instance, as if it had to go: for who wants to know what would be done. */
export class Rehearsal extends Waiting {
  readonly #instanceId: string;

  constructor(options: TerminationsOptions, instanceId: string) {
    super(options);
    this.#instanceId = instanceId;
  }

  protected override async look(): Promise<Termination[]> {
    const [state] = await this.options.autoScaling.instances([this.#instanceId]);
    if (!state) return [];
    const terminations = await this.describe([state], new Map([[state.instanceId, this.options.clock.now()]]));
    return terminations.map((each) => ({ ...each, held: true }));
  }
}
