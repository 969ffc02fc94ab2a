/** The configuration cannot be used. Thrown at cold start and at synth, with every problem at once, each naming its field. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`the configuration is refused:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
    this.problems = problems;
  }
}

/** An event that looks like ours but cannot be understood. Thrown before anything is asked or changed. */
export class EventError extends Error {
  override readonly name = 'EventError';
}

/** Nomad did not answer, or answered with an error. `status` is 0 if there was no HTTP answer. */
export class NomadError extends Error {
  override readonly name = 'NomadError';
  readonly method: string;
  readonly path: string;
  readonly status: number;

  constructor(request: { method: string; path: string; address: string }, status: number, answer: string) {
    const said = status === 0 ? answer : `${status} ${answer.trim().slice(0, 300)}`;
    super(`Nomad at ${request.address}: ${request.method} ${request.path}: ${said}`);
    this.method = request.method;
    this.path = request.path;
    this.status = status;
  }
}

/** Thrown at the end of a run that could not serve every instance, so that Lambda counts it as failed and retries it. */
export class RunFailed extends Error {
  override readonly name = 'RunFailed';
  readonly report: unknown;

  constructor(message: string, report: unknown) {
    super(message);
    this.report = report;
  }
}
