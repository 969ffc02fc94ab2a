import { readFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Authority } from '../../emulators/certificates.ts';
import { TlsFront } from '../../emulators/tls-front.ts';
import { MINUTE, SWEEP, UNNAMED } from '../../emulators/world/world.ts';
import { GROUP } from '../../emulators/world/world-options.ts';
import { FINDINGS } from '../../lambda/core/queries/doctor/finding.ts';
import { startWithCommands } from './command-world.ts';
import { start, world } from './start.ts';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

const examine = async () => (await world.ask<'doctor'>({ command: 'doctor' })).findings;
/** Its findings of this id, without the id. */
const of = async (id: (typeof FINDINGS)[number]) =>
  (await examine()).filter((finding) => finding.id === id).map(({ id: _, ...finding }) => finding);

describe('doctor', () => {
  it('finds all in order where it is, and says of what it cannot know that it does not', async () => {
    await start({ tellsHeartbeatTimeout: true });
    world.addBuilder();
    await world.wake(SWEEP);
    const findings = await examine();
    expect(findings.map(({ id, level }) => [id, level])).toEqual([
      ['version', 'ok'],
      ['nomad', 'ok'],
      ['servers', 'ok'],
      // On loopback, without TLS.
      ['certificate', 'warning'],
      ['token', 'ok'],
      ['hook', 'ok'],
      ['nodes', 'ok'],
      ['sweep', 'ok'],
    ]);
    expect(findings.map(({ what }) => what)).toEqual([
      `nomad-drain-hook ${version} on Node.js ${process.versions.node.split('.', 1)[0]}`,
      'Nomad answers, and 127.0.0.1:4647 leads',
      '1 server of Nomad 2.0.6-dev, all alive',
      expect.stringContaining('is asked without TLS'),
      'the Nomad token sees every namespace and may drain nodes',
      'hook nomad-drain of group builders holds an instance for the drain deadline of 6 h',
      'group builders: each of 1 in service is one node',
      'the last sweep began 0 s ago',
    ]);
    expect(findings.filter(({ level }) => level !== 'ok').every((finding) => finding.do)).toBe(true);
    expect(world.writings().filter((each) => !('line' in each))).toEqual([]);
  });

  it('says that Nomad does not answer, and that the rest is therefore unknown', async () => {
    await start();
    world.addBuilder();
    world.nomad.server.fault = () => 'hang-up';
    const findings = await examine();
    expect(findings.find(({ id }) => id === 'nomad')).toMatchObject({
      level: 'problem',
      what: expect.stringContaining('ECONNRESET'),
      do: expect.stringContaining('NomadUnreachable'),
    });
    for (const id of ['token', 'nodes', 'sweep']) {
      expect(findings.find((finding) => finding.id === id)).toMatchObject({ level: 'unknown' });
    }
    expect(findings.find(({ id }) => id === 'hook')).toMatchObject({ level: 'ok' });
  });

  it('says that a token is too narrow, and which policy to apply', async () => {
    await start({ acl: true, nomad: { token: { parameter: '/nomad/drain-token' } } });
    world.nomad.policy('narrow', 'node { policy = "write" }');
    world.aws.putParameter('/nomad/drain-token', world.nomad.token({ policies: ['narrow'] }), 'SecureString');
    expect(await of('token')).toMatchObject([
      { level: 'problem', what: expect.stringContaining('read-job'), do: expect.stringContaining('nomad-policy.hcl') },
    ]);
  });

  it('says that Nomad has no leader, or servers that are away or of different versions', async () => {
    await start();
    const member = (Name: string, Status: string, build: string) => ({
      Name,
      Status,
      Tags: { build, region: 'global', role: 'nomad' },
    });
    const answers = (leader: string, members: object[]) => {
      world.nomad.server.fault = ({ url: { pathname } }) => {
        const body =
          pathname === '/v1/status/leader'
            ? leader
            : pathname === '/v1/agent/members'
              ? { ServerRegion: 'global', Members: members }
              : undefined;
        return body === undefined ? undefined : { status: 200, body: JSON.stringify(body) };
      };
    };
    answers('', []);
    expect(await of('nomad')).toMatchObject([{ level: 'problem', what: expect.stringContaining('no leader') }]);
    const elsewhere = { ...member('e', 'failed', '1.0.0'), Tags: { build: '1.0.0', region: 'eu', role: 'nomad' } };
    answers('10.0.0.1:4647', [member('a', 'alive', '2.0.6'), member('b', 'failed', '1.5.2'), elsewhere]);
    expect((await of('servers')).map(({ level, what }) => [level, what])).toEqual([
      ['warning', 'not all servers are alive: b (failed)'],
      ['warning', 'the servers have different versions: 1.5.2, 2.0.6'],
      ['warning', 'Nomad 1.5.2 is older than what the function is tested with'],
    ]);
  });

  it('looks at the servers of the configured region, also where one of another region answers', async () => {
    await start({ nomad: { region: 'eu' } });
    const member = (Name: string, Status: string, region: string) => ({
      Name,
      Status,
      Tags: { build: '2.0.6', region },
    });
    const Members = [member('a', 'failed', 'global'), member('b', 'alive', 'eu'), member('c', 'alive', 'eu')];
    world.nomad.server.fault = ({ url }) =>
      url.pathname === '/v1/agent/members'
        ? { status: 200, body: JSON.stringify({ ServerRegion: 'global', Members }) }
        : undefined;
    expect(await of('servers')).toMatchObject([{ level: 'ok', what: '2 servers of Nomad 2.0.6, all alive' }]);
  });

  it('says which hooks are missing, and which cannot hold an instance for the deadline', async () => {
    await start({ policy: { deadlineSeconds: 7200 }, heartbeatTimeoutSeconds: 60, unknownGroups: ['gone'] });
    expect(await of('hook')).toEqual([
      { level: 'problem', what: expect.stringContaining('cannot hold an instance'), do: expect.any(String) },
      { level: 'problem', what: expect.stringContaining('Auto Scaling has no group gone'), do: expect.any(String) },
    ]);
    world.aws.servers.autoScaling.fault = () => 'hang-up';
    expect((await of('hook')).map(({ level }) => level)).toEqual(['unknown', 'unknown']);
  });

  it('says which instances have no node, several, or one that is only known by its address', async () => {
    await start();
    world.addBuilder();
    const unnamed = world.addBuilder(UNNAMED);
    const twice = world.addBuilder();
    const { id } = world.nomad.addNode({ instanceId: twice.instanceId });
    const bare = world.aws.addInstance(GROUP);
    // One that has just been launched may yet register.
    await world.advance(10 * MINUTE);
    world.aws.addInstance(GROUP);
    const found = await of('nodes');
    expect(found.map(({ level, what }) => [level, what])).toEqual([
      ['warning', `instance ${twice.instanceId} is several nodes that are not down: ${[twice.nodeId, id].join(', ')}`],
      ['problem', `group builders: Nomad has no node of ${bare}: such an instance is released without a drain`],
      [
        'warning',
        `group builders: no node names ${unnamed.instanceId}: only an address leads to the node of such an instance`,
      ],
    ]);
  });

  it('knows how long ago a sweep began in its own environment, and nothing of others', async () => {
    await start();
    expect(await of('sweep')).toMatchObject([{ level: 'unknown', what: expect.stringContaining('no sweep yet') }]);
    await world.wake(SWEEP);
    await world.advance(2 * MINUTE);
    expect(await of('sweep')).toMatchObject([{ level: 'ok', what: 'the last sweep began 2 min ago' }]);
    await world.advance(5 * MINUTE);
    expect(await of('sweep')).toMatchObject([{ level: 'unknown', what: expect.stringContaining('7 min ago') }]);
  });

  it('says which groups do not ask who goes, where they should', async () => {
    await start({ chooses: { on: true } });
    expect(await of('who-goes')).toMatchObject([
      { level: 'problem', what: expect.stringContaining('group builders does not ask which instance goes') },
    ]);
  });

  it('says of the way through instances how many there are, and that it does not know their agents', async () => {
    await startWithCommands();
    expect(await of('run-command')).toMatchObject([{ level: 'unknown', what: expect.stringContaining('3 instances') }]);
    expect(await of('nomad')).toMatchObject([{ level: 'ok' }]);
    expect(await of('certificate')).toEqual([]);
  });

  it('says until when the certificate is valid and who signed it, or why it is not trusted', async () => {
    const authority = await Authority.create();
    const certificate = await authority.issue(['server.global.nomad']);
    let front: TlsFront | undefined;
    await start({
      before: async (plainUrl) => {
        front = await TlsFront.before(plainUrl, certificate);
        onTestFinished(() => front?.close());
        return front.url;
      },
      nomad: { ca: { parameter: '/nomad/ca' }, serverName: 'server.global.nomad' },
    });
    world.aws.putParameter('/nomad/ca', authority.pem);
    expect(await of('certificate')).toMatchObject([
      { level: 'ok', what: expect.stringMatching(/signed by your own CA, is valid for \d+ days$/) },
    ]);
    const stranger = await Authority.create('Another CA');
    front?.renew(await stranger.issue(['server.global.nomad']));
    expect(await of('certificate')).toMatchObject([
      { level: 'problem', what: expect.stringContaining('not signed by the configured CA') },
    ]);
  });

  it('has a paragraph on each of its findings in docs/reference.md', () => {
    const page = readFileSync(new URL('../../docs/reference.md', import.meta.url), 'utf8');
    expect(FINDINGS.filter((id) => !page.includes(`| \`${id}\` |`))).toEqual([]);
  });
});
