import { expect, test } from 'vitest';
import { type Behaviour, job } from './contract-jobs.ts';
import { list, type Nomad } from './nomad-under-test.ts';

const SECOND = 1e9;

/** On the first node it writes to its disk, gets healthy and fails; elsewhere it says whether it has the disk. */
const leavesData: Behaviour = {
  command:
    'f=$NOMAD_ALLOC_DIR/data/blob; if [ "$NODE_NAME" = client-a ]; then head -c 1000000 /dev/urandom > $f; sleep 3; exit 1; fi; ' +
    '[ -f $f ] && echo has its disk 1>&2; exec sleep 600',
  meta: {
    'emulate.fails_on': 'client-a',
    'emulate.fails_after_seconds': '3',
    'emulate.copy_seconds': '0.5',
    'emulate.stderr': 'has its disk\n',
  },
  // biome-ignore lint/suspicious/noTemplateCurlyInString: Nomad's own interpolation.
  more: { Env: { NODE_NAME: '${node.unique.name}' } },
};

/** What a drain does not wait for: a disk that a later replacement will come for. */
export const lateDiskCases = (the: () => Nomad): void => {
  test('a failed service that waits for its delayed reschedule holds no drain; its replacement fetches the disk later', async () => {
    const group = {
      EphemeralDisk: { Migrate: true, Sticky: true, SizeMB: 20 },
      ReschedulePolicy: { Delay: 12 * SECOND, DelayFunction: 'constant', Unlimited: true },
    };
    await the().mark(1, 'ineligible');
    await the().run(job('late-disk', 'service', leavesData, { group }));
    await the().until(
      10_000,
      async () => (await the().allocations(0, 'late-disk'))[0],
      (seen) => seen?.ClientStatus === 'failed',
    );
    await the().under.wait(500);
    const evaluations = list((await the().get('/v1/job/late-disk/evaluations')).body);
    expect(evaluations).toContainEqual(
      expect.objectContaining({ Status: 'pending', StatusDescription: 'created for delayed rescheduling' }),
    );
    await the().mark(1, 'eligible');
    await the().drain(0, { Deadline: 3600 * SECOND });
    await the().untilDrained(0, 2000);
    const [failed] = await the().allocations(0, 'late-disk');
    expect(failed).toMatchObject({ ClientStatus: 'failed', DesiredStatus: 'run' });
    expect(failed).not.toHaveProperty('NextAllocation');
    const [later] = await the().until(
      20_000,
      () => the().allocations(1, 'late-disk'),
      ([seen]) => seen?.ClientStatus === 'running',
    );
    expect(later).toMatchObject({ PreviousAllocation: failed?.ID ?? '' });
    const path = `/v1/client/fs/logs/${later?.ID}?task=t&type=stderr&plain=true`;
    await the().until(
      3000,
      () => the().text(path),
      ({ text }) => text === 'has its disk\n',
    );
  });
};
