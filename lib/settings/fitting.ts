import { type SettingName, settings } from './schema.ts';

/** With nomadVia=ssm these are set on the instances themselves. */
const ONLY_HTTP = [
  'nomadAddress',
  'nomadFallbackAddresses',
  'nomadTokenParameter',
  'nomadLogin',
  'nomadCaParameter',
  'nomadClientCertificateParameter',
  'nomadClientKeyParameter',
  'nomadServerName',
] as const;

/** What is always needed, with a value to begin from. */
const REQUIRED = {
  groups: 'the Auto Scaling groups of Nomad clients, like -c groups=builders,runners',
  nomadAddress: "where Nomad's HTTP API answers, like -c nomadAddress=https://nomad.internal:4646",
} as const;

const NETWORK = ['vpcId', 'subnetIds', 'securityGroupIds'] as const;

/** The settings, and which of them need or exclude each other. Checked even when a value is wrong: all problems are reported at once. */
export const fittingSettings = settings.superRefine(
  (values, context) => {
    const refuse = (name: SettingName, message: string) => context.addIssue({ code: 'custom', path: [name], message });
    const isGiven = (name: SettingName) => values[name] !== undefined;
    const ssm = values.nomadVia === 'ssm';

    for (const name of ['groups', ...(ssm ? [] : ['nomadAddress' as const])] as const) {
      if (!isGiven(name)) refuse(name, `missing: ${REQUIRED[name]}`);
    }
    for (const name of NETWORK.some(isGiven) ? NETWORK : []) {
      if (!isGiven(name)) refuse(name, 'missing: vpcId, subnetIds and securityGroupIds belong together');
    }
    for (const name of ssm ? ONLY_HTTP : []) {
      if (isGiven(name)) refuse(name, 'has no meaning with nomadVia=ssm');
    }
    if (isGiven('nomadGateway') && !ssm) refuse('nomadGateway', 'needs nomadVia=ssm');
    if (isGiven('nomadAudience') && !isGiven('nomadLogin'))
      refuse('nomadAudience', 'belongs to nomadLogin, which is missing');
    if (values.chooseIdleFirst && ssm) refuse('chooseIdleFirst', 'has no meaning with nomadVia=ssm: that is too slow');
    if (isGiven('onlyIdleFor') && !values.chooseIdleFirst) refuse('onlyIdleFor', 'needs chooseIdleFirst=true');
    if (isGiven('restoreAfter') && !isGiven('rebalanceRecommendations') && !values.scheduledMaintenance)
      refuse(
        'restoreAfter',
        'needs rebalanceRecommendations or scheduledMaintenance=true: nothing else is restored after it',
      );
  },
  { when: () => true },
);
