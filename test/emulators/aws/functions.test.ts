import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import {
  GetResourcesCommand,
  type GetResourcesCommandInput,
  ResourceGroupsTaggingAPIClient,
} from '@aws-sdk/client-resource-groups-tagging-api';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Functions } from '../../../emulators/aws/events/functions.ts';

let functions: Functions;
let noted: unknown[];
const common = {
  region: 'us-east-1',
  credentials: { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'secret' },
  maxAttempts: 1,
};

beforeEach(async () => {
  noted = [];
  functions = await Functions.start((...each) => noted.push(each));
  deploy('drain', async (event) => ({ asked: event }));
});
afterEach(() => functions.close());

const deploy = (name: string, invoke: (event: unknown) => Promise<unknown>, tags: Record<string, string> = {}) =>
  functions.deployed.set(name, { invoke, tags });

async function invoke(FunctionName: string, Payload = '{"command":"status"}', region = 'us-east-1') {
  const client = new LambdaClient({ ...common, region, endpoint: functions.lambda.url });
  const { FunctionError, Payload: answer } = await client.send(new InvokeCommand({ FunctionName, Payload }));
  return { FunctionError, answer: JSON.parse(answer?.transformToString() ?? '') };
}

describe('Invoke', () => {
  test.each([
    'drain',
    'function:drain',
    '123456789012:function:drain',
    'arn:aws:lambda:us-east-1:123456789012:function:drain',
    'arn:aws:lambda:us-east-1:123456789012:function:drain:$LATEST',
  ])('gives the event to the function, and its answer back, by the name %s', async (name) => {
    expect(await invoke(name)).toEqual({ FunctionError: undefined, answer: { asked: { command: 'status' } } });
    expect(noted).toEqual([['lambda', 'Invoke', { FunctionName: 'drain', event: { command: 'status' } }]]);
  });

  test('of a function that fails has its error, as the runtime says it, and no other field', async () => {
    deploy('drain', () => Promise.reject(Object.assign(new RangeError('no'), { report: {} })));
    const { FunctionError, answer } = await invoke('drain');
    expect(FunctionError).toBe('Unhandled');
    expect(answer).toEqual({ errorType: 'RangeError', errorMessage: 'no', trace: expect.any(Array) });
  });

  test('of a function that takes too long, or answers too much, says so', async () => {
    deploy('drain', () => Promise.reject(new Error('Task timed out after 67.00 seconds')));
    expect((await invoke('drain')).answer).toEqual({
      errorType: 'Sandbox.Timedout',
      errorMessage: expect.stringMatching(/^RequestId: [\w-]+ Error: Task timed out after 67.00 seconds$/),
    });
    deploy('drain', async () => 'x'.repeat(6_291_457));
    expect((await invoke('drain')).answer).toMatchObject({ errorType: 'Function.ResponseSizeTooLarge' });
  });

  test('refuses what there is not, and what is no JSON', async () => {
    await expect(invoke('nope')).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
      message: 'Function not found: arn:aws:lambda:us-east-1:123456789012:function:nope',
    });
    await expect(invoke('arn:aws:lambda:eu-west-1:123456789012:function:drain')).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    });
    await expect(invoke('drain', '{"command"')).rejects.toMatchObject({ name: 'InvalidRequestContentException' });
    await expect(invoke('no name')).rejects.toMatchObject({ name: 'ValidationException' });
  });

  test('refuses what is not signed, or for another region or service', async () => {
    await expect(invoke('drain', '{}', 'eu-west-1')).rejects.toMatchObject({ name: 'InvalidSignatureException' });
    const path = '/2015-03-31/functions/drain/invocations';
    expect((await fetch(functions.lambda.url + path, { method: 'POST', body: '{}' })).status).toBe(403);
    const tagging = new ResourceGroupsTaggingAPIClient({ ...common, endpoint: functions.lambda.url });
    await expect(tagging.send(new GetResourcesCommand({}))).rejects.toMatchObject({
      name: 'InvalidSignatureException',
    });
  });
});

describe('GetResources', () => {
  const resources = async (input: GetResourcesCommandInput) => {
    const client = new ResourceGroupsTaggingAPIClient({ ...common, endpoint: functions.tagging.url });
    const { ResourceTagMappingList = [], PaginationToken } = await client.send(new GetResourcesCommand(input));
    return { names: ResourceTagMappingList.map(({ ResourceARN = '' }) => ResourceARN.split(':')[6]), PaginationToken };
  };

  test('lists what has all of the tags, each with one of the values, if there are any', async () => {
    deploy('a', async () => {}, { team: 'ci', stage: 'test' });
    deploy('b', async () => {}, { team: 'ci', stage: 'live' });
    const TagFilters = [{ Key: 'team' }, { Key: 'stage', Values: ['live', 'none'] }];
    expect((await resources({ TagFilters })).names).toEqual(['b']);
    expect((await resources({ TagFilters: [{ Key: 'team' }] })).names).toEqual(['a', 'b']);
    expect((await resources({ TagFilters: [{ Key: 'team' }], ResourceTypeFilters: ['ec2'] })).names).toEqual([]);
  });

  test('answers a page at a time, and an empty token with the last', async () => {
    for (const name of ['a', 'b', 'c']) deploy(name, async () => {}, { team: 'ci' });
    const TagFilters = [{ Key: 'team' }];
    const first = await resources({ TagFilters, ResourcesPerPage: 2 });
    expect(first.names).toEqual(['a', 'b']);
    const { PaginationToken } = first;
    expect(await resources({ TagFilters, ResourcesPerPage: 2, PaginationToken })).toEqual({
      names: ['c'],
      PaginationToken: '',
    });
  });
});
