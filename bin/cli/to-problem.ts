import { ResourceNotFoundException as LogGroupNotFound } from '@aws-sdk/client-cloudwatch-logs';
import { ResourceNotFoundException as FunctionNotFound } from '@aws-sdk/client-lambda';
import { CommanderError } from '@commander-js/extra-typings';
import type { GlobalOptions } from './context.ts';
import { FunctionFailed } from './function-failed.ts';
import { Problem } from './problem.ts';

/** An error as the SDK throws it. */
interface SdkError extends Error {
  code?: string;
  $metadata?: unknown;
}

/** What is wrong, and what to do, for whatever a command has thrown. */
export function toProblem(
  thrown: unknown,
  options: GlobalOptions,
  environment: NodeJS.ProcessEnv,
  command?: string,
): Problem {
  if (thrown instanceof Problem) return thrown;
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  if (error instanceof CommanderError) return wrongUse(error, command);
  if (error instanceof FunctionFailed) return functionFailed(error);
  return (
    ofCredentials(error, options.profile ?? environment.AWS_PROFILE) ??
    ofAws(error) ??
    new Problem(oneLine(error.message), '--debug prints the stack trace.', { cause: error })
  );
}

const wrongUse = ({ message }: CommanderError, command: string | undefined) => {
  const [wrong = '', ...others] = message.replace(/^error: /, '').split('\n');
  const meant = others.find((line) => /^\(Did you mean/.test(line))?.slice(1, -1);
  const help =
    command === undefined
      ? 'The commands and options are in: nomad-drain-hook --help'
      : `Its arguments and options are in: nomad-drain-hook ${command} --help`;
  return new Problem(wrong, meant ? `${meant} ${help}` : help);
};

function functionFailed(error: FunctionFailed): Problem {
  if (error.type === 'AnswerError') {
    const todo = 'nomad-drain-hook nodes and nomad-drain-hook jobs list what there is.';
    return new Problem(oneLine(error.message), todo, { cause: error });
  }
  const wrong = `the function failed: ${oneLine(error.message)}`;
  const because = (todo: string) => new Problem(wrong, todo, { cause: error });
  if (/Task timed out/.test(error.message)) return because('Nomad or AWS may not answer: run nomad-drain-hook doctor.');
  if (error.type === 'EventError') {
    return because('If the command is unknown there, an older version is deployed: deploy this one, or use its own.');
  }
  return because("Run nomad-drain-hook doctor; the function's log has more.");
}

const MISSING_CREDENTIALS =
  'Log in, such as with aws sso login (AWS CLI version 2), or name a profile: --profile <name>.';

function ofCredentials(error: SdkError, profile: string | undefined): Problem | undefined {
  const { name, message } = error;
  const because = (wrong: string, todo: string) => new Problem(wrong, todo, { cause: error });
  const ofProfile = profile === undefined ? '' : ` of profile ${profile}`;
  if (message === 'Region is missing') {
    return because('no AWS region is set', 'Set --region <region>, AWS_REGION, or a region in the profile.');
  }
  if (['CredentialsProviderError', 'TokenProviderError'].includes(name)) {
    if (/sso|token is expired|refresh/i.test(message)) {
      const login = `aws sso login${profile === undefined ? '' : ` --profile ${profile}`}`;
      return because(
        `the SSO session${ofProfile} has expired, or was never started`,
        `Log in again: ${login} (AWS CLI version 2)`,
      );
    }
    return because(`there are no AWS credentials${ofProfile}`, MISSING_CREDENTIALS);
  }
  if (/^(ExpiredToken(Exception)?|RequestExpired)$/.test(name)) {
    return because(`the AWS credentials${ofProfile} have expired`, 'Log in again, or renew them.');
  }
  if (
    /^(UnrecognizedClientException|InvalidClientTokenId|InvalidSignatureException|SignatureDoesNotMatch)$/.test(name)
  ) {
    return because(`AWS does not accept the credentials${ofProfile}: ${oneLine(message)}`, MISSING_CREDENTIALS);
  }
  return undefined;
}

const SILENT = /^(ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|EPIPE|ETIMEDOUT)$/;

function ofAws(error: SdkError): Problem | undefined {
  const { name, message, code = '' } = error;
  const because = (wrong: string, todo: string) => new Problem(wrong, todo, { cause: error });
  if (/^(AccessDenied(Exception)?|UnauthorizedOperation)$/.test(name)) {
    return because(`AWS does not allow it: ${oneLine(message)}`, 'What each command needs is in docs/cli.md.');
  }
  if (error instanceof LogGroupNotFound) {
    return because(
      `the function has no log group: ${oneLine(message)}`,
      'It may have been deleted: deploy again. nomad-drain-hook status and nomad-drain-hook doctor need no log.',
    );
  }
  if (error instanceof FunctionNotFound) {
    return because(
      `there is no such function: ${oneLine(message)}`,
      'Set --region, --profile or --function. A function of an older version has no alias query: deploy it again.',
    );
  }
  if (/Throttl|TooManyRequests/.test(name)) {
    return because(`AWS is throttling requests: ${oneLine(message)}`, 'Try again in a minute.');
  }
  if (name === 'TimeoutError' || SILENT.test(code)) {
    return because(`AWS does not answer: ${oneLine(message)}`, 'Check the network, the proxy and --region.');
  }
  return undefined;
}

const oneLine = (text: string) => text.split('\n', 1)[0] ?? '';
