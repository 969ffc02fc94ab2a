import { describe, expect, it } from 'vitest';
import { GROUP } from '../../emulators/world/world-options.ts';
import { startWithCommands } from './command-world.ts';
import { start, world } from './start.ts';

const CAPACITY = { command: 'capacity' };

describe('an answer', () => {
  it('says when it was given, and changes nothing', async () => {
    await start();
    const { nodeId } = world.addBuilder();
    const answer = await world.ask<'capacity'>(CAPACITY);
    expect(answer).toMatchObject({ run: 'capacity', at: new Date(world.clock.now()).toISOString(), warnings: [] });
    expect(answer.nodes.map(({ id }) => id)).toEqual([nodeId]);
    expect(world.writings()).toEqual([]);
  });

  it('is logged as a run that began and ended', async () => {
    await start();
    await world.ask(CAPACITY);
    expect(world.log.map(({ message, run }) => [message, run])).toEqual([
      ['run started', 'capacity'],
      ['run ended', 'capacity'],
    ]);
  });

  it('is given to nobody who asks wrongly: the error says what is wrong and what there is', async () => {
    await start();
    const asked = (event: object) => expect(world.ask(event)).rejects;
    await asked({ command: 'capacities' }).toThrow('unknown command "capacities": the commands are status, ');
    await asked({ command: 'status', group: GROUP }).toThrow('command status has no field group: it has no fields');
    await asked({ ...CAPACITY, cpus: 1 }).toThrow('command capacity has no field cpus: it has cpu, memoryMb');
    await asked({ ...CAPACITY, cpu: '1000' }).toThrow('cpu must be a whole number from 1 to 100000000, not "1000"');
    expect(world.nomad.requests).toEqual([]);
  });

  it('comes by way of an instance too, where that is the way to Nomad', async () => {
    const { leaving } = await startWithCommands();
    world.nomad.policy(
      'drainer',
      'node { policy = "write" }\nnamespace "*" { capabilities = ["read-job", "read-logs"] }',
    );
    const stderr = 'größer\n'.repeat(10);
    const [id = ''] = world.nomad.run({ id: 'build', type: 'batch', on: leaving.nodeId, runSeconds: 600, stderr });
    const { logs } = await world.ask<'logs'>({ command: 'logs', allocation: id.slice(0, 5) });
    expect(logs).toMatchObject([{ job: 'build', tasks: [{ text: stderr }] }]);
    expect((await world.ask<'jobs'>({ command: 'jobs' })).jobs).toMatchObject([{ job: 'build', status: 'running' }]);
    expect((await world.ask<'capacity'>(CAPACITY)).total.nodes.ready).toBe(3);
  });

  it('that cannot be given is an error that says why', async () => {
    await start();
    world.nomad.server.fault = () => 'hang-up';
    await expect(world.ask(CAPACITY)).rejects.toThrow('ECONNRESET');
  });

  it('comes before the function’s time is up, even if Nomad is silent', async () => {
    await start();
    const began = world.clock.now();
    world.nomad.server.fault = () => 'silence';
    await expect(world.ask(CAPACITY)).rejects.toThrow();
    expect(world.clock.now() - began).toBeLessThan(26_000);
  });
});
