import { expect } from 'vitest';
import {
  allocation,
  at,
  done,
  drain,
  drained,
  force,
  HOUR,
  MINUTE,
  node,
  SECOND,
  type Situation,
  start,
  stopping,
  task,
  theirs,
  uploading,
  wait,
  waiting,
} from './situation.ts';

export const whatIsLeft: readonly Situation[] = [
  // No node, or none any more.
  {
    when: 'the node is down, and everything on it is lost: its agent may come back while the instance is terminated',
    nomad: node({ status: 'down', allocations: [allocation('lost', { tasks: [task('build', 'running')] })] }),
    decision: start(21_600),
  },
  {
    when: 'the node is down, and everything on it is lost, and EC2 has stopped the instance',
    termination: waiting({ ec2: 'stopped' }),
    nomad: node({ status: 'down', allocations: [allocation('lost', { tasks: [task('build', 'running')] })] }),
    decision: done('node-lost'),
  },
  {
    when: 'the node is down and its drain is still on, with nothing left',
    nomad: node({ status: 'down', drain: drain('draining'), allocations: [allocation('complete')] }),
    decision: done('node-lost'),
  },
  {
    when: 'the node is down and not drained, and Nomad keeps its build as unknown: the agent may come back',
    nomad: node({ status: 'down', allocations: [allocation('unknown')] }),
    decision: start(21_600),
  },
  {
    when: 'the node went down in its drain, and Nomad keeps its build as unknown',
    nomad: node({ status: 'down', drain: drain('draining'), allocations: [allocation('unknown')] }),
    decision: { action: 'wait', stuck: expect.stringContaining('its Nomad agent has to come back') },
  },
  {
    when: 'the node is down with an unknown build, and EC2 has stopped the instance',
    termination: waiting({ ec2: 'stopped' }),
    nomad: node({ status: 'down', drain: drain('draining'), allocations: [allocation('unknown')] }),
    decision: done('node-lost'),
  },
  {
    when: 'EC2 has stopped the instance, and its node is not down yet',
    termination: waiting({ ec2: 'stopped' }),
    nomad: node({ drain: drain('draining'), allocations: [allocation('running')] }),
    decision: wait,
  },
  {
    when: 'the node has just gone down, and Nomad has not come to what ran there',
    nomad: node({ status: 'down', drain: drain('draining'), allocations: [allocation('running')] }),
    decision: wait,
  },
  {
    when: 'the node is down with an unknown build, past the drain deadline and the kill margin',
    nomad: node({ status: 'down', drain: drain('draining'), allocations: [allocation('unknown')] }),
    now: at(6 * HOUR + 5 * MINUTE),
    decision: force,
  },
  {
    when: 'the node is down, and the token does not see every namespace: Nomad is to say what is left, by a drain',
    nomad: node({ status: 'down', allocations: [] }),
    blind: true,
    decision: start(21_600),
  },
  {
    when: 'the node is down, its drain complete and the kill margin over, for a token that does not see every namespace',
    nomad: node({ status: 'down', drain: drain('complete'), allocations: [] }),
    now: at(15 * MINUTE),
    blind: true,
    decision: done('node-lost'),
  },
  {
    when: 'the node is down, and what ran there is still to be read',
    nomad: node({ status: 'down', drain: drain('draining') }),
    decision: wait,
  },
  // Ended for the client, and not for its tasks.
  {
    when: 'a build has failed, and its upload is still to run',
    nomad: drained([uploading('pending')]),
    decision: wait,
  },
  { when: 'a build has failed, and its upload runs', nomad: drained([uploading('running')]), decision: wait },
  {
    when: 'a build has failed, and its upload has ended',
    nomad: drained([uploading('dead')]),
    decision: done('drained'),
  },
  {
    when: 'the drain is on though all builds have ended for their client, and an upload runs',
    nomad: node({ drain: drain('draining'), allocations: [uploading('running')], copying: [] }),
    decision: wait,
  },
  {
    when: 'a build has failed before a task beside it had begun: nothing starts that any more',
    nomad: drained([allocation('failed', { tasks: [task('build', 'dead'), task('cache', 'pending')] })]),
    decision: done('drained'),
  },
  {
    when: 'Nomad has called a build lost whose client came back, and its task runs',
    nomad: drained([stopping('lost', { tasks: [task('build', 'running')] })]),
    decision: wait,
  },
  // Complete, and not what it seems.
  {
    when: 'the drain of somebody else has left a system job alone',
    nomad: node({ drain: theirs({ status: 'complete' }), allocations: [allocation('running', { jobType: 'system' })] }),
    decision: start(21_600),
  },
  {
    when: 'the drain of somebody else has left a system job alone, which is not to be counted',
    nomad: node({ drain: theirs({ status: 'complete' }), allocations: [allocation('running', { jobType: 'system' })] }),
    policy: { ignoreSystemJobs: true },
    decision: done('drained'),
  },
  {
    when: 'our drain completed long ago, and a service runs that was placed since',
    nomad: drained([allocation('running', { jobType: 'service', createdAt: at(20 * MINUTE) })]),
    now: at(30 * MINUTE),
    decision: start(21_600),
  },
  {
    when: 'our drain completed just now, and the scheduler has not come to what it is to stop',
    nomad: drained([allocation('running')], { updatedAt: at(11 * MINUTE - SECOND) }),
    decision: wait,
  },
  {
    when: 'our drain completed a minute ago, and something runs that nobody stops',
    nomad: drained([allocation('running')], { updatedAt: at(10 * MINUTE) }),
    decision: start(21_600),
  },
  {
    when: 'the drain is complete, and a node that is down may still run what was left alone',
    nomad: node({ status: 'down', drain: drain('complete'), allocations: [allocation('unknown')] }),
    now: at(30 * MINUTE),
    decision: wait,
  },
  {
    when: 'the node is down, and its drain down to a system job that may still run',
    nomad: node({
      status: 'down',
      drain: drain('draining'),
      allocations: [allocation('unknown', { jobType: 'system' })],
    }),
    decision: wait,
  },
  {
    when: 'the drain has asked for a build to be stopped, and the scheduler has not come to it',
    nomad: drained([allocation('running', { migrating: true })]),
    decision: wait,
  },
  {
    when: 'the drain is complete and leaves something alone, in the last sweep before the cap',
    nomad: drained([allocation('running')]),
    now: at(48 * HOUR - 90 * SECOND),
    decision: done('timed-out'),
  },
];
