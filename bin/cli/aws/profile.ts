import { loadSharedConfigFiles } from '@smithy/core/config';
import { Problem } from '../problem.ts';

/** What the SDK takes if none is named; it need not exist. */
const DEFAULT = 'default';

/**
 * Before the SDK, which would only find no credentials, or no region.
 * @param profile as `--profile` or AWS_PROFILE names it, if one does
 * @throws Problem if the files of AWS have no such profile
 */
export async function checkProfile(profile: string | undefined): Promise<void> {
  if (!profile || profile === DEFAULT) return;
  const { configFile, credentialsFile } = await loadSharedConfigFiles();
  const known = Object.keys({ ...configFile, ...credentialsFile });
  if (known.includes(profile)) return;
  const names = known.filter((name) => !name.includes('.')).join(', ');
  throw new Problem(
    `there is no AWS profile ${profile}`,
    names === '' ? 'Set one up with: aws configure' : `Choose one with --profile or AWS_PROFILE: ${names}.`,
  );
}
