import { describe, expect, test } from 'vitest';
import { TEST_EVENTS } from '../../lib/function/console-test-events.ts';
import { type Json, only, resources, templateOf } from './stacks.ts';

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
    const ofNotices = ['spot', 'rebalance', 'maintenance'];
    const questions = ['capacity', 'jobs', 'logs', 'doctor', 'plan'];
    expect(Object.keys(TEST_EVENTS)).toEqual(['status', 'dryRun', ...questions, 'sweep', ...ofNotices]);
  });

  test('change nothing where they speak of an instance: the id in them is made up', () => {
    const aboutAnInstance = Object.values<Json>(TEST_EVENTS).filter((event) => JSON.stringify(event).includes('"i-'));
    expect(aboutAnInstance.length).toBe(5);
    for (const event of aboutAnInstance) {
      expect(['dryRun', 'logs'].includes(event.command) || event.dryRun).toBe(true);
    }
  });

  test.each(['spot', 'rebalance', 'maintenance'] as const)('are what the rule for it would let through: %s', (name) => {
    const event = TEST_EVENTS[name] as Json;
    const template = templateOf({ notices: { rebalance: 'drain', maintenance: true } });
    const patterns = Object.values(resources(template, 'AWS::Events::Rule')).map(
      ({ Properties: { EventPattern: pattern } }) => pattern,
    );
    const lets = ({ source, detail = {}, 'detail-type': types }: Json) =>
      source.includes(event.source) &&
      types.includes(event['detail-type']) &&
      Object.entries(detail as Json).every(([key, values]) =>
        (values as Json[]).some((value) => value === event.detail[key] || event.detail[key].startsWith(value.prefix)),
      );
    expect(patterns.filter((pattern) => pattern && lets(pattern))).toHaveLength(1);
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
