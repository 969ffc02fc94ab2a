import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, type IReusableStackSynthesizer } from 'aws-cdk-lib';
import { NomadDrainHookStack } from '../../lib/settings/nomad-drain-hook-stack.ts';
import type { Settings } from '../../lib/settings/settings.ts';
import type { Json } from './either.ts';

const CDK_JSON = new URL('../../cdk.json', import.meta.url);

/** What cdk.json gives every app: the feature flags decide how templates look. */
export const cdkContext: Readonly<Record<string, unknown>> = JSON.parse(readFileSync(CDK_JSON, 'utf8')).context;

/**
 * The template of the stack that `bin/app.ts` deploys.
 * @param synthesizer where assets lie; by default in the bucket of a bootstrapped account
 */
export function synthesized(settings: Settings, synthesizer?: IReusableStackSynthesizer): Json {
  const outdir = mkdtempSync(join(tmpdir(), 'drain-hook-template-'));
  try {
    const app = new App({
      context: cdkContext,
      ...(synthesizer && { defaultStackSynthesizer: synthesizer }),
      analyticsReporting: false,
      outdir,
    });
    const stack = new NomadDrainHookStack(app, 'NomadDrainHook', settings);
    return app.synth().getStackArtifact(stack.artifactId).template;
  } finally {
    rmSync(outdir, { recursive: true });
  }
}
