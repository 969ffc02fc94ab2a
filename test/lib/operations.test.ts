import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { heartbeatIntervalMs, limits, SWEEP_SECONDS } from '../../lambda/core/decide/deadlines.ts';
import { EVENT_SOURCE, EVENT_TYPES } from '../../lambda/core/model/drain-event.ts';
import { DIMENSIONS, METRICS, NAMESPACE, SERVICE } from '../../lambda/core/model/metrics.ts';
import { DEFAULT_POLICY } from '../../lambda/core/model/policy.ts';
import { FUNCTION_TAG } from '../../lib/function/function-tag.ts';
import { DEFAULT_RUNBOOK_URL } from '../../lib/monitoring/runbook.ts';
import { DEFAULT_HOOK } from '../../lib/props.ts';
import { Commands } from '../package/pasted.ts';
import { alarmsOf } from './monitored.ts';
import { templateOf } from './stacks.ts';

const PAGE = 'docs/operations.md';
const REFERENCE = 'docs/reference.md';
const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const page = read(PAGE);
/** Two alarms are about the function that chooses, one about instances on their way into service. */
const EVERY_ALARM = { chooseIdleFirst: true, admitWhenReady: true };

/** The text below a heading, up to the next one of its level or above. */
function section(heading: string, path = PAGE): string {
  const [hashes = ''] = heading.split(' ');
  const [, text] = read(path).split(`\n${heading}\n`);
  if (text === undefined) throw new Error(`${path} has no section "${heading}"`);
  return text.split(new RegExp(`\n#{1,${hashes.length}} `))[0] ?? '';
}

/** Runs what someone would paste, with an `aws` that says this. @returns its calls */
async function pasted(text: string, says: string): Promise<string[][]> {
  const directory = mkdtempSync(join(tmpdir(), 'drain-hook-runbook-'));
  try {
    return await new Commands(join(directory, 'commands'), { aws: says }).run(text, directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const rows = (text: string) =>
  [...text.matchAll(/^\| (`.*) \|$/gm)].map(([, row = '']) => row.split(' | ').map((cell) => cell.replaceAll('`', '')));

describe('docs/operations.md', () => {
  test('has a section for each alarm, and none besides', () => {
    const headings = [...section('## Alarms').matchAll(/^### (.*)$/gm)].map(([, heading]) => heading);
    expect(headings).toEqual(Object.keys(alarmsOf(templateOf(EVERY_ALARM))));
  });

  test.each(Object.entries(alarmsOf(templateOf(EVERY_ALARM))))(
    'says of %s what to run, how much time there is and what to do meanwhile, and the alarm says what to run and where that is',
    (name, { AlarmDescription: description }) => {
      const text = section(`### ${name}`);
      const parts = [
        '**Time.** ',
        '**Stopgap.** ',
        '**What it means.** ',
        '**If you do nothing.** ',
        '**What to do.**',
      ];
      const places = parts.map((part) => text.indexOf(part));
      expect(places).toEqual(places.toSorted((one, other) => one - other));
      expect(places).not.toContain(-1);
      const [, first] = /^\n```sh\n(nomad-drain-hook [^#]*\S) +# .+\n```\n/.exec(text) ?? [];
      const [, command, runbook] =
        / Deployed as Test\/DrainHook\. First run: `(.*) --region AWS::Region --function \w+`\. Runbook: (.*)$/.exec(
          description,
        ) ?? [];
      expect(command).toBe(first);
      expect(runbook).toBe(`${DEFAULT_RUNBOOK_URL}#${name.toLowerCase()}`);
      expect(description.length).toBeLessThanOrEqual(1024);
    },
  );

  test('says how much time there is by default as the code has it', () => {
    const minutes = (seconds: number) => `${Math.floor(seconds / 60)} minutes`;
    const inHours = (seconds: number) => `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
    const { deadlineSeconds, killMarginSeconds } = DEFAULT_POLICY;
    const timeout = DEFAULT_HOOK.heartbeatTimeout.toSeconds();
    const { NomadUnreachable, DrainStuck } = alarmsOf(templateOf(EVERY_ALARM));
    const lasting = (alarm: { EvaluationPeriods: number }) => alarm.EvaluationPeriods * 60;
    // The alarm on missing sweeps has its five minutes in words alone.
    const missing = 5 * 60;
    const { lastAt } = limits(0, timeout, DEFAULT_POLICY);
    const times = {
      OldestWait: minutes(killMarginSeconds),
      NomadUnreachable: inHours(lastAt / 1000 - lasting(NomadUnreachable)),
      TokenTooNarrow: minutes(killMarginSeconds),
      DrainStuck: inHours(deadlineSeconds - lasting(DrainStuck)),
      HeartbeatsRefused: minutes(timeout / 3),
      SweepMissing: minutes(timeout - heartbeatIntervalMs(timeout) / 1000 - SWEEP_SECONDS - missing),
    };
    for (const [name, time] of Object.entries(times)) {
      const [, told = ''] = /\*\*Time\.\*\* (.*?)\n\n/s.exec(section(`### ${name}`)) ?? [];
      expect(told, name).toContain(time);
    }
  });

  test('begins SweepMissing with a loop that sends the heartbeats of all that wait, before anything else', async () => {
    const [, loop = ''] =
      /\*\*Stopgap\.\*\*.*?```sh\n(.*?)```.*?\*\*What it means/s.exec(section('### SweepMissing')) ?? [];
    const calls = await pasted(loop.replace('sleep 300', 'exit 0'), 'builders\ti-0a\nrunners\ti-0b\n');
    const sent = calls.slice(1).map((words) => words.join(' '));
    const beat = 'aws autoscaling record-lifecycle-action-heartbeat --lifecycle-hook-name nomad-drain';
    expect(sent).toEqual([
      `${beat} --auto-scaling-group-name builders --instance-id i-0a`,
      `${beat} --auto-scaling-group-name runners --instance-id i-0b`,
    ]);
  });

  test('says of each alarm whether to page someone for it', () => {
    const table = /^\| page someone .*\n.*\n(.*)$/m.exec(page)?.[1] ?? '';
    const named = [...table.matchAll(/`(\w+)`/g)].map(([, name]) => name);
    expect(named.toSorted()).toEqual(Object.keys(alarmsOf(templateOf(EVERY_ALARM))).toSorted());
  });

  test('finds the function by its tag, and from it what its commands are about, whatever made the stack', async () => {
    const [, names = ''] = /```sh\n(HOOK=.*?)```/s.exec(section('## Before you begin')) ?? [];
    const used = [...page.matchAll(/"\$([A-Z_]+)"/g)].map(([, name]) => name!);
    expect(used.filter((name) => !names.includes(`${name}=`))).toEqual([]);
    const calls = await pasted(names, 'arn:aws:any:eu-west-1:111122223333:named');
    const [find = [], ...others] = calls;
    expect(find.join(' ')).toContain(`--tag-filters Key=${FUNCTION_TAG},Values=function`);
    expect(calls.filter((words) => words.includes('get-queue-url')).map((words) => words[4])).toEqual([
      'named',
      'named',
    ]);
    expect(others).toHaveLength(6);
  });

  test('names the namespace in each command of Nomad that is about a job, an allocation or an evaluation', () => {
    const code = [...page.matchAll(/^```sh\n(.*?)^```/gms), ...page.matchAll(/`([^`\n]+)`/g)].map(
      ([, text = '']) => text,
    );
    const commands = code.flatMap((text) => text.split('\n')).filter((line) => /^nomad [a-z]+ [a-z]/.test(line));
    expect(commands.length).toBeGreaterThan(10);
    // Nodes, servers and ACLs are in no namespace.
    const without = commands.filter((line) => !line.includes(' -namespace '));
    expect(without.filter((line) => !/^nomad (node|server|acl|system) /.test(line))).toEqual([]);
  });
});

describe('docs/reference.md', () => {
  test('lists every metric with its unit, and none besides', () => {
    const told = {
      sweep: 'each sweep',
      'fifth minute': 'every fifth minute',
      admission: 'each sweep, with admitWhenReady',
      run: 'each run that asks Nomad',
      happening: 'when it happens',
    };
    const metrics = Object.entries(METRICS).map(([name, { unit, recorded: when, about }]) => [
      name,
      unit,
      told[when],
      about,
    ]);
    expect(rows(section('## Metrics', REFERENCE))).toEqual(metrics);
    expect(section('## Metrics', REFERENCE)).toContain(
      `namespace \`${NAMESPACE}\`, with the dimensions \`${DIMENSIONS.service}\` = \`${SERVICE}\` and \`${DIMENSIONS.functionName}\``,
    );
  });

  test('lists no log record that the function does not write', () => {
    const sources = globSync('lambda/**/*.ts', { cwd: new URL('../..', import.meta.url) })
      .map(read)
      .join('\n');
    const messages = rows(section('## Log', REFERENCE)).flatMap(([cell = '']) => cell.split(', '));
    expect(messages.length).toBeGreaterThan(15);
    expect(messages.filter((message) => message !== 'message' && !sources.includes(`'${message}'`))).toEqual([]);
  });

  test('lists every event, and none besides', () => {
    expect(rows(section('## Events', REFERENCE)).map(([type]) => type)).toEqual(Object.values(EVENT_TYPES));
    expect(section('## Events', REFERENCE)).toContain(`source \`${EVENT_SOURCE}\``);
  });
});
