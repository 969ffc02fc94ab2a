import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CommandDocument } from '../../../emulators/aws/ssm/run-command.ts';
import { ROLE_ARN } from '../../../emulators/aws/ssm/sts.ts';
import { Authority } from '../../../emulators/certificates.ts';
import type { Report } from '../../../lambda/core/drain/report.ts';
import { commandDocument } from '../../../lib/access/run-command.ts';
import { DRAINER, Stage, SWEEP } from './stage.ts';

const HALF_BLIND = 'node { policy = "write" }\nnamespace "default" { capabilities = ["read-job"] }';

let authority: Authority;
let stage: Stage;

describe('the bundle and a real Nomad', () => {
  beforeAll(async () => {
    authority = await Authority.create();
    const certificate = await authority.issue(['client.global.nomad', 'localhost']);
    stage = await Stage.start(11, { tls: { ...certificate, ca: authority.pem } });
  }, 180_000);
  afterAll(() => stage?.close());

  it('releases an instance after its last build has ended by itself, never before', async () => {
    const instanceId = stage.inService();
    await stage.run('build-short', stage.nodeOf(instanceId), 'sleep 4');
    await stage.run('build-long', stage.nodeOf(instanceId), 'sleep 12');

    const { report, completion } = await stage.scaleIn(instanceId, {});

    expect(report.instances).toMatchObject([{ instanceId, action: 'complete', outcome: 'drained' }]);
    expect(completion?.at).toBeGreaterThanOrEqual(await stage.stoppedAt('build-long'));
    expect(completion).toMatchObject({ result: 'CONTINUE', by: 'call' });
    for (const job of ['build-short', 'build-long']) {
      expect(await stage.allocationsOf(job)).toMatchObject([{ ClientStatus: 'complete' }]);
    }
  });

  it('waits for a killed build to stop, which takes nine seconds after Nomad calls the drain complete', async () => {
    const instanceId = stage.inService();
    await stage.run('stubborn', stage.nodeOf(instanceId), 'trap "" TERM INT; while true; do sleep 1; done', {
      killTimeoutSeconds: 9,
    });

    const { report, completion } = await stage.scaleIn(instanceId, { deadlineSeconds: 4 });

    expect(report.instances).toMatchObject([{ instanceId, action: 'complete', outcome: 'forced' }]);
    expect(completion?.at).toBeGreaterThanOrEqual(await stage.stoppedAt('stubborn'));
  });

  it('waits for the disk of a service to be copied to its new node', async () => {
    const blob = '[ -f $NOMAD_ALLOC_DIR/data/blob ] || head -c 50000000 /dev/urandom > $NOMAD_ALLOC_DIR/data/blob';
    await stage.run('cache', undefined, `${blob}; while true; do sleep 1; done`, { type: 'service', migrate: true });
    const [before] = await stage.allocationsOf('cache');
    const instanceId = stage.nomad.nodes.find(({ id }) => id === before?.NodeID)?.instanceId ?? '';
    await sleep(2_000);

    const { report } = await stage.scaleIn(instanceId, {});

    expect(report.instances).toMatchObject([{ instanceId, action: 'complete', outcome: 'drained' }]);
    // It has its data by now, and may yet be starting.
    const moved = async () => (await stage.allocationsOf('cache')).find(({ NodeID }) => NodeID !== before?.NodeID);
    await expect.poll(async () => (await moved())?.ClientStatus, { timeout: 10_000 }).toBe('running');
    await stage.ask('DELETE', '/v1/job/cache?purge=true');
  });

  it('does not trust the empty list that a token gets which sees only one namespace', async () => {
    const instanceId = stage.inService();
    await stage.ask('POST', '/v1/namespace/ci', { Name: 'ci' });
    await stage.run('hidden', stage.nodeOf(instanceId), 'trap "" TERM INT; while true; do sleep 1; done', {
      namespace: 'ci',
      killTimeoutSeconds: 6,
    });
    stage.aws.putParameter('/nomad/drain-token', await stage.token('half-blind', HALF_BLIND), 'SecureString');

    const { report, completion } = await stage.scaleIn(instanceId, { deadlineSeconds: 4, killMarginSeconds: 12 });

    expect(report.warnings.join()).toContain('namespace "*" { capabilities = ["read-job"] }');
    expect(report.instances).toMatchObject([{ instanceId, action: 'complete', outcome: 'forced' }]);
    expect(completion?.at).toBeGreaterThanOrEqual(await stage.stoppedAt('hidden', 'ci'));
    stage.aws.putParameter('/nomad/drain-token', await stage.token('drainer', DRAINER), 'SecureString');
  });

  it('has the system job stopped that Nomad overlooks when a sysbatch job was the last to end', async () => {
    const instanceId = stage.inService();
    await stage.run('logs', stage.nodeOf(instanceId), 'while true; do sleep 1; done', { type: 'system' });
    await stage.run('nightly', stage.nodeOf(instanceId), 'sleep 6', { type: 'sysbatch' });

    const { report } = await stage.scaleIn(instanceId, { deadlineSeconds: 600 });

    expect(report.instances).toMatchObject([{ instanceId, action: 'complete', outcome: 'drained' }]);
    expect(await stage.allocationsOf('nightly')).toMatchObject([{ ClientStatus: 'complete' }]);
    expect(await stage.allocationsOf('logs')).toMatchObject([{ ClientStatus: 'complete', DesiredStatus: 'stop' }]);
  });

  it('says why a service cannot move, and how its stderr ended when the deadline killed it', async () => {
    const instanceId = stage.inService();
    const serve = 'echo "serving" >&2; while true; do sleep 1; done';
    await stage.run('homeless', stage.nodeOf(instanceId), serve, { type: 'service', count: 2 });
    const rules = DRAINER.replace('"read-job"', '"read-job", "read-logs"');
    stage.aws.putParameter('/nomad/drain-token', await stage.token('drainer-with-logs', rules), 'SecureString');
    const handler = await stage.deploy({ deadlineSeconds: 50, killMarginSeconds: 30 });
    stage.aws.scaleIn('builders', [instanceId]);
    await expect.poll(() => stage.aws.waiting.length, { timeout: 5_000 }).toBe(1);
    const reports: Report[] = [];
    while (stage.aws.waiting.length > 0) reports.push(await handler(SWEEP, { getRemainingTimeInMillis: () => 18_000 }));
    stage.aws.putParameter('/nomad/drain-token', await stage.token('drainer', DRAINER), 'SecureString');
    await stage.ask('DELETE', '/v1/job/homeless?purge=true');

    const sentences = reports.flatMap(({ instances }) => instances.map(({ because }) => because));
    expect(sentences.join('\n')).toMatch(
      /homeless \(task group g, running for \d+ s; nowhere to go: of \d+ eligible nodes in pool default, constraint \$\{node\.unique\.id\} = \S+ rules out \d+\)/,
    );
    expect(reports.at(-1)?.instances).toMatchObject([
      { instanceId, outcome: 'forced', killed: [{ job: 'homeless', stderr: 'serving' }] },
    ]);
  });

  it('drains over mutual TLS, by the name in the certificate', async () => {
    const ours = await authority.issue(['drain-hook.global.nomad']);
    stage.aws.putParameter('/nomad/ca', authority.pem);
    stage.aws.putParameter('/nomad/certificate', ours.cert);
    stage.aws.putParameter('/nomad/key', ours.key, 'SecureString');
    const instanceId = stage.inService();
    await stage.run('over-tls', stage.nodeOf(instanceId), 'sleep 5');
    const access = {
      address: stage.nomad.tlsAddress,
      serverName: 'client.global.nomad',
      token: { parameter: '/nomad/drain-token' },
      ca: { parameter: '/nomad/ca' },
      clientCertificate: { parameter: '/nomad/certificate' },
      clientKey: { parameter: '/nomad/key' },
    };

    const { clientCertificate: _, clientKey: __, ...bare } = access;
    stage.aws.scaleIn('builders', [instanceId]);
    await expect.poll(() => stage.aws.waiting.length, { timeout: 5_000 }).toBe(1);
    await expect((await stage.deploy({}, bare))(SWEEP, { getRemainingTimeInMillis: () => 9_000 })).rejects.toThrow(
      'it asks for a client certificate',
    );
    const handler = await stage.deploy({}, access);
    let report: Report | undefined;
    while (stage.aws.waiting.length > 0) report = await handler(SWEEP, { getRemainingTimeInMillis: () => 60_000 });

    expect(report?.instances).toMatchObject([{ instanceId, action: 'complete', outcome: 'drained' }]);
    expect(await stage.allocationsOf('over-tls')).toMatchObject([{ ClientStatus: 'complete' }]);
  });

  it('drains with a token from a login by its AWS identity', async () => {
    const { issuer } = stage.aws.federation;
    await stage.ask('POST', '/v1/acl/auth-method', {
      Name: 'aws',
      Type: 'JWT',
      TokenLocality: 'local',
      MaxTokenTTL: '10m0s',
      Config: {
        JWTValidationPubKeys: [issuer.publicKey],
        BoundIssuer: [issuer.url],
        BoundAudiences: ['nomad'],
        SigningAlgs: ['RS256'],
        ClaimMappings: { sub: 'role' },
      },
    });
    await stage.ask('POST', '/v1/acl/binding-rule', {
      AuthMethod: 'aws',
      Selector: `value.role == "${ROLE_ARN}"`,
      BindType: 'policy',
      BindName: 'drainer',
    });
    const instanceId = stage.inService();
    await stage.run('by-login', stage.nodeOf(instanceId), 'sleep 5');

    const { report } = await stage.scaleIn(instanceId, {}, { access: { login: { authMethod: 'aws' } } });

    expect(report.instances).toMatchObject([{ instanceId, action: 'complete', outcome: 'drained' }]);
    expect(await stage.allocationsOf('by-login')).toMatchObject([{ ClientStatus: 'complete' }]);
  });

  it('drains by the nomad command of an instance, which asks the agent of its own client', async () => {
    const bin = mkdtempSync(join(tmpdir(), 'nomad-command-'));
    symlinkSync(process.env.NOMAD_BIN ?? '', join(bin, 'nomad'));
    stage.aws.commands.documents.set('AskNomad', commandDocument() as CommandDocument);
    const shell = { PATH: `${bin}:${process.env.PATH}`, NOMAD_TOKEN: await stage.token('drainer', DRAINER) };
    for (const { instanceId, address } of stage.nomad.nodes) {
      stage.aws.commands.shells.set(instanceId, { ...shell, NOMAD_ADDR: address });
    }
    const instanceId = stage.inService();
    await stage.run('by-command', stage.nodeOf(instanceId), 'sleep 5');

    const access = { via: 'ssm', address: undefined, document: 'AskNomad' };
    const { report } = await stage.scaleIn(instanceId, {}, { access });

    rmSync(bin, { recursive: true });
    expect(report.instances).toMatchObject([{ instanceId, action: 'complete', outcome: 'drained' }]);
    expect(await stage.allocationsOf('by-command')).toMatchObject([{ ClientStatus: 'complete' }]);
  });

  it('releases an instance whose client dies while it drains', async () => {
    const instanceId = stage.inService();
    await stage.run('doomed', stage.nodeOf(instanceId), 'sleep 600');

    const { report } = await stage.scaleIn(
      instanceId,
      {},
      { during: () => stage.nomad.stopClient(stage.clientOf(instanceId)) },
    );

    expect(report.instances).toMatchObject([{ instanceId, action: 'complete', outcome: 'node-lost' }]);
  });
});
