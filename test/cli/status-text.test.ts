import { describe, expect, test } from 'vitest';
import { needsPerson, statusText } from '../../bin/cli/commands/status/text.ts';
import { makeInk } from '../../bin/cli/terminal/ink.ts';
import type { InstanceReport, Report } from '../../lambda/core/drain/report.ts';

const page = { columns: 80, ink: makeInk(false) };
const waiting = (more: Partial<InstanceReport> = {}): InstanceReport => ({
  instanceId: 'i-0123456789abcdef0',
  group: 'builders',
  hook: 'nomad-drain',
  nodeId: '76dfae53-01eb-b402-5fea-dec06c5ca949',
  nodeName: 'client-1',
  waitingSince: '2026-03-01T09:00:00.000Z',
  deadlineAt: '2026-03-01T10:00:00.000Z',
  action: 'wait',
  because: 'the drain waits for 1 allocation: build',
  remaining: [],
  ...more,
});
const report = (more: Partial<Report> = {}): Report => ({
  run: 'status',
  at: '2026-03-01T09:30:00.000Z',
  groups: ['builders'],
  instances: [],
  warnings: [],
  ...more,
});

describe('the text of status', () => {
  test('has the instance that waits longest first', () => {
    const later = waiting({ instanceId: 'i-1', waitingSince: '2026-03-01T09:20:00.000Z' });
    expect(statusText(report({ instances: [later, waiting()] }), page)).toBe(
      [
        'builders  2 instances waiting',
        '  i-0123456789abcdef0  client-1  waits 30 min  █████░░░░░  30 min left',
        '    the drain waits for 1 allocation: build',
        '    deadline 10:00Z',
        '  i-1                  client-1  waits 10 min  ███░░░░░░░  30 min left',
        '    the drain waits for 1 allocation: build',
        '    deadline 10:00Z',
      ].join('\n'),
    );
  });

  test('leaves out what is not known: the node, since when, until when', () => {
    const { nodeName, waitingSince, deadlineAt, ...unknown } = waiting({ because: 'Nomad has no node of it' });
    expect(statusText(report({ instances: [unknown] }), page)).toBe(
      'builders  1 instance waiting\n  i-0123456789abcdef0  -\n    Nomad has no node of it',
    );
  });

  test('says that a deadline is over', () => {
    const over = waiting({ deadlineAt: '2026-03-01T09:29:00.000Z' });
    expect(statusText(report({ instances: [over] }), page)).toContain('██████████  deadline over');
  });

  test('shows what Auto Scaling keeps for a person, in whichever group', () => {
    const retained = [{ instanceId: 'i-9', group: 'others', state: 'Terminating:Retained' }];
    expect(statusText(report({ retained }), page)).toBe(
      'builders  no instances draining\n\nothers  no instances draining, 1 retained\n' +
        '  i-9  Terminating:Retained: runs until you terminate it',
    );
  });

  test('shows which instances wait to be put into service, and which are in service and no Nomad nodes', () => {
    const { deadlineAt, ...coming } = waiting({ into: 'service', because: 'its node is initializing' });
    const missing = [{ instanceId: 'i-9', group: 'builders', launchedAt: '2026-03-01T07:30:00.000Z' }];
    const shown = report({ joining: [coming], missing });
    expect(statusText(shown, page)).toBe(
      [
        'builders  no instances draining, 1 joining, 1 not in Nomad',
        '  i-0123456789abcdef0  client-1  waits 30 min',
        '    its node is initializing',
        '  i-9  in service, up for 2 h, and not a Nomad node',
      ].join('\n'),
    );
    expect(needsPerson(shown)).toBe(true);
    expect(needsPerson(report({ joining: [coming] }))).toBe(false);
  });

  test('says how long ago the last sweep was, in minutes', () => {
    const swept = { ...report(), lastSweep: '2026-03-01T09:28:00.000Z' };
    expect(statusText(swept, page)).toBe('builders  no instances draining\n\nlast sweep 2 min ago (from CloudWatch)');
  });

  test('is red where a person is needed', () => {
    const ink = makeInk(true);
    const [plain, stuck] = [waiting(), waiting({ stuck: 'web has nowhere to go' })].map((instance) =>
      statusText(report({ instances: [instance] }), { columns: 80, ink }).includes('\u001b[31m'),
    );
    expect({ plain, stuck }).toEqual({ plain: false, stuck: true });
  });
});

test.each([
  ['no instances draining', report(), false],
  ['a drain goes on', report({ instances: [waiting()] }), false],
  ['a drain is stuck', report({ instances: [waiting({ stuck: 'nowhere to go' })] }), true],
  ['something was not answered', report({ instances: [waiting({ unserved: true })] }), true],
  ['an instance is retained', report({ retained: [{ instanceId: 'i-9', group: 'g', state: 'x' }] }), true],
  ['the function warns of something', report({ warnings: ['the token is too narrow'] }), true],
])('whether a person is needed where %s', (_, given, needed) => {
  expect(needsPerson(given)).toBe(needed);
});
