import { type GroupValues, type SettingName, settings, type Values, WAYS } from './schema.ts';

const ADDRESSES = ['nomadAddress', 'nomadFallbackAddresses'] as const;

/** With nomadVia=ssm these are set on the instances themselves. */
const CREDENTIALS = [
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

/** What has no meaning by each way to Nomad. */
const MEANINGLESS: Readonly<Record<(typeof WAYS)[number], readonly SettingName[]>> = {
  http: [],
  clients: ADDRESSES,
  ssm: [...ADDRESSES, ...CREDENTIALS],
};

/** What belongs to one way to Nomad alone. */
const OF_ONE_WAY = {
  nomadGateway: 'ssm',
  nomadClientScheme: 'clients',
  nomadClientPort: 'clients',
} as const;

/** The groups with settings of their own. One that is wrong may be anything. */
function groupsOf({ groups }: Values): (Partial<GroupValues> & { path: PropertyKey[] })[] {
  return (Array.isArray(groups) ? groups : []).flatMap((group, index) =>
    typeof group === 'object' && group !== null ? [{ ...group, path: ['groups', index] }] : [],
  );
}

const restores = ({ rebalanceRecommendations: rebalance, scheduledMaintenance }: Partial<GroupValues>) =>
  (rebalance !== undefined && rebalance !== 'off') || scheduledMaintenance;

const NETWORK = ['vpcId', 'subnetIds', 'securityGroupIds'] as const;

/** The settings, and which of them need or exclude each other. Checked even when a value is wrong: all problems are reported at once. */
export const fittingSettings = settings.superRefine(
  (values, context) => {
    const refuse = (name: SettingName | PropertyKey[], message: string) =>
      context.addIssue({ code: 'custom', path: [name].flat(), message });
    const isGiven = (name: SettingName) => values[name] !== undefined;
    // It may be no way at all: that is refused by itself.
    const via = WAYS.find((way) => way === values.nomadVia) ?? 'http';

    for (const name of ['groups', ...(via === 'http' ? ['nomadAddress' as const] : [])] as const) {
      if (!isGiven(name)) refuse(name, `missing: ${REQUIRED[name]}`);
    }
    for (const name of NETWORK.some(isGiven) ? NETWORK : []) {
      if (!isGiven(name)) refuse(name, 'missing: vpcId, subnetIds and securityGroupIds belong together');
    }
    if (via === 'clients' && !NETWORK.some(isGiven))
      refuse(
        'vpcId',
        'missing: nomadVia=clients needs vpcId, subnetIds and securityGroupIds, to reach private addresses',
      );
    for (const name of MEANINGLESS[via]) {
      if (isGiven(name)) refuse(name, `has no meaning with nomadVia=${via}`);
    }
    for (const [name, needed] of Object.entries(OF_ONE_WAY) as [keyof typeof OF_ONE_WAY, string][]) {
      if (isGiven(name) && via !== needed) refuse(name, `needs nomadVia=${needed}`);
    }
    if (isGiven('nomadAudience') && !isGiven('nomadLogin'))
      refuse('nomadAudience', 'belongs to nomadLogin, which is missing');
    const shared = { path: [], ...values };
    const groups = groupsOf(values);
    for (const { path, chooseIdleFirst } of [shared, ...groups]) {
      if (chooseIdleFirst && via === 'ssm')
        refuse([...path, 'chooseIdleFirst'], 'has no meaning with nomadVia=ssm: that is too slow');
    }
    // What is given for all groups may be for one of them.
    for (const { path, ...each } of [shared, ...groups]) {
      const held = (path.length > 0 ? [each] : [shared, ...groups]).map((own) => ({ ...values, ...own }));
      if (each.onlyIdleFor !== undefined && !held.some(({ chooseIdleFirst }) => chooseIdleFirst))
        refuse([...path, 'onlyIdleFor'], 'needs chooseIdleFirst=true');
      for (const name of ['readyTimeout', 'drivers', 'awaitSystemJobs'] as const) {
        if (each[name] !== undefined && !held.some(({ admitWhenReady }) => admitWhenReady))
          refuse([...path, name], 'needs admitWhenReady=true');
      }
      if (each.restoreAfter !== undefined && !held.some(restores))
        refuse(
          [...path, 'restoreAfter'],
          'needs rebalanceRecommendations or scheduledMaintenance=true: nothing else is restored after it',
        );
    }
  },
  { when: () => true },
);
