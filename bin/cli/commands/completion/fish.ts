import type { OptionWords, Words } from './words.ts';

const COMPLETE = 'complete -c nomad-drain-hook';

/** The script for fish. */
export const fish = ({ commands, options }: Words): string =>
  [
    `${COMPLETE} -f`,
    ...options.map((option) => `${COMPLETE} ${specOf(option)}`),
    ...commands.map(({ name, about }) => `${COMPLETE} -n __fish_use_subcommand -a ${name} -d ${quoted(about)}`),
    ...commands.flatMap(({ name, options: its, choices }) => {
      const ofCommand = `${COMPLETE} -n '__fish_seen_subcommand_from ${name}'`;
      return [
        ...(choices.length > 0 ? [`${ofCommand} -a '${choices.join(' ')}'`] : []),
        ...its.map((option) => `${ofCommand} ${specOf(option)}`),
      ];
    }),
  ].join('\n');

/** As fish's complete takes an option: https://fishshell.com/docs/current/cmds/complete.html */
function specOf({ flags, about, takesValue, choices, isFile }: OptionWords): string {
  const names = flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`));
  const value = isFile ? ['-r -F'] : choices.length > 0 ? [`-x -a '${choices.join(' ')}'`] : takesValue ? ['-x'] : [];
  return [...names, ...value, `-d ${quoted(about)}`].join(' ');
}

const quoted = (text: string): string => `'${text.replaceAll(/['\\]/g, '\\$&')}'`;
