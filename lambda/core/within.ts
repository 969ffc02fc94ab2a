/** A list in an answer has at most this, in bytes of JSON: Lambda answers with 6 MB at most, and refuses to send more. */
const MOST_BYTES = 4_000_000;

/** The first of these that fit into an answer, and how many do not. */
export function within<T>(all: readonly T[], mostBytes: number = MOST_BYTES): { kept: T[]; leftOut: number } {
  let left = mostBytes;
  let count = 0;
  for (const item of all) {
    left -= Buffer.byteLength(JSON.stringify(item)) + 1;
    if (left < 0) break;
    count += 1;
  }
  return { kept: all.slice(0, count), leftOut: all.length - count };
}
