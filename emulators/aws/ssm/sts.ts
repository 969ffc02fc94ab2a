import type { Issuer } from '../../jwt.ts';
import type { Schedule } from '../auto-scaling/schedule.ts';
import { ACCOUNT } from '../model.ts';
import { type QueryActions, QueryError, validationError } from '../query-protocol.ts';

/** Whom STS takes every caller for. */
export const ROLE_ARN = `arn:aws:iam::${ACCOUNT}:role/nomad-drain-hook`;

/** What STS states, and whether the account has it enabled. */
export interface Federation {
  issuer: Issuer;
  enabled: boolean;
}

/** https://docs.aws.amazon.com/STS/latest/APIReference/API_GetWebIdentityToken.html */
export function stsActions(schedule: Schedule, federation: Federation): QueryActions {
  return {
    GetWebIdentityToken: (params) => {
      if (!federation.enabled) {
        throw new QueryError(
          'OutboundWebIdentityFederationDisabledException',
          'Outbound web identity federation is not enabled for this account',
          403,
        );
      }
      const [audience] = params.list('Audience.member');
      if (!audience) params.require('Audience');
      const algorithm = params.require('SigningAlgorithm');
      if (algorithm !== 'RS256') throw validationError(`the emulator signs with RS256 alone, not with ${algorithm}`);
      const seconds = params.integer('DurationSeconds') ?? 300;
      if (seconds < 60 || seconds > 3600) {
        throw validationError(`Value '${seconds}' at 'durationSeconds' must be between 60 and 3600`);
      }
      const from = schedule.now();
      const until = from + seconds * 1000;
      const WebIdentityToken = federation.issuer.state({ subject: ROLE_ARN, audience: audience ?? '', from, until });
      return { WebIdentityToken, Expiration: new Date(until) };
    },
  };
}
