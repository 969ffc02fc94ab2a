import { readFileSync } from 'node:fs';
import { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import { NomadDrainHookStack } from '../../lib/settings/nomad-drain-hook-stack.ts';
import { SETTING_NAMES, type SettingName } from '../../lib/settings/schema.ts';
import { readSettings } from '../../lib/settings/settings.ts';
import { settingsPage } from '../../scripts/build-docs.ts';
import { makeApp } from './stacks.ts';

const page = readFileSync(new URL('../../docs/settings.md', import.meta.url), 'utf8');

/** Names and defaults that are values, as the page has them. */
const rows = [...page.matchAll(/^\| `(\w+)` \|.*? \| (?:`([^`]+)`|[^|`]*(?:`[^|]*)?) \|/gm)].map(
  ([, name, value]) => [name as SettingName, value] as const,
);

describe('docs/settings.md', () => {
  test('is what the schema says: "npm run build:docs" writes it', () => {
    expect(page).toBe(settingsPage());
    expect(rows.map(([name]) => name)).toEqual(SETTING_NAMES);
  });

  /** Settings that others need to have an effect, and to be accepted. */
  const given = {
    groups: 'builders',
    nomadAddress: 'https://nomad.internal:4646',
    nomadLogin: 'aws',
    rebalanceRecommendations: 'cordon',
  };
  const { nomadAddress: _, ...withoutAddress } = given;
  const ofClients = {
    ...withoutAddress,
    nomadVia: 'clients',
    ...{ vpcId: 'vpc-11111111', subnetIds: 'subnet-11111111', securityGroupIds: 'sg-11111111' },
  };
  const OF_CLIENTS: readonly SettingName[] = ['nomadClientScheme', 'nomadClientPort'];
  const OF_ADMISSION: readonly SettingName[] = ['readyTimeout', 'drivers', 'awaitSystemJobs'];
  /** @param name the setting that differs from its default */
  function made(name: SettingName, settings: Partial<Record<SettingName, string>>) {
    const needed = OF_ADMISSION.includes(name) ? { admitWhenReady: 'true' } : {};
    const app = makeApp({ ...(OF_CLIENTS.includes(name) ? ofClients : given), ...needed, ...settings });
    const stack = new NomadDrainHookStack(app, 'NomadDrainHook', readSettings(app.node.getAllContext()));
    return { name: stack.stackName, template: Template.fromStack(stack).toJSON() };
  }

  /** In place of each default, another value. */
  const OTHER: Partial<Record<SettingName, string>> = {
    nomadClientScheme: 'https',
    nomadClientPort: '4650',
    nomadAudience: 'other',
    deadline: '61m',
    killMargin: '61s',
    grace: '61s',
    ignoreSystemJobs: 'true',
    onTimeout: 'ABANDON',
    jobMeta: 'true',
    spotInterruptions: 'false',
    scheduledMaintenance: 'true',
    restoreAfter: '61m',
    purgeNodes: 'true',
    chooseIdleFirst: 'true',
    admitWhenReady: 'true',
    readyTimeout: '16m',
    awaitSystemJobs: 'true',
    launchHookName: 'other',
    hookName: 'other',
    heartbeatTimeout: '61m',
    memorySize: '321',
    stackName: 'Other',
  };
  const defaults = rows.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));

  test.each(defaults)('names the default that holds: %s', (name, value) => {
    const without = made(name, {});
    expect(made(name, { [name]: value })).toEqual(without);
    // There are two ways besides, which take no address.
    if (name === 'nomadVia') return;
    const other = OTHER[name];
    expect(other, `another value for ${name}`).toBeDefined();
    expect(made(name, { [name]: other })).not.toEqual(without);
  });
});
