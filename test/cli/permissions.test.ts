import { globSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const root = new URL('../..', import.meta.url).pathname;
const page = readFileSync(`${root}/docs/cli.md`, 'utf8');

/** What IAM calls the services of the SDK's clients. */
const SERVICES: Record<string, string> = {
  'auto-scaling': 'autoscaling',
  'cloudwatch-logs': 'logs',
  cloudwatch: 'cloudwatch',
  eventbridge: 'events',
  lambda: 'lambda',
  'resource-groups-tagging-api': 'tag',
  ssm: 'ssm',
};

/** Every request that the sources of the command line can send, as IAM calls it. */
function requests(): string[] {
  const sources = globSync(`${root}/bin/cli/**/*.ts`).map((file) => readFileSync(file, 'utf8'));
  const imports = sources.flatMap((source) => [
    ...source.matchAll(/import \{([^}]*)\} from '@aws-sdk\/client-([\w-]+)'/g),
  ]);
  const found = imports.flatMap(([, names = '', client = '']) =>
    [...names.matchAll(/\b(\w+)Command\b|\bpaginate(\w+)\b/g)].map(([, command, paginated]) => {
      const action = `${SERVICES[client]}:${command ?? paginated}`;
      return action === 'lambda:Invoke' ? 'lambda:InvokeFunction' : action;
    }),
  );
  return [...new Set(found)].toSorted();
}

const [, json = ''] = /^```json\n([\s\S]*?)^```$/m.exec(page.slice(page.indexOf('## Permissions'))) ?? [];
const { Statement: statements } = JSON.parse(json) as {
  Statement: { Sid: string; Action: string | string[]; Resource: string }[];
};
const actionsOf = (sids: readonly string[]) =>
  statements.filter(({ Sid }) => sids.includes(Sid)).flatMap(({ Action }) => Action);

test('the policy of docs/cli.md allows what the command line asks of AWS, and no more', () => {
  expect(actionsOf(statements.map(({ Sid }) => Sid)).toSorted()).toEqual(requests());
});

test('the table says the same of each command', () => {
  const table = page.slice(page.indexOf('| command | AWS actions |'));
  const rows = table.slice(0, table.indexOf('\n\n'));
  const listed = [...rows.matchAll(/`(\w+:[A-Z]\w+)`/g)].map(([, action]) => action);
  expect([...new Set(listed)].toSorted()).toEqual(requests());
});

test('what only asks changes nothing, and what changes something is limited to the group and the alias', () => {
  const asking = actionsOf(['Ask', 'Look', 'ReadLog', 'ReadBootstrapVersion']);
  expect(asking.filter((action) => !/:(Describe|Get|List|Filter|InvokeFunction)/.test(action))).toEqual([]);
  const resourceOf = (sid: string) => statements.find(({ Sid }) => Sid === sid)?.Resource;
  expect(resourceOf('Ask')).toMatch(/:query$/);
  expect(resourceOf('Drain')).toMatch(/:autoScalingGroupName\/builders$/);
});
