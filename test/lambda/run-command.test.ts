import { SSMClient } from '@aws-sdk/client-ssm';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { AwsEmulator } from '../../emulators/aws/aws.ts';
import { ManualClock } from '../../emulators/clock.ts';
import { type CommandFailed, runCommand } from '../../lambda/aws/run-command.ts';

let clock: ManualClock;
let aws: AwsEmulator;
let ssm: SSMClient;
let instanceId: string;

beforeEach(async () => {
  clock = new ManualClock();
  aws = await AwsEmulator.start({ clock });
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  ssm = new SSMClient({ region: 'us-east-1', endpoint: aws.ssmUrl, credentials });
  aws.addGroup({ name: 'builders' });
  instanceId = aws.addInstance('builders');
});
afterEach(() => aws.close());

/** Runs a script of one line. */
const run = async (line: string): Promise<string | CommandFailed> => {
  aws.commands.documents.set('Run', {
    schemaVersion: '2.2',
    parameters: {},
    mainSteps: [{ action: 'aws:runShellScript', name: 'run', inputs: { runCommand: [line], timeoutSeconds: '60' } }],
  });
  // Time passes only while it sleeps.
  const sleeper = {
    now: () => clock.now(),
    limit: (ms: number) => clock.limit(ms),
    after: (ms: number, callback: () => void) => clock.after(ms, callback),
    sleep: (ms: number) => clock.advance(ms),
  };
  const order = { document: 'Run', instanceId, parameters: {}, limitMs: 15_000 };
  return runCommand(ssm, sleeper, order).catch((error: CommandFailed) => error);
};

it('says what a command has printed', async () => {
  expect(await run('echo done')).toBe('done\n');
});

it.each(['DeliveryTimedOut', 'Undeliverable', 'Cancelled'] as const)(
  'takes %s for no proof that nothing ran',
  async (givenUpAs) => {
    aws.commands.delivery = () => ({ givenUpAs });
    expect(await run('true')).toMatchObject({ message: givenUpAs, undone: false });
  },
);

it.each(['Terminated', 'InvalidPlatform', 'AccessDenied'] as const)(
  'knows by %s that nothing ran',
  async (givenUpAs) => {
    aws.commands.delivery = () => ({ givenUpAs, afterMs: Number.POSITIVE_INFINITY });
    expect(await run('true')).toMatchObject({ message: givenUpAs, undone: true });
  },
);

it.each([
  [3, true],
  [5, false],
  [6, false],
  [1, false],
])('knows by the script: exit code %d is Nomad not asked: %s', async (code, undone) => {
  expect(await run(`echo why >&2; exit ${code}`)).toMatchObject({ message: 'Failed: why', undone });
});

it('has the words of an agent that does not take the command', async () => {
  aws.commands.documents.set('Old', {
    schemaVersion: '2.2',
    parameters: { Word: { type: 'String', allowedPattern: '^.{0,2000}$', default: '' } },
    mainSteps: [{ action: 'aws:runShellScript', name: 'run', inputs: { runCommand: ['true'] } }],
  });
  aws.commands.documents.get = () => Map.prototype.get.call(aws.commands.documents, 'Old');
  expect(await run('true')).toMatchObject({ message: expect.stringContaining('invalid repeat count'), undone: false });
});

it('knows that what SSM has refused to send does nothing', async () => {
  aws.commands.offline.add(instanceId);
  expect(await run('true')).toMatchObject({ message: expect.stringContaining('InvalidInstanceId'), undone: true });
});

it('does not know it where an earlier attempt of the same was never answered', async () => {
  let attempts = 0;
  aws.servers.ssm.fault = () => {
    if (++attempts > 1) aws.commands.offline.add(instanceId);
    return attempts === 1 ? 'answer lost' : undefined;
  };
  expect(await run('true')).toMatchObject({ message: expect.stringContaining('InvalidInstanceId'), undone: false });
});

it('goes on asking what became of a command where SSM is too busy to tell', async () => {
  let questions = 0;
  aws.servers.ssm.fault = ({ headers }) => {
    const busy = String(headers['x-amz-target']).endsWith('GetCommandInvocation') && ++questions < 5;
    const body = JSON.stringify({ __type: 'ThrottlingException', message: 'Rate exceeded' });
    return busy ? { status: 400, headers: { 'Content-Type': 'application/x-amz-json-1.1' }, body } : undefined;
  };
  expect(await run('echo done')).toBe('done\n');
});

it('gives up at its time limit, without knowing', async () => {
  aws.commands.delivery = () => ({ afterMs: 20_000 });
  expect(await run('true')).toMatchObject({ message: 'no answer within the time limit (Delayed)', undone: false });
});
