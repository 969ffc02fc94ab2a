import { devNull } from 'node:os';

/** Asked for by name: where the real agents are that `npm run test:nomad` starts. */
const WANTED = ['NOMAD_BIN'];

/**
 * Forgets what the shell says of AWS and of Nomad: a profile, a region, endpoints, credentials, an agent. Emulators stand in for
 * all of it, and nothing here is to reach what the shell means. Files of AWS are not read either.
 */
export function forgetShell(environment: NodeJS.ProcessEnv = process.env): void {
  for (const name of Object.keys(environment)) {
    if (/^(AWS|NOMAD)_/.test(name) && !WANTED.includes(name)) delete environment[name];
  }
  Object.assign(environment, { AWS_CONFIG_FILE: devNull, AWS_SHARED_CREDENTIALS_FILE: devNull });
}
