import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { Authority, type Certificate } from '../../emulators/certificates.ts';
import { TlsFront } from '../../emulators/tls-front.ts';
import { MINUTE, STATUS, SWEEP } from '../../emulators/world/world.ts';
import { start, world } from './start.ts';

let authority: Authority;
let ours: Certificate;
beforeAll(async () => {
  authority = await Authority.create();
  ours = await authority.issue(['client.global.nomad']);
});

let front: TlsFront;
/** A Nomad as `nomad tls cert create` sets it up: its own CA, names of its own, and clients that show a certificate. */
const startWithTls = async () => {
  const certificate = await authority.issue(['server.global.nomad', 'localhost']);
  await start({
    acl: true,
    before: async (plainUrl) => {
      front = await TlsFront.before(plainUrl, certificate, authority.pem);
      onTestFinished(() => front.close());
      return front.url;
    },
    nomad: {
      token: { parameter: '/nomad/token' },
      ca: { parameter: '/nomad/ca' },
      clientCertificate: { parameter: '/nomad/certificate' },
      clientKey: { parameter: '/nomad/key' },
      serverName: 'server.global.nomad',
    },
  });
  world.nomad.policy('drainer', 'node { policy = "write" }\nnamespace "*" { capabilities = ["read-job"] }');
  const token = world.nomad.token({ policies: ['drainer'] });
  world.aws.putParameter('/nomad/token', token, 'SecureString');
  world.aws.putParameter('/nomad/ca', authority.pem);
  world.aws.putParameter('/nomad/certificate', ours.cert);
  world.aws.putParameter('/nomad/key', ours.key, 'SecureString');
  const builder = world.addBuilder();
  world.nomad.run({ id: 'build', type: 'batch', on: builder.nodeId, runSeconds: 90 });
  await world.scaleIn(builder.instanceId);
  return { ...builder, token };
};

describe('a Nomad with mutual TLS', () => {
  it('has its node drained, and the instance is let go', async () => {
    const { instanceId } = await startWithTls();
    await world.deliver();
    await world.sweepFor(4 * MINUTE);
    expect(world.completion(instanceId)).toMatchObject({ by: 'call' });
    expect(world.killedBuilds).toEqual([]);
    // Four parameters, in one call.
    expect(world.aws.requests.filter(({ service }) => service === 'ssm')).toMatchObject([{ action: 'GetParameters' }]);
  });

  it('names the parameters that do not exist', async () => {
    await startWithTls();
    world.aws.removeParameter('/nomad/ca');
    world.aws.removeParameter('/nomad/key');
    await expect(world.wake(SWEEP)).rejects.toThrow(
      'parameters /nomad/ca, /nomad/key cannot be read: no such parameter',
    );
  });

  it('is reached again without a deploy when its certificates, its CA and the token are rotated', async () => {
    const { instanceId, token } = await startWithTls();
    await world.deliver();

    const next = await Authority.create('The next CA');
    front.renew(await next.issue(['server.global.nomad']));
    world.aws.putParameter('/nomad/ca', next.pem);
    world.nomad.revoke(token);
    world.aws.putParameter('/nomad/token', world.nomad.token({ policies: ['drainer'] }), 'SecureString');
    await world.sweepFor(4 * MINUTE);

    expect(world.completion(instanceId)).toMatchObject({ by: 'call' });
    expect(world.log.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it('keeps every secret out of log, error and report, whatever goes wrong', async () => {
    const { instanceId, token } = await startWithTls();
    const told: string[] = [];
    const wake = async (event: unknown) => {
      const answer = await world.wake(event).catch((error: Error) => `${error.stack} ${JSON.stringify(error)}`);
      told.push(JSON.stringify(answer));
    };
    await wake(SWEEP);
    await wake(STATUS);

    const strangers = await (await Authority.create()).issue(['client.global.nomad']);
    const mishaps: [parameter: string, value: string][] = [
      ['/nomad/key', strangers.key],
      ['/nomad/key', 'no key at all: canary-of-a-key'],
      ['/nomad/token', 'canary-of-a-token'],
      ['/nomad/ca', '-----BEGIN CERTIFICATE-----\ncanaryofaca\n-----END CERTIFICATE-----'],
    ];
    for (const [parameter, value] of mishaps) {
      const before = { '/nomad/key': ours.key, '/nomad/token': token, '/nomad/ca': authority.pem }[parameter] ?? '';
      world.aws.putParameter(parameter, value, 'SecureString');
      await world.coldStart();
      await wake(SWEEP);
      await wake(STATUS);
      world.aws.putParameter(parameter, before, 'SecureString');
    }

    expect(world.completion(instanceId)).toBeUndefined();
    const written = JSON.stringify(world.log) + told.join();
    expect(written).toContain('not served');
    const lines = [ours.key, strangers.key].flatMap((pem) =>
      pem.split('\n').filter((line) => /^[\w+/=]{20,}$/.test(line)),
    );
    expect(lines.length).toBeGreaterThan(3);
    for (const secret of [token, 'canary', ...lines]) expect(written).not.toContain(secret);
  });
});
