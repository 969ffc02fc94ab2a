import * as z from 'zod/mini';
import type { ProblemId } from '../errors.ts';

/**
 * The name of a group that stands for all: for a function that only answers which instances go. The groups of its own stack are
 * made after it, so it cannot know their names.
 */
export const ANY_GROUP = '*';

/** What a check says when it refuses, and the id under which docs/construct.md explains it. */
export const refusal = (id: ProblemId, error: string) => ({ error, params: { id } });

export const someText = z
  .string()
  .check(z.refine((given) => given.length > 0, refusal('nomad-drain-hook:emptyText', 'must not be empty')));

/** What was given, quoted in the message that refuses it. */
const quoted = (given: string) => JSON.stringify(given.length > 80 ? `${given.slice(0, 80)}…` : given);

/** What is given instead of a name that Auto Scaling takes. */
const named = (id: ProblemId, accepts: (given: string) => boolean, wanted: string) =>
  z.string().check(
    z.superRefine((given, context) => {
      if (accepts(given)) return;
      context.addIssue({ code: 'custom', message: `must be ${wanted}, not ${quoted(given)}`, params: { id } });
    }),
  );

/** Auto Scaling refuses a colon, and IAM takes the others in the name of a resource for any text or a variable. */
const NOT_IN_A_GROUP_NAME = /[:*?]|\$\{/;
export const groupName = named(
  'nomad-drain-hook:groupName',
  (given) => given === ANY_GROUP || (0 < given.length && given.length <= 255 && !NOT_IN_A_GROUP_NAME.test(given)),
  'the name of a group: 1 to 255 characters, without : * ? or ${',
);

/** https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_PutLifecycleHook.html */
export const hookName = named(
  'nomad-drain-hook:hookName',
  (given) => /^[\w/-]{1,255}$/.test(given),
  'the name of a hook: 1 to 255 letters, digits, - _ /',
);

/**
 * What people give by mistake instead of the name of a parameter: the secret id of a Nomad token, a signed token, PEM and its
 * base64 form. It would be in the template, for everybody who may read that.
 */
const SECRET =
  /^\s*([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|eyJ[\w-]+\.[\w-]+\.[\w-]+|LS0tLS[\w+/=]+)\s*$|-----BEGIN|[\r\n]/i;

/** Whether a text is a secret, or a certificate, rather than the name of the parameter that holds it. */
export const isSecret = (text: string): boolean => SECRET.test(text);

/** Does not contain the value: it may go into a log. */
export const SECRET_REFUSED =
  'is the secret or the certificate itself, not the name of the parameter that holds it. Store it in Parameter Store and ' +
  'give that name, like /nomad/drain-token';

/** A name with a slash has one at its beginning. A version or a label after a colon is none of it. */
const PARAMETER_NAME = /^((\/[\w.-]+)+|[\w.-]+)$/;

/** Why a text is not the name of a parameter; undefined if it is. Does not contain the text: it may be a secret. */
export function parameterRefusal(given: string): string | undefined {
  if (PARAMETER_NAME.test(given)) return undefined;
  if (/^[\w./-]+:[\w.-]+$/.test(given)) return 'must have no version: the newest is read, so that it can be rotated';
  if (/^[\w.-]+(\/[\w.-]+)+$/.test(given)) return 'must begin with a slash, as each name with a slash in it does';
  return 'must be the name of a parameter, like /nomad/drain-token: letters, digits, . _ - and /';
}

export const parameter = z.strictObject({
  parameter: someText.check(
    z.superRefine((given, context) => {
      const refuse = (id: ProblemId, message: string) => context.addIssue({ code: 'custom', message, params: { id } });
      if (isSecret(given)) return refuse('nomad-drain-hook:secretGiven', SECRET_REFUSED);
      const refused = given && parameterRefusal(given);
      if (refused) refuse('nomad-drain-hook:parameterName', refused);
    }),
  ),
});

/** No user info, which would be in the template for everybody, no path, query or fragment; and not `HTTPS://`, which reads as plain HTTP. */
const ADDRESS = /^https?:\/\/(\[[\dA-Fa-f:.]+\]|[^\s/:?#@[\]\\]+)(:\d{1,5})?\/?$/;
export const address = z.string().check(
  z.superRefine((given, context) => {
    if (ADDRESS.test(given) && URL.canParse(given)) return;
    // A password, a path or a query in it may be a secret.
    const shown = given.replace(/[^/]*@/, '…@').replace(/(?<=[^:/])[/?#].*/, '/…');
    const not = isSecret(given) ? '' : `, not ${quoted(shown)}`;
    const message = `must be http:// or https:// with a host and a port, and nothing else${not}`;
    context.addIssue({ code: 'custom', message, params: { id: 'nomad-drain-hook:badAddress' satisfies ProblemId } });
  }),
);
