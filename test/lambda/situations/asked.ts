import { readJobDrain } from '../../../lambda/core/model/job-drain.ts';
import {
  allocation,
  at,
  done,
  drain,
  HOUR,
  MINUTE,
  node,
  SECOND,
  type Situation,
  START,
  start,
  wait,
  waiting,
} from './situation.ts';

const build = (asks: string, job = 'build') => allocation('running', { job, drain: readJobDrain(asks) });
const system = allocation('running', { id: 'log', job: 'log', jobType: 'system' });
const underWay = (
  asked: ReturnType<typeof build>[],
  { readAt = at(11 * MINUTE), deadlineAt = at(6 * HOUR), more = {} } = {},
) =>
  node({
    drain: drain('draining', { ours: { instanceId: 'i-0123456789abcdef0', waitingSince: START, deadlineAt, ...more } }),
    allocations: asked,
    readAt,
  });

/** What the author of a job says of drains. */
export const asked: readonly Situation[] = [
  {
    when: 'a job wants to be waited for until it is done',
    nomad: node({ allocations: [build('until-done')] }),
    now: START,
    policy: { deadlineSeconds: 600 },
    // Two days, less what is needed at their end.
    decision: start(48 * 3600 - 300),
  },
  {
    when: 'a job wants two hours, and the policy gives ten minutes',
    nomad: node({ allocations: [build('2h'), build('45m', 'ci')] }),
    policy: { deadlineSeconds: 600 },
    decision: start(7200),
  },
  {
    when: 'a job wants less than the policy gives: something else may be there in a moment',
    nomad: node({ allocations: [build('45m')] }),
    decision: start(21_600),
  },
  {
    when: 'what a job says means nothing',
    nomad: node({ allocations: [build('tomorrow')] }),
    decision: start(21_600),
  },
  {
    when: 'a build that wants longer came after the drain began',
    nomad: underWay([build('8h'), allocation('running')]),
    decision: { action: 'start-drain', order: { how: 'extend', deadlineSeconds: 8 * 3600 - 660 } },
  },
  {
    when: 'a drain has the time that a build wants',
    nomad: underWay([build('8h')], { deadlineAt: at(8 * HOUR) }),
    decision: wait,
  },
  {
    when: 'an operator has given a build more time than it wants',
    nomad: underWay([build('8h')], { deadlineAt: at(12 * HOUR) }),
    decision: wait,
  },
  {
    when: 'a build wants longer, and EC2 takes its instance back before',
    nomad: underWay([build('8h')], { more: { notice: 'spot', drainedBy: at(12 * MINUTE) } }),
    decision: wait,
  },
  {
    when: 'a build wants longer than the hook holds its instance, and has that time',
    termination: waiting({ heartbeatTimeoutSeconds: 300 }),
    nomad: underWay([build('until-done')], { deadlineAt: at(30_000 * SECOND - 300 * SECOND) }),
    decision: wait,
  },
  {
    when: 'all that is left has had the time that it wants',
    nomad: underWay([build('5m'), build('10m', 'ci')]),
    decision: { action: 'start-drain', order: { how: 'shorten', deadlineSeconds: 1 } },
  },
  {
    when: 'one of two builds has had the time that it wants, and the other says nothing',
    nomad: underWay([build('5m'), allocation('running', { job: 'ci' })]),
    decision: wait,
  },
  {
    when: 'a build that wanted longer has ended, and the one that is left has had the time of the policy',
    nomad: underWay([allocation('running')], { deadlineAt: at(8 * HOUR), more: { forJobs: true } }),
    policy: { deadlineSeconds: 600 },
    decision: { action: 'start-drain', order: { how: 'shorten', deadlineSeconds: 1 } },
  },
  {
    when: 'an operator has given the build that is left more time than the policy',
    nomad: underWay([allocation('running')], { deadlineAt: at(8 * HOUR) }),
    policy: { deadlineSeconds: 600 },
    decision: wait,
  },
  {
    when: 'all that is left has had its time, as of a list from the beginning of the drain',
    nomad: underWay([build('5m')], { readAt: at(59 * SECOND) }),
    decision: wait,
  },
  {
    when: 'all that is left has had its time, as far as the token sees',
    nomad: underWay([build('5m')]),
    blind: true,
    decision: wait,
  },
  {
    when: 'all that is left has had its time, and the drain ends in this moment',
    nomad: underWay([build('5m')], { deadlineAt: at(11 * MINUTE + 4 * SECOND) }),
    decision: wait,
  },
  {
    when: 'only a job is left that may be killed at once',
    nomad: underWay([build('now', 'cache')]),
    decision: done('drained'),
  },
  {
    when: 'a job that may be killed at once keeps Nomad from stopping the system jobs',
    nomad: underWay([build('now', 'cache'), system]),
    decision: { action: 'start-drain', order: { how: 'shorten', deadlineSeconds: 1 } },
  },
];
