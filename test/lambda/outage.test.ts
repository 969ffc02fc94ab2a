import { describe, expect, test } from 'vitest';
import type { Allocation } from '../../lambda/core/model/allocation.ts';
import { type Placed, runNowhere } from '../../lambda/core/model/outage.ts';

const stopped = (more: Partial<Allocation> = {}): Allocation => ({
  id: 'a',
  job: 'web',
  jobType: 'service',
  namespace: 'default',
  taskGroup: 'g',
  clientStatus: 'complete',
  desiredStatus: 'stop',
  migrating: true,
  stopsLast: false,
  createdAt: 0,
  changedAt: 0,
  tasks: [],
  ...more,
});

const placed = (more: Partial<Placed> = {}): Placed => ({
  job: 'web',
  namespace: 'default',
  taskGroup: 'g',
  clientStatus: 'running',
  desiredStatus: 'run',
  ...more,
});

const WEB = { job: 'web', namespace: 'default', taskGroup: 'g' };

describe('a drain has stopped a service', () => {
  test('it runs nowhere if nothing of its group is left, and it is told once', () => {
    expect(runNowhere([stopped(), stopped()], [stopped(), stopped()])).toEqual([WEB]);
    expect(runNowhere([stopped({ clientStatus: 'running' })], [])).toEqual([WEB]);
  });

  test.each([
    { when: 'another of its group runs elsewhere', others: [placed()] },
    { when: 'its replacement is placed and about to start', others: [placed({ clientStatus: 'pending' })] },
    {
      when: 'another of its group is on a node that is away, and may come back',
      others: [placed({ clientStatus: 'unknown' })],
    },
  ])('it is no outage if $when', ({ others }) => {
    expect(runNowhere([stopped()], [stopped(), ...others])).toEqual([]);
  });

  test.each([
    { what: 'is of another task group', other: placed({ taskGroup: 'api' }) },
    { what: 'is of a job of this name in another namespace', other: placed({ namespace: 'ci' }) },
    { what: 'is of another job', other: placed({ job: 'api' }) },
    { what: 'has been told to stop', other: placed({ desiredStatus: 'stop' }) },
    { what: 'has failed', other: placed({ clientStatus: 'failed' }) },
    { what: 'is lost', other: placed({ clientStatus: 'lost' }) },
  ])('one that $what does not take its place', ({ other }) => {
    expect(runNowhere([stopped()], [other])).toEqual([WEB]);
  });

  test.each([
    { what: 'a build', not: stopped({ jobType: 'batch' }) },
    { what: 'a system job', not: stopped({ jobType: 'system' }) },
    { what: 'what an operator has stopped', not: stopped({ migrating: false }) },
    { what: 'what the drain has yet to stop', not: stopped({ desiredStatus: 'run', clientStatus: 'running' }) },
  ])('$what is not meant', ({ not }) => {
    expect(runNowhere([not], [])).toEqual([]);
  });
});
