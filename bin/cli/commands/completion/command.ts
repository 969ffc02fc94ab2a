import { Argument, Command } from '@commander-js/extra-typings';
import { examples } from '../../examples.ts';
import { bash } from './bash.ts';
import { fish } from './fish.ts';
import { type AnyCommand, wordsOf } from './words.ts';
import { zsh } from './zsh.ts';

const SCRIPTS = { bash, zsh, fish };
const SHELLS = Object.keys(SCRIPTS) as (keyof typeof SCRIPTS)[];

const ABOUT = [
  'Prints a script that completes commands, options and their values in your shell.',
  'bash: add source <(nomad-drain-hook completion bash) to ~/.bashrc. zsh: the same with zsh, after compinit in ~/.zshrc. fish: write it to ~/.config/fish/completions/nomad-drain-hook.fish.',
].join('\n\n');

/** `completion`: a script for a shell. @param program whose commands and options it completes */
export const completionCommand = (program: AnyCommand) =>
  new Command('completion')
    .summary('print a script that completes commands and options')
    .description(ABOUT)
    .addArgument(new Argument('<shell>', 'the shell that reads it').choices(SHELLS))
    .addHelpText(
      'after',
      examples(
        ['nomad-drain-hook completion bash', 'the script for bash'],
        ['nomad-drain-hook completion fish | source', 'for this session of fish'],
      ),
    )
    .action((shell) => console.log(SCRIPTS[shell](wordsOf(program))));
