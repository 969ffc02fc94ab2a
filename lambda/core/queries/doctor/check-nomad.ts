import { messageOf } from '../../basics.ts';
import { say } from '../../explain.ts';
import type { AnswerPorts, Server, ShownCertificate } from '../ports.ts';
import type { Finding } from './finding.ts';

/** The oldest Nomad that the function is tested with. */
const OLDEST = [1, 6] as const;
const DAY = 86_400;
/** A certificate that ends within this time is worth a warning, in seconds. */
const SOON_SECONDS = 30 * DAY;

/** Whether Nomad answers, who leads, and whether all its servers are alive and of one version. */
export async function checkNomad({ examination }: AnswerPorts): Promise<Finding[]> {
  const id = 'nomad';
  const [leader, servers] = await Promise.allSettled([examination.leader(), examination.servers()]);
  if (leader.status === 'rejected') {
    return [
      {
        id,
        level: 'problem',
        what: `Nomad does not answer: ${messageOf(leader.reason)}`,
        do: 'check the address, subnets and security groups; see NomadUnreachable in docs/operations.md',
      },
    ];
  }
  if (leader.value === '') {
    const todo = 'check the servers: nomad server members, nomad operator raft list-peers';
    return [{ id, level: 'problem', what: 'Nomad answers, and has no leader: nothing can be drained', do: todo }];
  }
  const through = examination.through();
  const by = through === undefined ? '' : ` through ${through}`;
  const answers: Finding = { id, level: 'ok', what: `Nomad answers${by}, and ${leader.value} leads` };
  return [answers, ...(servers.status === 'fulfilled' ? serversFinding(servers.value) : [unlisted(servers.reason)])];
}

const unlisted = (reason: unknown): Finding => ({
  id: 'servers',
  level: 'unknown',
  what: `Nomad does not list its servers: ${messageOf(reason)}`,
  do: 'check the token',
});

function serversFinding(servers: readonly Server[]): Finding[] {
  const id = 'servers';
  const versions = [...new Set(servers.map(({ version }) => version))].toSorted();
  const away = servers.filter(({ status }) => status !== 'alive').map(({ name, status }) => `${name} (${status})`);
  const findings: Finding[] = [];
  const warn = (what: string, todo: string) => findings.push({ id, level: 'warning', what, do: todo });
  if (away.length > 0) {
    warn(`not all servers are alive: ${away.join(', ')}`, 'bring them back, or remove them: nomad server force-leave');
  }
  if (versions.length > 1) warn(`the servers have different versions: ${versions.join(', ')}`, 'finish the upgrade');
  const old = versions.find(isOld);
  if (old !== undefined) {
    warn(`Nomad ${old} is older than what the function is tested with`, `update it to ${OLDEST.join('.')} or later`);
  }
  if (findings.length > 0) return findings;
  const count = `${servers.length} server${servers.length === 1 ? '' : 's'}`;
  return [{ id, level: 'ok', what: `${count} of Nomad ${versions.join()}, all alive` }];
}

const isOld = (version: string): boolean => {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]);
};

/** Whether the token sees what runs. */
export async function checkToken(ports: AnswerPorts): Promise<Finding[]> {
  const { missing } = await ports.permissions();
  const id = 'token';
  if (missing.length === 0)
    return [{ id, level: 'ok', what: 'the Nomad token sees every namespace and may drain nodes' }];
  const what = `the Nomad token is too narrow; it lacks: ${missing.join('; ')}`;
  return [{ id, level: 'problem', what, do: 'apply docs/nomad-policy.hcl; see TokenTooNarrow in docs/operations.md' }];
}

/** How Nomad's certificates are trusted, and until when they are valid. */
export async function checkCertificates({ examination, clock }: AnswerPorts): Promise<Finding[]> {
  return (await examination.certificates()).map((found) => ({ id: 'certificate', ...judge(found, clock.now()) }));
}

function judge(found: ShownCertificate, now: number): Omit<Finding, 'id'> {
  const { address } = found;
  switch (found.is) {
    case 'none':
      return {
        level: 'warning',
        what: `${address} is reached without TLS: anyone on the network path can read the token`,
        do: 'turn on TLS in Nomad (tls { http = true }), and give an https:// address; for clients, the scheme https',
      };
    case 'untrusted':
      return { level: 'problem', what: `${address}: ${found.because}`, do: 'do as it says' };
    case 'unknown':
      return {
        level: 'unknown',
        what: `${address} shows no certificate: ${found.because}`,
        do: 'check whether this server is up: another one may have answered',
      };
    case 'valid': {
      const left = Math.floor((found.until - now) / 1000);
      const by = found.ownCa ? 'your own CA' : 'a public CA';
      const what = `the certificate of ${address}, signed by ${by}, is valid for ${sayLong(left)}`;
      if (left > SOON_SECONDS) return { level: 'ok', what };
      return { level: 'warning', what, do: 'renew it on the Nomad servers before then' };
    }
  }
}

const sayLong = (seconds: number): string =>
  seconds >= 2 * DAY ? `${Math.floor(seconds / DAY)} days` : say(Math.max(0, seconds));
