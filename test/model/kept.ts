import { PLAIN, type Story } from './steps.ts';

/** Stories that once failed, shrunk, and the rule that each of them checks. */
export const kept: { because: string; story: Story }[] = [
  {
    because:
      'an upload that outlives the drain of another tool has our deadline and both margins, for Nomad keeps no other',
    story: {
      ...PLAIN,
      deadline: 'short',
      version: '1.8.4',
      steps: [
        { what: 'build', builder: 2, seconds: 105, kind: 'fails and uploads' },
        { what: 'another tool drains', builder: 2, seconds: 181, ignoreSystemJobs: false },
        { what: 'goes while builds are planned', builder: 2, gapMs: 0, seconds: 1 },
      ],
      ending: { how: 'healed' },
    },
  },
  {
    because:
      'an agent that has just come back as a node that names nobody is looked for by its name, while the old node seems to live',
    story: {
      ...PLAIN,
      version: '1.8.4',
      steps: [
        { what: 'agent comes back as another', builder: 3, saying: 'nothing' },
        { what: 'goes while builds are planned', builder: 3, gapMs: 0, seconds: 3 },
      ],
      ending: { how: 'healed' },
    },
  },
  {
    because: 'what runs on a node that stays disconnected for good holds its instance to the deadline, and no longer',
    story: {
      ...PLAIN,
      steps: [
        { what: 'system job' },
        { what: 'build', builder: 0, seconds: 1, kind: 'outlives its agent' },
        { what: 'pass', seconds: 2 },
        { what: 'client dies', builder: 0 },
        { what: 'scale-in', builder: 0, event: 'in time' },
      ],
      ending: { how: 'healed' },
    },
  },
  {
    because: 'an upload that nobody knows of any more holds its own instance to the deadline, whoever else is sick',
    story: {
      ...PLAIN,
      version: '1.8.4',
      steps: [
        { what: 'build', builder: 3, seconds: 2, kind: 'fails and uploads' },
        { what: 'pass', seconds: 3 },
        { what: 'agent comes back as another', builder: 3 },
        { what: 'scale-in', builder: 3, event: 'in time' },
      ],
      ending: { how: 'one stays sick', builder: 0, answer: 500 },
    },
  },
  {
    because: 'a node that was cordoned just before its agent went away is given back when that has come back',
    story: {
      ...PLAIN,
      rebalance: 'cordon',
      steps: [
        { what: 'rebalance recommendation', builder: 2 },
        { what: 'agent goes away', builder: 2 },
        { what: 'pass', seconds: 60 },
      ],
      ending: { how: 'healed' },
    },
  },
  {
    because: 'a build has a minute and a half from the Spot warning on',
    story: {
      ...PLAIN,
      steps: [
        { what: 'build', builder: 1, seconds: 900, kind: 'plain' },
        { what: 'Spot interruption', builder: 1, action: 'terminate', event: 'in time' },
        { what: 'pass', seconds: 60 },
      ],
      ending: { how: 'healed' },
    },
  },
  {
    because: 'two sweeps at once in one environment send one heartbeat for a slot, not two',
    story: {
      ...PLAIN,
      steps: [
        { what: 'scale-in', builder: 0, event: 'lost' },
        { what: 'build', builder: 0, seconds: 900, kind: 'plain' },
        ...Array.from({ length: 8 }, () => [
          { what: 'pass' as const, seconds: 60 },
          { what: 'two sweeps' as const },
        ]).flat(),
      ],
      ending: { how: 'healed' },
    },
  },
  {
    because: "the last sweep before Auto Scaling's own cap has the time to release, even if Nomad is silent",
    story: {
      ...PLAIN,
      steps: [
        { what: 'scale-in', builder: 0, event: 'late' },
        { what: 'deliver', backwards: false },
      ],
      ending: { how: 'Nomad stays away' },
    },
  },
  {
    because: 'a slot that began in the middle of the sweep before one that was skipped has its heartbeat',
    story: {
      ...PLAIN,
      steps: [
        { what: 'scale-in', builder: 1, event: 'in time' },
        { what: 'Nomad fails', how: 403, requests: 10 },
        { what: 'the clock jumps', seconds: 24 },
        { what: 'deliver', backwards: false },
        { what: 'no sweeps', seconds: 103 },
        { what: 'scale-in', builder: 0, event: 'in time' },
        { what: 'instance dies', builder: 0 },
        { what: 'deliver', backwards: false },
      ],
      ending: { how: 'Nomad stays away' },
    },
  },
  {
    because: 'of a client that does not name its instance all earlier nodes are it, once they are down',
    story: {
      ...PLAIN,
      version: '1.8.4',
      steps: [
        { what: 'agent comes back as another', builder: 0 },
        { what: 'client dies', builder: 0 },
        { what: 'sweep' },
        { what: 'scale-in', builder: 0, event: 'in time' },
        { what: 'no sweeps', seconds: 60 },
      ],
      ending: { how: 'healed' },
    },
  },
  {
    // The model expected too much: an instance that is released at its cap waits once more, and that wait
    // has only begun when the story ends.
    because: 'who waits while Nomad is away for good is released by policy at its own cap, not at that of another',
    story: {
      ...PLAIN,
      version: '1.8.4',
      rebalance: 'cordon',
      purge: true,
      retain: true,
      steps: [
        { what: 'build', builder: 3, seconds: 58, kind: 'plain' },
        { what: 'another way', builder: 3, how: 'root volume' },
        { what: 'scale-in', builder: 0, event: 'in time' },
        { what: 'sweep' },
        { what: 'build', builder: 0, seconds: 1, kind: 'plain' },
      ],
      ending: { how: 'Nomad stays away' },
    },
  },
  {
    because:
      'an agent that comes back as another, without its fingerprint, is found beside the node that still seems to live',
    story: {
      ...PLAIN,
      version: '1.8.4',
      steps: [
        { what: 'Spot interruption', builder: 0, action: 'terminate', event: 'in time' },
        { what: 'agent comes back as another', builder: 0 },
        { what: 'scale-in', builder: 0, event: 'in time' },
        { what: 'build', builder: 0, seconds: 118, kind: 'plain' },
        { what: 'sweep' },
        { what: 'build', builder: 0, seconds: 1, kind: 'plain' },
      ],
      ending: { how: 'healed' },
    },
  },
  {
    because: 'so it is where the node that still seems to live names its instance, and nobody has warned',
    story: {
      ...PLAIN,
      deadline: 'short',
      version: '1.8.4',
      rebalance: 'drain',
      purge: true,
      skewSeconds: 150,
      steps: [
        { what: 'agent comes back as another', builder: 1, saying: 'its address' },
        { what: 'goes while builds are planned', builder: 1, gapMs: 513, seconds: 56 },
      ],
      ending: { how: 'healed' },
    },
  },
  {
    because:
      'an agent comes back as another node, which names nobody, and dies: its build is waited for as long as Nomad keeps it',
    story: {
      ...PLAIN,
      deadline: 'short',
      version: '1.8.4',
      rebalance: 'cordon',
      purge: true,
      retain: true,
      steps: [
        { what: 'agent comes back as another', builder: 1, saying: 'nothing' },
        { what: 'build', builder: 1, seconds: 373, kind: 'outlives its agent' },
        { what: 'client dies', builder: 1 },
        { what: 'scale-in', builder: 1, event: 'in time' },
      ],
      ending: { how: 'healed' },
    },
  },
  {
    because: 'an agent comes back as another node, at the address of its instance, while EC2 does not say what that is',
    story: {
      ...PLAIN,
      deadline: 'short',
      purge: true,
      retain: true,
      skewSeconds: 300,
      steps: [
        { what: 'agent comes back as another', builder: 2, saying: 'its address' },
        { what: 'EC2 fails', how: 'UnauthorizedOperation', requests: 3 },
        { what: 'sweep' },
        { what: 'goes while builds are planned', builder: 2, gapMs: 1997, seconds: 4 },
      ],
      ending: { how: 'healed' },
    },
  },
  {
    because: 'an agent comes back just as its instance is released, because its node was down',
    story: {
      ...PLAIN,
      deadline: 'short',
      rebalance: 'cordon',
      purge: true,
      retain: true,
      steps: [
        { what: 'build', builder: 2, seconds: 237, kind: 'plain' },
        { what: 'agent goes away', builder: 2 },
        { what: 'Nomad is away', seconds: 240 },
        { what: 'goes while builds are planned', builder: 2, gapMs: 231, seconds: 288 },
      ],
      ending: { how: 'healed' },
    },
  },
  {
    because: 'an agent that names nobody comes back just as its instance is released, because its node was down',
    story: {
      ...PLAIN,
      deadline: 'long',
      purge: true,
      skewSeconds: 150,
      steps: [
        { what: 'agent restarts', builder: 1, saying: 'nothing' },
        { what: 'scale-in', builder: 0, event: 'in time' },
        { what: 'goes while builds are planned', builder: 1, gapMs: 734, seconds: 205 },
        { what: 'agent goes away', builder: 1 },
        { what: 'sweep' },
      ],
      ending: { how: 'healed' },
    },
  },
];
