import { describe, expect, it } from 'vitest';
import { FUNCTION_ARN, MINUTE, STATUS, UNNAMED } from '../../emulators/world/world.ts';
import { start, world } from './start.ts';

const WARM = { command: 'warm' };
const TOKEN = '/nomad/drain-token';
const SEES_ALL = 'node { policy = "write" }\nnamespace "*" { capabilities = ["read-job"] }';

/** A cluster with ACLs, whose function has a token with this policy. */
async function startWithToken(rules: string) {
  await start({
    acl: true,
    nomad: { token: { parameter: TOKEN } },
    group: { terminationPolicies: [FUNCTION_ARN, 'Default'] },
  });
  world.nomad.policy('drain', rules);
  world.aws.putParameter(TOKEN, world.nomad.token({ policies: ['drain'] }), 'SecureString');
}

const toParameterStore = () => world.aws.requests.filter(({ service }) => service === 'ssm');

/** How many times Nomad is asked, and Parameter Store, when a group asks who goes. */
async function questionsFor(shrinkBy: number) {
  const asked = () => [world.nomad.requests.length, toParameterStore().length] as const;
  const [nomad, ssm] = asked();
  await world.shrink(shrinkBy);
  const [nomadNow, ssmNow] = asked();
  return {
    nomad: nomadNow - nomad,
    ssm: ssmNow - ssm,
    lost: world.log.filter(({ message }) => message === 'Auto Scaling chooses').length,
  };
}

describe('a function that was made ready', () => {
  it('answers the first question with no more to Nomad, and none to Parameter Store', async () => {
    await startWithToken(SEES_ALL);
    for (let count = 0; count < 6; count++) world.addBuilder();
    const cold = await questionsFor(1);
    await world.coldStart();
    expect(await world.wake(WARM)).toEqual({ run: 'warm', instances: [], warnings: [] });
    const warm = await questionsFor(1);
    expect(cold).toMatchObject({ ssm: 1, lost: 0 });
    expect(warm).toMatchObject({ ssm: 0, lost: 0 });
    expect(warm.nomad).toBeLessThanOrEqual(cold.nomad);
  });

  it('has changed nothing', async () => {
    await startWithToken(SEES_ALL);
    const { instanceId } = world.addBuilder();
    await world.scaleIn(instanceId);
    await world.wake(WARM);
    expect(world.nomad.requests.filter(({ method }) => method !== 'GET')).toEqual([]);
    expect(world.aws.completions).toEqual([]);
    expect(world.aws.requests).toEqual(toParameterStore());
  });

  it('sees that its token is wide enough now, which was too narrow before', async () => {
    await startWithToken('node { policy = "write" }');
    world.addBuilder();
    world.addBuilder(UNNAMED);
    expect(await world.wake(WARM)).toMatchObject({
      run: 'warm',
      warnings: [expect.stringContaining('namespace "*" { capabilities = ["read-job"] }')],
    });
    world.nomad.policy('drain', SEES_ALL);
    await world.wake(WARM);
    expect(await questionsFor(1)).toMatchObject({ lost: 0 });
  });

  it('has not failed where Nomad is silent: the log says so, within five seconds', async () => {
    await startWithToken(SEES_ALL);
    world.nomad.server.fault = () => 'silence';
    const began = world.clock.now();
    const report = await world.wake(WARM);
    expect(report).toMatchObject({ run: 'warm', warnings: [expect.stringContaining('no answer')] });
    expect(world.clock.now() - began).toBeLessThan(5_000);
    expect(world.log).toContainEqual(
      expect.objectContaining({ level: 'warn', message: 'not ready to choose instances' }),
    );
  });
});

describe('a function that answers for any group', () => {
  it('answers one that it does not know by name', async () => {
    await start({
      anyGroup: true,
      group: { terminationPolicies: [FUNCTION_ARN, 'Default'] },
    });
    const busy = world.addBuilder();
    world.nomad.run({ id: 'build', type: 'batch', on: busy.nodeId, runSeconds: 3600 });
    const idle = world.addBuilder();
    await world.shrink(1);
    expect(world.aws.asked.flatMap(({ taken }) => taken)).toEqual([idle.instanceId]);
  });
});

describe('the status, where every group should ask who goes', () => {
  const on = { on: true };

  it('warns of the groups that do not, and names their policy', async () => {
    await start({
      chooses: on,
      group: { terminationPolicies: [FUNCTION_ARN, 'Default'] },
      moreGroups: [{ name: 'forgotten', terminationPolicies: ['OldestInstance'] }, { name: 'default' }],
    });
    const { warnings } = await world.wake(STATUS);
    expect(warnings).toEqual([
      expect.stringMatching(/^group forgotten does not ask which instance goes: .* OldestInstance;/),
      expect.stringMatching(/^group default does not ask which instance goes: .* Default;/),
    ]);
  });

  it('says nothing of it where that is off', async () => {
    await start();
    expect((await world.wake(STATUS)).warnings).toEqual([]);
  });

  it('and a sweep goes on as if nothing were wrong: the drain does not need it', async () => {
    await start({ chooses: on });
    await world.sweepFor(MINUTE);
    expect(world.reports.map(({ run, warnings }) => ({ run, warnings }))).toEqual([{ run: 'sweep', warnings: [] }]);
  });
});
