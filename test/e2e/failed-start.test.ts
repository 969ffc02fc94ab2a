import { describe, expect, it } from 'vitest';
import { MINUTE, STATUS, SWEEP, type WorldOptions } from '../../emulators/world/world.ts';
import { start, world } from './start.ts';

/** What goes wrong before anything can be asked of Nomad. */
const BROKEN: [string, WorldOptions, RegExp][] = [
  ['the parameter with the token is missing', { nomad: { token: { parameter: '/nomad/token' } } }, /\/nomad\/token/],
  ['nothing listens at the address', { before: async () => 'http://127.0.0.1:9' }, /ECONNREFUSED/],
  [
    'Nomad speaks plain HTTP where TLS is expected',
    { before: async (url) => url.replace('http:', 'https:') },
    /TLS|SSL/,
  ],
  ['the token is of another cluster', { acl: true, nomad: { token: { parameter: '/nomad/old' } } }, /does not know/],
];

describe.each(BROKEN)('where %s, and nobody waits,', (_, options, reason) => {
  const begin = async () => {
    await start(options);
    world.aws.putParameter('/nomad/old', '5c6dd6ef-1a7c-cf60-380a-f4b3cd10a59f', 'SecureString');
    world.addBuilder();
  };
  const told = () => world.log.filter(({ level }) => level === 'error' || level === 'warn');

  it.each([
    ['a sweep', SWEEP],
    ['status', STATUS],
  ])('%s says so in its report, and once in its log', async (__, event) => {
    await begin();
    const report = await world.wake(event);
    expect(report).toMatchObject({ instances: [], warnings: [expect.stringMatching(reason)] });
    expect(told()).toMatchObject([{ because: expect.stringMatching(reason) }]);
  });

  it('nothing is said any more once it is mended', async () => {
    await begin();
    await world.wake(SWEEP);
    if (!options.nomad) return;
    const secret = options.acl ? world.nomad.managementToken : 'none';
    for (const name of ['/nomad/token', '/nomad/old']) world.aws.putParameter(name, secret, 'SecureString');
    await world.advance(11 * MINUTE);
    expect(await world.wake(SWEEP)).toMatchObject({ warnings: [] });
  });
});
