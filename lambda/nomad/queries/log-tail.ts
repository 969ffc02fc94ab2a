import { messageOf } from '../../core/basics.ts';
import type { LogEnd, LogQuestion } from '../../core/queries/ports.ts';
import type { NomadReads } from '../read-only.ts';

/** How far back a log is read where more was written since `offset` than was asked for, in bytes. */
const MOST_BYTES = 256 * 1024;

/** A part of a log that was read: from which byte of which of its files to which. */
interface Part {
  file: number;
  start: number;
  bytes: Buffer;
}

/**
 * The end of a task's log. Never throws: that it cannot be read is an answer too.
 *
 * Nomad counts an offset from the first log file that it still has, so that offsets change when it removes one. Ours names the
 * file: `2:486266` is in the third. What was written since is found from the end.
 */
export async function readLogEnd(nomad: NomadReads, question: LogQuestion): Promise<LogEnd> {
  try {
    return await read(nomad, question);
  } catch (error) {
    return { because: why(messageOf(error), question.namespace) };
  }
}

async function read(nomad: NomadReads, question: LogQuestion): Promise<LogEnd> {
  const { allocationId, task, stream, bytes, offset } = question;
  const lastOf = async (count: number) => partsOf(await nomad.logFrames(allocationId, task, stream, count));
  const since = offset === undefined ? undefined : positionOf(offset);
  let parts = await lastOf(bytes);
  if (!since) return toEnd(parts, parts[0], undefined);
  if (isGap(parts, since) && bytes < MOST_BYTES) parts = await lastOf(MOST_BYTES);
  const fresh = parts.flatMap((part): Part[] => {
    if (part.file < since.file) return [];
    const seen = part.file === since.file ? Math.max(0, since.start - part.start) : 0;
    return seen >= part.bytes.length ? [] : [{ ...part, start: part.start + seen, bytes: part.bytes.subarray(seen) }];
  });
  return toEnd(fresh, isGap(parts, since) ? parts[0] : undefined, since);
}

const isGap = ([first]: readonly Part[], since: { file: number; start: number }): boolean =>
  first !== undefined && (first.file > since.file || (first.file === since.file && first.start > since.start));

/** @param first what follows something that was not read */
function toEnd(
  parts: readonly Part[],
  first: Part | undefined,
  since: { file: number; start: number } | undefined,
): LogEnd {
  const isCut = first !== undefined && (since !== undefined || first.file > 0 || first.start > 0);
  const last = parts.at(-1);
  const whole = Buffer.concat(parts.map(({ bytes }) => bytes));
  const begin = isCut ? continuing(whole) : 0;
  const held = unfinished(whole);
  const at = last
    ? { file: last.file, start: last.start + last.bytes.length - held }
    : (since ?? { file: 0, start: 0 });
  return {
    text: whole.subarray(begin, whole.length - held).toString('utf8'),
    offset: `${at.file}:${at.start}`,
    ...(isCut && { cut: true as const }),
  };
}

function positionOf(offset: string): { file: number; start: number } {
  const [file = 0, start = 0] = offset.split(':').map(Number);
  return { file, start };
}

/** One frame of Nomad's answer; an empty one only says that the connection lives. */
interface Frame {
  Data?: string;
  File?: string;
  Offset?: number;
}

/**
 * Nomad answers with JSON objects one behind the other. The offset of the first frame of a file is where its data ends; those of
 * the next ones go up by the size of a full frame, whatever is in them, so they are counted here. Another file begins at 0.
 */
function partsOf(answer: string): Part[] {
  const frames = answer.trim() === '' ? [] : answer.trim().split(/(?<=\})\s*(?=\{)/);
  const parts: Part[] = [];
  for (const frame of frames) {
    const { Data, File, Offset = 0 } = JSON.parse(frame) as Frame;
    if (!Data || !File) continue;
    const bytes = Buffer.from(Data, 'base64');
    const file = Number(/\.(\d+)$/.exec(File)?.[1] ?? 0);
    const before = parts.at(-1);
    const start = !before ? Offset - bytes.length : before.file === file ? before.start + before.bytes.length : 0;
    parts.push({ file, start, bytes });
  }
  return parts;
}

/** How many bytes at the beginning belong to a character that begins before. */
function continuing(bytes: Buffer): number {
  let count = 0;
  while (count < Math.min(3, bytes.length) && isContinuation(bytes[count])) count += 1;
  return count;
}

/** How many bytes at the end are the beginning of a character that is not written yet. */
function unfinished(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (isContinuation(byte)) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? back : 0;
  }
  return 0;
}

const isContinuation = (byte = 0): boolean => (byte & 0xc0) === 0x80;

/** Why a log cannot be read, as Nomad says it: a refusal is a 500 there, and everything else a 404. */
function why(message: string, namespace: string): string {
  if (message.includes('Permission denied')) {
    return `the Nomad token may not read logs: it lacks read-logs in namespace ${namespace}`;
  }
  if (message.includes('No path to node')) return 'its client is gone: Nomad has no connection to it';
  if (message.includes('not started yet')) return 'the task has not started yet';
  if (message.includes('Unknown allocation') || message.includes('not found on client')) {
    return 'the client has removed what the allocation left behind';
  }
  if (message.includes('unknown task name')) return 'the client does not know this task yet';
  return message;
}
