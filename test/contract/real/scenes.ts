import { type Behaviour, ends, ignoresSignals, job, obeys, stopsIn } from '../contract-jobs.ts';
import type { Nomad } from '../nomad-under-test.ts';

/** The scenarios of the recordings, with jobs that run commands: what `scenarios.ts` is to the emulator. */
interface Scene {
  /** Before the first request: its jobs run when it is done. */
  setUp?: (nomad: Nomad) => unknown;
  /** What happens besides the requests, by its time in milliseconds. */
  meanwhile?: [atMs: number, happen: (nomad: Nomad) => unknown][];
}

/** Keeps some megabytes on its disk, and stops as soon as the recorded one did. */
const cache: Behaviour = {
  command:
    'trap "sleep 0.6; exit 0" INT; f=$NOMAD_ALLOC_DIR/data/blob; [ -f $f ] || head -c 8000000 /dev/urandom > $f; ' +
    'while true; do sleep 0.1; done',
  meta: {},
};

const idOf = (nomad: Nomad, i: number) => nomad.under.nodes[i]?.id ?? '';

const build = (
  nomad: Nomad,
  id: string,
  behaviour: Behaviour,
  more: { i?: number; count?: number; namespace?: string } = {},
) => nomad.run(job(id, 'batch', behaviour, { on: idOf(nomad, more.i ?? 0), ...more }), more.count);

const withSystemJob: Scene = {
  setUp: async (nomad) => {
    await nomad.run(job('logs', 'system', ignoresSignals(5)), 2);
    await build(nomad, 'build-45', ends(8));
  },
};

export const SCENES: Record<string, Scene> = {
  nodes: {},
  acl: { setUp: (nomad) => build(nomad, 'builds', obeys, { namespace: 'ci', count: 4 }) },
  blocking: {
    setUp: async (nomad) => {
      const Meta = { aws_instance_id: 'i-0aaaaaaaaaaaaaaaa', drained_by: 'nomad-asg-drain' };
      await nomad.drain(0, { Deadline: 0 }, { Meta });
      await nomad.untilDrained(0, 5000);
      await nomad.mark(0, 'eligible');
    },
    meanwhile: [[1504, (nomad) => nomad.mark(0, 'ineligible')]],
  },
  'drain-batch': {
    setUp: (nomad) => {
      const command = 'echo build agent started 1>&2; sleep 14; echo build finished 1>&2';
      return build(nomad, 'build-42', { command, meta: {} }, { count: 2 });
    },
  },
  'drain-deadline': { setUp: (nomad) => build(nomad, 'build-43', { ...stopsIn(7.5), killTimeoutSeconds: 9 }) },
  'drain-twice': { setUp: (nomad) => build(nomad, 'build-44', obeys) },
  'drain-stuck': {
    setUp: async (nomad) => {
      await nomad.mark(1, 'ineligible');
      // Healthy soon: two moves are to fit in the six seconds after the other node has become eligible.
      const Migrate = { MaxParallel: 1, MinHealthyTime: 0.4e9, HealthCheck: 'task_states' };
      await nomad.run(job('web', 'service', obeys, { count: 3, group: { Migrate } }), 3);
    },
    meanwhile: [[12_560, (nomad) => nomad.mark(1, 'eligible')]],
  },
  'drain-stuck-resources': {
    setUp: async (nomad) => {
      const { body } = await nomad.get(`/v1/node/${idOf(nomad, 1)}`);
      const { NodeResources } = body as unknown as { NodeResources: { Cpu: { CpuShares: number } } };
      // All but 200 MHz.
      await nomad.run(job('filler', 'service', obeys, { on: idOf(nomad, 1), cpu: NodeResources.Cpu.CpuShares - 200 }));
      await nomad.run(job('web', 'service', obeys, { cpu: 400 }));
    },
  },
  'drain-system-drained': withSystemJob,
  'drain-system-ignored': withSystemJob,
  'drain-migrate-disk': {
    setUp: async (nomad) => {
      await nomad.mark(0, 'ineligible');
      const EphemeralDisk = { Migrate: true, Sticky: true, SizeMB: 100 };
      await nomad.run(job('cache', 'service', cache, { group: { EphemeralDisk } }));
      await nomad.mark(0, 'eligible');
    },
  },
  'node-down': {
    setUp: (nomad) => build(nomad, 'build-46', ends(300), { i: 1 }),
    meanwhile: [[524, (nomad) => nomad.under.stopClient(1)]],
  },
};
