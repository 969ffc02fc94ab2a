import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';

/** The processes whose command line or environment has this text: of a directory, its tasks and their executors. */
export const processesOf = (text: string): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map(Number)
    .filter((pid) => {
      try {
        const about = readFileSync(`/proc/${pid}/cmdline`, 'utf8') + readFileSync(`/proc/${pid}/environ`, 'utf8');
        return about.includes(text);
      } catch {
        return false;
      }
    });

/** A killed client leaves its tasks running: kill each by its id. */
export const killProcessesOf = (directory: string): void => {
  for (const pid of processesOf(directory)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended by itself meanwhile.
    }
  }
};

/** Nomad mounts a tmpfs for each task's secrets: unmount it before its directory is removed. */
export const removeDataDirectory = (directory: string): void => {
  const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n');
  for (const line of mounts) {
    const at = line.split(' ')[1];
    if (at?.startsWith(`${directory}/`)) spawnSync('umount', ['-l', at]);
  }
  try {
    rmSync(directory, { recursive: true, force: true, maxRetries: 3, retryDelay: 200 });
  } catch {
    // A busy one is left to the machine's own cleanup of temporary files.
  }
};
