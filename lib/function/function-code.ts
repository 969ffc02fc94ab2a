import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as lambda from 'aws-cdk-lib/aws-lambda';

const DIST = fileURLToPath(new URL('../../dist/lambda', import.meta.url));

/**
 * The code of the function, built by `npm run build`.
 * @param directory the directory of the bundle
 * @throws Error if there is no bundle
 */
export function functionCode(directory: string = DIST): lambda.Code {
  if (!existsSync(join(directory, 'index.mjs'))) {
    throw new Error(
      `${join(directory, 'index.mjs')} is missing: run "npm run build" first [nomad-drain-hook:noBundle]`,
    );
  }
  return lambda.Code.fromAsset(directory);
}
