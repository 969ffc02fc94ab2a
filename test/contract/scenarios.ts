import { mark, post, type Scenario } from './replay.ts';

/**
 * The jobs of each recording. The recorded jobs ran commands; here their Meta says the same, and they run from 0
 * (the recorded ones some 0.25 s later).
 */
export const SCENARIOS: Record<string, Scenario> = {
  nodes: {},
  acl: {
    setUp: ({ nomad, clientA }) => nomad.run({ id: 'builds', namespace: 'ci', count: 4, on: clientA, runSeconds: 600 }),
  },
  blocking: {
    setUp: async (world) => {
      const Meta = { aws_instance_id: 'i-0aaaaaaaaaaaaaaaa', drained_by: 'nomad-asg-drain' };
      await post(world, `/v1/node/${world.clientA}/drain`, { DrainSpec: { Deadline: 0 }, Meta });
      await world.clock.advance(10);
      await mark(world, world.clientA, 'eligible');
    },
    meanwhile: [[1504, (world) => mark(world, world.clientA, 'ineligible')]],
  },
  'drain-batch': {
    setUp: ({ nomad, clientA }) => {
      const stderr = 'build agent started\nbuild finished\n';
      return nomad.run({ id: 'build-42', count: 2, on: clientA, runSeconds: 14.3, stderr });
    },
  },
  'drain-deadline': {
    setUp: ({ nomad, clientA }) =>
      nomad.run({ id: 'build-43', on: clientA, runSeconds: 600, stopSeconds: 7.5, killTimeoutSeconds: 9 }),
  },
  'drain-twice': {
    setUp: ({ nomad, clientA }) => nomad.run({ id: 'build-44', on: clientA, runSeconds: 600 }),
  },
  'drain-stuck': {
    setUp: async (world) => {
      await mark(world, world.clientB, 'ineligible');
      world.nomad.run({ id: 'web', type: 'service', count: 3, minHealthySeconds: 1, stopSeconds: 0.7 });
    },
    meanwhile: [[12_560, (world) => mark(world, world.clientB, 'eligible')]],
  },
  'drain-stuck-resources': {
    setUp: async (world) => {
      const { nomad, clientB } = world;
      nomad.run({ id: 'filler', type: 'service', on: clientB, cpu: 5000 });
      nomad.run({ id: 'web', type: 'service', cpu: 400, minHealthySeconds: 1 });
    },
  },
  'drain-system-drained': {
    setUp: ({ nomad, clientA }) => {
      nomad.run({ id: 'logs', type: 'system', stopSeconds: 60, killTimeoutSeconds: 5 });
      nomad.run({ id: 'build-45', on: clientA, runSeconds: 8 });
    },
  },
  'drain-system-ignored': {
    setUp: ({ nomad, clientA }) => {
      nomad.run({ id: 'logs', type: 'system', stopSeconds: 60, killTimeoutSeconds: 5 });
      nomad.run({ id: 'build-45', on: clientA, runSeconds: 8 });
    },
  },
  'drain-migrate-disk': {
    setUp: async (world) => {
      await mark(world, world.clientA, 'ineligible');
      const disk = { migrateDisk: { copySeconds: 0.6 }, stopSeconds: 0.7, minHealthySeconds: 1 };
      world.nomad.run({ id: 'cache', type: 'service', ...disk });
      await mark(world, world.clientA, 'eligible');
    },
  },
  'node-down': {
    setUp: ({ nomad, clientB }) => nomad.run({ id: 'build-46', on: clientB, runSeconds: 300 }),
    meanwhile: [[524, ({ nomad, clientB }) => nomad.stopClient(clientB)]],
  },
};
