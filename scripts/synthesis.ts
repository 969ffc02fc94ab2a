import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { NomadDrainHookStack } from '../lib/settings/nomad-drain-hook-stack.ts';
import { readSettings } from '../lib/settings/settings.ts';

const CDK_JSON = new URL('../cdk.json', import.meta.url);

/**
 * The template of the stack that `bin/app.ts` deploys.
 * @param settings as they are given by `-c`; everything else is as cdk.json says
 */
// biome-ignore lint/suspicious/noExplicitAny: what a template holds is any JSON
export function synthesized(settings: Readonly<Record<string, unknown>>): any {
  // Feature flags too decide how templates look.
  const context = { ...JSON.parse(readFileSync(CDK_JSON, 'utf8')).context, ...settings };
  const outdir = mkdtempSync(join(tmpdir(), 'drain-hook-template-'));
  try {
    const app = new App({ context, analyticsReporting: false, outdir });
    const stack = new NomadDrainHookStack(app, 'NomadDrainHook', readSettings(context));
    return app.synth().getStackArtifact(stack.artifactId).template;
  } finally {
    rmSync(outdir, { recursive: true });
  }
}
