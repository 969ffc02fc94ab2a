import { withoutSecrets } from './free-text.ts';

/** The name of a kind of problem: docs/construct.md says what to do about each. */
export type ProblemId = `nomad-drain-hook:${string}`;

/** One thing that is wrong with the configuration. Holds no value that may be a secret. */
export interface ConfigProblem {
  /** The path of the field, the property or the setting. Empty if the problem is about the whole. */
  readonly path: readonly PropertyKey[];
  /** Undefined if the message alone is enough. */
  readonly id: ProblemId | undefined;
  readonly message: string;
}

/** The configuration cannot be used. Thrown at cold start and at synth, with every problem at once. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(`the configuration is refused:\n${problems.map((problem) => `  - ${formatProblem(problem)}`).join('\n')}`);
    this.problems = problems;
  }
}

/** A problem in a line: `groups[0].hook: must not be empty [nomad-drain-hook:hookName]`. */
export function formatProblem({ path, id, message }: ConfigProblem): string {
  const keys = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`));
  const field = keys.join('').replace(/^\./, '');
  return `${field && `${field}: `}${message}${id ? ` [${id}]` : ''}`;
}

/** An event that looks like ours but cannot be understood. Thrown before anything is asked or changed. */
export class EventError extends Error {
  override readonly name = 'EventError';
}

/** What may be repeated of what Nomad says of tokens and policies: anything else may be one. */
const KNOWN =
  /ACL (token|policy|role) (not found|expired)|ACL support disabled|Permission denied|No cluster leader|Not ready to serve consistent reads|rpc error/;

/** Nomad did not answer, or answered with an error. `status` is 0 if there was no HTTP answer. */
export class NomadError extends Error {
  override readonly name = 'NomadError';
  readonly method: string;
  readonly path: string;
  readonly status: number;
  /** The text of the answer, unredacted: never shown or logged. */
  readonly #answer: string;
  /** What the headers of the answer say. */
  readonly headers: { readonly index?: string; readonly knownLeader?: string };

  constructor(
    request: { method: string; path: string; address: string },
    status: number,
    answer: string,
    headers: NomadError['headers'] = {},
  ) {
    const said =
      status > 0 && request.path.startsWith('/v1/acl/') ? KNOWN.exec(answer)?.[0] : withoutSecrets(answer.trim());
    const told = status === 0 ? said : [status, said?.slice(0, 300)].join(' ').trim();
    super(`Nomad at ${request.address}: ${request.method} ${request.path}: ${told}`);
    this.method = request.method;
    this.path = request.path;
    this.status = status;
    this.#answer = answer.trim();
    this.headers = headers;
  }

  get answer(): string {
    return this.#answer;
  }
}

/** Thrown at the end of a run that could not serve every instance, so that Lambda counts it as failed and retries it. */
export class RunFailed extends Error {
  override readonly name = 'RunFailed';
  readonly #report: unknown;

  constructor(message: string, report: unknown) {
    super(message);
    this.#report = report;
  }

  /** Lambda writes every field of an error into its log record: this is none. */
  get report(): unknown {
    return this.#report;
  }
}
