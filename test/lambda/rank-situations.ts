import type { Place } from '../../lambda/core/model/drain-event.ts';
import type { Candidate, Client } from '../../lambda/core/scale-in/candidate.ts';
import { type EarlierRuns, type RunLimits, RunTimes } from '../../lambda/core/scale-in/durations.ts';
import type { Chosen } from '../../lambda/core/scale-in/rank.ts';
import { build, client, FULL, MINUTE, SECOND, service, system, took } from './clients.ts';

const POOL = 'us-east-1a on-demand';
const SPOT = 'us-east-1b spot';

/** Who may go, how many have to, and who is expected to go, in order. */
export interface Situation {
  when: string;
  candidates: readonly Candidate[];
  /** @default one on-demand instance of the one zone */
  wanted?: ReadonlyMap<string, number>;
  /** Clients of the cluster that may not go. */
  others?: readonly Client[];
  earlier?: EarlierRuns;
  limits?: RunLimits;
  goes: readonly [instanceId: string, place: Place, idle?: Chosen['idle']][];
}

const on = (name: string, more: Partial<Client> = {}, pool = POOL): Candidate => ({
  instanceId: `i-${name}`,
  pool,
  clients: [client(name, more)],
});

const unnamed = (name: string): Candidate => ({ instanceId: `i-${name}`, pool: POOL, clients: [] });

const two = new Map([[POOL, 2]]);
const all = new Map([[POOL, 10]]);

export const situations: readonly Situation[] = [
  {
    when: 'one of each kind has to go, in this order',
    candidates: [
      on('stuck', { runs: [service('large', 5000)] }),
      on('busy', { runs: [build()] }),
      unnamed('unnamed'),
      on('movable', { runs: [service()] }),
      on('monitored', { runs: [system] }),
      on('empty'),
      on('cordoned', { eligible: false }),
      on('dead', { status: 'down' }),
    ],
    others: [client('stays')],
    wanted: all,
    goes: [
      ['i-dead', 'dead', true],
      ['i-cordoned', 'leaving', true],
      ['i-empty', 'empty', true],
      ['i-monitored', 'system', true],
      ['i-movable', 'movable', false],
      ['i-unnamed', 'unknown', false],
      ['i-busy', 'busy', false],
      ['i-stuck', 'stuck', false],
    ],
  },
  {
    when: 'as many go as are wanted, and no more',
    candidates: [on('one'), on('two'), on('three')],
    wanted: two,
    goes: [
      ['i-one', 'empty'],
      ['i-two', 'empty'],
    ],
  },
  {
    when: 'each zone and market option has to give as many as are wanted of it, idle or not',
    candidates: [on('idle'), on('idle-too'), on('busy', { runs: [build()] }, SPOT), on('idle-spot', {}, 'other')],
    wanted: new Map([
      [POOL, 1],
      [SPOT, 1],
    ]),
    goes: [
      ['i-idle', 'empty'],
      ['i-busy', 'busy'],
    ],
  },
  {
    when: 'two clients are idle: the older one goes, however Auto Scaling orders them',
    candidates: [on('newer', { registered: 20 }), on('older', { registered: 10 })],
    goes: [['i-older', 'empty']],
  },
  {
    when: 'instances without a node keep the order of Auto Scaling',
    candidates: [unnamed('b'), on('busy', { runs: [build()] }), unnamed('a')],
    wanted: two,
    goes: [
      ['i-b', 'unknown'],
      ['i-a', 'unknown'],
    ],
  },
  {
    when: 'an instance that no node names is not called idle: one with nothing on it goes first',
    candidates: [unnamed('unnamed'), on('empty')],
    goes: [['i-empty', 'empty']],
  },
  {
    when: 'a node is down, and a build may live on it: it is not dead',
    candidates: [on('away', { status: 'down', runs: [build()] }), on('busy', { runs: [build('short', MINUTE)] })],
    goes: [['i-busy', 'busy']],
  },
  {
    when: 'the agent came back under another id: what runs on the new node counts',
    candidates: [
      {
        instanceId: 'i-twice',
        pool: POOL,
        clients: [client('old', { status: 'down' }), client('new', { runs: [build()] })],
      },
      on('empty'),
    ],
    goes: [['i-empty', 'empty']],
  },
  {
    when: 'the agent came back under another id and nothing runs there',
    candidates: [
      { instanceId: 'i-twice', pool: POOL, clients: [client('before', { status: 'down' }), client('after')] },
    ],
    goes: [['i-twice', 'empty']],
  },
  {
    when: 'a draining node with a build goes before an idle one that is eligible, but is not idle itself',
    candidates: [on('idle'), on('draining', { draining: true, eligible: false, runs: [build()] })],
    goes: [['i-draining', 'leaving', false]],
  },
  {
    when: 'of two that are ineligible the one without a build goes',
    candidates: [
      on('cordoned-busy', { eligible: false, runs: [build()] }),
      on('cordoned-idle', { eligible: false, runs: [system] }),
    ],
    goes: [['i-cordoned-idle', 'leaving', true]],
  },
  {
    when: 'a service has room on a client that may not go, and a build would be waited for',
    candidates: [on('builds', { runs: [build('quick', SECOND)] }), on('serves', { runs: [service()] })],
    others: [client('stays')],
    goes: [['i-serves', 'movable']],
  },
  {
    when: 'a service has room only on a full, a draining, an ineligible, a dead client, or one of another pool',
    candidates: [on('serves', { runs: [service()] }), on('builds', { runs: [build()], ...FULL })],
    others: [
      client('full', FULL),
      client('drains', { draining: true }),
      client('cordoned', { eligible: false }),
      client('down', { status: 'down' }),
      client('elsewhere', { nodePool: 'gpu' }),
    ],
    goes: [['i-builds', 'busy']],
  },
  {
    when: 'there is room for one service, and two have to go',
    candidates: [
      on('one', { runs: [service('web', 600)], ...FULL }),
      on('two', { runs: [service('api', 600)], ...FULL }),
    ],
    others: [client('stays')],
    wanted: two,
    goes: [
      ['i-one', 'movable'],
      ['i-two', 'stuck'],
    ],
  },
  {
    when: 'the room is on a client that goes itself',
    candidates: [on('empty'), on('serves', { runs: [service()], ...FULL })],
    wanted: two,
    goes: [
      ['i-empty', 'empty'],
      ['i-serves', 'stuck'],
    ],
  },
  {
    when: 'a client with fewer services goes before one with more',
    candidates: [on('more', { runs: [service('web'), service('api')] }), on('fewer', { runs: [service('db')] })],
    others: [client('stays')],
    goes: [['i-fewer', 'movable']],
  },
  {
    when: 'earlier runs say that the older build ends sooner',
    candidates: [on('long', { runs: [build('nightly', MINUTE)] }), on('short', { runs: [build('lint', 9 * MINUTE)] })],
    earlier: new Map([
      ['default nightly', took(60 * MINUTE, 70 * MINUTE)],
      ['default lint', took(2 * MINUTE, 10 * MINUTE, 11 * MINUTE, 12 * MINUTE)],
    ]),
    goes: [['i-short', 'busy']],
  },
  {
    when: 'nothing says how long builds take: the one that has run for the shortest time goes',
    candidates: [on('old', { runs: [build('a', 30 * MINUTE)] }), on('young', { runs: [build('b', 20 * SECOND)] })],
    goes: [['i-young', 'busy']],
  },
  {
    when: 'a max_run_duration ends the build that would take longest',
    candidates: [on('limited', { runs: [build('suite')] }), on('short', { runs: [build('lint')] })],
    earlier: new Map([
      ['default suite', took(60 * MINUTE)],
      ['default lint', took(9 * MINUTE)],
    ]),
    limits: new Map([['of-suite', 8 * MINUTE]]),
    goes: [['i-limited', 'busy']],
  },
  {
    when: 'nothing says how long builds take but a max_run_duration, which ends the older one first',
    candidates: [on('limited', { runs: [build('a', 30 * MINUTE)] }), on('young', { runs: [build('b')] })],
    limits: new Map([['of-a', 32 * MINUTE]]),
    goes: [['i-limited', 'busy']],
  },
  {
    when: 'a max_run_duration is far away: it makes no build longer',
    candidates: [on('limited', { runs: [build('a', MINUTE)] }), on('old', { runs: [build('b')] })],
    limits: new Map([['of-a', 6 * 60 * MINUTE]]),
    goes: [['i-limited', 'busy']],
  },
  {
    when: 'a build has run longer than every earlier one: it may take as long again',
    candidates: [on('slow', { runs: [build('lint', 20 * MINUTE)] }), on('young', { runs: [build('b', 10 * MINUTE)] })],
    earlier: new Map([['default lint', took(2 * MINUTE)]]),
    goes: [['i-young', 'busy']],
  },
  {
    when: 'most earlier runs of a build were killed: half of them have not ended, so that it may take as long again',
    candidates: [on('killed', { runs: [build('lint', MINUTE)] })],
    earlier: new Map([
      ['default lint', new RunTimes([10, 20, 30].map((minutes) => ({ ms: minutes * MINUTE, ended: minutes === 10 })))],
    ]),
    goes: [['i-killed', 'busy']],
  },
  {
    when: 'dispatched runs of one job are the same job',
    candidates: [
      on('other', { runs: [build('b', 4 * MINUTE)] }),
      on('dispatched', { runs: [build('ci/dispatch-1700000000-abcdef', 9 * MINUTE)] }),
    ],
    earlier: new Map([['default ci', took(10 * MINUTE)]]),
    goes: [['i-dispatched', 'busy']],
  },
  {
    when: 'two clients wait as long: the one with fewer builds goes',
    candidates: [on('two', { runs: [build('a'), build('b')] }), on('one', { runs: [build('c')] })],
    goes: [['i-one', 'busy']],
  },
  {
    when: 'of a client with several builds the one that takes longest counts',
    candidates: [on('two', { runs: [build('a', SECOND), build('b', 9 * MINUTE)] }), on('one', { runs: [build('c')] })],
    goes: [['i-one', 'busy']],
  },
  {
    when: 'a build runs beside a service that has nowhere to go: it goes last',
    candidates: [
      on('both', { runs: [build('a', SECOND), service()], ...FULL }),
      on('one', { runs: [build('c')], ...FULL }),
    ],
    goes: [['i-one', 'busy']],
  },
  {
    when: 'of one service a drain stops the only one at once, of another it stops one and waits for the other',
    candidates: [on('serves', { runs: [service('web'), service('api'), service('api')], ...FULL })],
    goes: [['i-serves', 'stuck', false]],
  },
  { when: 'nobody may go', candidates: [], wanted: two, goes: [] },
  { when: 'nobody has to go', candidates: [on('spare')], wanted: new Map(), goes: [] },
];
