import { buildOf } from '../version.ts';
import { allow, type Endpoint, told } from './http.ts';

/** The one question that the Lambda must not need: most tokens may not ask it (`via-client`). */
export const agentSelf: Endpoint = (call) => {
  allow(call.identity.permissions.agentRead);
  return told({
    config: { ACL: { Enabled: call.servers.acl.enabled }, Version: { Version: call.servers.state.version } },
    member: {
      Name: 'emulator.global',
      Status: 'alive',
      Tags: { build: buildOf(call.servers.state.version), region: 'global' },
    },
    stats: {},
  });
};

export const leader: Endpoint = ({ servers }) => told(servers.leader);

/** The servers, as they see each other; for who may read nodes. */
export const members: Endpoint = (call) => {
  allow(call.identity.permissions.nodeRead);
  const build = buildOf(call.servers.state.version);
  const member = {
    Addr: '127.0.0.1',
    DelegateCur: 4,
    DelegateMax: 5,
    DelegateMin: 2,
    Name: 'emulator.global',
    Port: 4648,
    ProtocolCur: 2,
    ProtocolMax: 5,
    ProtocolMin: 1,
    Status: 'alive',
    Tags: { build, region: 'global', dc: 'dc1', role: 'nomad', port: '4647', rpc_addr: '127.0.0.1', vsn: '1' },
  };
  return told({ Members: [member], ServerDC: 'dc1', ServerName: 'emulator', ServerRegion: 'global' });
};
