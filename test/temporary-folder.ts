import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What `tmpdir` reads, on Unix and on Windows. */
const VARIABLES = ['TMPDIR', 'TEMP', 'TMP'];

/**
 * Before any worker starts: a temporary folder for this run alone, removed at its end. The CDK makes a folder of megabytes for
 * each app that names none, and leaves it.
 */
export default function ownTemporaryFolder(): () => void {
  const directory = mkdtempSync(join(tmpdir(), 'drain-hook-tests-'));
  for (const name of VARIABLES) process.env[name] = directory;
  return () => rmSync(directory, { recursive: true, force: true });
}
