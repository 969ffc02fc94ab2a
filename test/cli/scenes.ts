import { FUNCTION, FUNCTION_ARN, HOUR, MINUTE, SWEEP } from '../../emulators/world/world.ts';
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
async function everyday(options: Parameters<typeof Operator.start>[0] = {}): Promise<Operator> {
  const operator = await Operator.start({ moreGroups: [{ name: 'runners' }], ...options });
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

/** Of three that have gone one had a build that was killed. */
async function lastNight(): Promise<Operator> {
  const operator = await Operator.start({ policy: { deadlineSeconds: 1800, killMarginSeconds: 60 } });
  const { world } = operator;
  world.nomad.namespace('ci');
  const builders = [1, 2, 3, 4].map((number) => world.addBuilder({ name: `client-${number}` }));
  for (const [index, minutes] of [12, 90].entries()) {
    const { nodeId } = builders[index]!;
    world.nomad.run({
      id: `build-${index + 41}`,
      type: 'batch',
      namespace: 'ci',
      on: nodeId,
      runSeconds: minutes * 60,
    });
  }
  for (const { instanceId } of builders.slice(0, 3)) {
    await world.scaleIn(instanceId);
    await world.deliver();
    await world.sweepFor(20 * MINUTE);
  }
  return operator;
}

/** Builds in two namespaces: some run, one has no room, one has failed. */
async function withBuilds(): Promise<Operator> {
  const operator = await Operator.start({ moreGroups: [{ name: 'runners' }] });
  const { world } = operator;
  world.nomad.namespace('ci');
  const node = { cpu: 4000, memoryMb: 8192 };
  const [one, two] = [1, 2, 3].map((number) => world.addBuilder({ ...node, name: `client-${number}` }));
  const build = { type: 'batch', namespace: 'ci', memoryMb: 4096 } as const;
  world.nomad.run({ ...build, id: 'build-40', on: one!.nodeId, runSeconds: 600 });
  world.nomad.run({ ...build, id: 'build-41', on: two!.nodeId, runSeconds: 900, exitCode: 1 });
  await world.advance(20 * MINUTE);
  world.nomad.run({ ...build, id: 'build-42', on: one!.nodeId, runSeconds: 3600, cpu: 3000, stderr: BUILD_LOG });
  world.nomad.run({ ...build, id: 'build-43', on: two!.nodeId, runSeconds: 3600, cpu: 3500 });
  world.nomad.run({ id: 'web', type: 'service' });
  await world.advance(7 * MINUTE);
  world.nomad.run({ ...build, id: 'release', runSeconds: 3600, cpu: 6000, count: 2 });
  await world.advance(3 * MINUTE);
  return operator;
}

const BUILD_LOG =
  'fetching 214 packages\ncompiling src/ (1,204 files)\nwarning: unused import in src/wave.ts\nlinking\n';

/** A function without TLS to Nomad, whose token is too narrow, whose group can be deleted with force, and whose alarms have no action. */
async function withFaults(): Promise<Operator> {
  const operator = await Operator.start({ acl: true, nomad: { token: { parameter: '/nomad/drain-token' } } });
  const { world, functions } = operator;
  world.nomad.policy('narrow', 'node { policy = "write" }\nnamespace "default" { capabilities = ["read-job"] }');
  world.aws.putParameter('/nomad/drain-token', world.nomad.token({ policies: ['narrow'] }), 'SecureString');
  const { nodeId: on } = world.addBuilder();
  world.nomad.run({ id: 'build-40', type: 'batch', on, runSeconds: 40 * 60 });
  await world.advance(HOUR);
  world.aws.rules.set('NomadDrainHook-Sweep', { schedule: 'rate(1 minute)', enabled: true, targets: [FUNCTION_ARN] });
  const Dimensions = [{ Name: 'FunctionName', Value: FUNCTION }];
  const alarm = { ActionsEnabled: true, AlarmActions: [], StateValue: 'OK', Dimensions } as const;
  for (const title of ['oldest wait', 'sweep missing'])
    functions.alarms.push({ ...alarm, AlarmName: `NomadDrainHook: ${title}`, AlarmActions: [] });
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

/** A group whose launch template has a new version, as one instance has already; another is protected. */
async function beforeRoll(): Promise<Operator> {
  const operator = await everyday({ admission: {} });
  const { world } = operator;
  const [, , , protectedOne] = world.aws.instances('builders');
  world.aws.newTemplateVersion('builders');
  world.addBuilder({ name: 'client-5' });
  world.aws.protect(protectedOne!.id);
  await world.advance(MINUTE);
  let joined = 5;
  world.aws.onInstanceRunning(({ id }) => world.join(id, { name: `client-${++joined}` }));
  return operator;
}

/** The canary is in service, and the old client that it replaces drains. */
async function atTheCanary(): Promise<Operator> {
  const operator = await beforeRoll();
  const { world } = operator;
  await operator.run('roll', 'builders', '--canary-wait', '30m', '--yes', '--no-wait');
  for (let minute = 0; minute < 6; minute++) {
    await world.advance(MINUTE);
    await world.deliver();
    await world.wake(SWEEP);
  }
  const [canary] = world.aws.instances('builders').slice(-1);
  world.nomad.run({ id: dispatched(92), type: 'batch', on: world.nodesOf(canary!.id).at(-1)!, runSeconds: 600 });
  await world.advance(MINUTE);
  return operator;
}

/** The scenes, by the name that docs/cli.md has for each. */
export const SCENES: Record<string, Scene> = {
  status: { args: ['status'], set: withStuckDrain },
  describe: { args: ['describe', 'client-2'], set: withStuckDrain },
  history: { args: ['history'], set: lastNight },
  extend: {
    args: ['extend', 'client-2', '8h'],
    set: async () => {
      const operator = await withStuckDrain();
      operator.environment.NOMAD_ADDR = operator.world.nomad.url;
      return operator;
    },
    answer: () => ['Let builds', 'y'],
  },
  nodes: { args: ['nodes', '--memory', '4096'], set: withBuilds },
  jobs: { args: ['jobs'], set: withBuilds },
  logs: { args: ['logs', 'client-1', 'build-42'], set: withBuilds },
  doctor: { args: ['doctor'], set: withFaults },
  drain: {
    args: ['drain', 'client-1', '--wait'],
    set: () => everyday(),
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
    set: () => everyday(),
    answer: () => ['Lower ', 'y'],
  },
  roll: { args: ['roll', 'builders', '--no-wait'], set: beforeRoll, answer: () => ['Replace ', 'y'] },
  'roll-canary': { args: ['roll', 'builders', '--status', '--no-wait'], set: atTheCanary },
  'roll-end': { args: ['roll', 'builders', '--status'], set: atTheCanary, passes: MINUTE },
  release: {
    args: ['release', 'client-2'],
    set: withStuckDrain,
    answer: ({ world }) => ['Type ', `${world.aws.waiting[1]?.instanceId}\r`],
  },
  ambiguous: { args: ['drain', 'client'], set: () => everyday() },
  'no-function': { args: ['status', '--stack', 'Staging'], set: () => everyday() },
};

/** Plays a scene on a terminal of 80 columns. */
export async function play({ args, set, answer, passes }: Scene): Promise<EndedOnTerminal> {
  const operator = await set();
  if (passes !== undefined && !answer) passAtEachLook(operator, passes);
  const terminal = operator.atTerminal(passes === undefined ? args : [...args, ...OFTEN]);
  if (answer) {
    const [asked, typed] = answer(operator);
    await terminal.until(asked);
    if (passes !== undefined) passAtEachLook(operator, passes);
    terminal.type(typed);
  }
  const ended = await terminal.ended();
  const styled = ended.styled.map((line) => line.map((stretch) => ({ ...stretch, text: asAnywhere(stretch.text) })));
  return { ...ended, screen: asAnywhere(ended.screen), styled };
}

/** The emulated Nomad has another port each time: here an address as wide as its own, which stays. */
const asAnywhere = (text: string): string => text.replaceAll(/127\.0\.0\.1:\d{5}/g, '10.0.1.100:4646');
