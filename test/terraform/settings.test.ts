import { describe, expect, test } from 'vitest';
import { SETTING_NAMES } from '../../lib/settings/schema.ts';
import { publicInterfaces } from '../lib/public-interfaces.ts';
import { AS_PROPERTY } from './as-property.ts';
import { CASES, EVERYTHING, ONE } from './cases.ts';
import { make, VARIABLES } from './module.ts';
import { isTaggable } from './provider/provider.ts';

const variables = VARIABLES.map(({ labels: [name] }) => name!);
const interfaces = publicInterfaces();
const has = (property: string) => Object.values(AS_PROPERTY).some(({ properties }) => properties.includes(property));

/** What an app of the CDK passes on of its own; a module of Terraform makes what it needs. */
const OF_AN_APP = [
  'architecture',
  'reservedConcurrentExecutions',
  'role',
  'logGroup',
  'encryptionKey',
  'removalPolicy',
].map((name) => `NomadDrainHookProps.${name}`);

/** Whether a property holds others, each of which is a variable. */
const isWhole = (type: string) => [...interfaces.keys()].some((name) => type.split(/\W+/).includes(name));

describe('the module has what the construct has', () => {
  const properties = [...interfaces].flatMap(([by, all]) =>
    all.map(({ name, type }) => ({ path: `${by}.${name}`, type })),
  );

  test.each(properties.filter(({ path }) => !OF_AN_APP.includes(path)))('a variable for $path', ({ path, type }) => {
    expect(has(path) || isWhole(type)).toBe(true);
  });

  test.each(SETTING_NAMES)('a variable for the setting %s of the app', (setting) => {
    expect(Object.values(AS_PROPERTY).filter((each) => each.setting === setting)).toHaveLength(1);
  });

  test('and no variable that nothing in the construct stands for', () => {
    expect(variables.toSorted()).toEqual(Object.keys(AS_PROPERTY).toSorted());
    const named = new Set(properties.map(({ path }) => path));
    const strange = Object.values(AS_PROPERTY).flatMap((each) => each.properties.filter((path) => !named.has(path)));
    expect(strange).toEqual([]);
    const alone = Object.entries(AS_PROPERTY).filter(([, each]) => each.properties.length === 0 && !each.setting);
    // The CDK uploads the function itself; the rest is an aspect of any of its stacks, or fixed.
    expect(alone.map(([name]) => name)).toEqual(['package', 'tags', 'permissions_boundary', 'role_path', 'runtime']);
  });
});

test.each(variables)('%s is given in one of the cases that are compared with the CDK', (name) => {
  expect(CASES.some(([, given]) => name in given)).toBe(true);
});

test.each(VARIABLES)('$labels says what it is, and of which type', ({ attributes }) => {
  expect(attributes.get('description')?.text).toMatch(/^".+\."$/s);
  expect(attributes.has('type')).toBe(true);
});

test('the tags are on each resource that takes any', () => {
  const ssm = { ...ONE, nomad_via: 'ssm', nomad_address: null, tags: EVERYTHING.tags };
  const own = { ...EVERYTHING, security_group_ids: [] };
  const made = [EVERYTHING, own, ssm].flatMap((each) => Object.entries(make(each).resources));
  const taggable = made.filter(([, { type }]) => isTaggable(type));
  expect(new Set(taggable.map(([, { type }]) => type)).size).toBe(13);
  for (const [address, { config }] of taggable) expect(config.tags, address).toMatchObject(EVERYTHING.tags);
});
