import { readFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Authority } from '../../emulators/certificates.ts';
import { TlsFront } from '../../emulators/tls-front.ts';
import { HOUR, MINUTE, SWEEP, UNNAMED } from '../../emulators/world/world.ts';
import { GROUP } from '../../emulators/world/world-options.ts';
import { FINDINGS } from '../../lambda/core/queries/doctor/finding.ts';
import { startWithCommands } from './command-world.ts';
import { NomadAutoscaler } from './nomad-autoscaler.ts';
import { start, world } from './start.ts';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

const examine = async () => (await world.ask<'doctor'>({ command: 'doctor' })).findings;
/** Its findings of this id, without the id. */
const of = async (id: (typeof FINDINGS)[number]) =>
  (await examine()).filter((finding) => finding.id === id).map(({ id: _, ...finding }) => finding);

/** Another tool's request; null cancels the drain. */
const drain = (nodeId: string, deadline: number | null, Meta?: Record<string, string>) =>
  fetch(`${world.nomad.url}/v1/node/${nodeId}/drain`, {
    method: 'PUT',
    body: JSON.stringify({
      DrainSpec: deadline === null ? null : { Deadline: deadline * 1e6 },
      MarkEligible: false,
      Meta,
    }),
  });

describe('doctor', () => {
  it('finds all in order where it is, and says of what it cannot know that it does not', async () => {
    await start({ tellsHeartbeatTimeout: true, group: { deletionProtection: 'prevent-force-deletion' } });
    const on = world.addBuilder().nodeId;
    world.nomad.run({ id: 'build', type: 'batch', on, runSeconds: 5 * 60 });
    await world.advance(10 * MINUTE);
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
      ['deletion', 'ok'],
      ['nodes', 'ok'],
      ['other-drains', 'ok'],
      ['longest-build', 'ok'],
      ['sweep', 'ok'],
    ]);
    expect(findings.map(({ what }) => what)).toEqual([
      `nomad-drain-hook ${version} on Node.js ${process.versions.node.split('.', 1)[0]}`,
      'Nomad answers, and 127.0.0.1:4647 leads',
      '1 server of Nomad 2.0.6-dev, all alive',
      expect.stringContaining('is reached without TLS'),
      'the Nomad token sees every namespace and may drain nodes',
      'hook nomad-drain of group builders holds an instance for the drain deadline of 6 h',
      'group builders is protected against a forced deletion (prevent-force-deletion)',
      'group builders: each of 1 in service is one node',
      "no drain of another tool in Nomad's records has a shorter deadline than 6 h",
      'the longest of the builds seen (1) ran for 5 min (job build); the drain deadline is 6 h',
      'the last sweep began 0 s ago',
    ]);
    expect(findings.filter(({ level }) => level !== 'ok').every((finding) => finding.do)).toBe(true);
    expect(world.writings().filter((each) => !('line' in each))).toEqual([]);
    const described = () => world.aws.requests.filter(({ action }) => action === 'DescribeAutoScalingGroups').length;
    const before = described();
    await examine();
    expect(described() - before).toBe(1);
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
    for (const id of ['token', 'nodes', 'other-drains', 'longest-build', 'sweep']) {
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
    await start({
      policy: { deadlineSeconds: 7200 },
      heartbeatTimeoutSeconds: 60,
      moreGroups: [{ name: 'bare', hooks: [] }],
      unknownGroups: ['gone'],
    });
    expect(await of('hook')).toEqual([
      { level: 'problem', what: expect.stringContaining('cannot hold an instance'), do: expect.any(String) },
      {
        level: 'problem',
        what: expect.stringContaining('group bare has no lifecycle hook nomad-drain'),
        do: expect.any(String),
      },
      { level: 'problem', what: expect.stringContaining('Auto Scaling has no group gone'), do: expect.any(String) },
    ]);
    world.aws.servers.autoScaling.fault = () => 'hang-up';
    expect((await of('hook')).map(({ level }) => level)).toEqual(['unknown', 'unknown', 'unknown']);
  });

  it('warns of groups that can be deleted with force, and says where Auto Scaling does not report it', async () => {
    await start({
      moreGroups: [
        { name: 'kept', deletionProtection: 'prevent-all-deletion' },
        { name: 'older', deletionProtection: null },
      ],
      unknownGroups: ['gone'],
    });
    expect(await of('deletion')).toMatchObject([
      {
        level: 'warning',
        what: expect.stringMatching(/^group builders can be deleted with force .*and no hook runs$/),
        do: expect.stringContaining('--auto-scaling-group-name builders --deletion-protection prevent-force-deletion'),
      },
      { level: 'ok', what: 'group kept is protected against a forced deletion (prevent-all-deletion)' },
      { level: 'unknown', what: expect.stringContaining('does not report whether group older') },
    ]);
  });

  it('names the tools that drain with a shorter deadline, also after their instances are gone', async () => {
    await start();
    const [one, two, three] = Array.from({ length: 4 }, (_, index) => world.addBuilder({ name: `client-${index}` }));
    const autoscaler = new NomadAutoscaler(world);
    world.nomad.run({ id: 'short', type: 'batch', on: one!.nodeId, runSeconds: 60 });
    await autoscaler.scaleIn(one!);
    await world.deliver();
    expect(await of('other-drains')).toMatchObject([
      {
        level: 'unknown',
        what: expect.stringMatching(/^nomad-autoscaler has drained client-0; the drains ended before their deadline/),
      },
    ]);
    world.nomad.run({ id: 'long', type: 'batch', on: two!.nodeId, runSeconds: 3600 });
    await autoscaler.scaleIn(two!);
    await world.deliver();
    await world.sweepFor(5 * MINUTE);
    await drain(three!.nodeId, HOUR, { message: 'new kernel' });
    expect(world.aws.instances(GROUP).map(({ id }) => id)).not.toContain(two!.instanceId);
    expect(await of('other-drains')).toMatchObject([
      {
        level: 'warning',
        what: expect.stringContaining('a person, or a tool that leaves no name, drains with a deadline of 1 h'),
        do: expect.stringContaining('nomad-drain-hook drain'),
      },
      {
        level: 'warning',
        what: expect.stringContaining('nomad-autoscaler drains with a deadline of 15 min, shorter than 6 h (client-1)'),
        do: expect.stringContaining('set node_drain_deadline to 6 h'),
      },
    ]);
  });

  it('does not warn of its own drains, of longer ones, of cancelled ones, nor of nodes of another kind', async () => {
    await start({ policy: { deadlineSeconds: 1800 } });
    // It has 90 s from the warning, a shorter deadline too.
    const ours = world.addBuilder({}, { market: 'spot' });
    const [longer, never, cancelled] = Array.from({ length: 3 }, () => world.addBuilder());
    const other = world.nomad.addNode({ nodeClass: 'web' });
    for (const { nodeId } of [ours, longer!, never!, cancelled!])
      world.nomad.run({ id: `build-${nodeId}`, type: 'batch', on: nodeId, runSeconds: 4 * 3600 });
    await drain(longer!.nodeId, 2 * HOUR, { drained_by: 'script' });
    await drain(never!.nodeId, 0, { drained_by: 'other-script' });
    await drain(other.id, 5 * MINUTE, { drained_by: 'nomad-autoscaler' });
    await drain(cancelled!.nodeId, 5 * MINUTE, { drained_by: 'cancelled-script' });
    await drain(cancelled!.nodeId, null);
    world.aws.interruptSpot(ours.instanceId);
    await world.deliver();
    expect(world.nomad.node(ours.nodeId).Drain).toBe(true);
    expect(await of('other-drains')).toMatchObject([{ level: 'ok' }]);
  });

  it('compares the deadline with the longest build, ended, killed or still running', async () => {
    await start({ policy: { deadlineSeconds: 1800 } });
    const on = world.addBuilder().nodeId;
    expect(await of('longest-build')).toMatchObject([
      { level: 'unknown', what: 'Nomad knows no builds, so the drain deadline of 30 min cannot be compared with them' },
    ]);
    world.nomad.run({ id: 'lint', type: 'batch', on, runSeconds: 60 });
    world.nomad.run({ id: 'release/dispatch-1700000000-a1b2c3d4', type: 'batch', on, runSeconds: 40 * 60 });
    await world.advance(35 * MINUTE);
    const isLong = (minutes: number) => ({
      level: 'warning',
      what: expect.stringContaining(
        `the longest of the builds seen (2) ran for ${minutes} min (job release), longer than the drain deadline of 30 min`,
      ),
      do: expect.stringContaining('raise the deadline'),
    });
    expect(await of('longest-build')).toMatchObject([isLong(35)]);
    await world.advance(HOUR);
    expect(await of('longest-build')).toMatchObject([isLong(40)]);
  });

  it('compares the deadline with the max_run_duration of the jobs that run, where one has it', async () => {
    await start({ policy: { deadlineSeconds: 3600 } });
    const on = world.addBuilder().nodeId;
    const build = { type: 'batch', on, runSeconds: 9 * 3600 } as const;
    world.nomad.run({ ...build, id: 'unlimited' });
    expect(await of('max-run-duration')).toEqual([]);
    world.nomad.run({ ...build, id: 'lint', maxRunSeconds: 1800 });
    expect(await of('max-run-duration')).toEqual([
      {
        level: 'ok',
        what: 'the longest max_run_duration known of jobs that run is 30 min (job lint); the drain deadline of 1 h is enough for it',
      },
    ]);
    world.nomad.run({ ...build, id: 'release', maxRunSeconds: 8 * 3600, count: 2 });
    world.nomad.run({ ...build, id: 'nightly', maxRunSeconds: 2 * 3600 });
    expect(await of('max-run-duration')).toMatchObject([
      {
        level: 'warning',
        what: expect.stringContaining(
          'the drain deadline of 1 h is shorter than the max_run_duration of jobs that run, 8 h (job release), 2 h (job nightly):',
        ),
        do: expect.stringContaining('raise the deadline'),
      },
    ]);
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
