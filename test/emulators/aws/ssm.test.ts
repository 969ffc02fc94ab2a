import { GetParameterCommand, GetParametersCommand } from '@aws-sdk/client-ssm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AwsEmulator } from '../../../emulators/aws/aws.ts';
import { type AwsClients, connect } from '../../../emulators/aws/clients.ts';
import { ManualClock } from '../../../emulators/clock.ts';

const TOKEN = '/nomad/drain-token';

let aws: AwsEmulator;
let clients: AwsClients;
let clock: ManualClock;

beforeEach(async () => {
  clock = new ManualClock();
  aws = await AwsEmulator.start({ clock });
  clients = connect(aws);
});
afterEach(() => aws.close());

const get = (Name: string, WithDecryption = false) =>
  clients.ssm.send(new GetParameterCommand({ Name, WithDecryption }));

test('a parameter is answered with its value, its version and its ARN', async () => {
  aws.putParameter('/nomad/ca', 'old');
  aws.putParameter('/nomad/ca', 'PEM <&>');
  expect((await get('/nomad/ca')).Parameter).toEqual({
    Name: '/nomad/ca',
    Type: 'String',
    Value: 'PEM <&>',
    Version: 2,
    LastModifiedDate: new Date('2026-03-01T09:00:00Z'),
    ARN: 'arn:aws:ssm:us-east-1:123456789012:parameter/nomad/ca',
    DataType: 'text',
  });
});

test('a SecureString is ciphertext unless it is asked for with decryption', async () => {
  aws.putParameter(TOKEN, 's3cret', 'SecureString');
  expect((await get(TOKEN, true)).Parameter).toMatchObject({ Type: 'SecureString', Value: 's3cret' });
  expect((await get(TOKEN)).Parameter?.Value).not.toContain('s3cret');
});

test('a parameter is found by its ARN as well', async () => {
  aws.putParameter(TOKEN, 's3cret');
  const answer = await get('arn:aws:ssm:us-east-1:123456789012:parameter/nomad/drain-token');
  expect(answer.Parameter?.Value).toBe('s3cret');
});

test('a parameter that does not exist is a ParameterNotFound', async () => {
  await expect(get('/nomad/none')).rejects.toMatchObject({
    name: 'ParameterNotFound',
    $metadata: { httpStatusCode: 400 },
  });
});

test('GetParameters tells which of the names it could not find', async () => {
  aws.putParameter(TOKEN, 's3cret');
  const answer = await clients.ssm.send(new GetParametersCommand({ Names: [TOKEN, '/nomad/none'] }));
  expect(answer.Parameters).toMatchObject([{ Name: TOKEN, Value: 's3cret' }]);
  expect(answer.InvalidParameters).toEqual(['/nomad/none']);
});

test('all reads share forty calls a second', async () => {
  aws.putParameter(TOKEN, 's3cret');
  for (let call = 0; call < 40; call++) await get(TOKEN);
  await expect(get(TOKEN)).rejects.toMatchObject({ name: 'ThrottlingException', message: 'Rate exceeded' });
  await expect(clients.ssm.send(new GetParametersCommand({ Names: [TOKEN] }))).rejects.toThrow('Rate exceeded');
  await clock.advance(1000);
  expect((await get(TOKEN)).Parameter?.Value).toBe('s3cret');
});

test('GetParameters takes ten names and no more', async () => {
  const Names = Array.from({ length: 11 }, (_, n) => `/p/${n}`);
  await expect(clients.ssm.send(new GetParametersCommand({ Names }))).rejects.toMatchObject({
    name: 'ValidationException',
  });
});
