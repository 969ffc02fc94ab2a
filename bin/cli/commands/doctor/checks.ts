import { messageOf } from '../../../../lambda/core/basics.ts';
import type { Account } from '../../aws/account.ts';
import type { OwnFinding, OwnId } from './finding.ts';

/** The CDK refuses to deploy onto an older bootstrap stack. */
const LEAST_BOOTSTRAP = 6;
/** An event's run takes up to five seconds: with fewer concurrent executions a large scale-in is throttled. */
const LEAST_CONCURRENCY = 100;
/** The first agent that passes parameters as environment variables. */
const LEAST_AGENT = [3, 3, 2746, 0] as const;
/** What is named of several. */
const MOST_NAMED = 5;

type Check = () => Promise<OwnFinding[]>;

/**
 * What only the operator's own credentials can read. What cannot be read is a finding too.
 * @param askedThrough the instances through which Nomad is asked, if it is
 */
export async function checkFromHere(
  account: Account,
  askedThrough: readonly string[] | undefined,
): Promise<OwnFinding[]> {
  const deployed = account.function.name.then((name) => account.lambda.function(name));
  // It is awaited below, by more than one.
  deployed.catch(() => {});
  const checks: readonly (readonly [OwnId, string, Check])[] = [
    ['function', 'lambda:GetFunctionConfiguration', async () => checkFunction(await deployed)],
    [
      'schedule',
      'events:ListRuleNamesByTarget and events:DescribeRule',
      async () => checkSchedule(account, (await deployed).arn),
    ],
    ['alarms', 'cloudwatch:DescribeAlarms', async () => checkAlarms(account, (await deployed).name)],
    ['agents', 'ssm:DescribeInstanceInformation', () => checkAgents(account, askedThrough)],
    ['quota', 'lambda:GetAccountSettings', () => checkQuota(account)],
    ['bootstrap', 'ssm:GetParameter', () => checkBootstrap(account)],
  ];
  const found = await Promise.all(
    checks.map(async ([id, permission, check]): Promise<OwnFinding[]> => {
      try {
        return await check();
      } catch (error) {
        const what = `it could not be checked: ${messageOf(error).split('\n', 1)[0]}`;
        return [{ id, level: 'unknown', what, do: `allow ${permission}` }];
      }
    }),
  );
  return found.flat();
}

function checkFunction({ name, state, lastUpdate }: { name: string; state: string; lastUpdate: string }): OwnFinding[] {
  if (state !== 'Active' && state !== 'Inactive') {
    return [
      {
        id: 'function',
        level: 'problem',
        what: `function ${name} is ${state}`,
        do: 'look at it in Lambda, or deploy again',
      },
    ];
  }
  if (lastUpdate === 'Failed') {
    return [
      { id: 'function', level: 'problem', what: `the last update of function ${name} failed`, do: 'deploy again' },
    ];
  }
  return [{ id: 'function', level: 'ok', what: `function ${name} can be run` }];
}

async function checkSchedule({ surroundings }: Account, arn: string): Promise<OwnFinding[]> {
  const id = 'schedule';
  const rules = await surroundings.schedules(arn);
  const [enabled] = rules.filter((rule) => rule.enabled);
  if (enabled) return [{ id, level: 'ok', what: `rule ${enabled.name} invokes the function: ${enabled.expression}` }];
  const [rule] = rules;
  if (!rule) {
    return [
      {
        id,
        level: 'problem',
        what: 'no rule invokes the function on a schedule',
        do: 'deploy again: without it, busy instances are never released',
      },
    ];
  }
  const todo = `aws events enable-rule --name ${rule.name}`;
  return [{ id, level: 'problem', what: `rule ${rule.name} is disabled: busy instances are not released`, do: todo }];
}

async function checkAlarms({ surroundings }: Account, name: string): Promise<OwnFinding[]> {
  const id = 'alarms';
  const alarms = await surroundings.alarms(name);
  if (alarms.length === 0) {
    return [
      {
        id,
        level: 'warning',
        what: 'the function has no alarms',
        do: 'deploy with monitoring, or create custom alarms',
      },
    ];
  }
  const findings: OwnFinding[] = [];
  const firing = alarms.filter(({ fires }) => fires);
  if (firing.length > 0) {
    const what = `${firing.length} of ${alarms.length} alarms are firing: ${named(firing.map((alarm) => alarm.name))}`;
    const pages = firing.flatMap(({ runbook }) => runbook ?? []);
    const todo = pages.length > 0 ? named(pages) : 'docs/operations.md has a section on each';
    findings.push({ id, level: 'problem', what, do: todo });
  }
  const silent = alarms.filter(({ tells }) => !tells);
  if (silent.length > 0) {
    const what = `${silent.length} of ${alarms.length} alarms have no action: ${named(silent.map((alarm) => alarm.name))}`;
    findings.push({ id, level: 'warning', what, do: 'deploy with alarmTopic, or add actions to them' });
  }
  if (findings.length > 0) return findings;
  return [
    {
      id,
      level: 'ok',
      what:
        alarms.length === 1
          ? 'the alarm is not firing, and has an action'
          : `none of the ${alarms.length} alarms is firing, and each has an action`,
    },
  ];
}

async function checkAgents(
  { surroundings }: Account,
  askedThrough: readonly string[] | undefined,
): Promise<OwnFinding[]> {
  if (askedThrough === undefined) return [];
  const id = 'agents';
  const agents = await surroundings.agents();
  const offline = askedThrough.filter((instanceId) => agents.get(instanceId)?.ping !== 'Online');
  const old = askedThrough.filter((instanceId) => isOld(agents.get(instanceId)?.version));
  if (offline.length === askedThrough.length) {
    const todo = 'start the agent there, and give its role AmazonSSMManagedInstanceCore';
    return [
      {
        id,
        level: 'problem',
        what: 'SSM reaches none of the instances through which the function queries Nomad',
        do: todo,
      },
    ];
  }
  const findings: OwnFinding[] = [];
  if (offline.length > 0) {
    const what = `${offline.length} of ${askedThrough.length} SSM agents are not online: ${named(offline)}`;
    findings.push({ id, level: 'warning', what, do: 'start the agent there; meanwhile the function uses the others' });
  }
  if (old.length > 0) {
    const what = `${old.length} of ${askedThrough.length} SSM agents are too old: ${named(old)}`;
    findings.push({ id, level: 'warning', what, do: `update them to ${LEAST_AGENT.join('.')} or later` });
  }
  if (findings.length > 0) return findings;
  return [{ id, level: 'ok', what: `the SSM agents of all ${askedThrough.length} instances are online` }];
}

/** One that does not say its version is none that is too old. */
function isOld(version: string | undefined): boolean {
  const parts = version?.split('.').map(Number) ?? [];
  const differing = LEAST_AGENT.findIndex((least, index) => parts[index] !== least);
  return (
    parts.length === LEAST_AGENT.length && differing >= 0 && (parts[differing] ?? 0) < (LEAST_AGENT[differing] ?? 0)
  );
}

async function checkQuota({ lambda }: Account): Promise<OwnFinding[]> {
  const id = 'quota';
  const concurrency = await lambda.unreservedConcurrency();
  const what = `${concurrency} concurrent Lambda executions are allowed in this account and region`;
  if (concurrency >= LEAST_CONCURRENCY) return [{ id, level: 'ok', what }];
  const todo = `request a quota of ${LEAST_CONCURRENCY} or more (Lambda, concurrent executions): otherwise many simultaneous drains start late`;
  return [{ id, level: 'warning', what, do: todo }];
}

async function checkBootstrap({ surroundings }: Account): Promise<OwnFinding[]> {
  const id = 'bootstrap';
  const version = await surroundings.bootstrapVersion();
  if (version === undefined) {
    return [
      { id, level: 'ok', what: 'the CDK is not bootstrapped in this account and region: only cdk deploy needs that' },
    ];
  }
  const what = `the CDK bootstrap stack has version ${version}`;
  if (version >= LEAST_BOOTSTRAP) return [{ id, level: 'ok', what }];
  return [{ id, level: 'warning', what, do: 'npx cdk bootstrap, before the next cdk deploy' }];
}

const named = (names: readonly string[]): string =>
  names.slice(0, MOST_NAMED).join(', ') + (names.length > MOST_NAMED ? ` and ${names.length - MOST_NAMED} more` : '');
