/** The function ran, and ended with an error. */
export class FunctionFailed extends Error {
  override readonly name = 'FunctionFailed';
  /** The name of its error, such as `EventError` or `Sandbox.Timedout`. */
  readonly type: string;

  /** @param answer what Lambda says of the error: https://docs.aws.amazon.com/lambda/latest/dg/nodejs-exceptions.html */
  constructor(answer: unknown) {
    const { errorType, errorMessage } = (answer ?? {}) as { errorType?: unknown; errorMessage?: unknown };
    super(typeof errorMessage === 'string' ? errorMessage : 'it gives no reason');
    this.type = typeof errorType === 'string' ? errorType : '';
  }
}
