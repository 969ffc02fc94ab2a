import { HOUR, MINUTE } from '../e2e/world.ts';
import { Operator } from './operator.ts';
import type { EndedOnTerminal } from './terminal.ts';
import { OFTEN, passAtEachLook } from './watched.ts';

/** A command as docs/cli.md shows it. */
export interface Scene {
  /** What is typed after `nomad-drain-hook`. */
  args: string[];
  /** Sets the world for it. */
  set: () => Promise<Operator>;
  /** What is answered to what it asks. */
  answer?: (operator: Operator) => [asked: string, typed: string];
  /** So much time passes before each look of a command that watches. */
  passes?: number;
}

/** Takes up the time of earlier runs of a build, of 10 to 40 minutes. */
const EARLIER_MINUTES = [10, 14, 15, 18, 22, 23, 27, 31, 36, 40];

/** Two groups; builders has run builds of one kind for hours, and runs one of it now, beside a service. */
async function everyday(): Promise<Operator> {
  const operator = await Operator.start({ moreGroups: [{ name: 'runners' }] });
  const { world } = operator;
  const [one, , three] = [1, 2, 3, 4].map((number) => world.addBuilder({ name: `client-${number}` }));
  for (const [index, minutes] of EARLIER_MINUTES.entries()) {
    world.nomad.run({ id: dispatched(index), type: 'batch', on: three!.nodeId, runSeconds: minutes * 60 });
  }
  await world.advance(HOUR);
  world.nomad.run({ id: dispatched(90), type: 'batch', on: one!.nodeId, runSeconds: 1500 });
  world.nomad.run({ id: 'web', type: 'service' });
  await world.advance(12 * MINUTE);
  return operator;
}

const dispatched = (index: number) => `build/dispatch-17000000${String(index).padStart(2, '0')}-a1b2c3d4`;

/** Two instances go: a build keeps the one, and a service that fits nowhere else the other. */
async function withStuckDrain(): Promise<Operator> {
  const operator = await Operator.start({ moreGroups: [{ name: 'runners' }] });
  const { world } = operator;
  const [serves, builds, stays] = [1, 2, 3].map((number) => world.addBuilder({ name: `client-${number}` }));
  // What these builds leave is not enough for the service, which is on the first.
  for (const [index, { nodeId }] of [builds!, stays!].entries()) {
    const cpu = world.nomad.node(nodeId).NodeResources.Cpu.CpuShares - 900;
    world.nomad.run({ id: `build-${42 + index}`, type: 'batch', on: nodeId, cpu, runSeconds: 5 * 3600 });
  }
  world.nomad.run({ id: 'web', type: 'service', count: 2, cpu: 1000 });
  await world.scaleIn(serves!.instanceId);
  await world.deliver();
  await world.sweepFor(70 * MINUTE);
  await world.scaleIn(builds!.instanceId);
  await world.deliver();
  await world.sweepFor(25 * MINUTE);
  return operator;
}

/** One builder is idle, others have a build, one that takes longer than any before, a service for which there is room, and one for which not. */
async function beforeScaleIn(): Promise<Operator> {
  const operator = await Operator.start();
  const { world } = operator;
  const [, builds, hangs] = [1, 2, 3, 4, 5].map((number) =>
    world.addBuilder({ name: `client-${number}`, ...(number === 5 && { nodeClass: 'gpu' }) }),
  );
  const minutes = Array.from({ length: 30 }, (_, index) => 8 + index);
  for (const [index, each] of minutes.entries()) {
    world.nomad.run({ id: dispatched(index), type: 'batch', on: builds!.nodeId, runSeconds: each * 60 });
  }
  await world.advance(HOUR);
  world.nomad.run({ id: dispatched(90), type: 'batch', on: hangs!.nodeId, runSeconds: 4 * 3600 });
  await world.advance(33 * MINUTE);
  world.nomad.run({ id: dispatched(91), type: 'batch', on: builds!.nodeId, runSeconds: 1500 });
  const notThere = { LTarget: `\${node.unique.name}`, Operand: 'regexp', RTarget: '^client-[45]$' };
  world.nomad.run({ id: 'web', type: 'service', constraints: [notThere] });
  const isGpu = { LTarget: `\${node.class}`, Operand: '=', RTarget: 'gpu' };
  world.nomad.run({ id: 'model', type: 'service', constraints: [isGpu] });
  await world.advance(12 * MINUTE);
  return operator;
}

/** The scenes, by the name that docs/cli.md has for each. */
export const SCENES: Record<string, Scene> = {
  status: { args: ['status'], set: withStuckDrain },
  drain: {
    args: ['drain', 'client-1', '--wait'],
    set: everyday,
    answer: () => ['Take ', 'y'],
    passes: MINUTE,
  },
  cordon: {
    args: ['drain', 'client-1', '--cordon'],
    set: async () => {
      const operator = await everyday();
      operator.environment.NOMAD_ADDR = operator.world.nomad.url;
      return operator;
    },
    answer: () => ['Make ', 'y'],
  },
  plan: { args: ['plan', 'builders', '--deadline', '30m'], set: beforeScaleIn },
  'scale-in': {
    args: ['scale-in', 'builders', '--to', '2', '--no-wait'],
    set: everyday,
    answer: () => ['Lower ', 'y'],
  },
  release: {
    args: ['release', 'client-2'],
    set: withStuckDrain,
    answer: ({ world }) => ['Type ', `${world.aws.waiting[1]?.instanceId}\r`],
  },
  ambiguous: { args: ['drain', 'client'], set: everyday },
  'no-function': { args: ['status', '--stack', 'Staging'], set: everyday },
};

/** Plays a scene on a terminal of 80 columns. */
export async function play({ args, set, answer, passes }: Scene): Promise<EndedOnTerminal> {
  const operator = await set();
  const terminal = operator.atTerminal(passes === undefined ? args : [...args, ...OFTEN]);
  if (answer) {
    const [asked, typed] = answer(operator);
    await terminal.until(asked);
    if (passes !== undefined) passAtEachLook(operator, passes);
    terminal.type(typed);
  }
  return terminal.ended();
}
