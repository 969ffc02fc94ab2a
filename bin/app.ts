import { App } from 'aws-cdk-lib';
import { ConfigError } from '../lambda/errors.ts';
import { NomadDrainHookStack } from '../lib/settings/nomad-drain-hook-stack.ts';
import { readSettings } from '../lib/settings/settings.ts';

// Synthesized here rather than on exit, so that everything refused is reported in one message and nothing is written.
const app = new App({ autoSynth: false });
try {
  new NomadDrainHookStack(app, 'NomadDrainHook', readSettings(app.node.getAllContext()));
  app.synth();
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
