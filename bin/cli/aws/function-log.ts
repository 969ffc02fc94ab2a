import { type CloudWatchLogsClient, paginateFilterLogEvents } from '@aws-sdk/client-cloudwatch-logs';
import type { LogMessage } from '../../../lambda/core/model/log-messages.ts';

/** A record of the function's log about an instance. */
export interface LoggedRecord {
  /** Milliseconds since the epoch. */
  at: number;
  message: string;
  instanceId: string;
  group: string;
  /** Whatever else the record has. */
  fields: Readonly<Record<string, unknown>>;
}

/** Which records are wanted. Times are milliseconds since the epoch. */
export interface LogQuestion {
  messages: readonly LogMessage[];
  since: number;
  until: number;
}

/** The function's log in CloudWatch. Needs `logs:FilterLogEvents` on its log group. */
export class FunctionLog {
  readonly #logs: CloudWatchLogsClient;
  readonly #findGroup: () => Promise<string>;
  #group: Promise<string> | undefined;

  /** @param findGroup finds its log group, before the first question */
  constructor(logs: CloudWatchLogsClient, findGroup: () => Promise<string>) {
    this.#logs = logs;
    this.#findGroup = findGroup;
  }

  /** The records with these messages, the oldest first. CloudWatch has a record some seconds after it was written. */
  async records({ messages, since, until }: LogQuestion): Promise<LoggedRecord[]> {
    this.#group ??= this.#findGroup();
    const found: LoggedRecord[] = [];
    const input = {
      logGroupName: await this.#group,
      startTime: since,
      endTime: until,
      filterPattern: `{ ${messages.map((message) => `($.message = "${message}")`).join(' || ')} }`,
    };
    for await (const { events = [] } of paginateFilterLogEvents({ client: this.#logs }, input)) {
      for (const { timestamp = 0, message = '' } of events) found.push(...recordOf(timestamp, message));
    }
    return found.toSorted((one, other) => one.at - other.at);
  }
}

/** None for a line that is no record of ours. */
function recordOf(at: number, line: string): LoggedRecord[] {
  try {
    const fields = JSON.parse(line) as Record<string, unknown>;
    const { message, instanceId, group } = fields;
    return [{ at, message: String(message), instanceId: String(instanceId), group: String(group), fields }];
  } catch {
    return [];
  }
}
