import { GetWebIdentityTokenCommand, STSClient } from '@aws-sdk/client-sts';
import { IDENTITY_SECONDS } from '../config/nomad-access.ts';
import { messageOf } from '../core/basics.ts';
import type { RunClock } from '../core/model/clock.ts';
import { CLIENT, forRun } from './client.ts';

/**
 * Asks AWS for a signed statement of which role this function has (outbound identity federation).
 *
 * @param audience who the statement is for, as Nomad's auth method names it
 * @param clock the clock of the run
 * @throws Error if STS refuses, saying what to do
 */
type WebIdentity = (audience: string, clock: RunClock) => Promise<string>;

export function webIdentity(): WebIdentity {
  const sts = new STSClient(CLIENT);
  return async (audience, clock) => {
    try {
      const command = new GetWebIdentityTokenCommand({
        Audience: [audience],
        SigningAlgorithm: 'RS256',
        DurationSeconds: IDENTITY_SECONDS,
      });
      const { WebIdentityToken } = await forRun(sts, clock).send(command);
      if (!WebIdentityToken) throw new Error('the answer holds no token');
      return WebIdentityToken;
    } catch (error) {
      const { name } = error as Error;
      const advice = name.startsWith('OutboundWebIdentityFederationDisabled')
        ? ': enable outbound identity federation for this account (aws iam enable-outbound-web-identity-federation)'
        : '';
      throw new Error(`STS does not return our identity: ${name}: ${messageOf(error)}${advice}`);
    }
  };
}
