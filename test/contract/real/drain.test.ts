import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Report } from '../../../lambda/report.ts';
import { commandDocument } from '../../../lib/run-command.ts';
import { loadBundle } from '../../e2e/bundle.ts';
import { AwsEmulator } from '../../emulators/aws/aws.ts';
import type { CommandDocument } from '../../emulators/aws/run-command.ts';
import { ROLE_ARN } from '../../emulators/aws/sts.ts';
import { Authority } from '../../emulators/certificates.ts';
import { RunningClock } from '../../emulators/clock.ts';
import { type RealNomad, startNomad } from './agent.ts';

const binary = process.env.NOMAD_BIN;
if (!binary) throw new Error('NOMAD_BIN is not set: NOMAD_BIN=/path/to/nomad npm run test:nomad');

const SWEEP = { source: 'aws.events', 'detail-type': 'Scheduled Event' };
/** Each test has an instance of its own, and one stays in service. */
const INSTANCES = [...'123456789ab'].map((digit) => `i-${digit.repeat(17)}`);

const HALF_BLIND = 'node { policy = "write" }\nnamespace "default" { capabilities = ["read-job"] }';
const DRAINER = 'node { policy = "write" }\nnamespace "*" { capabilities = ["read-job"] }';

interface Allocation {
  ID: string;
  NodeID: string;
  ClientStatus: string;
  TaskStates: Record<string, { FinishedAt: string | null }> | null;
}

let authority: Authority;
let nomad: RealNomad;
let aws: AwsEmulator;
const events: unknown[] = [];

/** Asks Nomad as its operator. */
const ask = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
  const response = await fetch(`${nomad.address}${path}`, {
    method,
    headers: { 'X-Nomad-Token': nomad.managementToken },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  const text = await response.text();
  return (text ? JSON.parse(text) : undefined) as T;
};

const allocationsOf = (job: string, namespace = 'default') =>
  ask<Allocation[]>('GET', `/v1/job/${job}/allocations?namespace=${namespace}`);

/** Runs a shell script as the one task of a job on this node, and waits until it runs. */
const run = async (
  job: string,
  nodeId: string | undefined,
  script: string,
  { type = 'batch', namespace = 'default', killTimeoutSeconds = 5, migrate = false, count = 1 } = {},
) => {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: Nomad interpolates it
  const Constraints = nodeId ? [{ LTarget: '${node.unique.id}', RTarget: nodeId, Operand: '=' }] : null;
  const group = {
    Name: 'g',
    Count: count,
    ...(migrate && { EphemeralDisk: { Migrate: true, Sticky: true, SizeMB: 300 } }),
    ...(type === 'service' && {
      Migrate: { MaxParallel: 1, HealthCheck: 'task_states', MinHealthyTime: 1e9, HealthyDeadline: 60e9 },
    }),
    Tasks: [
      {
        Name: 't',
        Driver: 'raw_exec',
        Config: { command: '/bin/sh', args: ['-c', script] },
        KillTimeout: killTimeoutSeconds * 1e9,
        Resources: { CPU: 20, MemoryMB: 20 },
      },
    ],
  };
  const Job = {
    ID: job,
    Name: job,
    Namespace: namespace,
    Type: type,
    Datacenters: ['*'],
    Constraints,
    TaskGroups: [group],
  };
  await ask('POST', `/v1/jobs?namespace=${namespace}`, { Job });
  await expect
    .poll(
      async () => (await allocationsOf(job, namespace)).filter(({ ClientStatus }) => ClientStatus === 'running').length,
      {
        timeout: 20_000,
      },
    )
    .toBe(count);
};

const token = async (name: string, rules: string) => {
  await ask('POST', `/v1/acl/policy/${name}`, { Name: name, Rules: rules });
  const created = await ask<{ SecretID: string }>('POST', '/v1/acl/token', {
    Name: name,
    Type: 'client',
    Policies: [name],
  });
  return created.SecretID;
};

/** The deployed function, as its environment makes it. */
const deploy = async (policy: object, access: object = { token: { parameter: '/nomad/drain-token' } }) => {
  const { makeHandler } = await loadBundle();
  const document = {
    groups: [{ name: 'builders', hook: 'nomad-drain' }],
    nomad: { via: 'http', address: nomad.address, ...access },
    policy,
  };
  const quiet = () => {};
  const journal = { debug: quiet, info: quiet, warn: quiet, error: quiet };
  return makeHandler({ environment: { NOMAD_DRAIN_HOOK: JSON.stringify(document) }, journal, print: quiet });
};

/** Scales the instance in, wakes the function by its event, and sweeps until it is let go. Says what was reported. */
const scaleIn = async (
  instanceId: string,
  policy: object,
  during: () => Promise<void> = async () => {},
  access?: object,
) => {
  const handler = await deploy(policy, access);
  const completed = aws.completions.length;
  events.length = 0;
  aws.scaleIn('builders', [instanceId]);
  await expect.poll(() => events.length, { timeout: 5_000 }).toBe(1);
  let report: Report = await handler(events[0], {});
  await during();
  while (aws.completions.length === completed)
    report = await handler(SWEEP, { getRemainingTimeInMillis: () => 60_000 });
  return { report, completion: aws.completions.at(-1) };
};

/** When the last task of a job stopped, milliseconds since the epoch. */
const stoppedAt = async (job: string, namespace = 'default') => {
  const allocations = await allocationsOf(job, namespace);
  const ends = allocations.flatMap(({ TaskStates }) =>
    Object.values(TaskStates ?? {}).map(({ FinishedAt }) => FinishedAt),
  );
  return Math.max(...ends.map((end) => (end ? Date.parse(end) : Number.POSITIVE_INFINITY)));
};

const nodeOf = (instanceId: string) => nomad.nodes.find((node) => node.instanceId === instanceId)?.id ?? '';

/** An instance that no test has scaled in yet. */
const inService = () => aws.instances('builders').find(({ state }) => state === 'InService')?.id ?? '';

describe('the bundle and a real Nomad', () => {
  beforeAll(async () => {
    authority = await Authority.create();
    const certificate = await authority.issue(['client.global.nomad', 'localhost']);
    nomad = await startNomad(binary, INSTANCES, { ...certificate, ca: authority.pem });
    aws = await AwsEmulator.start({
      clock: new RunningClock(),
      timing: { beforeWaitMs: 100 },
    });
    aws.onEvent((event) => events.push(event), { detailType: 'EC2 Instance-terminate Lifecycle Action' });
    aws.addGroup({ name: 'builders', hook: { name: 'nomad-drain', heartbeatTimeoutSeconds: 1800 } });
    Object.assign(process.env, {
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      AWS_ENDPOINT_URL_AUTO_SCALING: aws.autoScalingUrl,
      AWS_ENDPOINT_URL_EC2: aws.ec2Url,
      AWS_ENDPOINT_URL_SSM: aws.ssmUrl,
      AWS_ENDPOINT_URL_STS: aws.stsUrl,
    });
    aws.putParameter('/nomad/drain-token', await token('drainer', DRAINER), 'SecureString');
    for (const id of INSTANCES) aws.addInstance('builders', { id });
  }, 120_000);
  afterAll(async () => {
    await aws?.close();
    await nomad?.close();
  });

  it('lets an instance go after its last build has ended by itself, never before', async () => {
    const instanceId = inService();
    await run('build-short', nodeOf(instanceId), 'sleep 4');
    await run('build-long', nodeOf(instanceId), 'sleep 12');

    const { report, completion } = await scaleIn(instanceId, {});

    expect(report.instances).toMatchObject([{ instanceId, action: 'complete', outcome: 'drained' }]);
    expect(completion?.at).toBeGreaterThanOrEqual(await stoppedAt('build-long'));
    expect(completion).toMatchObject({ result: 'CONTINUE', by: 'call' });
    for (const job of ['build-short', 'build-long']) {
      expect(await allocationsOf(job)).toMatchObject([{ ClientStatus: 'complete' }]);
    }
  });

  it('waits for a killed build to stop, which takes it nine seconds after the drain is complete on paper', async () => {
    const instanceId = inService();
    await run('stubborn', nodeOf(instanceId), 'trap "" TERM INT; while true; do sleep 1; done', {
      killTimeoutSeconds: 9,
    });

    const { report, completion } = await scaleIn(instanceId, { deadlineSeconds: 4 });

    expect(report.instances).toMatchObject([{ instanceId, action: 'complete', outcome: 'forced' }]);
    expect(completion?.at).toBeGreaterThanOrEqual(await stoppedAt('stubborn'));
  });

  it('waits for the disk of a service to be copied to its new node', async () => {
    const blob = '[ -f $NOMAD_ALLOC_DIR/data/blob ] || head -c 50000000 /dev/urandom > $NOMAD_ALLOC_DIR/data/blob';
    await run('cache', undefined, `${blob}; while true; do sleep 1; done`, { type: 'service', migrate: true });
    const [before] = await allocationsOf('cache');
    const instanceId = nomad.nodes.find(({ id }) => id === before?.NodeID)?.instanceId ?? '';
    await sleep(2_000);

    const { report } = await scaleIn(instanceId, {});

    expect(report.instances).toMatchObject([{ instanceId, action: 'complete', outcome: 'drained' }]);
    const moved = (await allocationsOf('cache')).find(({ NodeID }) => NodeID !== before?.NodeID);
    expect(moved?.ClientStatus).toBe('running');
    await ask('DELETE', '/v1/job/cache?purge=true');
  });

  it('does not believe the empty list that a token which sees one namespace alone is shown', async () => {
    const instanceId = inService();
    await ask('POST', '/v1/namespace/ci', { Name: 'ci' });
    await run('hidden', nodeOf(instanceId), 'trap "" TERM INT; while true; do sleep 1; done', {
      namespace: 'ci',
      killTimeoutSeconds: 6,
    });
    aws.putParameter('/nomad/drain-token', await token('half-blind', HALF_BLIND), 'SecureString');

    const { report, completion } = await scaleIn(instanceId, { deadlineSeconds: 4, killMarginSeconds: 12 });

    expect(report.warnings.join()).toContain('namespace "*" { capabilities = ["read-job"] }');
    expect(report.instances).toMatchObject([{ instanceId, action: 'complete', outcome: 'forced' }]);
    expect(completion?.at).toBeGreaterThanOrEqual(await stoppedAt('hidden', 'ci'));
    aws.putParameter('/nomad/drain-token', await token('drainer', DRAINER), 'SecureString');
  });

  it('has the system job stopped that Nomad overlooks when a sysbatch job was the last to end', async () => {
    const instanceId = inService();
    await run('logs', nodeOf(instanceId), 'while true; do sleep 1; done', { type: 'system' });
    await run('nightly', nodeOf(instanceId), 'sleep 6', { type: 'sysbatch' });

    const { report } = await scaleIn(instanceId, { deadlineSeconds: 600 });

    expect(report.instances).toMatchObject([{ instanceId, action: 'complete', outcome: 'drained' }]);
    expect(await allocationsOf('nightly')).toMatchObject([{ ClientStatus: 'complete' }]);
    expect(await allocationsOf('logs')).toMatchObject([{ ClientStatus: 'complete', DesiredStatus: 'stop' }]);
  });

  it('says why a service cannot move, and what it said last when the deadline killed it', async () => {
    const instanceId = inService();
    const serve = 'echo "serving" >&2; while true; do sleep 1; done';
    await run('homeless', nodeOf(instanceId), serve, { type: 'service', count: 2 });
    const rules = DRAINER.replace('"read-job"', '"read-job", "read-logs"');
    aws.putParameter('/nomad/drain-token', await token('drainer-with-logs', rules), 'SecureString');
    const handler = await deploy({ deadlineSeconds: 50, killMarginSeconds: 30 });
    aws.scaleIn('builders', [instanceId]);
    await expect.poll(() => aws.waiting.length, { timeout: 5_000 }).toBe(1);
    const reports: Report[] = [];
    while (aws.waiting.length > 0) reports.push(await handler(SWEEP, { getRemainingTimeInMillis: () => 18_000 }));
    aws.putParameter('/nomad/drain-token', await token('drainer', DRAINER), 'SecureString');
    await ask('DELETE', '/v1/job/homeless?purge=true');

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
    aws.putParameter('/nomad/ca', authority.pem);
    aws.putParameter('/nomad/certificate', ours.cert);
    aws.putParameter('/nomad/key', ours.key, 'SecureString');
    const instanceId = inService();
    await run('over-tls', nodeOf(instanceId), 'sleep 5');
    const access = {
      address: nomad.tlsAddress,
      serverName: 'client.global.nomad',
      token: { parameter: '/nomad/drain-token' },
      ca: { parameter: '/nomad/ca' },
      clientCertificate: { parameter: '/nomad/certificate' },
      clientKey: { parameter: '/nomad/key' },
    };

    const { clientCertificate: _, clientKey: __, ...bare } = access;
    aws.scaleIn('builders', [instanceId]);
    await expect.poll(() => aws.waiting.length, { timeout: 5_000 }).toBe(1);
    await expect((await deploy({}, bare))(SWEEP, { getRemainingTimeInMillis: () => 9_000 })).rejects.toThrow(
      'it asks for a client certificate',
    );
    const handler = await deploy({}, access);
    let report: Report | undefined;
    while (aws.waiting.length > 0) report = await handler(SWEEP, { getRemainingTimeInMillis: () => 60_000 });

    expect(report?.instances).toMatchObject([{ instanceId, action: 'complete', outcome: 'drained' }]);
    expect(await allocationsOf('over-tls')).toMatchObject([{ ClientStatus: 'complete' }]);
  });

  it('drains with a token that its AWS identity was traded for', async () => {
    const { issuer } = aws.federation;
    await ask('POST', '/v1/acl/auth-method', {
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
    await ask('POST', '/v1/acl/binding-rule', {
      AuthMethod: 'aws',
      Selector: `value.role == "${ROLE_ARN}"`,
      BindType: 'policy',
      BindName: 'drainer',
    });
    const instanceId = inService();
    await run('by-login', nodeOf(instanceId), 'sleep 5');

    const { report } = await scaleIn(instanceId, {}, async () => {}, { login: { authMethod: 'aws' } });

    expect(report.instances).toMatchObject([{ instanceId, action: 'complete', outcome: 'drained' }]);
    expect(await allocationsOf('by-login')).toMatchObject([{ ClientStatus: 'complete' }]);
  });

  it('drains by the nomad command of an instance, which asks the agent of its own client', async () => {
    const bin = mkdtempSync(join(tmpdir(), 'nomad-command-'));
    symlinkSync(binary, join(bin, 'nomad'));
    aws.commands.documents.set('AskNomad', commandDocument() as CommandDocument);
    const shell = { PATH: `${bin}:${process.env.PATH}`, NOMAD_TOKEN: await token('drainer', DRAINER) };
    for (const { instanceId, address } of nomad.nodes) {
      aws.commands.shells.set(instanceId, { ...shell, NOMAD_ADDR: address });
    }
    const instanceId = inService();
    await run('by-command', nodeOf(instanceId), 'sleep 5');

    const access = { via: 'ssm', address: undefined, document: 'AskNomad' };
    const { report } = await scaleIn(instanceId, {}, async () => {}, access);

    rmSync(bin, { recursive: true });
    expect(report.instances).toMatchObject([{ instanceId, action: 'complete', outcome: 'drained' }]);
    expect(await allocationsOf('by-command')).toMatchObject([{ ClientStatus: 'complete' }]);
  });

  it('lets an instance go whose client dies while it drains', async () => {
    const instanceId = inService();
    await run('doomed', nodeOf(instanceId), 'sleep 600');

    const { report } = await scaleIn(instanceId, {}, () => nomad.stopClient(INSTANCES.indexOf(instanceId)));

    expect(report.instances).toMatchObject([{ instanceId, action: 'complete', outcome: 'node-lost' }]);
  });
});
