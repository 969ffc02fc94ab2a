import manifest from '../../package.json' with { type: 'json' };

/** What the function's answers have said beside what was asked. */
export class Heard {
  /** When the last of them was given, ISO 8601. */
  at: string | undefined;
  readonly #warnings = new Set<string>();
  #versionWarning: string | undefined;

  note(answer: unknown): void {
    const { at, warnings = [], version } = (answer ?? {}) as { at?: string; warnings?: string[]; version?: string };
    this.at = at ?? this.at;
    for (const warning of warnings) this.#warnings.add(warning);
    this.#versionWarning = versionWarning(manifest.version, version);
  }

  /** What an operator should fix. */
  get warnings(): readonly string[] {
    return [...this.#warnings];
  }

  /** That the function is of another version, and what to do; undefined if it is of this one, or has not answered. */
  get versionWarning(): string | undefined {
    return this.#versionWarning;
  }
}

/** @param function_ undefined if it does not say its version */
function versionWarning(own: string, function_: string | undefined): string | undefined {
  if (function_ === own) return undefined;
  if (function_ === undefined) {
    return `the command line is ${own}, the function is too old to report its version: deploy ${own}`;
  }
  const isOlder = function_.localeCompare(own, 'en', { numeric: true }) < 0;
  const todo = isOlder
    ? `deploy ${own}, or use the command line of ${function_}`
    : `install the command line of ${function_}`;
  return `the command line is ${own}, the function is ${function_}: ${todo}`;
}
