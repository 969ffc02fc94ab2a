import { fileURLToPath } from 'node:url';
import type { Context, Surroundings } from '../../lambda/handler.ts';
import type { Report } from '../../lambda/report.ts';

/** Where `npm run build` puts it. */
export const BUNDLE = fileURLToPath(new URL('../../dist/lambda/index.mjs', import.meta.url));

/** The module that is deployed: what the end-to-end tests and the demo run, never the sources. */
export interface Bundle {
  handler(event: unknown, context?: Context): Promise<Report>;
  makeHandler(surroundings?: Surroundings): (event: unknown, context?: Context) => Promise<Report>;
}

export async function loadBundle(): Promise<Bundle> {
  return (await import(BUNDLE)) as Bundle;
}
