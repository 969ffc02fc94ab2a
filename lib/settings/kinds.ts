import { Duration } from 'aws-cdk-lib';
import * as z from 'zod';
import { DURATIONS, durationRefusal, inFull } from '../../lambda/config/durations.ts';
import { isSecret, parameterRefusal, SECRET_REFUSED } from '../../lambda/config/names.ts';

/** The kinds of settings: how each is written, what is said of a value that is none, and what docs/settings.md calls its unit. */

export function text(pattern: RegExp, wanted: string) {
  return z.string(mustBe(wanted)).regex(pattern, mustBe(wanted));
}

/** Its messages never say the value: it may be the secret that belongs into the parameter. */
export function parameterName() {
  return z
    .string('must be the name of a parameter')
    .refine((name) => !isSecret(name), { error: SECRET_REFUSED, abort: true })
    .superRefine((name, context) => {
      const message = parameterRefusal(name);
      if (message) context.addIssue({ code: 'custom', message });
    })
    .meta({ unit: 'parameter name' });
}

export function list(pattern: RegExp, wanted: string) {
  return z
    .union([z.string(), z.array(z.string())], mustBe(wanted))
    .transform((items) => (typeof items === 'string' ? items.split(',') : items).map((item) => item.trim()))
    .pipe(z.array(text(pattern, wanted)));
}

/** In cdk.json it may be true, on the command line it is "true". */
export function choice<const Option extends string>(...options: Option[]) {
  const wanted = mustBe(options.join(' or '));
  return z
    .union([z.string(), z.boolean()], wanted)
    .transform(String)
    .pipe(z.enum(options, wanted))
    .meta({ unit: unitOf(options) });
}

/** What a choice among these is called. */
export const unitOf = (options: readonly string[]) => options.map((option) => `\`${option}\``).join(', ');

const FLAG = ['true', 'false'] as const;

export function flag() {
  return choice(...FLAG)
    .transform((chosen) => chosen === 'true')
    .meta({ unit: unitOf(FLAG) });
}

export function duration(field: keyof typeof DURATIONS) {
  const pattern = /^(?=\d)(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?$/;
  const { id, least, most } = DURATIONS[field];
  return text(pattern, 'a duration like 6h, 30m, 90s or 1h30m')
    .transform((written, context) => {
      const [, hours = 0, minutes = 0, seconds = 0] = pattern.exec(written) ?? [];
      const amount = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
      const message = durationRefusal(DURATIONS[field], amount, written);
      if (message) context.addIssue({ code: 'custom', message, params: { id } });
      return Duration.seconds(amount);
    })
    .meta({ unit: `duration, ${inFull(least)} to ${inFull(most)}` });
}

/** A duration as a setting writes it: "6h", "1h30m", "90s". */
export const asWritten = (seconds: number) => inFull(seconds).replaceAll(/ ([hms])(?:in)? ?/g, '$1');

/** The id of a resource of EC2. */
export function awsId(kind: string): RegExp {
  return new RegExp(`^${kind}-([0-9a-f]{8}|[0-9a-f]{17})$`);
}

/** What to say of a value that is none of these. */
export function mustBe(wanted: string) {
  return { error: ({ input }: { input?: unknown }) => `must be ${wanted}, not ${JSON.stringify(input)}` };
}
