import type { Ids } from '../ids.ts';
import { JsonError } from '../ssm/ssm.ts';
import type { EventBus } from './events.ts';

/** The most entries of one call, and the most bytes of one entry. */
const ENTRIES = 10;
const ENTRY_BYTES = 262_144;

interface Entry {
  Source?: string;
  DetailType?: string;
  Detail?: string;
  EventBusName?: string;
}

/** https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html, for the default bus alone. */
export function eventBridgeActions(bus: EventBus, ids: Ids) {
  const refusal = ({ Source, DetailType, Detail, EventBusName = 'default' }: Entry) => {
    if (EventBusName !== 'default') return ['ResourceNotFoundException', `Event bus ${EventBusName} does not exist.`];
    if (!Source || !DetailType || !Detail) return ['InvalidArgument', 'Parameter is not valid. Reason: it is missing.'];
    // Only AWS itself speaks as AWS.
    if (Source.startsWith('aws.')) return ['NotAuthorizedForSourceException', 'Not authorized for the source.'];
    try {
      JSON.parse(Detail);
      return undefined;
    } catch {
      return ['MalformedDetail', 'Detail is malformed.'];
    }
  };
  return {
    /** https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_ListRuleNamesByTarget.html */
    ListRuleNamesByTarget: ({ TargetArn }: Record<string, unknown>) => ({
      RuleNames: [...bus.rules].filter(([, { targets }]) => targets.includes(String(TargetArn))).map(([name]) => name),
    }),
    /** https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_DescribeRule.html */
    DescribeRule: ({ Name }: Record<string, unknown>) => {
      const rule = bus.rules.get(String(Name));
      if (!rule) throw new JsonError('ResourceNotFoundException', `Rule ${Name} does not exist on EventBus default.`);
      const { schedule, enabled } = rule;
      const State = enabled ? 'ENABLED' : 'DISABLED';
      return { Name, State, EventBusName: 'default', ...(schedule && { ScheduleExpression: schedule }) };
    },
    PutEvents: ({ Entries }: Record<string, unknown>) => {
      const entries = Entries as Entry[];
      if (entries.length === 0 || entries.length > ENTRIES) {
        throw new JsonError(
          'ValidationException',
          `1 validation error detected: Value at 'entries' failed to satisfy constraint: Member must have length less than or equal to ${ENTRIES}`,
        );
      }
      if (entries.some((entry) => Buffer.byteLength(JSON.stringify(entry)) > ENTRY_BYTES)) {
        throw new JsonError('ValidationException', 'Total size of the entries in the request is over the limit.');
      }
      const answers = entries.map((entry) => {
        const refused = refusal(entry);
        if (refused) return { ErrorCode: refused[0], ErrorMessage: refused[1] };
        bus.put(entry.Source ?? '', entry.DetailType ?? '', JSON.parse(entry.Detail ?? '{}'));
        return { EventId: ids.uuid() };
      });
      return { FailedEntryCount: answers.filter(({ ErrorCode }) => ErrorCode).length, Entries: answers };
    },
  };
}
