import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const LIB = fileURLToPath(new URL('../../lib', import.meta.url));

/** A property that the user of the construct may give, as its source declares it. */
export interface Property {
  readonly name: string;
  readonly optional: boolean;
  readonly type: string;
  /** Its doc comment without the marks, in one line; empty where there is none. */
  readonly about: string;
  /** What `@default` says, in one line. */
  readonly default: string | undefined;
}

/** The interfaces that lib/index.ts exports, with their properties. TypeScript 7 has no API to read them by. */
export function publicInterfaces(): Map<string, readonly Property[]> {
  const exported = readFileSync(`${LIB}/index.ts`, 'utf8');
  const sources = globSync(`${LIB}/**/*.ts`).map((file) => readFileSync(file, 'utf8'));
  const found = sources.flatMap((source) => [...source.matchAll(/^export interface (\w+)[^{]*\{\n(.*?)^\}/gms)]);
  return new Map(
    found
      .filter(([, name]) => new RegExp(`\\b${name}\\b`).test(exported))
      .map(([, name = '', body = '']) => [name, propertiesOf(body)]),
  );
}

function propertiesOf(body: string): Property[] {
  const declarations = body.matchAll(/(?:\/\*\*((?:(?!\*\/).)*)\*\/\s*)?readonly (\w+)(\??): ([^;]+);/gs);
  return [...declarations].map(([, comment = '', name = '', mark, type = '']) => {
    const text = comment.replaceAll(/\s*\n\s*\*?\s*/g, ' ').trim();
    const [about = '', standard] = text.split(/\s*@default /);
    return { name, optional: mark === '?', type, about, default: standard };
  });
}
