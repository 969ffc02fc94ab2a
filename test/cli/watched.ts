import type { Operator } from './operator.ts';

/** How often a command that watches looks: the clock of the world moves on by each look, not by itself. */
export const OFTEN = ['--interval', '0.05'];

/** Before each time that the function is asked for the status, so much time passes, in which events and sweeps come. */
export function passAtEachLook({ world, functions }: Operator, ms: number): void {
  for (const [name, each] of functions.deployed) {
    const invoke = async (event: unknown, arn: string) => {
      if ((event as { command?: string }).command === 'status') {
        await world.deliver();
        await world.sweepFor(ms);
      }
      return each.invoke(event, arn);
    };
    functions.deployed.set(name, { ...each, invoke });
  }
}
