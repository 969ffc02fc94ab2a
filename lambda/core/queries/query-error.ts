/** What was asked about is not there, or is several: ask in another way. Nothing has failed. */
export class AnswerError extends Error {
  override readonly name = 'AnswerError';
}
