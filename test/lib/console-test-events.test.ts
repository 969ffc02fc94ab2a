import { describe, expect, test } from 'vitest';
import { TEST_EVENTS } from '../../lib/function/console-test-events.ts';
import { only, resources, templateOf } from './stacks.ts';

const SCHEMA = 'AWS::EventSchemas::Schema';
const REGISTRY = 'AWS::EventSchemas::Registry';
const NAME = 'lambda-testevent-schemas';

describe('the test events of the Lambda console', () => {
  test('are there only if asked for', () => {
    const template = templateOf();
    template.resourceCountIs(SCHEMA, 0);
    template.resourceCountIs(REGISTRY, 0);
  });

  test('lie where the console looks for those of this function', () => {
    const template = templateOf({ testEvents: {} });
    const [id] = Object.keys(resources(template, 'AWS::Lambda::Function'));
    expect(only(template, SCHEMA).Properties).toMatchObject({
      RegistryName: NAME,
      SchemaName: { 'Fn::Join': ['', ['_', { Ref: id }, '-schema']] },
      Type: 'OpenApi3',
    });
  });

  test('are read as the console and the SAM CLI read them: by name, as examples of the schema', () => {
    const { Content: content } = only(templateOf({ testEvents: {} }), SCHEMA).Properties;
    const { openapi, info, paths, components } = JSON.parse(content);
    expect({ openapi, info, paths }).toEqual({
      openapi: '3.0.0',
      info: { version: '1.0.0', title: 'Event' },
      paths: {},
    });
    const events = Object.entries(components.examples as Record<string, { value: unknown }>);
    expect(Object.fromEntries(events.map(([name, { value }]) => [name, value]))).toEqual(TEST_EVENTS);
    expect(Object.keys(TEST_EVENTS)).toEqual(['status', 'dryRun', 'sweep']);
  });

  test('go into the registry that is there, unless it is to be made', () => {
    templateOf({ testEvents: {} }).resourceCountIs(REGISTRY, 0);
    const template = templateOf({ testEvents: { createRegistry: true } });
    const [id] = Object.keys(resources(template, REGISTRY));
    expect(only(template, REGISTRY).Properties.RegistryName).toBe(NAME);
    expect(only(template, SCHEMA).DependsOn).toEqual([id]);
  });

  test('go with the stack, and those of other functions stay', () => {
    const template = templateOf({ testEvents: { createRegistry: true } });
    expect(only(template, REGISTRY)).toMatchObject({ DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' });
    expect(only(template, SCHEMA).DeletionPolicy).toBeUndefined();
  });
});
