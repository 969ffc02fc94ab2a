import { type CloudWatchClient, type MetricAlarm, paginateDescribeAlarms } from '@aws-sdk/client-cloudwatch';
import { DescribeRuleCommand, type EventBridgeClient, ListRuleNamesByTargetCommand } from '@aws-sdk/client-eventbridge';
import { GetParameterCommand, paginateDescribeInstanceInformation, type SSMClient } from '@aws-sdk/client-ssm';

/** An alarm of the function. */
export interface Alarm {
  name: string;
  /** Where the runbook says what to do, if the alarm does. */
  runbook: string | undefined;
  /** It has an action: notifications are sent when it fires. */
  tells: boolean;
  fires: boolean;
}

interface ScheduleRule {
  name: string;
  expression: string;
  enabled: boolean;
}

/** The SSM agent of an instance. */
export interface Agent {
  /** `Online`, `ConnectionLost` or `Inactive`. */
  ping: string;
  version: string;
}

/** Where the CDK writes which version of its bootstrap stack is there. */
const BOOTSTRAP_VERSION = '/cdk-bootstrap/hnb659fds/version';

/** What stands around the function in its account: alarms, schedule, agents. */
export class Surroundings {
  readonly #cloudWatch: CloudWatchClient;
  readonly #eventBridge: EventBridgeClient;
  readonly #ssm: SSMClient;

  constructor(clients: { cloudWatch: CloudWatchClient; eventBridge: EventBridgeClient; ssm: SSMClient }) {
    this.#cloudWatch = clients.cloudWatch;
    this.#eventBridge = clients.eventBridge;
    this.#ssm = clients.ssm;
  }

  /** The alarms on metrics of this function. */
  async alarms(functionName: string): Promise<Alarm[]> {
    const found: Alarm[] = [];
    for await (const { MetricAlarms = [] } of paginateDescribeAlarms({ client: this.#cloudWatch }, {})) {
      for (const alarm of MetricAlarms) {
        if (!isAbout(alarm, functionName)) continue;
        const { AlarmName: name = '', AlarmDescription = '', ActionsEnabled, AlarmActions = [], StateValue } = alarm;
        const runbook = /https?:\/\/\S+$/.exec(AlarmDescription)?.[0];
        const tells = ActionsEnabled !== false && AlarmActions.length > 0;
        found.push({ name: titleOf(name), runbook, tells, fires: StateValue === 'ALARM' });
      }
    }
    return found;
  }

  /** The rules that wake the function on a schedule. */
  async schedules(functionArn: string): Promise<ScheduleRule[]> {
    const names = await this.#eventBridge.send(new ListRuleNamesByTargetCommand({ TargetArn: functionArn }));
    const rules = await Promise.all(
      (names.RuleNames ?? []).map((Name) => this.#eventBridge.send(new DescribeRuleCommand({ Name }))),
    );
    return rules.flatMap(({ Name: name = '', ScheduleExpression: expression, State }) =>
      expression ? [{ name, expression, enabled: State !== 'DISABLED' }] : [],
    );
  }

  /** The version of the CDK's bootstrap stack; undefined if there is none. */
  async bootstrapVersion(): Promise<number | undefined> {
    try {
      const { Parameter } = await this.#ssm.send(new GetParameterCommand({ Name: BOOTSTRAP_VERSION }));
      return Number(Parameter?.Value);
    } catch (error) {
      if ((error as Error).name === 'ParameterNotFound') return undefined;
      throw error;
    }
  }

  /** The agents that SSM knows, by instance. */
  async agents(): Promise<Map<string, Agent>> {
    const agents = new Map<string, Agent>();
    for await (const page of paginateDescribeInstanceInformation({ client: this.#ssm }, {})) {
      for (const { InstanceId, PingStatus, AgentVersion } of page.InstanceInformationList ?? []) {
        if (InstanceId) agents.set(InstanceId, { ping: PingStatus ?? 'unknown', version: AgentVersion ?? 'unknown' });
      }
    }
    return agents;
  }
}

/** What is wrong, after the name of the hook: `sweep missing` of `builders: sweep missing`. */
const titleOf = (name: string) => name.replace(/^.*: /, '');

/**
 * An alarm has the dimensions of its metric, or those of the metrics that it calculates with. One on a queue has the function in the
 * command of its description.
 */
function isAbout({ Dimensions = [], Metrics = [], AlarmDescription }: MetricAlarm, functionName: string): boolean {
  if (AlarmDescription?.includes(`--function ${functionName}\``)) return true;
  const all = [Dimensions, ...Metrics.map(({ MetricStat }) => MetricStat?.Metric?.Dimensions ?? [])].flat();
  return all.some(({ Name, Value }) => Name === 'FunctionName' && Value === functionName);
}
