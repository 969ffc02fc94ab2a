import { readFileSync } from 'node:fs';
import { messageOf } from '../../lambda/core/basics.ts';
import { RunClock } from '../../lambda/core/model/clock.ts';
import { NomadError } from '../../lambda/errors.ts';
import type { NodeJson } from '../../lambda/nomad/json/node.ts';
import { NamedAgents } from '../../lambda/nomad/transport/agents.ts';
import { HttpTransport } from '../../lambda/nomad/transport/http.ts';
import type { Ask } from '../../lambda/nomad/transport/transport.ts';
import { systemClock } from '../../lambda/system-clock.ts';
import { Problem } from './problem.ts';

/** How long Nomad may take in all, in milliseconds. */
const PATIENCE_MS = 30_000;

/**
 * Asks Nomad as the nomad command would: with the operator's own token, by the variables of the shell.
 * https://developer.hashicorp.com/nomad/docs/commands#environment-variables
 * @throws Problem if no address is set: the default of the nomad command may be anything
 */
export function nomadOf(environment: NodeJS.ProcessEnv): Ask {
  const { NOMAD_ADDR: address, NOMAD_TOKEN: token, NOMAD_REGION: region, ...others } = environment;
  const {
    NOMAD_CACERT: ca,
    NOMAD_CLIENT_CERT: cert,
    NOMAD_CLIENT_KEY: key,
    NOMAD_TLS_SERVER_NAME: serverName,
  } = others;
  if (!address) throw new Problem('NOMAD_ADDR is not set', 'Set NOMAD_ADDR, and NOMAD_TOKEN where ACLs are on.');
  const read = (path: string) => readFileSync(path, 'utf8');
  const transport = new HttpTransport({
    agents: new NamedAgents([address]),
    region,
    ...(token && { token: async () => ({ value: token }) }),
    tls: async () => ({
      ...(ca && { ca: read(ca) }),
      ...(cert && { cert: read(cert) }),
      ...(key && { key: read(key) }),
      ...(serverName && { serverName }),
    }),
  });
  return async (question) => {
    try {
      return await transport.ask(question, new RunClock(systemClock, systemClock.now() + PATIENCE_MS));
    } finally {
      transport.close();
    }
  };
}

/** A node, as that Nomad has it. @throws Problem if it has none of this id, or does not say */
export async function readNode(nomad: Ask, nodeId: string): Promise<NomadNode> {
  try {
    return (await nomad({ method: 'GET', path: `/v1/node/${nodeId}` })).body as NomadNode;
  } catch (error) {
    throw error instanceof NomadError && error.status === 404
      ? new Problem(`the Nomad of NOMAD_ADDR has no node ${nodeId}`, 'It may be another cluster: check NOMAD_ADDR.')
      : new Problem(messageOf(error), 'Check NOMAD_ADDR and NOMAD_TOKEN.', { cause: error });
  }
}

/** With what the function has no use for. */
type NomadNode = NodeJson & { DrainStrategy: { IgnoreSystemJobs?: boolean; Deadline?: number } | null };
