import { GetCommandInvocationCommand, SendCommandCommand } from '@aws-sdk/client-ssm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AwsEmulator } from '../../../emulators/aws/aws.ts';
import { type AwsClients, connect } from '../../../emulators/aws/clients.ts';
import type { CommandDocument, DocumentParameter } from '../../../emulators/aws/ssm/command-document.ts';
import { ManualClock } from '../../../emulators/clock.ts';
import { commandDocument } from '../../../lib/access/run-command.ts';

const SECOND = 1_000;

let clock: ManualClock;
let aws: AwsEmulator;
let clients: AwsClients;
let InstanceId: string;

beforeEach(async () => {
  clock = new ManualClock();
  aws = await AwsEmulator.start({ clock });
  clients = connect(aws);
  aws.addGroup({ name: 'builders' });
  InstanceId = aws.addInstance('builders');
});
afterEach(() => aws.close());

const documentOf = (parameter: Partial<DocumentParameter>, script: string[], more = {}): CommandDocument => ({
  schemaVersion: '2.2',
  parameters: { Word: { type: 'String', interpolationType: 'ENV_VAR', ...parameter } },
  mainSteps: [{ action: 'aws:runShellScript', name: 'say', inputs: { runCommand: script, timeoutSeconds: '60' } }],
  ...more,
});

const send = async (document: CommandDocument, word: string, more = {}) => {
  aws.commands.documents.set('Say', document);
  const Parameters = { Word: [word] };
  const command = { DocumentName: 'Say', InstanceIds: [InstanceId], TimeoutSeconds: 30, Parameters, ...more };
  const sent = await clients.ssm.send(new SendCommandCommand(command));
  return sent.Command?.CommandId;
};

const invocation = (CommandId: string | undefined) =>
  clients.ssm.send(new GetCommandInvocationCommand({ CommandId, InstanceId }));

const outcome = async (document: CommandDocument, word = 'x', more = {}) => {
  const id = await send(document, word, more);
  await clock.advance(SECOND);
  return invocation(id);
};

test('a script gets the parameters as variables, and is known a moment after it was sent', async () => {
  const id = await send(documentOf({}, ['#!/bin/sh', 'echo "$SSM_Word"']), '$(id)');
  await expect(invocation(id)).rejects.toMatchObject({ name: 'InvocationDoesNotExist' });
  await clock.advance(SECOND);
  expect(await invocation(id)).toMatchObject({
    Status: 'Success',
    StatusDetails: 'Success',
    ResponseCode: 0,
    StandardOutputContent: '$(id)\n',
  });
});

test('a script that fails is Failed, with its exit code', async () => {
  const failed = { Status: 'Failed', StatusDetails: 'Failed', ResponseCode: 3, StandardErrorContent: 'no\n' };
  expect(await outcome(documentOf({}, ['echo no >&2', 'exit 3']))).toMatchObject(failed);
});

test('output is cut where SSM cuts it', async () => {
  const script = 'head -c 30000 /dev/zero | tr "\\0" x; head -c 30000 /dev/zero | tr "\\0" y >&2';
  const { StandardOutputContent: stdout = '', StandardErrorContent: stderr = '' } = await outcome(
    documentOf({}, [script]),
  );
  expect([stdout.length, stderr.length]).toEqual([24_000, 8_000]);
  expect(stdout).toMatch(/x--output truncated--$/);
});

test.each([
  ['^[a-z]{1,4000}$', 'invalid repeat count: `{1,4000}`'],
  ['^(?=x)x$', 'invalid or unsupported Perl syntax: `(?=`'],
])(
  'the agent fails every command with the pattern %s, which its regexp does not compile',
  async (allowedPattern, why) => {
    const { Status, StandardOutputContent } = await outcome(documentOf({ allowedPattern }, ['true']));
    expect(Status).toBe('Failed');
    expect(StandardOutputContent).toBe(
      `all errors during param validation errors: error thrown in 'AllowedRegexParamValidator' while validating parameter /Word/: encountered error while compiling allowed pattern - internal error: error parsing regexp: ${why}`,
    );
  },
);

test('the document of the stack passes service and agent', async () => {
  const document = commandDocument() as CommandDocument;
  aws.commands.shells.set(InstanceId, { PATH: '/usr/bin:/bin' });
  aws.commands.documents.set('AskNomad', document);
  const Parameters = {
    Method: ['POST'],
    Path: [`/v1/nodes?filter=${'x'.repeat(3_900)}`],
    Body: ['A'.repeat(8_000)],
    Request: [crypto.randomUUID()],
    Page: ['0'],
  };
  const command = { DocumentName: 'AskNomad', InstanceIds: [InstanceId], TimeoutSeconds: 30, Parameters };
  const { Command } = await clients.ssm.send(new SendCommandCommand(command));
  await clock.advance(SECOND);
  const { StandardErrorContent } = await invocation(Command?.CommandId);
  expect(StandardErrorContent).toBe('there is no nomad command on this instance\n');

  const long = { ...Parameters, Body: ['A'.repeat(8_001)] };
  const sent = clients.ssm.send(new SendCommandCommand({ ...command, Parameters: long }));
  await expect(sent).rejects.toMatchObject({ name: 'InvalidParameters' });
});

test.each([
  ['a pattern', { allowedPattern: '^[a-z]$' }, '1'],
  ['a length', { maxChars: 3 }, 'long'],
  ['a least length', { minChars: 2 }, 'x'],
  ['a list', { allowedValues: ['y'] }, 'x'],
])('SendCommand holds values to %s', async (_, parameter, word) => {
  await expect(send(documentOf(parameter, ['true']), word)).rejects.toMatchObject({ name: 'InvalidParameters' });
});

test('SendCommand wants every parameter, and no other', async () => {
  const document = documentOf({}, ['true']);
  for (const Parameters of [{}, { Word: ['x'], Other: ['x'] }]) {
    await expect(send(document, 'x', { Parameters })).rejects.toMatchObject({ name: 'InvalidParameters' });
  }
});

test.each([29, 2_592_001])('SendCommand refuses a time limit of %d seconds', async (TimeoutSeconds) => {
  await expect(send(documentOf({}, ['true']), 'x', { TimeoutSeconds })).rejects.toMatchObject({
    name: 'ValidationException',
  });
});

test.each<[string, CommandDocument]>([
  ['an unknown element', documentOf({}, ['true'], { outputs: [] })],
  ['another schema', documentOf({}, ['true'], { schemaVersion: '2.3' })],
  ['an unknown element of a parameter', documentOf({ secret: true } as object, ['true'])],
  ['variables of a list', documentOf({ type: 'StringList' }, ['true'])],
  ['an unknown interpolation', documentOf({ interpolationType: 'FILE' }, ['true'])],
  ['a parameter that is not defined', documentOf({}, ['echo {{ Other }}'])],
])('a document with %s is refused', (_, document) => {
  expect(() => aws.commands.documents.set('Say', document)).toThrow(
    expect.objectContaining({ type: 'InvalidDocumentContent' }),
  );
});

test('a document of more than 64 KB is refused', () => {
  expect(() => aws.commands.documents.set('Say', documentOf({}, ['#'.repeat(65_000)]))).not.toThrow();
  expect(() => aws.commands.documents.set('Say', documentOf({}, ['#'.repeat(65_536)]))).toThrow(
    expect.objectContaining({ type: 'MaxDocumentSizeExceeded' }),
  );
});

test('a command that does not arrive is Delayed, and given up after the time of delivery and script together', async () => {
  aws.commands.delivery = () => ({ afterMs: Number.POSITIVE_INFINITY });
  const id = await send(documentOf({}, ['true']), 'x');
  await clock.advance(89 * SECOND);
  expect(await invocation(id)).toMatchObject({ Status: 'Delayed', StatusDetails: 'Delayed', ResponseCode: -1 });
  await clock.advance(SECOND);
  expect(await invocation(id)).toMatchObject({
    Status: 'TimedOut',
    StatusDetails: 'DeliveryTimedOut',
    ResponseCode: -1,
  });
});
