import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { eitherTemplate } from '../../bin/template/either.ts';
import { type Filling, fill } from '../../bin/template/fill.ts';
import type { Json } from '../lib/stacks.ts';
import { make } from './cloudformation.ts';

describe('two templates that differ by an option', () => {
  const templateOf = (Properties: Json, more: object = {}) => ({
    Resources: { It: { Type: 'T', Properties, ...more } },
  });
  const together = (one: Json, other: Json) => ({
    Parameters: { Chosen: { Type: 'String' } },
    Conditions: { IsChosen: { 'Fn::Equals': [{ Ref: 'Chosen' }, 'yes'] } },
    ...eitherTemplate('IsChosen', one, other),
  });
  const { json } = fc.letrec<{ json: unknown }>((tie) => ({
    json: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constantFrom(0, 1, true, 'text', 'other text', '{"a":1}', '{"a":12}', '{"b":1}', '{aa}', '{aaa}', '{'),
      fc.array(tie('json'), { maxLength: 4 }),
      fc.array(fc.record({ Sid: fc.constantFrom('A', 'B', 'C'), does: tie('json') }), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('json')),
    ),
  }));
  const properties = fc.dictionary(fc.constantFrom('a', 'b', 'c'), json);

  test('make, as one, what each of them makes', () => {
    fc.assert(
      fc.property(properties, properties, (one, other) => {
        const template = together(templateOf(one), templateOf(other));
        expect(make(template, { Chosen: 'yes' }).resources).toEqual(templateOf(one).Resources);
        expect(make(template, { Chosen: 'no' }).resources).toEqual(templateOf(other).Resources);
      }),
      { numRuns: 1000 },
    );
  });

  test('make it for two options too', () => {
    fc.assert(
      fc.property(fc.array(properties, { minLength: 4, maxLength: 4 }), (all) => {
        const [both, first, second, none] = all.map((each) => templateOf(each));
        const template = together(eitherTemplate('IsSecond', both, first), eitherTemplate('IsSecond', second, none));
        const conditions = (IsSecond: boolean) => ({
          ...template.Conditions,
          IsSecond: { 'Fn::Equals': [IsSecond, true] },
        });
        const made = (Chosen: string, IsSecond: boolean) =>
          make({ ...template, Conditions: conditions(IsSecond) }, { Chosen }).resources.It.Properties;
        expect([made('yes', true), made('yes', false), made('no', true), made('no', false)]).toEqual(all);
      }),
    );
  });

  test('share what is the same: of a document, all but the part that differs', () => {
    const template = together(templateOf({ text: '{"a":1,"token":"t"}' }), templateOf({ text: '{"a":1}' }));
    expect(template.Resources.It.Properties.text).toEqual({
      'Fn::Join': ['', ['{"a":1', { 'Fn::If': ['IsChosen', ',"token":"t"', ''] }, '}']],
    });
  });

  test('wait for whatever either of them waits for', () => {
    const template = together(templateOf({}, { DependsOn: ['A', 'B'] }), templateOf({}, { DependsOn: ['B', 'C'] }));
    expect(template.Resources.It.DependsOn).toEqual(['A', 'B', 'C']);
  });

  test('have a resource that the option adds', () => {
    const more = { Resources: { ...templateOf({}).Resources, Added: { Type: 'T', Properties: {} } } };
    const template = together(more, templateOf({}));
    expect(Object.keys(make(template, { Chosen: 'yes' }).resources)).toEqual(['It', 'Added']);
    expect(Object.keys(make(template, { Chosen: 'no' }).resources)).toEqual(['It']);
    expect(() => together(templateOf({}), more)).toThrow('Added is not there with every choice of options');
    expect(() => together(template, templateOf({}))).toThrow('Added is not there with every choice of options');
  });
});

describe('a parameter takes the place of its stand-in', () => {
  const filling: Filling = {
    standIns: { Names: 'some-name', Seconds: 113, Longer: 'some-name-or-other' },
    lists: ['Names'],
    texts: [['"flag":false', `"flag":\${Flag}`]],
    values: { whole: { 'Fn::Split': [',', 'a,b'] } },
    variables: { Joined: { 'Fn::Join': [',', { Ref: 'Names' }] } },
  };

  test('as a value, as a list, and within a text', () => {
    expect(fill({ a: 113, b: ['some-name'], c: 'some-name', d: 'x some-name-or-other', e: [113] }, filling)).toEqual({
      a: { Ref: 'Seconds' },
      b: { Ref: 'Names' },
      c: { Ref: 'Names' },
      d: { 'Fn::Sub': `x \${Longer}` },
      e: [{ Ref: 'Seconds' }],
    });
  });

  test('of a number only where it stands by itself', () => {
    expect(fill({ a: '1134 a113 2113', b: 1131, c: '"seconds":113}' }, filling)).toEqual({
      a: '1134 a113 2113',
      b: 1131,
      c: { 'Fn::Sub': `"seconds":\${Seconds}}` },
    });
  });

  test('as something else than a text, where that is said of the whole text', () => {
    expect(fill({ a: 'whole', b: 'the whole' }, filling)).toEqual({
      a: { 'Fn::Split': [',', 'a,b'] },
      b: 'the whole',
    });
  });

  test('and leaves alone what looks like one', () => {
    expect(fill(`\${HOME} 113`, filling)).toEqual({ 'Fn::Sub': `\${!HOME} \${Seconds}` });
    expect(fill(`\${HOME}`, filling)).toBe(`\${HOME}`);
  });

  test('with what a text says instead, and the variables that it needs', () => {
    const texts = [...filling.texts, ['all', `\${Joined}`]] as const;
    expect(fill('{"flag":false,"names":"all"}', { ...filling, texts })).toEqual({
      'Fn::Sub': [`{"flag":\${Flag},"names":"\${Joined}"}`, filling.variables],
    });
  });
});
