import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { lambdaError } from '../../emulators/aws/events/functions.ts';
import { jsonResponse } from '../../emulators/aws/ssm/ssm.ts';
import { FUNCTION, SWEEP } from '../../emulators/world/world.ts';
import { FUNCTION_TAG } from '../../lib/function/function-tag.ts';
import { Operator, STACK } from './operator.ts';

/** What is wrong, and what to do: a line each, and nothing on stdout. */
async function told(operator: Operator, ...args: string[]): Promise<string[]> {
  const { code, stdout, stderr } = await operator.run(...args);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  const [wrong, todo, ...more] = stderr.trimEnd().split('\n');
  expect(more).toEqual([]);
  return [wrong ?? '', todo ?? ''];
}

describe('wrong use is told in two lines, what is wrong and what to do:', () => {
  test('a command that there is not', async () => {
    const operator = await Operator.start();
    expect(await told(operator, 'statsu')).toEqual([
      "error: unknown command 'statsu'",
      'Did you mean status? The commands and options are in: nomad-drain-hook --help',
    ]);
  });

  test('the help of a command that there is not', async () => {
    const operator = await Operator.start();
    const help = 'The commands and options are in: nomad-drain-hook --help';
    expect(await told(operator, 'help', 'everything')).toEqual(["error: unknown command 'everything'", help]);
    expect(await told(operator, 'help', 'statsu')).toEqual([
      "error: unknown command 'statsu'",
      `Did you mean status? ${help}`,
    ]);
  });

  test('an option that there is not', async () => {
    const operator = await Operator.start();
    expect(await told(operator, 'status', '--colour')).toEqual([
      "error: unknown option '--colour'",
      'Its arguments and options are in: nomad-drain-hook status --help',
    ]);
  });

  test('no region', async () => {
    const operator = await Operator.start();
    delete operator.environment.AWS_REGION;
    expect(await told(operator, 'status')).toEqual([
      'error: no AWS region is set',
      'Set --region <region>, AWS_REGION, or a region in the profile.',
    ]);
    // As the AWS CLI reads it.
    operator.environment.AWS_DEFAULT_REGION = 'us-east-1';
    expect((await operator.run('nodes')).code).toBe(0);
  });

  test('no credentials', async () => {
    const operator = await Operator.start();
    delete operator.environment.AWS_ACCESS_KEY_ID;
    expect(await told(operator, 'status')).toEqual([
      'error: there are no AWS credentials',
      'Log in, such as with aws sso login (AWS CLI version 2), or name a profile: --profile <name>.',
    ]);
  });

  test('a profile that there is not: no warning of the SDK, and no search for credentials', async () => {
    const operator = await Operator.start();
    const file = join(mkdtempSync(join(tmpdir(), 'aws-')), 'config');
    writeFileSync(file, '[profile ci]\nregion = us-east-1\n[sso-session work]\nsso_region = us-east-1\n');
    operator.environment.AWS_PROFILE = 'nope';
    expect(await told(operator, 'status')).toEqual([
      'error: there is no AWS profile nope',
      'Set one up with: aws configure',
    ]);
    expect((await operator.run('version')).code).toBe(0);
    operator.environment.AWS_CONFIG_FILE = file;
    const choose = ['error: there is no AWS profile nope', 'Choose one with --profile or AWS_PROFILE: ci.'];
    expect(await told(operator, 'status')).toEqual(choose);
    expect(await told(operator, 'status', '--profile', 'nope')).toEqual(choose);
    // One that exists, beside keys of the shell, of which the SDK would warn.
    operator.environment.AWS_PROFILE = 'ci';
    expect((await told(operator, 'status'))[0]).toBe('error: there are no AWS credentials of profile ci');
  });

  test('an SSO session that has expired', async () => {
    const operator = await Operator.start();
    const file = join(mkdtempSync(join(tmpdir(), 'aws-')), 'config');
    writeFileSync(
      file,
      '[profile ci]\nsso_session = work\nsso_account_id = 123456789012\nsso_role_name = operator\n' +
        '[sso-session work]\nsso_region = us-east-1\nsso_start_url = https://example.awsapps.com/start\n',
    );
    delete operator.environment.AWS_ACCESS_KEY_ID;
    operator.environment.AWS_CONFIG_FILE = file;
    expect(await told(operator, 'status', '--profile', 'ci')).toEqual([
      'error: the SSO session of profile ci has expired, or was never started',
      'Log in again: aws sso login --profile ci (AWS CLI version 2)',
    ]);
  });

  test('credentials that have expired', async () => {
    const operator = await Operator.start();
    operator.functions.tagging.fault = () =>
      jsonResponse(400, {
        __type: 'ExpiredTokenException',
        message: 'The security token included in the request is expired',
      });
    expect(await told(operator, 'status')).toEqual([
      'error: the AWS credentials have expired',
      'Log in again, or renew them.',
    ]);
  });

  test('no function in this region, or by this stack', async () => {
    const operator = await Operator.start();
    const todo = 'Set --region, --profile or --stack, or name the function: --function <name>.';
    expect(await told(operator, 'status', '--stack', 'Other')).toEqual([
      'error: no drain hook is deployed in us-east-1 by a stack named Other',
      todo,
    ]);
    operator.functions.deployed.clear();
    expect(await told(operator, 'status')).toEqual(['error: no drain hook is deployed in us-east-1', todo]);
  });

  test('a function of a name that there is not', async () => {
    const operator = await Operator.start();
    expect(await told(operator, 'status', '--function', 'nope')).toEqual([
      'error: there is no such function: Function not found: arn:aws:lambda:us-east-1:123456789012:function:nope:query',
      'Set --region, --profile or --function. A function of an older version has no alias query: deploy it again.',
    ]);
  });

  test('several functions to choose from', async () => {
    const operator = await Operator.start();
    await operator.world.wake(SWEEP);
    const tags = { [FUNCTION_TAG]: 'function', 'aws:cloudformation:stack-name': 'Second' };
    operator.functions.deployed.set('second', { tags, invoke: () => Promise.reject(new Error('not this one')) });
    expect(await told(operator, 'status')).toEqual([
      `error: 2 drain hooks are deployed in us-east-1: ${FUNCTION} of stack ${STACK}, second of stack Second`,
      `Choose one, such as --stack ${STACK}.`,
    ]);
    expect(await operator.run('status', '--stack', STACK)).toMatchObject({ code: 0 });
    expect(await operator.run('status', '--function', FUNCTION)).toMatchObject({ code: 0 });
  });

  test('a permission that is missing', async () => {
    const operator = await Operator.start();
    const message = `User: arn:aws:iam::123456789012:user/o is not authorized to perform: lambda:InvokeFunction`;
    operator.functions.lambda.fault = () => lambdaError(403, 'AccessDeniedException', message);
    expect(await told(operator, 'status')).toEqual([
      `error: AWS does not allow it: ${message}`,
      'What each command needs is in docs/cli.md.',
    ]);
  });

  test('a function that failed', async () => {
    const operator = await Operator.start();
    operator.functions.deployed.get(FUNCTION)!.invoke = () => Promise.reject(new Error('Auto Scaling: AccessDenied'));
    expect(await told(operator, 'status')).toEqual([
      'error: the function failed: Auto Scaling: AccessDenied',
      "Run nomad-drain-hook doctor; the function's log has more.",
    ]);
  });

  test('Nomad is away, and which instance is meant has to be asked of it', async () => {
    const operator = await Operator.start();
    operator.world.addBuilder({ name: 'client-1' });
    operator.world.nomad.server.fault = () => 'hang-up';
    const [wrong, todo] = await told(operator, 'drain', 'client-1', '--yes');
    expect(wrong).toMatch(/^error: the function failed: Nomad at http:.*ECONNRESET/);
    expect(todo).toBe("Run nomad-drain-hook doctor; the function's log has more.");
  });

  test('AWS is out of reach', async () => {
    const operator = await Operator.start();
    operator.environment.AWS_ENDPOINT_URL_RESOURCE_GROUPS_TAGGING_API = 'http://127.0.0.1:9';
    const [wrong, todo] = await told(operator, 'status');
    expect(wrong).toMatch(/^error: AWS does not answer: .*ECONNREFUSED/);
    expect(todo).toBe('Check the network, the proxy and --region.');
  });
});

test('a stack trace is printed with --debug alone', async () => {
  const operator = await Operator.start();
  operator.functions.deployed.clear();
  const { code, stderr } = await operator.run('status', '--debug');
  expect(code).toBe(1);
  expect(stderr).toMatch(/\n {4}at /);
});

test('the names of jobs and nodes cannot move the cursor or colour the screen', async () => {
  const operator = await Operator.start();
  const { world } = operator;
  const { instanceId } = world.addBuilder({ name: 'client\u001b[2J\u001b]0;title\u0007-1' });
  await world.scaleIn(instanceId);
  const { stdout } = await operator.run('status');
  expect(stdout).toContain('client-1');
  expect(stdout).not.toContain('\u001b');
});

test('whoever does not wait for the answer has the cursor back', async () => {
  const operator = await Operator.start();
  operator.functions.deployed.get(FUNCTION)!.invoke = () => new Promise(() => {});
  const terminal = operator.atTerminal(['status']);
  await terminal.until('asking the function');
  terminal.type('\u0003');
  const { code, raw } = await terminal.ended();
  expect(code).toBe(130);
  expect(raw.lastIndexOf('\u001b[?25h')).toBeGreaterThan(raw.lastIndexOf('\u001b[?25l'));
});

describe('colours are there', () => {
  test.each([
    ['on a terminal', 'terminal', {}, [], true],
    ['on a terminal, but not with NO_COLOR', 'terminal', { NO_COLOR: '1' }, [], false],
    ['on a terminal, but not with --no-color', 'terminal', {}, ['--no-color'], false],
    ['not in a pipe', 'pipe', {}, [], false],
    ['in a pipe with FORCE_COLOR', 'pipe', { FORCE_COLOR: '1' }, [], true],
    ['in a pipe with FORCE_COLOR, but not with --no-color', 'pipe', { FORCE_COLOR: '1' }, ['--no-color'], false],
  ])('%s', async (_, where, variables, args, colored) => {
    const operator = await Operator.start();
    await operator.world.wake(SWEEP);
    Object.assign(operator.environment, variables);
    const { code, ...shown } = await (where === 'pipe'
      ? operator.run('status', ...args)
      : operator.onTerminal('status', ...args));
    expect(code).toBe(0);
    expect(('raw' in shown ? shown.raw : shown.stdout).includes('\u001b[1mbuilders')).toBe(colored);
  });
});
