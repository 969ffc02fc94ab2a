import { createServer, type IncomingHttpHeaders, request as send } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A load balancer before an agent. */
export interface LoadBalancer {
  address: string;
  /** What it answers by itself to some paths, instead of asking the agent. */
  answers: ((path: string) => { status: number; text: string } | undefined) | undefined;
  /** It hands on no header of Nomad's own. */
  strips: boolean;
  /** What it has handed on, in order. */
  readonly handedOn: { path: string; status: number; knownLeader: string | undefined }[];
  close(): Promise<void>;
}

export const startLoadBalancer = async (target: string): Promise<LoadBalancer> => {
  const server = createServer((asked, answered) => {
    const path = (asked.url ?? '').split('?')[0] ?? '';
    const own = balancer.answers?.(path);
    if (own) {
      answered.writeHead(own.status, { 'Content-Type': 'text/plain' }).end(own.text);
      return;
    }
    const { method, headers } = asked;
    const passed = send(`${target}${asked.url}`, { method, headers }, (answer) => {
      const status = answer.statusCode ?? 502;
      balancer.handedOn.push({ path, status, knownLeader: answer.headers['x-nomad-knownleader']?.toString() });
      answered.writeHead(status, balancer.strips ? stripped(answer.headers) : answer.headers);
      answer.pipe(answered);
    });
    passed.on('error', () => (answered.headersSent ? answered.destroy() : answered.writeHead(502).end('Bad Gateway')));
    answered.on('close', () => passed.destroy());
    asked.pipe(passed);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const balancer: LoadBalancer = {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    answers: undefined,
    strips: false,
    handedOn: [],
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return balancer;
};

const stripped = (headers: IncomingHttpHeaders) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith('x-nomad-')));
