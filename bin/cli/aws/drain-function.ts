import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import type { ResourceGroupsTaggingAPIClient } from '@aws-sdk/client-resource-groups-tagging-api';
import { QUERY_ALIAS } from '../../../lambda/core/queries/command.ts';
import { FunctionFailed } from '../function-failed.ts';
import { Heard } from '../heard.ts';
import { findFunction } from './find-function.ts';
import { checkProfile } from './profile.ts';

/** Which function is asked, where there are several. */
export interface FunctionChoice {
  /** The stack that it is in. */
  stack?: string | undefined;
  /** Its name or ARN. */
  name?: string | undefined;
  /** The AWS profile that leads to it, if one is named. */
  profile?: string | undefined;
}

/** The deployed function. It is looked up once, before the first question. */
export class DrainFunction {
  readonly heard = new Heard();
  readonly #lambda: LambdaClient;
  readonly #tagging: ResourceGroupsTaggingAPIClient;
  readonly #choice: FunctionChoice;
  #name: Promise<string> | undefined;

  constructor(lambda: LambdaClient, tagging: ResourceGroupsTaggingAPIClient, choice: FunctionChoice) {
    this.#lambda = lambda;
    this.#tagging = tagging;
    this.#choice = choice;
  }

  /**
   * Its name or ARN.
   * @throws Problem if there is none, or more than one to choose from, or no such profile
   */
  get name(): Promise<string> {
    this.#name ??= this.#find();
    return this.#name;
  }

  async #find(): Promise<string> {
    const { name, stack, profile } = this.#choice;
    await checkProfile(profile);
    return name === undefined ? findFunction(this.#tagging, stack) : unqualified(name);
  }

  /**
   * Asks the function, and waits for its answer.
   * @param event such as `{ command: 'status' }`
   * @param signal aborted when the answer is not wanted any more
   * @throws FunctionFailed if it answers with an error, Problem if it is not found, or an error of the SDK
   */
  async ask<Answer>(event: object, signal?: AbortSignal): Promise<Answer> {
    const FunctionName = await this.name;
    // The alias lets queries through alone: that is all that an operator has to be granted.
    const { FunctionError, Payload } = await this.#lambda.send(
      new InvokeCommand({ FunctionName, Qualifier: QUERY_ALIAS, Payload: JSON.stringify(event) }),
      signal ? { abortSignal: signal } : {},
    );
    const answer: unknown = JSON.parse(Payload?.transformToString() || 'null');
    if (FunctionError !== undefined) throw new FunctionFailed(answer);
    this.heard.note(answer);
    return answer as Answer;
  }
}

/** A name, an ARN, or a part of one from the account on, and then perhaps a version or an alias. */
const FUNCTION = /^((?:arn:[^:]+:lambda:[^:]+:)?(?:\d{12}:)?(?:function:)?[^:]+)(?::[^:]+)?$/;

/** Without version or alias: the function is asked through its own alias. What is no name of one is left to Lambda to refuse. */
const unqualified = (name: string): string => FUNCTION.exec(name)?.[1] ?? name;
