import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface InstanceMetadata {
  endpoint: string;
  close(): Promise<void>;
}

/** The metadata service of one EC2 instance: just enough for Nomad to fingerprint its instance id. */
export const startInstanceMetadata = async (instanceId: string, address: string): Promise<InstanceMetadata> => {
  const values: Record<string, string> = {
    'ami-id': 'ami-0123456789abcdef0',
    'instance-id': instanceId,
    'instance-type': 'm5.large',
    'instance-life-cycle': 'on-demand',
    'local-ipv4': address,
    'placement/availability-zone': 'us-east-1a',
  };
  const server = createServer((request, response) => {
    const path = (request.url ?? '').replace(/\/$/, '');
    if (request.method === 'PUT' && path === '/latest/api/token') {
      response.writeHead(200, { 'x-aws-ec2-metadata-token-ttl-seconds': '21600' }).end('token');
      return;
    }
    const value = values[path.replace('/latest/meta-data/', '')];
    response.writeHead(value === undefined ? 404 : 200, { 'Content-Type': 'text/plain' }).end(value ?? 'not found');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
