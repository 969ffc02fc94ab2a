import { readFileSync } from 'node:fs';
import * as cdk from 'aws-cdk-lib';
import { Duration } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import { hookHolds } from '../../lambda/core/decide/deadlines.ts';
import { DEFAULT_POLICY } from '../../lambda/core/model/policy.ts';
import { NomadAccess } from '../../lib/access/nomad-access.ts';
import { DEFAULT_HOOK, type NomadDrainHookProps } from '../../lib/props.ts';
import { type Property, publicInterfaces } from './public-interfaces.ts';
import { drainHook, emptyStack, problemsOf, vpcIn } from './stacks.ts';

type Given = Record<string, unknown>;
const address = 'https://nomad.internal:4646';
const http = (props: Given) => NomadAccess.http({ address, ...props });

/** Where in the construct's properties each interface belongs. */
const PLACES: Record<string, (given: Given) => Partial<NomadDrainHookProps>> = {
  NomadDrainHookProps: (given) => given,
  DrainPolicy: (policy) => ({ policy }),
  GroupOptions: (own) => ({ groups: [{ group: 'builders', ...own }] }),
  LifecycleHookOptions: (hook) => ({ hook }),
  NoticeOptions: (notices) => ({ notices }),
  IdleFirstOptions: (chooseIdleFirst) => ({ chooseIdleFirst }),
  AdmissionOptions: (admitWhenReady) => ({ admitWhenReady }),
  MonitoringOptions: (monitoring) => ({ monitoring }),
  TestEventsOptions: (testEvents) => ({ testEvents }),
  HttpAccessProps: (given) => ({ nomad: http(given) }),
  NomadCredentialsProps: (given) => ({ nomad: http(given) }),
  NomadNodesProps: (given) => ({ nomad: http(given) }),
  ClientsAccessProps: (given) => ({ nomad: NomadAccess.clients(given) }),
  LoginProps: (login) => ({ nomad: http({ login: { authMethod: 'aws', ...login } }) }),
  OutsideEc2: (outsideEc2) => ({ nomad: http({ outsideEc2 }) }),
  RunCommandAccessProps: (given) => ({ nomad: NomadAccess.runCommand(given) }),
  Gateway: (given) => ({ nomad: NomadAccess.runCommand({ gateway: { tag: 'Role', value: 'server', ...given } }) }),
};

/** Makes the construct in a stack that has a VPC: some properties mean nothing without one. */
function made(place: string, given: Given) {
  const stack = emptyStack();
  const where = PLACES[place];
  if (!where) throw new Error(`${place} is public: say in PLACES where in the properties it belongs`);
  drainHook({ vpc: vpcIn(stack), ...where(given) }, stack);
  return stack;
}
const templateOf = (place: string, given: Given) => Template.fromStack(made(place, given)).toJSON();

/** The template where nothing is given, by its place: made once. */
const plain = new Map<string, object>();
function plainTemplateOf(place: string): object {
  const template = plain.get(place) ?? templateOf(place, {});
  plain.set(place, template);
  return template;
}

/** A value in place of the default: what the doc comment means, and something else of the same type. */
interface Value {
  readonly is: unknown;
  readonly other: unknown;
}

/** What a `@default` says, in so far as it is a value: `@default - …`, in words, is none. */
function documented(text: string, type: string): Value {
  const [, unit, amount] = /^Duration\.(\w+)\((\d+)\)$/.exec(text) ?? [];
  if (unit) {
    const is = Duration[unit as 'hours'](Number(amount));
    return { is, other: is.plus(Duration.minutes(1)) };
  }
  if (/^\d+$/.test(text)) return { is: Number(text), other: Number(text) + 1 };
  if (text === 'true' || text === 'false') return { is: text === 'true', other: text === 'false' };
  const [, word] = /^'(.*)'$/.exec(text) ?? [];
  if (word !== undefined) {
    const [another = `${word}-other`] = [...type.matchAll(/'([^']*)'/g)]
      .map(([, each]) => each)
      .filter((w) => w !== word);
    return { is: word, other: another };
  }
  // As the sources write it: logs.RetentionDays.THREE_MONTHS.
  const [module = '', name = '', member = ''] = text.split('.');
  const members = (cdk as unknown as Record<string, Record<string, Given>>)[`aws_${module}`]?.[name] ?? {};
  const is = members[member];
  if (is === undefined) throw new Error(`"@default ${text}" is no value that this test knows, nor words after a "-"`);
  return { is, other: Object.values(members).find((each) => typeof each === typeof is && each !== is) };
}

const interfaces = publicInterfaces();
const properties = [...interfaces].flatMap(([place, each]) => each.map((property) => ({ place, ...property })));
const titled = <T extends Property & { place: string }>(list: T[]) =>
  list.map((property) => [`${property.place}.${property.name}`, property] as const);

describe('the doc comments', () => {
  test('are read: every public interface of the construct is found', () => {
    expect([...interfaces.keys()]).toEqual(expect.arrayContaining(Object.keys(PLACES)));
    expect(interfaces.get('DrainPolicy')?.map(({ name }) => name)).toContain('onTimeout');
  });

  test('say of each property what it is, and of each optional one what holds without it', () => {
    expect(properties.filter(({ about }) => about.length < 10)).toEqual([]);
    const silent = properties.filter((property) => property.optional !== (property.default !== undefined));
    expect(silent.map(({ place, name }) => `${place}.${name}`)).toEqual([]);
  });

  test.each(titled(properties.filter((property) => property.default && !property.default.startsWith('- '))))(
    'name the default that holds: %s',
    (_, { place, name, type, default: text = '' }) => {
      const { is, other } = documented(text, type);
      const without = plainTemplateOf(place);
      expect(templateOf(place, { [name]: is })).toEqual(without);
      // Or the property would have no effect, and this test neither.
      expect(templateOf(place, { [name]: other })).not.toEqual(without);
    },
  );
});

describe('a duration', () => {
  const durations = properties.filter(({ type }) => type === 'Duration');

  test.each(titled(durations))('has its limits in its doc comment, and is refused beyond them: %s', (_, property) => {
    const limit = String.raw`(\d+) (s|min|h)\b`;
    const [, least, leastUnit, most, mostUnit] =
      new RegExp(`Whole seconds,(?: from ${limit} to| up to) ${limit}`).exec(property.about) ?? [];
    expect(most, 'the comment says "Whole seconds, from … to …" or "… up to …"').toBeDefined();
    const refused = (duration: Duration) =>
      problemsOf(() => made(property.place, { [property.name]: duration })).some((problem) =>
        // That of restoreAfter is restoreOutOfRange.
        property.name.startsWith(/:(\w+)OutOfRange\]/.exec(problem)?.[1] ?? 'none'),
      );
    const highest = inUnit(most, mostUnit);
    const second = Duration.seconds(1);
    expect([refused(highest), refused(highest.plus(second))]).toEqual([false, true]);
    expect(refused(Duration.millis(1500))).toBe(true);
    if (least === undefined) return;
    const lowest = inUnit(least, leastUnit);
    expect([refused(lowest), refused(lowest.minus(second))]).toEqual([false, true]);
  });

  const inUnit = (amount = '', unit = '') =>
    Duration.seconds(Number(amount) * ({ s: 1, min: 60, h: 3600 }[unit] ?? Number.NaN));
});

test('the longest deadline that the default hook holds is what the pages say', () => {
  const heartbeatTimeout = DEFAULT_HOOK.heartbeatTimeout.toSeconds();
  const holds = (minutes: number) => hookHolds({ ...DEFAULT_POLICY, deadlineSeconds: 60 * minutes }, heartbeatTimeout);
  let minutes = 48 * 60;
  while (!holds(minutes)) minutes -= 1;
  const longest = `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  const refused = (deadline: Duration) => problemsOf(() => drainHook({ policy: { deadline } })).length > 0;
  expect([minutes, minutes + 1].map((each) => refused(Duration.minutes(each)))).toEqual([false, true]);
  for (const page of ['docs/settings.md', 'docs/construct.md']) {
    const rows = readFileSync(new URL(`../../${page}`, import.meta.url), 'utf8').match(
      /^\| `deadline` \| (?!the construct's).*$/gm,
    );
    expect(rows, page).toEqual([expect.stringContaining(longest)]);
  }
});

test('what is given as undefined counts as not given', () => {
  for (const [place, each] of interfaces) {
    const nothing = Object.fromEntries(each.filter(({ optional }) => optional).map(({ name }) => [name, undefined]));
    const { vpc, ...others } = nothing;
    expect(templateOf(place, others), place).toEqual(plainTemplateOf(place));
  }
});
