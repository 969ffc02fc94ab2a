import type { OptionWords, Words } from './words.ts';

/** The script for zsh, to be read after compinit. */
export function zsh({ commands, options }: Words): string {
  const named = commands.map(({ name, options: its, choices }) => {
    const argument = choices.length > 0 ? [`'1:value:(${choices.join(' ')})'`] : [];
    return `      ${name}) _arguments ${[...its.map(specOf), ...argument].join(' ')} $common ;;`;
  });
  return `#compdef nomad-drain-hook
_nomad_drain_hook() {
  local state line curcontext=$curcontext
  local -a commands common
  commands=(
${commands.map(({ name, about }) => `    ${quoted(`${name}:${about}`)}`).join('\n')}
  )
  common=(
${options.map((option) => `    ${specOf(option)}`).join('\n')}
  )
  _arguments -C $common '1: :->command' '*:: :->argument'
  case $state in
    command) _describe command commands ;;
    argument)
      case $line[1] in
${named.join('\n')}
      esac ;;
  esac
}
compdef _nomad_drain_hook nomad-drain-hook`;
}

/** As _arguments takes an option: https://zsh.sourceforge.io/Doc/Release/Completion-System.html */
function specOf({ flags, about, takesValue, choices, isFile }: OptionWords): string {
  const told = about.replaceAll(/[[\]:\\]/g, '\\$&');
  const values = isFile ? '_files' : choices.length > 0 ? `(${choices.join(' ')})` : ' ';
  const rest = quoted(`[${told}]${takesValue ? `:value:${values}` : ''}`);
  return flags.length > 1 ? `'(${flags.join(' ')})'{${flags.join(',')}}${rest}` : `${flags[0]}${rest}`;
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
