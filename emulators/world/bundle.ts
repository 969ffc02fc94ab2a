import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Report } from '../../lambda/core/drain/report.ts';
import type { Context, HandlerOptions } from '../../lambda/handler.ts';

/** Where `npm run build` puts it. */
export const BUNDLE = fileURLToPath(new URL('../../dist/lambda/index.mjs', import.meta.url));

/** The module that is deployed: what the end-to-end tests and the demo run, never the sources. */
interface Bundle {
  handler(event: unknown, context?: Context): Promise<Report>;
  makeHandler(surroundings?: HandlerOptions): (event: unknown, context?: Context) => Promise<Report>;
}

export async function loadBundle(): Promise<Bundle> {
  return (await import(BUNDLE)) as Bundle;
}

/** The most memory that this process had at a time. Linux's `maxRSS` begins with what the process had that started this one. */
const mostKilobytes = `() => {
  const { existsSync, readFileSync } = process.getBuiltinModule('node:fs');
  const status = existsSync('/proc/self/status') ? readFileSync('/proc/self/status', 'utf8') : '';
  return Number(/VmHWM:\\s+(\\d+)/.exec(status)?.[1] ?? process.resourceUsage().maxRSS);
}`;

/** Runs it in a process of its own. @returns what it wrote to its log, and the most memory that it had at a time */
export async function runInOwnProcess(
  event: unknown,
  environment: Record<string, string>,
  nodeOptions: string[] = [],
): Promise<{ log: string[]; megabytes: number }> {
  const script =
    `const { handler } = await import(${JSON.stringify(BUNDLE)}); await handler(${JSON.stringify(event)}, {});` +
    `console.log((${mostKilobytes})() / 1024);`;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [...nodeOptions, '--input-type=module', '-e', script],
    { env: { ...process.env, ...environment } },
  );
  const lines = stdout.trim().split('\n');
  return { log: lines.slice(0, -1), megabytes: Number(lines.at(-1)) };
}
