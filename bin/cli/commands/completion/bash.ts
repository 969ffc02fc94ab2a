import type { OptionWords, Words } from './words.ts';

/** The script for bash: 3.2, which macOS has, and later. */
export function bash({ commands, options }: Words): string {
  const named = commands.map(({ name, options: its, choices }) => {
    const words = choices.length > 0 ? `words='${choices.join(' ')}'; ` : '';
    return `    ${name}) ${words}options+=' ${flagsOf(its).join(' ')}' ;;`;
  });
  return `_nomad_drain_hook() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} command='' words='' i
  local options='${flagsOf(options).join(' ')}'
  COMPREPLY=()
  # Bash has --output=json as three words.
  if [[ $cur == '=' ]]; then cur=''; elif [[ $prev == '=' ]]; then prev=\${COMP_WORDS[COMP_CWORD-2]}; fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case \${COMP_WORDS[i]} in
    ${flagsOf(options.filter(({ takesValue }) => takesValue)).join('|')}) ((i++)) ;;
    ${commands.map(({ name }) => name).join('|')}) command=\${COMP_WORDS[i]}; break ;;
    esac
  done
  case $command:$prev in
${[...commands.flatMap(({ name, options: its }) => valueCases(its, name)), ...valueCases(options, '*')].join('\n')}
  esac
  case $command in
    '') words='${commands.map(({ name }) => name).join(' ')}' ;;
${named.join('\n')}
  esac
  if [[ $cur == -* ]]; then words=$options; fi
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -F _nomad_drain_hook nomad-drain-hook`;
}

const flagsOf = (options: readonly OptionWords[]): string[] => options.flatMap(({ flags }) => flags);

/** What may follow the options that take a value: one of some words, a file, or anything. */
function valueCases(options: readonly OptionWords[], command: string): string[] {
  return options
    .filter(({ takesValue }) => takesValue)
    .map(({ flags, choices, isFile }) => {
      const given = flags.map((flag) => `${command}:${flag}`).join('|');
      const values = isFile ? '-f' : `-W '${choices.join(' ')}'`;
      return `    ${given}) COMPREPLY=($(compgen ${values} -- "$cur")); return ;;`;
    });
}
