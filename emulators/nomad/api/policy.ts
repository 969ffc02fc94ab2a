/** ACL policies: the HCL that operators write, and the RulesJSON that Nomad makes of it. */

import { since, type Version } from '../version.ts';

interface NamespaceRules {
  Name: string;
  Policy: string;
  Capabilities: string[] | null;
  Variables: null;
}

export interface Rules {
  Namespaces: NamespaceRules[] | null;
  Node: { Policy: string } | null;
  Agent: { Policy: string } | null;
  Operator: { Policy: string; Capabilities: string[] | null } | null;
  Plugin: { Policy: string } | null;
  Quota: { Policy: string } | null;
  Raw: string;
  [other: string]: unknown;
}

export class PolicyError extends Error {
  override name = 'PolicyError';
}

interface Block {
  type: string;
  label: string;
  policy: string;
  capabilities: string[] | null;
}

/** What the coarse policies of a namespace stand for. */
const READ = [
  'list-jobs',
  'parse-job',
  'read-job',
  'csi-list-volume',
  'csi-read-volume',
  'read-job-scaling',
  'list-scaling-policies',
  'read-scaling-policy',
  'host-volume-read',
];
const COARSE: Record<string, string[]> = {
  deny: ['deny'],
  read: READ,
  write: [
    ...READ,
    'scale-job',
    'submit-job',
    'dispatch-job',
    'read-logs',
    'read-fs',
    'alloc-exec',
    'alloc-lifecycle',
    'csi-mount-volume',
    'csi-write-volume',
    'submit-recommendation',
    'host-volume-create',
  ],
  scale: ['list-scaling-policies', 'read-scaling-policy', 'read-job-scaling', 'scale-job'],
};
/** What `scale` stands for besides, since 1.11.1 (hashicorp/nomad#27061). */
const SCALE_READS = ['read-job', 'submit-recommendation'];

export const parsePolicy = (rules: string, version: Version): Rules => {
  const blocks = parseBlocks(rules);
  if (blocks.length === 0) throw new PolicyError(`Invalid policy: ${rules}`);
  const namespaces = blocks.filter(({ type }) => type === 'namespace').map((block) => namespaceRules(block, version));
  const only = (type: string) => {
    const block = blocks.find((candidate) => candidate.type === type);
    if (block && !(block.policy in COARSE) && !(type === 'plugin' && block.policy === 'list')) {
      throw new PolicyError(`Invalid ${type} policy: "${block.policy}"`);
    }
    return block ? { Policy: block.policy } : null;
  };
  const operator = blocks.find(({ type }) => type === 'operator');
  return {
    Agent: only('agent'),
    ExtraKeysHCL: null,
    HostVolumes: null,
    Namespaces: namespaces.length > 0 ? namespaces : null,
    Node: only('node'),
    NodePools: null,
    Operator: operator ? { Policy: operator.policy, Capabilities: operator.capabilities } : null,
    Plugin: only('plugin'),
    Quota: only('quota'),
    Raw: rules,
    Sentinel: null,
  };
};

const namespaceRules = ({ label, policy, capabilities }: Block, version: Version): NamespaceRules => {
  if (!/^[a-zA-Z0-9-*]{1,128}$/.test(label)) throw new PolicyError(`Invalid namespace name: ${label}`);
  if (policy !== '' && !(policy in COARSE)) throw new PolicyError(`Invalid namespace policy: ${policy}`);
  // A coarse policy is expanded in place: its capabilities stand in RulesJSON beside those written by name.
  const reads = policy === 'scale' && since(version, '1.11.1') ? SCALE_READS : [];
  const all = [...(capabilities ?? []), ...(COARSE[policy] ?? []), ...reads];
  return { Name: label, Policy: policy, Capabilities: all.length > 0 ? all : null, Variables: null };
};

const KNOWN = new Set(['namespace', 'node', 'agent', 'operator', 'plugin', 'quota', 'host_volume', 'node_pool']);

const parseBlocks = (source: string): Block[] => {
  const bare = source.replace(/(#|\/\/).*$/gm, '').replace(/\/\*[\s\S]*?\*\//g, '');
  const blocks: Block[] = [];
  const pattern = /\s*(?:"([\w-]+)"|([\w-]+))\s*(?:"([^"]*)")?\s*=?\s*\{([^{}]*)\}/y;
  while (bare.slice(pattern.lastIndex).trim() !== '') {
    const start = pattern.lastIndex;
    const match = pattern.exec(bare);
    if (!match) throw new PolicyError(`Failed to parse ACL Policy: near ${bare.slice(start, start + 40).trim()}`);
    const type = match[1] ?? match[2] ?? '';
    if (!KNOWN.has(type)) throw new PolicyError(`Invalid or duplicate policy keys: ${type}`);
    blocks.push({ type, label: match[3] ?? '', ...body(match[4] ?? '') });
  }
  return blocks;
};

const body = (source: string): Pick<Block, 'policy' | 'capabilities'> => {
  const list = /capabilities\s*=\s*\[([^\]]*)\]/.exec(source)?.[1];
  return {
    policy: /policy\s*=\s*"([^"]*)"/.exec(source)?.[1] ?? '',
    capabilities: list === undefined ? null : [...list.matchAll(/"([^"]*)"/g)].map((match) => match[1] ?? ''),
  };
};

/** What a set of policies allows together. */
export class Permissions {
  readonly #management: boolean;
  readonly #node: string;
  readonly #agent: string;
  readonly #namespaces = new Map<string, Set<string>>();

  constructor(management: boolean, policies: Rules[]) {
    this.#management = management;
    this.#node = strongest(policies.map(({ Node }) => Node?.Policy ?? ''));
    this.#agent = strongest(policies.map(({ Agent }) => Agent?.Policy ?? ''));
    for (const { Name, Capabilities } of policies.flatMap(({ Namespaces }) => Namespaces ?? [])) {
      const capabilities = this.#namespaces.get(Name) ?? new Set<string>();
      for (const capability of Capabilities ?? []) capabilities.add(capability);
      // Deny wipes out what the same pattern grants elsewhere.
      this.#namespaces.set(Name, capabilities.has('deny') ? new Set(['deny']) : capabilities);
    }
  }

  get management(): boolean {
    return this.#management;
  }

  get nodeRead(): boolean {
    return this.#management || this.#node === 'read' || this.#node === 'write';
  }

  get nodeWrite(): boolean {
    return this.#management || this.#node === 'write';
  }

  get agentRead(): boolean {
    return this.#management || this.#agent === 'read' || this.#agent === 'write';
  }

  /** In the namespace `*`, a permission in any namespace is enough. */
  namespace(name: string, capability: string): boolean {
    if (this.#management) return true;
    if (name === '*' && [...this.#namespaces.values()].some((set) => set.has(capability))) return true;
    return this.#matching(name).has(capability);
  }

  seesNamespace(name: string): boolean {
    if (this.#management) return true;
    const capabilities = this.#matching(name);
    return capabilities.size > 0 && !capabilities.has('deny');
  }

  /** The name itself wins over every pattern; of the patterns, the one that leaves the fewest characters open. */
  #matching(name: string): Set<string> {
    const exact = this.#namespaces.get(name);
    if (exact && !name.includes('*')) return exact;
    const fitting = [...this.#namespaces]
      .filter(([pattern]) => pattern.includes('*') && glob(pattern).test(name))
      .sort(([a], [b]) => openness(a, name) - openness(b, name));
    return fitting[0]?.[1] ?? new Set();
  }
}

const glob = (pattern: string) => new RegExp(`^${pattern.split('*').join('.*')}$`);

const openness = (pattern: string, name: string) => name.length - pattern.length + pattern.split('*').length - 1;

const strongest = (policies: string[]): string =>
  ['deny', 'write', 'read', 'list'].find((policy) => policies.includes(policy)) ?? '';
