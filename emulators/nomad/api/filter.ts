/**
 * The filter language of Nomad's list endpoints (go-bexpr), as far as filters on nodes, allocations and evaluations
 * need it. Error texts are those of the recordings (`nodes`).
 */

/** Says whether an object matches; throws a FilterError where Nomad answers 400. */
export type Filter = (datum: object) => boolean;

export class FilterError extends Error {
  override name = 'FilterError';
}

interface Token {
  kind: 'word' | 'text' | 'number' | 'symbol';
  text: string;
  at: number;
}

const UNREADABLE = 'failed to create result paginator: failed to read filter expression';

type Operator = 'equal' | 'in' | 'empty' | 'matches';

const TOKEN =
  /\s*(?:(?<word>[a-zA-Z][a-zA-Z0-9_/]*)|(?<text>"[^"]*"|`[^`]*`)|(?<number>-?\d+(?:\.\d+)?)|(?<symbol>==|!=|[().[\]]))/y;

const ESCAPE =
  /\\(?:(u(?![dD][89a-fA-F])[0-9a-fA-F]{4}|U000[0-9a-fA-F]{5}|U0010[0-9a-fA-F]{4}|x[0-7][0-9a-fA-F])|(.?))|\n/g;
const LETTERS: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
};

export const parseFilter = (expression: string): Filter => new Parser(expression).parse();

class Parser {
  readonly #source: string;
  readonly #tokens: Token[];
  #next = 0;

  constructor(source: string) {
    this.#source = source;
    this.#tokens = this.#scan();
  }

  parse(): Filter {
    const filter = this.#or();
    if (this.#next < this.#tokens.length) throw this.#unexpected();
    return filter;
  }

  #scan(): Token[] {
    const tokens: Token[] = [];
    TOKEN.lastIndex = 0;
    while (this.#source.slice(TOKEN.lastIndex).trim() !== '') {
      const start = TOKEN.lastIndex;
      const groups = TOKEN.exec(this.#source)?.groups;
      if (!groups && /^\s*["`]/.test(this.#source.slice(start)))
        throw this.#rule('string', 'Unterminated string literal');
      if (!groups) throw this.#syntax(start);
      const [kind, text] = Object.entries(groups).find(([, value]) => value !== undefined) as [Token['kind'], string];
      const token = { kind, text, at: TOKEN.lastIndex - text.length };
      if (kind === 'text') this.#unquoted(token);
      tokens.push(token);
    }
    return tokens;
  }

  #or(): Filter {
    const left = this.#and();
    if (!this.#word('or')) return left;
    const right = this.#or();
    return (datum) => left(datum) || right(datum);
  }

  #and(): Filter {
    const left = this.#not();
    if (!this.#word('and')) return left;
    const right = this.#and();
    return (datum) => left(datum) && right(datum);
  }

  #not(): Filter {
    if (this.#word('not')) {
      const operand = this.#not();
      return (datum) => !operand(datum);
    }
    if (!this.#symbol('(')) return this.#match();
    const inner = this.#or();
    if (!this.#symbol(')')) throw this.#rule('grouping', 'Unmatched parentheses');
    return inner;
  }

  #match(): Filter {
    const first = this.#tokens[this.#next];
    if (first?.kind === 'text' || first?.kind === 'number') {
      const value = this.#value();
      const negated = this.#word('not');
      if (!this.#word('in')) throw this.#unexpected();
      return comparison(this.#selector(), 'in', value, negated);
    }
    const path = this.#selector();
    if (this.#symbol('==')) return comparison(path, 'equal', this.#value(), false);
    if (this.#symbol('!=')) return comparison(path, 'equal', this.#value(), true);
    if (this.#word('is')) {
      const negated = this.#word('not');
      if (!this.#word('empty')) throw this.#unexpected();
      return comparison(path, 'empty', '', negated);
    }
    const negated = this.#word('not');
    // What is in a list cannot be asked: `in` takes a value on its left.
    if (this.#word('in')) throw this.#rule('match', 'Invalid selector', this.#tokens[this.#next]?.at);
    if (this.#word('contains')) return comparison(path, 'in', this.#value(), negated);
    if (this.#word('matches')) return comparison(path, 'matches', this.#value(), negated);
    throw this.#unexpected();
  }

  #selector(): string[] {
    const path = [this.#identifier()];
    for (;;) {
      if (this.#symbol('.')) path.push(this.#identifier());
      else if (this.#symbol('[')) {
        const index = this.#tokens[this.#next];
        if (index?.kind !== 'text') throw this.#unexpected();
        this.#next += 1;
        path.push(this.#unquoted(index));
        if (!this.#symbol(']')) throw this.#unexpected();
      } else return path;
    }
  }

  #identifier(): string {
    const token = this.#tokens[this.#next];
    if (token?.kind !== 'word') throw this.#unexpected();
    this.#next += 1;
    return token.text;
  }

  #value(): string {
    const token = this.#tokens[this.#next];
    if (!token || token.kind === 'symbol') throw this.#unexpected();
    this.#next += 1;
    return token.kind === 'text' ? this.#unquoted(token) : token.text;
  }

  /** As Go's `strconv.Unquote` reads it. */
  #unquoted({ text, at }: Token): string {
    if (text.startsWith('`')) return text.slice(1, -1).replaceAll('\r', '');
    return text.slice(1, -1).replaceAll(ESCAPE, (_, code: string | undefined, letter: string | undefined) => {
      if (code) return String.fromCodePoint(Number.parseInt(code.slice(1), 16));
      const meant = LETTERS[letter ?? ''];
      if (meant === undefined) throw this.#rule('string', 'invalid syntax', at);
      return meant;
    });
  }

  #word(text: string): boolean {
    return this.#take('word', text);
  }

  #symbol(text: string): boolean {
    return this.#take('symbol', text);
  }

  #take(kind: Token['kind'], text: string): boolean {
    const token = this.#tokens[this.#next];
    if (token?.kind !== kind || token.text !== text) return false;
    this.#next += 1;
    return true;
  }

  #unexpected(): FilterError {
    return this.#syntax(this.#tokens[this.#next]?.at ?? this.#source.length);
  }

  #rule(rule: string, complaint: string, at = this.#source.length): FilterError {
    return new FilterError(`${UNREADABLE}: 1:${at + 1} (${at}): rule "${rule}": ${complaint}`);
  }

  /** The list of what was expected is the one recorded for a missing value; others differ in it. */
  #syntax(at: number): FilterError {
    return new FilterError(
      `${UNREADABLE}: 1:${at + 1} (${at}): no match found, ` +
        'expected: "-", "0", "\\"", "`", [ \\t\\r\\n], [1-9] or [a-zA-Z]',
    );
  }
}

const comparison = (path: string[], operator: Operator, value: string, negated: boolean): Filter => {
  const pattern = operator === 'matches' ? compile(value) : undefined;
  return (datum) => {
    const found = read(datum, path);
    // A missing key of a map equals nothing, contains nothing, matches nothing, and is empty.
    const holds = found.present ? compare(found.value, operator, value, pattern, path) : operator === 'empty';
    return holds !== negated;
  };
};

const compile = (pattern: string): RegExp => {
  try {
    return new RegExp(pattern);
  } catch (error) {
    throw new FilterError(`failed to read result page: failed to compile regular expression "${pattern}": ${error}`);
  }
};

const compare = (
  found: unknown,
  operator: Operator,
  value: string,
  pattern: RegExp | undefined,
  path: string[],
): boolean => {
  if (operator === 'matches') return pattern?.test(String(found)) === true;
  if (operator === 'empty') {
    return found === null || Object.keys(typeof found === 'string' ? [...found] : (found as object)).length === 0;
  }
  if (operator === 'in') {
    if (typeof found === 'string') return found.includes(value);
    if (Array.isArray(found)) return found.includes(value);
    if (typeof found === 'object' && found !== null) return Object.hasOwn(found, value);
    throw new FilterError(
      `failed to read result page: Cannot perform in/contains operations on type ${typeof found} for selector: "${path.join('.')}"`,
    );
  }
  if (typeof found === 'object') {
    throw new FilterError(
      'failed to read result page: unable to find suitable primitive comparison function for matching',
    );
  }
  return String(found) === value;
};

/** Which fields are maps: at the end of a path their missing keys are no error, those of a struct are. */
const MAPS = new Set(
  'Attributes Meta Links Drivers HostVolumes FailedTGAllocs QueuedAllocations TaskStates'.split(' '),
);

const read = (datum: object, path: string[]): { present: boolean; value: unknown } => {
  let value: unknown = datum;
  let parent = '';
  for (const [part, key] of path.entries()) {
    const pointer = `failed to read result page: error finding value in datum: /${path.join('/')}`;
    if (MAPS.has(parent) && !Object.hasOwn((value ?? {}) as object, key)) {
      if (part === path.length - 1) return { present: false, value: undefined };
      throw new FilterError(`${pointer} at part ${part}: couldn't find key "${key}"`);
    }
    if (value === null || value === undefined) {
      throw new FilterError(`${pointer}: at part ${part}, invalid value kind: invalid`);
    }
    if (typeof value !== 'object' || !Object.hasOwn(value, key)) {
      throw new FilterError(`${pointer} at part ${part}: couldn't find key: struct field with name "${key}"`);
    }
    value = (value as Record<string, unknown>)[key];
    parent = key;
  }
  return { present: true, value };
};
