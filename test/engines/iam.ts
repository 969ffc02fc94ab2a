import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { NomadDrainHookProps } from '../../lib/props.ts';
import { emptyStack, type Json, templateOf } from '../lib/stacks.ts';
import { make } from '../template/cloudformation.ts';

const ENGINE = fileURLToPath(new URL('node_modules/@cloud-copilot/iam-simulate/dist/esm/index.js', import.meta.url));

/** Why there is no engine here; empty where there is. */
export const missing = existsSync(ENGINE) ? '' : ' (skipped: `npm ci --prefix test/engines` installs it)';
const { runSimulation } = missing ? {} : await import(ENGINE);

/** Where the stacks are: what `make` takes for the region and the account. */
export const IN = 'eu-west-1:111122223333';
const ACCOUNT = '111122223333';

/** One permission that a call needs, as AWS asks for it. */
export interface Needed {
  readonly action: string;
  readonly resource: string;
  /** The condition keys that the call brings. */
  readonly context: Readonly<Record<string, string | readonly string[]>>;
}

/** The function that drains, or the one that says which instances go. */
export type Role = 'drains' | 'whoGoes';

/** The policies of the roles that are synthesized for these properties. */
export type Policies = Readonly<Record<Role, Json>>;

/** @param stack where `props` have made something */
export function policiesOf(props: Partial<NomadDrainHookProps>, stack = emptyStack()): Policies {
  const { resources } = make(templateOf(props, stack).toJSON());
  const policies = Object.entries(resources).filter(([, { Type }]) => Type === 'AWS::IAM::Policy');
  const ofRole = (isWhoGoes: boolean) => {
    const documents = policies.filter(([id]) => id.includes('WhoGoes') === isWhoGoes);
    const statements = documents.flatMap(([, { Properties }]) => Properties.PolicyDocument.Statement);
    return withArns({ Version: '2012-10-17', Statement: statements }, resources);
  };
  return { drains: ofRole(false), whoGoes: ofRole(true) };
}

/** The ARNs that resources of the stack would have. */
export const logGroupArn = `arn:aws:logs:${IN}:log-group:/aws/lambda/drain`;
const queueArn = (id: string) => `arn:aws:sqs:${IN}:${id.replace(/[0-9A-F]{8}$/, '')}`;
const ARNS: Record<string, (id: string) => string> = {
  'AWS::Logs::LogGroup': () => `${logGroupArn}:*`,
  'AWS::SQS::Queue': queueArn,
};

/** A document with what only a deployment tells of its resources. */
function withArns(document: Json, resources: Record<string, Json>): Json {
  const arn = (id: string) => ARNS[resources[id].Type]?.(id) ?? `arn:aws:unknown:${IN}:${id}`;
  const deep = (value: Json): Json => {
    if (typeof value === 'string')
      return value.replaceAll(/\$\{(\w+)(\.Arn)?\}/g, (_, id, attribute) => (attribute ? arn(id) : id));
    if (Array.isArray(value)) return value.map(deep);
    if (typeof value !== 'object' || value === null) return value;
    if (value['Fn::GetAtt']) return arn(value['Fn::GetAtt'][0]);
    if (value.Ref) return value.Ref;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, deep(item)]));
  };
  return deep(document);
}

/** The condition keys of each call that the code makes: https://docs.aws.amazon.com/lambda/latest/dg/lambda-permissions.html */
const BY_CODE = {
  'aws:RequestedRegion': 'eu-west-1',
  'lambda:SourceFunctionArn': `arn:aws:lambda:${IN}:function:drain`,
};

/** A key of the account whose policy leaves the decision to IAM, as that of the KMS console does. */
const KEY_POLICY = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` }, Action: 'kms:*', Resource: '*' }],
};

/** Whether IAM would allow it. @throws Error for what no such call could be: an unknown action, another type of resource */
export async function isAllowed(policy: Json, { action, resource, context }: Needed): Promise<boolean> {
  const principal = `arn:aws:sts::${ACCOUNT}:assumed-role/drain/drain`;
  const response = await runSimulation(
    {
      request: { principal, action, resource: { resource, accountId: ACCOUNT }, contextVariables: context },
      identityPolicies: [{ name: 'function', policy }],
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      ...(action.startsWith('kms:') && { resourcePolicy: KEY_POLICY }),
    },
    {},
  );
  if (response.resultType === 'error') throw new Error(JSON.stringify(response.errors));
  return response.overallResult === 'Allowed';
}

/** A call of the code. */
export const byCode = (action: string, resource = '*', context: Needed['context'] = {}): Needed => ({
  action,
  resource,
  context: { ...BY_CODE, ...context },
});

/** A call that the Lambda service makes with the function's role. */
export const byService = (action: string, resource = '*'): Needed => ({ action, resource, context: {} });
