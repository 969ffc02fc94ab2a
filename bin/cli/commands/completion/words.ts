import type { Command } from '@commander-js/extra-typings';

// biome-ignore lint/suspicious/noExplicitAny: whatever arguments and options a command has
export type AnyCommand = Command<any, any, any>;

/** An option, as it can be typed. */
export interface OptionWords {
  /** Such as `-o` and `--output`. */
  flags: string[];
  about: string;
  /** It needs a value. */
  takesValue: boolean;
  /** The values that it may have; empty if that is open. */
  choices: readonly string[];
  /** Its value is the name of a file. */
  isFile: boolean;
}

export interface CommandWords {
  name: string;
  about: string;
  options: OptionWords[];
  /** The values that its first argument may have; empty if that is open. */
  choices: readonly string[];
}

/** What can be typed. */
export interface Words {
  commands: CommandWords[];
  /** The options of all commands. */
  options: OptionWords[];
}

/** What can be typed after the name of the program. */
export function wordsOf(program: AnyCommand): Words {
  const help = program.createHelp();
  const options = help.visibleOptions(program).map(optionWords);
  const common = new Set(options.flatMap(({ flags }) => flags));
  const optionsOf = (command: AnyCommand) =>
    help
      .visibleOptions(command)
      .map(optionWords)
      .filter(({ flags }) => !flags.every((flag) => common.has(flag)));
  const visible = help.visibleCommands(program);
  const names = visible.map((command) => command.name());
  const commands = visible.map((command): CommandWords => {
    const isHelp = command.name() === 'help';
    return {
      name: command.name(),
      about: help.subcommandDescription(command),
      options: isHelp ? [] : optionsOf(command),
      choices: isHelp ? names : (command.registeredArguments[0]?.argChoices ?? []),
    };
  });
  return { commands, options };
}

function optionWords(option: ReturnType<ReturnType<AnyCommand['createHelp']>['visibleOptions']>[number]): OptionWords {
  const { short, long, flags, description, required, argChoices = [] } = option;
  return {
    flags: [short, long].filter((flag) => flag !== undefined),
    about: description,
    takesValue: required,
    choices: argChoices,
    isFile: flags.endsWith('<file>'),
  };
}
