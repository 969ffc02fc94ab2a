import { readFileSync } from 'node:fs';
import { ArnFormat, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as ssm from 'aws-cdk-lib/aws-ssm';
import type { Construct } from 'constructs';
import { acknowledgeWildcard } from '../acknowledge.ts';

const SCRIPT = new URL('./nomad-api.sh', import.meta.url);

/**
 * The Command document that asks Nomad's API on an instance: a fixed script, whose parameters are narrow patterns and reach
 * it as environment variables, never as text of the script. Agents that do not pass them so (before 3.3.2746.0) are told so.
 *
 * Both the service (in Java) and the agent (in Go) compile the patterns. Go's regexp refuses repeats above 1,000, and the agent
 * then fails the whole command: lengths are `maxChars`.
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

/** Instances that bear a tag, such as Nomad servers or a bastion. */
export interface Gateway {
  /** The key of the tag. */
  readonly tag: string;
  /** Its value. */
  readonly value: string;
}

/**
 * Makes the document and allows the function to run it, and nothing else, on these instances, and nowhere else.
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
  // Sending takes both: the document, and an instance to run it on.
  allow('AskOnlyThis', ['ssm:SendCommand'], [arn('ssm', 'document', document.ref)]);
  const instances = arn('ec2', 'instance', '*');
  allow('AskOnlyThere', ['ssm:SendCommand'], [instances], {
    StringEquals: { [`ssm:resourceTag/${tag}`]: values },
  });
  acknowledgeWildcard(scope, instances, 'Instances come and go; the condition holds it to those that bear the tag.');
  // What a command printed. No resource-level permission.
  allow('ReadAnswers', ['ssm:GetCommandInvocation'], ['*']);
  return document.ref;
}
