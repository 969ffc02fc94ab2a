import type { Allocation, Task } from '../model.ts';

/** How many bytes of a log Nomad sends per frame at most. */
const FRAME_BYTES = 64 * 1024;
const MEGABYTE = 1024 * 1024;

/** One file of a log: Nomad begins another when it is full, and removes the oldest of too many. */
interface LogFile {
  name: string;
  bytes: Buffer;
}

/**
 * What a task has written until now, repeated as its Meta says: all of it at its start, or one line every given number of seconds. A log
 * of which nothing is said is empty.
 */
export const logFilesOf = (
  task: Task,
  { TaskStates }: Allocation,
  type: 'stderr' | 'stdout',
  now: number,
): LogFile[] => {
  const all = (task.Meta?.[`emulate.${type}`] ?? '').repeat(Number(task.Meta?.['emulate.times'] ?? 1));
  const startedAt = Date.parse(TaskStates?.[task.Name]?.StartedAt ?? '');
  const every = Number(task.Meta?.['emulate.line_seconds'] ?? 0);
  const lines = all.split(/(?<=\n)/);
  const written = every > 0 ? lines.slice(0, Math.floor((now - startedAt) / 1000 / every) + 1).join('') : all;
  const { MaxFiles = 10, MaxFileSizeMB = 10 } = (task.LogConfig ?? {}) as { MaxFiles?: number; MaxFileSizeMB?: number };
  const files: LogFile[] = [];
  let rest = Buffer.from(written);
  do {
    const size = rest.length <= MaxFileSizeMB * MEGABYTE ? rest.length : fullLines(rest, MaxFileSizeMB * MEGABYTE);
    files.push({ name: `alloc/logs/${task.Name}.${type}.${files.length}`, bytes: rest.subarray(0, size) });
    rest = rest.subarray(size);
  } while (rest.length > 0);
  return files.slice(-MaxFiles);
};

/** A file ends with a line, if it can. */
const fullLines = (bytes: Buffer, limit: number): number => bytes.lastIndexOf('\n', limit - 1) + 1 || limit;

/** Where a log is read from. An offset counts from the first file that is there, or back from the end of the last one. */
export const positionOf = (files: LogFile[], origin: 'start' | 'end', given: number): { file: number; at: number } => {
  let file = origin === 'start' ? 0 : files.length - 1;
  let at = origin === 'start' ? given : -given;
  const size = () => files[file]?.bytes.length ?? 0;
  while (at < 0 && size() + at < 0 && file > 0) {
    at += size();
    file -= 1;
  }
  if (at < 0) return { file, at: Math.max(0, size() + at) };
  while (at > size() && file < files.length - 1) {
    at -= size();
    file += 1;
  }
  return { file, at: Math.min(at, size()) };
};

/**
 * The answer that is not plain. `Offset` is where the data of the first frame of a file ends; of the next ones it goes up by a
 * full frame, even if the last is shorter (seen on 2.0.6).
 */
export const framesOf = (files: LogFile[], from: { file: number; at: number }): string => {
  const frames: string[] = [];
  for (const [index, { name, bytes }] of files.slice(from.file).entries()) {
    const begin = index === 0 ? from.at : 0;
    let offset = Math.min(begin + FRAME_BYTES, bytes.length);
    for (let at = begin; at < bytes.length; at += FRAME_BYTES) {
      const data = bytes.subarray(at, at + FRAME_BYTES).toString('base64');
      frames.push(JSON.stringify({ Data: data, File: name, Offset: offset }));
      offset += FRAME_BYTES;
    }
  }
  return frames.join('');
};

export const plainOf = (files: LogFile[], from: { file: number; at: number }): Buffer =>
  Buffer.concat(files.slice(from.file).map(({ bytes }, index) => (index === 0 ? bytes.subarray(from.at) : bytes)));
