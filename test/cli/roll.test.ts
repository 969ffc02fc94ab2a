import { describe, expect, test } from 'vitest';
import { HOUR, MINUTE } from '../../emulators/world/world.ts';
import { Operator } from './operator.ts';
import { OFTEN, passAtEachLook } from './watched.ts';

/** Clients of an old version of their launch template, each with a build of so many minutes; new ones join as they come. */
async function clients(
  minutes: readonly number[],
  options: Parameters<typeof Operator.start>[0] = {},
  { join = true } = {},
) {
  const operator = await Operator.start(options);
  const { world } = operator;
  const old = minutes.map((each, index) => {
    const builder = world.addBuilder({ name: `client-${index + 1}` });
    if (each > 0) world.nomad.run({ id: `build-${index + 1}`, type: 'batch', on: builder.nodeId, runSeconds: each * 60 });
    return builder;
  });
  world.aws.newTemplateVersion('builders');
  let joined = minutes.length;
  if (join) world.aws.onInstanceRunning(({ id }) => world.join(id, { name: `client-${++joined}` }));
  return { operator, world, old };
}

const calls = ({ world }: Operator) =>
  world.aws.requests.filter(({ action }) => !/^(Describe|Get|Invoke|Filter)/.test(action)).map(({ action }) => action);

describe('roll', () => {
  test('x', async () => {
    const { operator } = await clients([20, 0, 90], { admission: {}, group: { refreshAwaitsTermination: true } });
    const terminal = operator.atTerminal(['roll', 'builders', ...OFTEN]);
    await terminal.until('Replace 3 instances of builders?');
    console.log(terminal.screen);
    passAtEachLook(operator, MINUTE);
    terminal.type('y');
    const seen = await terminal.ended();
    console.log(seen.screen, seen.code, seen.tooLong);
    console.log(calls(operator));
  }, 60_000);
});
