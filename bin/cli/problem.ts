/** What went wrong, as the user of the command needs it: what is wrong, and what to do about it. A line each. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly todo: string;

  constructor(wrong: string, todo: string, options?: ErrorOptions) {
    super(wrong, options);
    this.todo = todo;
  }
}
