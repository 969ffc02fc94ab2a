import { Annotations, ArnFormat, Stack, Token } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as ssm from 'aws-cdk-lib/aws-ssm';
import type { Construct } from 'constructs';
import { type ConfigDocument, DEFAULT_AUDIENCE, IDENTITY_SECONDS } from '../../lambda/config.ts';
import { type Gateway, grantCommand } from './run-command.ts';

/** The part of the configuration document that says how to reach Nomad. */
export type NomadDocument = ConfigDocument['nomad'];

/**
 * A parameter of Parameter Store in the stack's account and region: a construct, or its name. Read at run time only. The secret
 * itself in place of the name is refused: it would end in the template.
 */
export type Parameter = ssm.IParameter | string;

/** How the function logs in to Nomad without a stored secret: by AWS's outbound identity federation. */
export interface LoginProps {
  /** The name of Nomad's auth method, of type JWT, that trusts the issuer of this AWS account. */
  readonly authMethod: string;
  /**
   * For whom AWS makes its statement: one of `BoundAudiences` of the auth method.
   * @default 'nomad'
   */
  readonly audience?: string;
}

/** How to reach Nomad's HTTP API. */
export interface HttpAccessProps {
  /** Where Nomad's HTTP API answers, e.g. `https://nomad.internal:4646`. May hold tokens. */
  readonly address: string;
  /**
   * Further servers of the same cluster, with the same scheme; at most six. Where one does not answer, the next is asked.
   * @default - none
   */
  readonly fallbackAddresses?: readonly string[];
  /**
   * The parameter (best a SecureString) that holds the secret id of an ACL token with `node { policy = "write" }` and
   * `namespace "*" { capabilities = ["read-job"] }`.
   * Read once per cold start, and again when Nomad refuses it: a token that is rotated needs no deploy.
   * @default - no stored token: the cluster has ACLs turned off, or `login` is given
   */
  readonly token?: Parameter;
  /**
   * Instead of a stored token: the function trades its own AWS identity for one that expires. Not together with `token`.
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
   * The name that Nomad's certificate is for, where it is not the host of the address: `server.<region>.nomad`.
   * @default - the host of the address
   */
  readonly serverName?: string;
  /**
   * The customer managed key that the parameters are encrypted with.
   * @default - the account's `aws/ssm` key, which needs no permission of its own
   */
  readonly encryptionKey?: kms.IKey;
  /**
   * The Nomad region to ask, where the address serves several.
   * @default - the region of the server that answers
   */
  readonly region?: string;
  /**
   * The key of a Nomad client's `meta` that holds the instance id, for clients without the EC2 fingerprint.
   * @default - the attribute `unique.platform.aws.instance-id`
   */
  readonly nodeMetaKey?: string;
}

/** How to reach Nomad through SSM Run Command. */
export interface RunCommandAccessProps {
  /**
   * Instances to ask instead of those of the groups, by a tag that they bear.
   * @default - those in service in the groups
   */
  readonly gateway?: Gateway;
  /**
   * The Nomad region to ask.
   * @default - the region of the instance's agent
   */
  readonly region?: string;
  /**
   * The key of a Nomad client's `meta` that holds the instance id, for clients without the EC2 fingerprint.
   * @default - the attribute `unique.platform.aws.instance-id`
   */
  readonly nodeMetaKey?: string;
}

/**
 * How the function reaches Nomad and proves who it is. Made by a static method, in the manner of `lambda.Code`; another
 * way in is another subclass.
 */
export abstract class NomadAccess {
  /** Over HTTP or HTTPS, with an ACL token or none. Plain HTTP is warned about: the token crosses the network readable. */
  static http(props: HttpAccessProps): NomadAccess {
    return new HttpAccess(props);
  }

  /**
   * Where the function has no network path to Nomad: by the `nomad` command of an instance, through SSM Run Command. The
   * instances need the SSM agent (3.3.2746.0 or later) and the `nomad` command, set up by `/etc/profile.d/nomad.sh` or
   * `/etc/nomad-drain-hook.env` with NOMAD_ADDR, NOMAD_TOKEN and the like; a Nomad client's own agent serves it.
   */
  static runCommand(props: RunCommandAccessProps = {}): NomadAccess {
    return new RunCommandAccess(props);
  }

  /**
   * Renders this part of the configuration document and grants what the function needs for it. Called once by the
   * construct.
   * @param scope the construct: warnings and imported resources go there
   * @param grantee the function's role
   * @param groupNames the Auto Scaling groups that are served; may be tokens
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
    const { address, token, login, ca, clientCertificate, clientKey, encryptionKey } = this.#props;
    if (/^http:/i.test(address)) {
      Annotations.of(scope).addWarningV2(
        'nomad-drain-hook:plainHttp',
        `Nomad is asked over plain HTTP at ${address}: the ACL token and every answer cross the network readable. Use https.`,
      );
    }
    const parameters = [token, ca, clientCertificate, clientKey].filter((parameter) => parameter !== undefined);
    if (parameters.length > 0) {
      grantee.grantPrincipal.addToPrincipalPolicy(
        // The token and what TLS needs, and no other parameter. No listing, no history.
        new iam.PolicyStatement({
          sid: 'ReadNomadParameters',
          actions: ['ssm:GetParameters'],
          resources: parameters.map((parameter) => arnOf(scope, parameter)),
        }),
      );
      // A customer key is closed until its use is granted; the account's own `aws/ssm` key is open to its users.
      encryptionKey?.grantDecrypt(grantee);
    }
    if (login) {
      grantee.grantPrincipal.addToPrincipalPolicy(
        // A statement of who the function is, for Nomad alone. STS knows no resource for it; the conditions narrow it.
        new iam.PolicyStatement({
          sid: 'ProveIdentity',
          actions: ['sts:GetWebIdentityToken'],
          resources: ['*'],
          conditions: {
            'ForAllValues:StringEquals': { 'sts:IdentityTokenAudience': [audienceOf(login)] },
            NumericLessThanEquals: { 'sts:DurationSeconds': IDENTITY_SECONDS },
          },
        }),
      );
    }
    return httpDocument(this.#props);
  }
}

class RunCommandAccess extends NomadAccess {
  readonly #props: RunCommandAccessProps;

  constructor(props: RunCommandAccessProps) {
    super();
    this.#props = props;
  }

  override bind(scope: Construct, grantee: iam.IGrantable, groupNames: readonly string[]): NomadDocument {
    const { gateway, region, nodeMetaKey } = this.#props;
    return {
      via: 'ssm',
      document: grantCommand(scope, grantee, groupNames, gateway),
      ...(gateway && { gateway: { tag: gateway.tag, value: gateway.value } }),
      ...(region !== undefined && { region }),
      ...(nodeMetaKey !== undefined && { nodeMetaKey }),
    };
  }
}

/** This way as the configuration document says it. */
export function httpDocument(props: HttpAccessProps): NomadDocument {
  const { address, fallbackAddresses, region, nodeMetaKey, serverName, login } = props;
  const parameter = (field: 'token' | 'ca' | 'clientCertificate' | 'clientKey') => {
    const given = props[field];
    return given !== undefined && { [field]: { parameter: nameOf(given) } };
  };
  return {
    via: 'http',
    address,
    ...(fallbackAddresses?.length && { fallbackAddresses: [...fallbackAddresses] }),
    ...(region !== undefined && { region }),
    ...(nodeMetaKey !== undefined && { nodeMetaKey }),
    ...parameter('token'),
    ...(login && { login: { authMethod: login.authMethod, audience: audienceOf(login) } }),
    ...parameter('ca'),
    ...parameter('clientCertificate'),
    ...parameter('clientKey'),
    ...(serverName !== undefined && { serverName }),
  };
}

const audienceOf = ({ audience = DEFAULT_AUDIENCE }: LoginProps) => audience;
const nameOf = (parameter: Parameter) => (typeof parameter === 'string' ? parameter : parameter.parameterName);

function arnOf(scope: Construct, parameter: Parameter): string {
  if (typeof parameter !== 'string') return parameter.parameterArn;
  // A hierarchical name brings its own slash: parameter/nomad/token, but parameter/token.
  const rooted = !Token.isUnresolved(parameter) && parameter.startsWith('/');
  return Stack.of(scope).formatArn({
    service: 'ssm',
    resource: 'parameter',
    resourceName: rooted ? parameter.slice(1) : parameter,
    arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
  });
}
