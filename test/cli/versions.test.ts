import { expect, test } from 'vitest';
import { FUNCTION } from '../../emulators/world/world.ts';
import manifest from '../../package.json' with { type: 'json' };
import { Operator } from './operator.ts';

const own = manifest.version;

/** The deployed function says that it is of this version. */
async function functionOf(version: string | undefined): Promise<Operator> {
  const operator = await Operator.start();
  operator.world.addBuilder({ name: 'client-1' });
  const deployed = operator.functions.deployed.get(FUNCTION)!;
  const { invoke } = deployed;
  deployed.invoke = async (event: unknown, arn: string) => ({
    ...((await invoke(event, arn)) as object),
    version,
  });
  return operator;
}

test('a function of the same version is not mentioned: it says its version in every answer to a command', async () => {
  const operator = await Operator.start();
  operator.world.addBuilder({ name: 'client-1' });
  for (const command of ['status', 'nodes', 'jobs', 'doctor', 'plan']) {
    expect(await operator.world.ask({ command: command === 'nodes' ? 'capacity' : command })).toMatchObject({
      version: own,
    });
    expect((await operator.run(command)).stderr).toBe('');
  }
});

test.each([
  ['older', '0.0.9', `the function is 0.0.9: deploy ${own}, or use the command line of 0.0.9`],
  ['newer', '10.0.0', 'the function is 10.0.0: install the command line of 10.0.0'],
  ['too old to say', undefined, `the function is too old to report its version: deploy ${own}`],
])(
  'of a function that is %s the command says so once on stderr, and among the warnings, and works',
  async (_, version, told) => {
    const operator = await functionOf(version);
    const warning = `the command line is ${own}, ${told}`;
    const text = await operator.run('nodes');
    expect(text).toMatchObject({ code: 0, stderr: `warning: ${warning}\n` });
    expect(text.stdout).toContain('client-1');
    expect(text.stdout).not.toContain('warning');
    expect((await operator.onTerminal('nodes')).tooLong).toEqual([]);
    // Several answers, one warning.
    const { stdout, stderr } = await operator.run('drain', 'client-1', '--dry-run', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ run: 'drain', warnings: [warning] });
    expect(stderr.split(warning)).toHaveLength(2);
    expect((await operator.run('status', '-o', 'json')).stdout).toContain(warning);
  },
);
