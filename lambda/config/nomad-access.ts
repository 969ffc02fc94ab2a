import * as z from 'zod/mini';
import type { ProblemId } from '../errors.ts';
import { address, parameter, refusal, someText } from './names.ts';

/** The default audience of the identity token that AWS signs for the function. */
export const DEFAULT_AUDIENCE = 'nomad';
/** How long that identity token is valid, in seconds: it is exchanged for a Nomad token at once. */
export const IDENTITY_SECONDS = 300;

/** Clients that are known not to be EC2 instances: the node of an instance may be any other. */
const outsideEc2 = z.strictObject({
  datacenters: z._default(z.array(someText), []),
  nodePools: z._default(z.array(someText), []),
});

/** What is said of Nomad, however it is reached. */
const ofNomad = {
  region: z.optional(someText),
  nodeMetaKey: z.optional(someText),
  outsideEc2: z.prefault(outsideEc2, {}),
};

/** Who the function is to Nomad, and how it knows that it talks to Nomad. */
const credentials = {
  token: z.optional(parameter),
  /** Instead of a stored token: exchange the function's AWS identity for one. */
  login: z.optional(z.strictObject({ authMethod: someText, audience: z._default(someText, DEFAULT_AUDIENCE) })),
  ca: z.optional(parameter),
  clientCertificate: z.optional(parameter),
  clientKey: z.optional(parameter),
  /** The name in Nomad's certificate if it is not the address's host: `server.global.nomad`. */
  serverName: z.optional(someText),
};
type Credentials = Partial<Record<keyof typeof credentials, unknown>>;

type Refuse = (path: (string | number)[], id: ProblemId, message: string) => void;

/** Refuses credentials that do not fit each other, or the scheme. @param https what TLS needs, in the words of the way */
function refuseCredentials(given: Credentials, secure: boolean, https: string, refuse: Refuse): void {
  if (given.token && given.login)
    refuse(['login'], 'nomad-drain-hook:tokenAndLogin', 'there is a token too: one of the two');
  const halfACertificate = 'nomad-drain-hook:certificateWithoutKey';
  if (given.clientCertificate && !given.clientKey)
    refuse(['clientKey'], halfACertificate, 'missing: clientCertificate needs its key');
  if (given.clientKey && !given.clientCertificate)
    refuse(['clientCertificate'], halfACertificate, 'missing: clientKey needs its certificate');
  for (const field of ['clientCertificate', 'clientKey', 'serverName'] as const) {
    if (given[field] && !secure) refuse([field], 'nomad-drain-hook:httpsNeeded', `needs ${https}`);
  }
}

const refuseIn =
  (context: {
    addIssue(issue: { code: 'custom'; path: (string | number)[]; message: string; params: object }): void;
  }): Refuse =>
  (path, id, message) =>
    context.addIssue({ code: 'custom', path, message, params: { id } });

const http = z
  .strictObject({
    via: z.literal('http'),
    address,
    /** More servers of the same cluster, tried in turn when the one before does not answer. */
    fallbackAddresses: z.optional(
      z
        .array(address)
        .check(
          z.refine(
            ({ length }) => length <= 6,
            refusal('nomad-drain-hook:tooManyAddresses', 'more than six addresses'),
          ),
        ),
    ),
    ...ofNomad,
    ...credentials,
  })
  .check(
    z.superRefine((given, context) => {
      const refuse = refuseIn(context);
      const secure = given.address.startsWith('https:');
      refuseCredentials(given, secure, 'an https:// address', refuse);
      for (const [index, other] of (given.fallbackAddresses ?? []).entries()) {
        if (other.startsWith('https:') !== secure)
          refuse(['fallbackAddresses', index], 'nomad-drain-hook:mixedSchemes', 'not of the same scheme as address');
      }
    }),
  );

/** Nomad's default port for HTTP. */
export const DEFAULT_NOMAD_PORT = 4646;
/** Nomad's clients listen without TLS by default. */
export const DEFAULT_CLIENT_SCHEME = 'http';

const clients = z
  .strictObject({
    via: z.literal('clients'),
    scheme: z._default(z.enum(['http', 'https']), DEFAULT_CLIENT_SCHEME),
    /** Where the client agents listen for HTTP. */
    port: z._default(
      z
        .number()
        .check(
          z.refine(
            (given) => Number.isInteger(given) && given >= 1 && given <= 65_535,
            refusal('nomad-drain-hook:badPort', 'must be a port, 1 to 65535'),
          ),
        ),
      DEFAULT_NOMAD_PORT,
    ),
    ...ofNomad,
    ...credentials,
  })
  .check(
    z.superRefine((given, context) =>
      refuseCredentials(given, given.scheme === 'https', 'the scheme https', refuseIn(context)),
    ),
  );

const instances = z.strictObject({
  via: z.literal('ssm'),
  /** The Command document to run. */
  document: someText,
  /** The instances that run it, by tag; by default those in service in the groups. */
  gateway: z.optional(z.strictObject({ tag: someText, value: z.string() })),
  ...ofNomad,
});

/** How Nomad is asked. */
export const nomad = z.discriminatedUnion('via', [http, clients, instances]);
