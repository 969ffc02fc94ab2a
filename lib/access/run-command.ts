import { readFileSync } from 'node:fs';
import { ArnFormat, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as ssm from 'aws-cdk-lib/aws-ssm';
import type { Construct } from 'constructs';
import { acknowledgeWildcard } from '../acknowledge.ts';

// From the folder above: scripts/build-library.ts has one URL for the sources of all folders.
const SCRIPT = new URL('../access/nomad-api.sh', import.meta.url);

/**
 * The Command document that calls Nomad's API on an instance: a fixed script. Its parameters have narrow patterns and reach
 * it as environment variables, never as text of the script. With an agent before 3.3.2746.0, which cannot do that, the
 * script fails and says why.
 *
 * Both the service (in Java) and the agent (in Go) compile the patterns. Go's regexp refuses repeats above 1,000, and the agent
 * then fails the whole command. So lengths are limited by `maxChars`.
 */
export function commandDocument(): object {
  const parameter = (description: string, allowedPattern: string, maxChars: number) => ({
    type: 'String',
    description,
    allowedPattern,
    minChars: 1,
    maxChars,
    interpolationType: 'ENV_VAR',
  });
  return {
    schemaVersion: '2.2',
    description: "nomad-drain-hook: asks Nomad's HTTP API by the nomad command of this instance",
    parameters: {
      Method: parameter('GET or POST', '^(GET|POST)$', 4),
      Path: parameter('The path of the API, with its query', '^/v1/[A-Za-z0-9/._~%?&=+*-]+$', 4_000),
      Body: parameter('The body in base64, - for none', '^(-|[A-Za-z0-9+/=]+)$', 8_000),
      Request: parameter('Names this question', '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$', 36),
      Page: parameter('The page of the answer', '^[0-9]{1,4}$', 4),
    },
    mainSteps: [
      {
        action: 'aws:runShellScript',
        name: 'askNomad',
        precondition: { StringEquals: ['platformType', 'Linux'] },
        inputs: { timeoutSeconds: '60', runCommand: readFileSync(SCRIPT, 'utf8').trimEnd().split('\n') },
      },
    ],
  };
}

/** Instances with a tag, such as Nomad servers or a bastion. */
export interface Gateway {
  /** The key of the tag. */
  readonly tag: string;
  /** The value of the tag. */
  readonly value: string;
}

/**
 * Makes the document and allows the function to run only it, and only on these instances.
 * @returns the document's name
 */
export function grantCommand(
  scope: Construct,
  grantee: iam.IGrantable,
  groupNames: readonly string[],
  gateway: Gateway | undefined,
): string {
  const document = new ssm.CfnDocument(scope, 'AskNomad', {
    documentType: 'Command',
    content: commandDocument(),
    targetType: '/AWS::EC2::Instance',
    updateMethod: 'NewVersion',
  });
  const arn = (service: string, resource: string, resourceName: string) =>
    Stack.of(scope).formatArn({ service, resource, resourceName, arnFormat: ArnFormat.SLASH_RESOURCE_NAME });
  const tag = gateway?.tag ?? 'aws:autoscaling:groupName';
  const values = gateway ? [gateway.value] : [...groupNames];
  const allow = (sid: string, actions: string[], resources: string[], conditions?: Record<string, unknown>) =>
    grantee.grantPrincipal.addToPrincipalPolicy(
      new iam.PolicyStatement({ sid, actions, resources, ...(conditions && { conditions }) }),
    );
  // ssm:SendCommand needs permission for both, the document and the instance.
  allow('AskOnlyThis', ['ssm:SendCommand'], [arn('ssm', 'document', document.ref)]);
  const instances = arn('ec2', 'instance', '*');
  allow('AskOnlyThere', ['ssm:SendCommand'], [instances], {
    StringEquals: { [`ssm:resourceTag/${tag}`]: values },
  });
  acknowledgeWildcard(scope, instances, 'Instances come and go; the condition holds it to those that bear the tag.');
  // The output of a command. AWS has no resource-level permission for it.
  allow('ReadAnswers', ['ssm:GetCommandInvocation'], ['*']);
  return document.ref;
}
