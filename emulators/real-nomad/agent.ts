import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Certificate } from '../certificates.ts';
import { type InstanceMetadata, startInstanceMetadata } from './instance-metadata.ts';
import { killProcessesOf, removeDataDirectory } from './processes.ts';

export interface RealNomad {
  address: string;
  /** Where the first client answers over TLS, and asks for a certificate; only with `tls`. */
  tlsAddress: string;
  managementToken: string;
  version: string;
  /** `address`: where the client's own agent answers. */
  nodes: { id: string; name: string; instanceId: string; address: string }[];
  /** Kills the agent of the i-th client; its tasks run on. */
  stopClient(i: number): Promise<void>;
  startClient(i: number): Promise<void>;
  /** Ends the agent of the i-th client as Ctrl-C does: it shuts down by itself, and answers meanwhile. */
  interruptClient(i: number): Promise<void>;
  /** The agent of the i-th client restarts, and its fingerprint of EC2 fails: the same node does not say any more which instance it is. */
  restartUnnamed(i: number): Promise<void>;
  /** Empties the data directory of the i-th client, whose agent comes back as another node: its id is then in `nodes`. */
  newIdentity(i: number): Promise<void>;
  /** The same, and its EC2 fingerprint fails: it does not report which instance it is. */
  loseFingerprint(i: number): Promise<void>;
  /** The server stops, and keeps its data; until it is started again, there is no leader. */
  stopServer(): Promise<void>;
  /** Starts it again, and waits until it leads. */
  startServer(): Promise<void>;
  /** The server's machine hangs: its connections stay open, and it says nothing. */
  pauseServer(): void;
  resumeServer(): void;
  close(): Promise<void>;
}

/** How the agents are configured. */
export interface AgentOptions {
  /** With it, the first client serves its API over mutual TLS. */
  tls?: (Certificate & { ca: string }) | undefined;
  /** How long a client may be silent, twice. */
  heartbeat?: string;
  /** ACLs are on, and bootstrapped. */
  acl?: boolean;
  /** The clients whose agents are started later, by `startClient`: they are not in `nodes`. */
  late?: readonly number[];
  /** What the `client` block of some agents says besides. */
  client?: Readonly<Record<number, object>>;
  /** As CircleCI Server configures them: the datacenter, the class and the names of the nodes, and TLS if it is given. */
  circleci?: { tls?: { ca: string; server: Certificate; client: Certificate } } | undefined;
}

/** The private address of the i-th client's instance. */
export const addressOf = (i: number): string => `10.0.0.${i + 1}`;

const INSTANCE_ID = 'Attributes["unique.platform.aws.instance-id"]';

/** A first start has to create its keyring: 22 s have been seen. */
const START_LIMIT_MS = 150_000;

/** How often a server is started again whose port is taken. */
const RESTARTS = 20;

/** An address without a listener. */
const NOBODY = 'http://127.0.0.1:9';

interface Agent {
  process: ChildProcess;
  exited: Promise<unknown>;
}

/**
 * One server and two clients of a real Nomad, on loopback: raw_exec on, each client with an EC2 instance id. Needs root. Not `-dev`,
 * which gives the instance metadata service one millisecond.
 */
export const startNomad = async (
  binary: string,
  instanceIds: string[] = ['i-0a0a', 'i-0b0b'],
  { tls, heartbeat = '2s', acl = true, circleci, late = [], client: more = {} }: AgentOptions = {},
): Promise<RealNomad> => {
  const directory = mkdtempSync(join(tmpdir(), 'nomad-contract-'));
  const [http = 0, rpc = 0, serf = 0, ...clientHttp] = await freePorts(3 + instanceIds.length);
  const metadata: InstanceMetadata[] = [];
  const agents: Agent[] = [];
  const launch = (name: string, config: object, environment: Record<string, string> = {}): Agent => {
    const file = join(directory, `${name}.json`);
    mkdirSync(join(directory, name), { recursive: true });
    writeFileSync(file, JSON.stringify({ ...common(name, join(directory, name), { acl, circleci }), ...config }));
    const { AWS_CA_BUNDLE: _, ...inherited } = process.env;
    const log = openSync(join(directory, `${name}.log`), 'a');
    const child = spawn(binary, ['agent', `-config=${file}`], {
      // Its directory in the environment marks whatever the agent leaves behind as ours: see killProcessesOf.
      env: { ...inherited, ...environment, NOMAD_CONTRACT_DIRECTORY: directory },
      stdio: ['ignore', log, log],
    });
    const agent = { process: child, exited: new Promise((resolve) => child.once('exit', resolve)) };
    agents.push(agent);
    return agent;
  };
  const close = async () => {
    for (const agent of agents) agent.process.kill('SIGKILL');
    await Promise.all(agents.map(({ exited }) => exited));
    killProcessesOf(directory);
    for (const service of metadata) await service.close();
    removeDataDirectory(directory);
  };
  try {
    const address = `http://127.0.0.1:${http}`;
    const secured = circleci?.tls && rpcTls(directory, circleci.tls);
    const startServer = () =>
      launch('server', {
        ports: { http, rpc, serf },
        server: { enabled: true, bootstrap_expect: 1, heartbeat_grace: heartbeat, min_heartbeat_ttl: heartbeat },
        ...(secured && { tls: secured.server }),
      });
    let server = startServer();
    const clientOf = (i: number, endpoint = metadata[i]?.endpoint ?? '') => {
      const environment = { AWS_EC2_METADATA_SERVICE_ENDPOINT: endpoint };
      const ports = { http: clientHttp[i] ?? 0, rpc: 0, serf: 0 };
      const secure = i === 0 && tls ? { tls: tlsConfig(directory, tls) } : {};
      const secureToo = secured ? { tls: { ...secured.client, http: true } } : {};
      const letter = 'abcdefghijklmno'[i] ?? '';
      const client = {
        ...clientConfig(rpc),
        host_volume: hostVolume(directory, `data-${letter}`),
        ...(circleci && { node_class: 'linux-64bit' }),
        ...more[i],
      };
      const name = circleci ? `ip-10-0-0-${i + 1}` : `client-${letter}`;
      return launch(name, { ports, client, ...secure, ...secureToo }, environment);
    };
    const clients: (Agent | undefined)[] = [];
    for (const [i, instanceId] of instanceIds.entries()) {
      metadata.push(await startInstanceMetadata(instanceId, addressOf(i)));
      clients.push(late.includes(i) ? undefined : clientOf(i));
    }
    const log = () => readFileSync(join(directory, 'server.log'), 'utf8').slice(-2000);
    const leads = async () => {
      const response = await fetch(`${address}/v1/status/leader`);
      return response.ok && (await response.json()) !== '' ? '' : undefined;
    };
    const managementToken = await until(server, log, async () => {
      if (!acl) return leads();
      const response = await fetch(`${address}/v1/acl/bootstrap`, { method: 'POST' });
      return response.ok ? ((await response.json()) as { SecretID: string }).SecretID : undefined;
    });
    const get = async (path: string) =>
      (await fetch(`${address}${path}`, { headers: { 'X-Nomad-Token': managementToken } })).json();
    const readyNodes = async (instanceId: string, filter = `${INSTANCE_ID} == "${instanceId}"`) => {
      const found = (await get(`/v1/nodes?filter=${encodeURIComponent(filter)}`)) as {
        ID: string;
        Name: string;
        Status: string;
      }[];
      return found.filter(({ Status }) => Status === 'ready');
    };
    const nodes = await until(server, log, async () => {
      const found = await Promise.all(
        instanceIds
          .filter((_, i) => !late.includes(i))
          .map(async (instanceId) => {
            const [node] = await readyNodes(instanceId);
            const own = `http://127.0.0.1:${clientHttp[instanceIds.indexOf(instanceId)]}`;
            return node ? [{ id: node.ID, name: node.Name, instanceId, address: own }] : [];
          }),
      );
      return found.every(({ length }) => length === 1) ? found.flat() : undefined;
    });
    const [first] = nodes;
    const { Attributes } = (await get(`/v1/node/${first?.id}`)) as { Attributes: Record<string, string> };
    const stopClient = async (i: number) => {
      clients[i]?.process.kill('SIGKILL');
      await clients[i]?.exited;
    };
    const restartUnnamed = async (i: number) => {
      await stopClient(i);
      clients[i] = clientOf(i, NOBODY);
      const { id = '', instanceId = '' } = nodes[i] ?? {};
      const filter = `ID == "${id}" and "unique.platform.aws.instance-id" not in Attributes`;
      await until(server, log, async () => (await readyNodes(instanceId, filter))[0]);
    };
    const anew = async (i: number, endpoint?: string, filter?: string) => {
      await stopClient(i);
      const node = nodes[i];
      if (!node) return;
      removeDataDirectory(join(directory, node.name));
      clients[i] = clientOf(i, endpoint);
      node.id = await until(server, log, async () =>
        (await readyNodes(node.instanceId, filter)).map(({ ID }) => ID).find((id) => id !== node.id),
      );
    };
    return {
      address,
      tlsAddress: `https://127.0.0.1:${clientHttp[0]}`,
      managementToken,
      version: Attributes['nomad.version'] ?? '',
      nodes,
      stopClient,
      startClient: async (i) => {
        clients[i] = clientOf(i);
      },
      interruptClient: async (i) => {
        clients[i]?.process.kill('SIGINT');
        await clients[i]?.exited;
      },
      restartUnnamed,
      stopServer: async () => {
        server.process.kill('SIGKILL');
        await server.exited;
      },
      startServer: async () => {
        // Meanwhile one of its ports may have become that of an outgoing connection.
        for (let attempt = 1; ; attempt++) {
          server = startServer();
          try {
            await until(server, log, leads);
            return;
          } catch (error) {
            if (server.process.exitCode === null || attempt === RESTARTS) throw error;
            await sleep(1_000);
          }
        }
      },
      pauseServer: () => void server.process.kill('SIGSTOP'),
      resumeServer: () => void server.process.kill('SIGCONT'),
      newIdentity: (i) => anew(i),
      loseFingerprint: (i) => anew(i, NOBODY, `Name == "${nodes[i]?.name}"`),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
};

const common = (name: string, dataDirectory: string, { acl, circleci }: AgentOptions) => ({
  name,
  datacenter: circleci ? 'default' : 'dc1',
  region: 'global',
  data_dir: dataDirectory,
  bind_addr: '127.0.0.1',
  advertise: { http: '127.0.0.1', rpc: '127.0.0.1', serf: '127.0.0.1' },
  log_level: 'WARN',
  disable_update_check: true,
  leave_on_interrupt: false,
  leave_on_terminate: false,
  ...(acl && { acl: { enabled: true, token_min_expiration_ttl: '1s' } }),
  plugin: [{ raw_exec: [{ config: [{ enabled: true }] }] }],
});

const tlsConfig = (directory: string, { ca, cert, key }: Certificate & { ca: string }) => {
  const file = (name: string, pem: string) => {
    writeFileSync(join(directory, name), pem);
    return join(directory, name);
  };
  return {
    http: true,
    rpc: false,
    verify_https_client: true,
    ca_file: file('ca.pem', ca),
    cert_file: file('cert.pem', cert),
    key_file: file('key.pem', key),
  };
};

/** TLS between the agents, as `server.global.nomad` and `client.global.nomad`; no client certificate is required over HTTP. */
const rpcTls = (
  directory: string,
  { ca, ...certificates }: NonNullable<NonNullable<AgentOptions['circleci']>['tls']>,
) => {
  const file = (name: string, pem: string) => {
    writeFileSync(join(directory, name), pem);
    return join(directory, name);
  };
  const common = {
    rpc: true,
    verify_server_hostname: true,
    verify_https_client: false,
    ca_file: file('rpc-ca.pem', ca),
  };
  const of = (role: 'server' | 'client') => ({
    ...common,
    cert_file: file(`rpc-${role}.pem`, certificates[role].cert),
    key_file: file(`rpc-${role}-key.pem`, certificates[role].key),
  });
  return { server: of('server'), client: of('client') };
};

const clientConfig = (rpc: number) => ({
  enabled: true,
  servers: [`127.0.0.1:${rpc}`],
  network_interface: 'lo',
  options: { 'fingerprint.denylist': 'env_gce,env_azure,env_digitalocean' },
});

/** A volume that no other client has. */
const hostVolume = (directory: string, name: string) => {
  const path = join(directory, 'volumes', name);
  mkdirSync(path, { recursive: true });
  return { [name]: { path } };
};

/** Polls until there is an answer; fails with the server's last output if there is none in time. */
const until = async <T>(agent: Agent, log: () => string, ask: () => Promise<T | undefined>): Promise<T> => {
  const limit = Date.now() + START_LIMIT_MS;
  while (Date.now() < limit && agent.process.exitCode === null) {
    const answer = await ask().catch(() => undefined);
    if (answer !== undefined) return answer;
    await sleep(250);
  }
  throw new Error(`Nomad did not come up within ${START_LIMIT_MS / 1000} s:\n${log()}`);
};

const freePorts = async (count: number): Promise<number[]> => {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
};
