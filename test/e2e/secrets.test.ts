import { describe, expect, it } from 'vitest';
import type { Mishap } from '../../emulators/server.ts';
import { MINUTE, STATUS, SWEEP } from '../../emulators/world/world.ts';
import { start, world } from './start.ts';

const CANARY = 'canary-2222-3333';
const LED = { 'X-Nomad-Index': '7', 'X-Nomad-KnownLeader': 'true' };

/** Everything that anybody can read of what the function does. */
const told = async (...events: object[]) => {
  const said: unknown[] = [];
  for (const event of events) {
    said.push(await world.wake(event).catch((error: Error) => [error.message, error.stack, JSON.stringify(error)]));
  }
  return JSON.stringify([said, world.log, world.told, world.printed]);
};
const EVERYTHING = [
  SWEEP,
  STATUS,
  { command: 'doctor' },
  { command: 'jobs' },
  { command: 'plan' },
  { command: 'capacity' },
];

const startWaiting = async () => {
  await start({ acl: true, nomad: { token: { parameter: '/nomad/token' } } });
  world.nomad.policy('drainer', 'node { policy = "write" }\nnamespace "*" { capabilities = ["read-job"] }');
  const token = world.nomad.token({ policies: ['drainer'] });
  world.aws.putParameter('/nomad/token', token, 'SecureString');
  await world.scaleIn(world.addBuilder().instanceId);
  return token;
};

describe('of what Nomad answers about a token nothing is repeated', () => {
  const self = `{"AccessorID":"a","SecretID":"${CANARY}","Name":"`;
  it.each<[string, Mishap]>([
    ['damaged', { status: 200, headers: LED, body: self }],
    ['a list', { status: 200, headers: LED, body: `[${self}"}]x` }],
    ['a text', { status: 200, headers: LED, body: JSON.stringify(CANARY) + CANARY }],
    ['of a proxy', { status: 200, headers: LED, body: CANARY }],
    ['a failure', { status: 500, headers: LED, body: `${self}"}` }],
    ['a refusal', { status: 403, headers: LED, body: CANARY }],
  ])('where it is %s', async (_, answer) => {
    await startWaiting();
    world.nomad.server.fault = ({ url }) => (url.pathname.startsWith('/v1/acl/') ? answer : undefined);
    const all = await told(...EVERYTHING);
    expect(all).toContain('/v1/acl/token/self');
    expect(all).not.toContain(CANARY);
  });
});

describe('of what Nomad answers otherwise', () => {
  it('nothing is repeated of JSON that is damaged', async () => {
    await startWaiting();
    const body = `[{"ID":"a","Job":{"Env":{"PASSWORD":"${CANARY}"`;
    world.nomad.server.fault = ({ url }) =>
      /^.v1.(node|alloc|eval|job)/.test(url.pathname) ? { status: 200, headers: LED, body } : undefined;
    const all = await told(...EVERYTHING);
    expect(all).toContain('not ');
    expect(all).not.toContain(CANARY);
  });

  it('the token is not repeated where a proxy shows what it was asked with', async () => {
    const token = await startWaiting();
    const body = `403 Forbidden\nGET /v1/nodes\nx-nomad-token: ${token}\nCookie: ${token}`;
    world.nomad.server.fault = ({ url }) => (url.pathname.startsWith('/v1/node') ? { status: 403, body } : undefined);
    const all = await told(...EVERYTHING);
    expect(all).toContain('403 Forbidden');
    expect(all).not.toContain(token);
  });

  it('the password in the URL of an artifact is not repeated', async () => {
    await start();
    const { instanceId } = world.addBuilder();
    const eligible = (is: boolean) =>
      fetch(`${world.nomad.url}/v1/node/${elsewhere.nodeId}/eligibility`, {
        method: 'POST',
        body: JSON.stringify({ Eligibility: is ? 'eligible' : 'ineligible' }),
      });
    const elsewhere = world.addBuilder();
    await eligible(false);
    world.nomad.run({ id: 'web', type: 'service', count: 2, failsOn: elsewhere.nodeId });
    await eligible(true);
    await world.scaleIn(instanceId);
    const url = `https://ci:${CANARY}@art.example.com/app.tgz?token=${CANARY}`;
    const DisplayMessage = `failed to download artifact "${url}": error downloading '${url}': bad response code: 404`;
    const failed = (at: number) => ({
      TaskGroup: 'g',
      ClientStatus: 'failed',
      DesiredStatus: 'stop',
      CreateTime: at * 1e6,
      DeploymentStatus: null,
      TaskStates: { t: { Events: [{ Type: 'Failed Artifact Download', Time: at * 1e6, DisplayMessage }] } },
    });
    world.nomad.server.fault = ({ url: { pathname } }) =>
      pathname === '/v1/job/web/allocations'
        ? {
            status: 200,
            headers: LED,
            body: JSON.stringify([failed(began), failed(began + 1)]),
          }
        : undefined;
    await world.deliver();
    const began = world.clock.now();
    await world.sweepFor(8 * MINUTE);
    const all = await told(...EVERYTHING);
    expect(all).toContain('https://art.example.com/app.tgz');
    expect(world.told.map((event) => event['detail-type'])).toContain('Nomad Drain Stuck');
    expect(all).not.toContain(CANARY);
  });
});
