/** What a command's help ends with: command lines, each with what it does. */
export const examples = (...lines: readonly [commandLine: string, does: string][]): string =>
  ['', 'Examples:', ...lines.map(([line, does]) => `  ${line}\n      ${does}`)].join('\n');
