import { randomBytes } from 'node:crypto';
import { RunningClock } from '../../emulators/clock.ts';
import { nomadApi } from './nomad-api.ts';
import { type Builder, GROUP, type Stage, startAws } from './stage.ts';
import type { Undo } from './undo.ts';

/** The key of a node's own Meta by which a client that knows no EC2 instance id is given one. */
const META_KEY = 'nomad_drain_hook_demo_instance';
/** Two are needed, one to drain and one to stay; more than five show nothing more. */
const FEWEST = 2;
const MOST = 5;
const LOOK_EVERY_MS = 1_000;
const LIMIT_MS = 90_000;

interface RealStageProps {
  readonly address: string;
  readonly token: string | undefined;
  /** Takes down everything that is done to Nomad. */
  readonly undo: Undo;
  readonly signal: AbortSignal;
  readonly tell: (line: string) => void;
  /** Asks the user who started the demo. */
  readonly ask: (question: string) => Promise<boolean>;
}

/**
 * A real Nomad: its ready and eligible clients on which nothing runs, all but one of which will be drained. The user who started
 * the demo sees them first, and confirms.
 *
 * @throws Error when there are not two such clients with the raw_exec driver, or the user does not confirm
 */
export async function realStage({ address, token, undo, signal, tell, ask }: RealStageProps): Promise<Stage> {
  if (!/^https?:\/\//.test(address)) throw new Error(`--nomad needs an http:// or https:// address, not ${address}`);
  const nomad = nomadApi(address, token, signal);
  const idle = await nomad.idleNodes('raw_exec');
  const enough = (found: number) => {
    if (found < FEWEST)
      throw new Error(
        `the demo needs two clients of ${address} that are ready and eligible, run nothing and have raw_exec: found ${found}`,
      );
  };
  enough(idle.length);
  const [staying, ...leaving] = idle.slice(0, MOST);
  tell(`The demo marks ${staying?.name} (${staying?.id}), then marks, runs a build of some seconds on, and drains:`);
  for (const { id, name } of leaving) tell(`  ${name}  ${id}`);
  tell('At the end, or with Ctrl-C, they are eligible again, without marks and builds.');
  if (!(await ask(`Drain ${leaving.length} clients of ${address}?`))) throw new Error('Nothing was changed');
  // Time has passed: what has been given work since is left alone.
  const still = new Set((await nomad.idleNodes('raw_exec')).map(({ id }) => id));
  const chosen = idle.slice(0, MOST).filter(({ id }) => still.has(id));
  enough(chosen.length);

  const clock = new RunningClock();
  const { aws, close } = await startAws(clock);
  try {
    // Undone also where the demo is being ended: by questions of their own.
    const after = nomadApi(address, token);
    const name = `nomad-drain-hook-demo-${randomBytes(3).toString('hex')}`;
    const builders: Builder[] = [];
    for (const [index, { id, name: nodeName }] of chosen.entries()) {
      const instanceId = aws.addInstance(GROUP);
      undo.note({
        what: `${nodeName} keeps the metadata ${META_KEY}`,
        undo: () => after.setMeta(id, META_KEY, null),
        byHand: `nomad node meta apply -node-id ${id} -unset ${META_KEY}`,
      });
      await nomad.setMeta(id, META_KEY, instanceId);
      undo.note({
        what: `${nodeName} may be draining, or ineligible`,
        undo: () => after.putBack(id),
        byHand: `nomad node drain -disable -yes ${id}; nomad node eligibility -enable ${id}`,
      });
      builders.push({ instanceId, nodeId: id, name: nodeName, builds: index === 0 ? [] : [`${name}-${index}`] });
    }
    // The function finds a client by what its servers know.
    for (const { nodeId } of builders) await nomad.knowsMeta(nodeId, META_KEY);
    for (const [index, { nodeId, builds }] of builders.entries()) {
      for (const build of builds) {
        undo.note({
          what: `the job ${build} may be there`,
          undo: () => after.purge(build),
          byHand: `nomad job stop -purge ${build}`,
        });
        await nomad.runBuild(build, nodeId, 4 + 5 * index);
      }
    }
    if (token) aws.putParameter('/nomad/drain-token', token, 'SecureString');
    return {
      clock,
      lookEveryMs: LOOK_EVERY_MS,
      limitMs: LIMIT_MS,
      aws,
      nomad,
      access: {
        via: 'http',
        address,
        nodeMetaKey: META_KEY,
        ...(token && { token: { parameter: '/nomad/drain-token' } }),
      },
      builders: [...builders.slice(1), ...builders.slice(0, 1)],
      about: `emulated AWS, and the Nomad at ${address}`,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
