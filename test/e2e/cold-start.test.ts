import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Loopback } from '../../emulators/server.ts';
import { BUNDLE } from '../../emulators/world/bundle.ts';
import { SWEEP } from '../../emulators/world/world.ts';
import { start, world } from './start.ts';

const TOKEN = '/nomad/token';

/** A group whose function has its token in Parameter Store, with these policies; one instance of it has to go. */
const startWithToken = async (policies: readonly string[] = ['drainer']) => {
  await start({ acl: true, nomad: { token: { parameter: TOKEN } }, tellsHeartbeatTimeout: true });
  for (const name of policies) {
    world.nomad.policy(name, 'node { policy = "write" }\nnamespace "*" { capabilities = ["read-job"] }');
  }
  world.aws.putParameter(TOKEN, world.nomad.token({ policies: [...policies] }), 'SecureString');
  const builder = world.addBuilder();
  world.nomad.run({ id: 'build', type: 'batch', on: builder.nodeId, runSeconds: 600 });
  await world.scaleIn(builder.instanceId);
  return builder;
};

/** The server answers once something has happened; or, if it does not, all the same, and that is noted. */
const answersAfter = (server: Loopback, happened: () => boolean, path = /./) => {
  const inVain: string[] = [];
  server.fault = async ({ url }) => {
    if (!path.test(url.pathname)) return undefined;
    for (let turns = 0; !happened() && turns < 3_000; turns++) await sleep(1);
    if (!happened()) inVain.push(url.pathname);
    return undefined;
  };
  return inVain;
};

const asked = (path: RegExp) => world.nomad.requests.filter((request) => path.test(request.path));

describe('a function that starts for an event', () => {
  it('asks Parameter Store for its token, and Nomad for its nodes, before Auto Scaling has answered', async () => {
    const { nodeId } = await startWithToken();
    const { autoScaling } = world.aws.servers;
    const inVain = answersAfter(autoScaling, () => asked(/^\/v1\/nodes/).length > 0);

    await world.deliver();

    expect(inVain).toEqual([]);
    expect(asked(new RegExp(`^/v1/node/${nodeId}/drain`))).toHaveLength(1);
  });

  it('asks for all of it in one call', async () => {
    await startWithToken();
    await world.deliver();
    expect(world.aws.requests.filter(({ service }) => service === 'ssm')).toHaveLength(1);
  });

  it('reads all policies of its token at once in a sweep', async () => {
    await startWithToken(['drainer', 'reader', 'writer']);
    const { server } = world.nomad;
    let arrived = 0;
    const policy = /^\/v1\/acl\/policy\//;
    const inVain = answersAfter(server, () => arrived === 3, policy);
    const hold = server.fault;
    server.fault = (request) => {
      if (policy.test(request.url.pathname)) arrived += 1;
      return hold?.(request);
    };

    await world.wake(SWEEP);

    expect(arrived).toBe(3);
    expect(inVain).toEqual([]);
  });
});

describe('the start of the function', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'drain-hook-cold-start-'));
    cpSync(dirname(BUNDLE), directory, { recursive: true });
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  /** What a process says that imports the function, and then runs this. */
  const afterImport = async (script: string, environment: Record<string, string>) => {
    const whole =
      `const { handler } = await import(${JSON.stringify(join(directory, 'index.mjs'))});` +
      "const { rmSync } = process.getBuiltinModule('node:fs');" +
      `const forget = () => rmSync(${JSON.stringify(join(directory, 'chunks'))}, { recursive: true });` +
      script;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', whole], {
      env: { ...process.env, ...environment },
    });
    return JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
  };

  const SAY_STATUS =
    'forget(); const said = await handler({ command: "status" }, {}).catch((error) => ({ error: error.message }));' +
    'console.log(JSON.stringify(said));';

  it('loads what its configuration needs, so that no run has to', async () => {
    const { instanceId } = await startWithToken();
    const real = setInterval(() => void world.clock.advance(50), 50);

    const said = await afterImport(SAY_STATUS, world.variables);
    clearInterval(real);

    expect(said).toMatchObject({ run: 'status', instances: [{ instanceId, action: 'start-drain' }] });
  });

  it('does not fail over a wrong configuration: each call says what is wrong', async () => {
    const said = await afterImport(SAY_STATUS, { NOMAD_DRAIN_HOOK: '{"groups":[]}' });
    expect(said.error).toContain('groups: must name at least one group');
  });

  it('does not load what Node has for fetch and WebSocket, which nothing here uses', async () => {
    const loaded = await afterImport('console.log(JSON.stringify(process.moduleLoadList));', {});
    expect(loaded).toContain('NativeModule https');
    expect(loaded.filter((name: string) => name.includes('undici'))).toEqual([]);
  });
});
