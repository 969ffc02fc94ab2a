import { JsonError } from '../ssm/ssm.ts';

/** A line of a log, and when it was written, milliseconds since the epoch. */
export interface LogLine {
  at: number;
  message: string;
}

/** How many events a call looks through: a page may hold none, and the next one some. */
const LOOKED_AT = 50;
/** `{ ($.message = "a") || ($.message = "b") }`: as far as it is used. */
const PATTERN = /^\{ (\(\$\.\w+ = "[^"]*"\)(?: \|\| \(\$\.\w+ = "[^"]*"\))*) \}$/;

/** https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html */
export const logActions = (logGroups: ReadonlyMap<string, () => readonly LogLine[]>) => ({
  FilterLogEvents: (input: Record<string, unknown>) => {
    const { logGroupName, startTime = 0, endTime = Number.POSITIVE_INFINITY, filterPattern, nextToken } = input;
    const lines = logGroups.get(String(logGroupName));
    if (!lines) throw new JsonError('ResourceNotFoundException', 'The specified log group does not exist.');
    const matches = matcher(String(filterPattern ?? ''));
    const all = lines().filter(({ at }) => at >= Number(startTime) && at < Number(endTime));
    const start = Number(nextToken ?? 0);
    const end = start + LOOKED_AT;
    const events = all.slice(start, end).flatMap(({ at, message }, index) => {
      if (!matches(message)) return [];
      return [{ eventId: String(start + index), logStreamName: 'stream', timestamp: at, ingestionTime: at, message }];
    });
    return { events, searchedLogStreams: [], ...(end < all.length && { nextToken: String(end) }) };
  },
});

function matcher(pattern: string): (message: string) => boolean {
  if (pattern === '') return () => true;
  const terms = PATTERN.exec(pattern)?.[1];
  if (terms === undefined) throw new JsonError('InvalidParameterException', 'Invalid filter pattern');
  const wanted = [...terms.matchAll(/\$\.(\w+) = "([^"]*)"/g)].map(([, field = '', value = '']) => ({ field, value }));
  return (message) => {
    try {
      const record = JSON.parse(message) as Record<string, unknown>;
      return wanted.some(({ field, value }) => record[field] === value);
    } catch {
      // What is no JSON matches no pattern of JSON.
      return false;
    }
  };
}
