import { Annotations, ArnFormat, Stack, Token } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as ssm from 'aws-cdk-lib/aws-ssm';
import type { Construct } from 'constructs';
import {
  DEFAULT_AUDIENCE,
  DEFAULT_CLIENT_SCHEME,
  DEFAULT_NOMAD_PORT,
  IDENTITY_SECONDS,
} from '../../lambda/config/nomad-access.ts';
import { defined } from '../defined.ts';
import type { NomadDocument } from './nomad-document.ts';
import { type OutsideEc2, outsideEc2Of } from './outside-ec2.ts';
import { type Gateway, grantCommand } from './run-command.ts';

/**
 * A parameter of Parameter Store in the stack's account and region: a construct or its name. Read at run time only. The
 * secret itself in place of the name is refused, because the template would contain it.
 */
export type Parameter = ssm.IParameter | string;

/** How the function logs in to Nomad without a stored secret: by AWS's outbound identity federation. */
export interface LoginProps {
  /** The name of Nomad's auth method, of type JWT, that trusts the issuer of this AWS account. */
  readonly authMethod: string;
  /**
   * The audience of the identity token that AWS signs: one of `BoundAudiences` of the auth method.
   * @default 'nomad'
   */
  readonly audience?: string;
}

/** What is said of Nomad's clients, however Nomad is reached. */
export interface NomadNodesProps {
  /**
   * The key of a Nomad client's `meta` that holds the instance id, for clients without the EC2 fingerprint.
   * @default - the attribute `unique.platform.aws.instance-id`
   */
  readonly nodeMetaKey?: string;
  /**
   * Nomad clients that are not EC2 instances. An instance whose node cannot be found is kept while any live node could be its
   * own: a client named here could not.
   * @default - none: every node may be an instance's
   */
  readonly outsideEc2?: OutsideEc2;
}

/** Who the function is to Nomad, and how it knows that it talks to Nomad. */
export interface NomadCredentialsProps {
  /**
   * The parameter (best a SecureString) that holds the secret id of an ACL token with `node { policy = "write" }` and
   * `namespace "*" { capabilities = ["read-job"] }`.
   * Read once per cold start, and again when Nomad refuses it: rotating the token needs no deploy.
   * @default - no stored token: ACLs are off in the cluster, or there is a `login`
   */
  readonly token?: Parameter;
  /**
   * Instead of a stored token: the function exchanges its AWS identity for a Nomad token that expires. Not together with `token`.
   * @default - no login
   */
  readonly login?: LoginProps;
  /**
   * The parameter that holds the certificate authority of Nomad's TLS certificate, PEM.
   * @default - the authorities that Node.js trusts
   */
  readonly ca?: Parameter;
  /**
   * The parameter that holds the function's own certificate, PEM, where Nomad asks its clients for one
   * (`verify_https_client`). Needs `clientKey`.
   * @default - none
   */
  readonly clientCertificate?: Parameter;
  /**
   * The parameter (a SecureString) that holds the key of `clientCertificate`, PEM.
   * @default - none
   */
  readonly clientKey?: Parameter;
  /**
   * The customer managed key that encrypts the parameters.
   * @default - the account's `aws/ssm` key, which needs no permission of its own
   */
  readonly encryptionKey?: kms.IKey;
}

/** How to reach Nomad's HTTP API. */
export interface HttpAccessProps extends NomadCredentialsProps, NomadNodesProps {
  /** The address of Nomad's HTTP API, e.g. `https://nomad.internal:4646`. May contain CDK tokens. */
  readonly address: string;
  /**
   * More servers of the same cluster, with the same scheme; at most six. When one does not answer, the next is tried.
   * @default - none
   */
  readonly fallbackAddresses?: readonly string[];
  /**
   * The name in Nomad's certificate if it is not the host of the address: `server.<region>.nomad`.
   * @default - the host of the address
   */
  readonly serverName?: string;
  /**
   * The Nomad region to query if the address serves several.
   * @default - the region of the server that answers
   */
  readonly region?: string;
}

/** How to reach Nomad through the Nomad clients of the groups. */
export interface ClientsAccessProps extends NomadCredentialsProps, NomadNodesProps {
  /**
   * `https` where the clients have TLS on HTTP (`tls { http = true }`).
   * @default 'http'
   */
  readonly scheme?: 'http' | 'https';
  /**
   * The port on which the clients listen for HTTP.
   * @default 4646
   */
  readonly port?: number;
  /**
   * The name in the certificates of the clients. Needs the scheme `https`.
   * @default - `client.<region>.nomad`, with `global` where no region is given
   */
  readonly serverName?: string;
  /**
   * The Nomad region to query.
   * @default - the region of the clients
   */
  readonly region?: string;
}

/** How to reach Nomad through SSM Run Command. */
export interface RunCommandAccessProps extends NomadNodesProps {
  /**
   * The instances that run the commands, by tag, instead of those of the groups.
   * @default - instances of the groups that are in service
   */
  readonly gateway?: Gateway;
  /**
   * The Nomad region to query.
   * @default - the region of the instance's agent
   */
  readonly region?: string;
}

/**
 * How the function reaches Nomad and authenticates. Made by a static method, like `lambda.Code`; another transport is
 * another subclass.
 */
export abstract class NomadAccess {
  /** Over HTTP or HTTPS, with an ACL token or none. Plain HTTP gives a warning: everybody on the network can read the token. */
  static http(props: HttpAccessProps): NomadAccess {
    return new HttpAccess(props);
  }

  /**
   * Over HTTP or HTTPS to the Nomad clients of the groups, by their private addresses: where no address leads to the servers. A
   * client that is in service forwards to the servers what only they know. The clients then see the token, and can forge what the
   * function decides by: docs/security.md says what that means. The function has to run in a VPC from which it reaches their port.
   */
  static clients(props: ClientsAccessProps = {}): NomadAccess {
    return new ClientsAccess(props);
  }

  /**
   * For a function without a network path to Nomad: runs the `nomad` command of an instance through SSM Run Command. The
   * instances need the SSM agent (3.3.2746.0 or later) and the `nomad` command, configured by `/etc/profile.d/nomad.sh` or
   * `/etc/nomad-drain-hook.env` with NOMAD_ADDR, NOMAD_TOKEN and the like; it may talk to a Nomad client's own agent.
   */
  static runCommand(props: RunCommandAccessProps = {}): NomadAccess {
    return new RunCommandAccess(props);
  }

  /**
   * Returns this part of the configuration document and grants the permissions for it. The construct calls
   * it for each of its functions.
   * @param scope the construct: the parent of warnings and imported resources
   * @param grantee the function's role
   * @param groupNames the names of the Auto Scaling groups; may be CDK tokens
   */
  abstract bind(scope: Construct, grantee: iam.IGrantable, groupNames: readonly string[]): NomadDocument;
}

class HttpAccess extends NomadAccess {
  readonly #props: HttpAccessProps;

  constructor(props: HttpAccessProps) {
    super();
    this.#props = props;
  }

  override bind(scope: Construct, grantee: iam.IGrantable): NomadDocument {
    if (/^http:/i.test(this.#props.address)) warnOfPlainHttp(scope);
    grantCredentials(scope, grantee, this.#props);
    return httpDocument(this.#props);
  }
}

class ClientsAccess extends NomadAccess {
  readonly #props: ClientsAccessProps;

  constructor(props: ClientsAccessProps) {
    super();
    this.#props = props;
  }

  override bind(scope: Construct, grantee: iam.IGrantable): NomadDocument {
    if (this.#props.scheme !== 'https') warnOfPlainHttp(scope);
    grantCredentials(scope, grantee, this.#props);
    grantee.grantPrincipal.addToPrincipalPolicy(
      // The instances of the groups and their addresses. AWS has no resource-level permissions for it.
      new iam.PolicyStatement({
        sid: 'FindClients',
        actions: ['autoscaling:DescribeAutoScalingGroups', 'autoscaling:DescribeWarmPool', 'ec2:DescribeInstances'],
        resources: ['*'],
      }),
    );
    return clientsDocument(this.#props);
  }
}

function warnOfPlainHttp(scope: Construct): void {
  Annotations.of(scope).addWarningV2(
    'nomad-drain-hook:plainHttp',
    `Nomad is reached over plain HTTP: the ACL token and every answer cross the network unencrypted. Use https.`,
  );
}

/** Lets the function read the parameters that its credentials are in, and prove its identity if it logs in. */
function grantCredentials(scope: Construct, grantee: iam.IGrantable, props: NomadCredentialsProps): void {
  const { token, login, ca, clientCertificate, clientKey, encryptionKey } = props;
  const parameters = [token, ca, clientCertificate, clientKey].filter((parameter) => parameter !== undefined);
  if (parameters.length > 0) {
    grantee.grantPrincipal.addToPrincipalPolicy(
      // Only the parameters for the token and TLS. No listing, no history.
      new iam.PolicyStatement({
        sid: 'ReadNomadParameters',
        actions: ['ssm:GetParameters'],
        resources: parameters.map((parameter) => arnOf(scope, parameter)),
      }),
    );
    // A customer key needs a grant; the account's own `aws/ssm` key does not.
    encryptionKey?.grantDecrypt(grantee);
  }
  if (login) {
    grantee.grantPrincipal.addToPrincipalPolicy(
      // A signed identity of the function, for Nomad only. STS has no resource for it; the conditions limit it.
      new iam.PolicyStatement({
        sid: 'ProveIdentity',
        actions: ['sts:GetWebIdentityToken'],
        resources: ['*'],
        conditions: {
          'ForAllValues:StringEquals': { 'sts:IdentityTokenAudience': [audienceOf(login)] },
          NumericLessThanEquals: { 'sts:DurationSeconds': IDENTITY_SECONDS },
          // The set operator holds for a request that names no audience at all.
          Null: { 'sts:IdentityTokenAudience': 'false' },
        },
      }),
    );
  }
}

class RunCommandAccess extends NomadAccess {
  readonly #props: RunCommandAccessProps;

  constructor(props: RunCommandAccessProps) {
    super();
    this.#props = props;
  }

  override bind(scope: Construct, grantee: iam.IGrantable, groupNames: readonly string[]): NomadDocument {
    const { gateway, region } = this.#props;
    return defined({
      via: 'ssm' as const,
      document: grantCommand(scope, grantee, groupNames, gateway),
      gateway: gateway && { tag: gateway.tag, value: gateway.value },
      region,
      ...nodesOf(this.#props),
    });
  }
}

/** The part of the configuration document for HTTP or HTTPS. */
export function httpDocument(props: HttpAccessProps): NomadDocument {
  const { address, fallbackAddresses, region, serverName } = props;
  return defined({
    via: 'http' as const,
    address,
    fallbackAddresses: fallbackAddresses?.length ? [...fallbackAddresses] : undefined,
    region,
    ...nodesOf(props),
    ...credentialsOf(props),
    serverName,
  });
}

/** The part of the configuration document for HTTP or HTTPS to the clients. */
export function clientsDocument(props: ClientsAccessProps): NomadDocument {
  const { scheme = DEFAULT_CLIENT_SCHEME, port = DEFAULT_NOMAD_PORT, region, serverName } = props;
  return defined({
    via: 'clients' as const,
    scheme,
    port,
    region,
    ...nodesOf(props),
    ...credentialsOf(props),
    serverName,
  });
}

const nodesOf = ({ nodeMetaKey, outsideEc2 }: NomadNodesProps) => ({
  nodeMetaKey,
  outsideEc2: outsideEc2Of(outsideEc2),
});

function credentialsOf({ token, login, ca, clientCertificate, clientKey }: NomadCredentialsProps) {
  const parameter = (named: Parameter | undefined) => (named === undefined ? undefined : { parameter: nameOf(named) });
  return {
    token: parameter(token),
    login: login && { authMethod: login.authMethod, audience: audienceOf(login) },
    ca: parameter(ca),
    clientCertificate: parameter(clientCertificate),
    clientKey: parameter(clientKey),
  };
}

const audienceOf = ({ audience = DEFAULT_AUDIENCE }: LoginProps) => audience;

/** With its version, where it is of one: that is refused, for what is read at run time is always the newest. */
function nameOf(parameter: Parameter): string {
  if (typeof parameter === 'string') return parameter;
  if (!('stringValue' in parameter)) return parameter.parameterName;
  const reference = JSON.stringify(Stack.of(parameter).resolve(parameter.stringValue));
  const [, version] = /^"\{\{resolve:ssm(?:-secure)?:[^:]+:(\d+)\}\}"$/.exec(reference) ?? [];
  return version === undefined ? parameter.parameterName : `${parameter.parameterName}:${version}`;
}

function arnOf(scope: Construct, parameter: Parameter): string {
  if (typeof parameter !== 'string') return parameter.parameterArn;
  // A hierarchical name has its own slash: parameter/nomad/token, but parameter/token.
  const rooted = !Token.isUnresolved(parameter) && parameter.startsWith('/');
  return Stack.of(scope).formatArn({
    service: 'ssm',
    resource: 'parameter',
    resourceName: rooted ? parameter.slice(1) : parameter,
    arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
  });
}
