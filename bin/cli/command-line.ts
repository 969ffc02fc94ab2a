import { Command, CommanderError, Option } from '@commander-js/extra-typings';
import manifest from '../../package.json' with { type: 'json' };
import { Account } from './aws/account.ts';
import { completionCommand } from './commands/completion/command.ts';
import { describeCommand } from './commands/describe/command.ts';
import { doctorCommand } from './commands/doctor/command.ts';
import { drainCommand } from './commands/drain/command.ts';
import { extendCommand } from './commands/extend/command.ts';
import { historyCommand } from './commands/history/command.ts';
import { jobsCommand } from './commands/jobs/command.ts';
import { logsCommand } from './commands/logs/command.ts';
import { nodesCommand } from './commands/nodes/command.ts';
import { planCommand } from './commands/plan/command.ts';
import { releaseCommand } from './commands/release/command.ts';
import { rollCommand } from './commands/roll/command.ts';
import { scaleInCommand } from './commands/scale-in/command.ts';
import { statusCommand } from './commands/status/command.ts';
import { Interrupted } from './consent.ts';
import { Context, type GlobalOptions, type Run } from './context.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { wrap } from './terminal/layout.ts';
import { printable } from './terminal/printable.ts';
import { Screen } from './terminal/screen.ts';
import { toProblem } from './to-problem.ts';

// biome-ignore lint/suspicious/noExplicitAny: whatever arguments and options a command has
type AnyCommand = Command<any, any, any>;

/** The commands, in the order of the help. */
const COMMANDS: readonly ((run: Run) => AnyCommand)[] = [
  statusCommand,
  describeCommand,
  historyCommand,
  nodesCommand,
  jobsCommand,
  logsCommand,
  doctorCommand,
  planCommand,
  drainCommand,
  extendCommand,
  scaleInCommand,
  rollCommand,
  releaseCommand,
];

const EXIT_CODES = `
Exit codes: 0 done; 1 failed, or cancelled; 2 needs action, such as a stuck
drain; 130 Ctrl-C. Nothing changes without a confirmation or --yes.`;

/**
 * Carries out a command line.
 * @param argv as Node has it: its own path and that of the script come first
 */
export async function runCommandLine(argv: readonly string[]): Promise<ExitCode> {
  const { env: environment } = process;
  const screen = new Screen(process, environment);
  let options: GlobalOptions = {};
  let exitCode: ExitCode = EXIT.ok;
  const run: Run =
    (act) =>
    async (...args) => {
      const command = args.pop() as AnyCommand;
      options = command.optsWithGlobals() as GlobalOptions;
      // As the AWS CLI reads it; the SDK for JavaScript knows the first of the two alone.
      const region = options.region ?? environment.AWS_REGION ?? environment.AWS_DEFAULT_REGION;
      const profile = options.profile ?? environment.AWS_PROFILE;
      const account = new Account({ ...options, region }, { stack: options.stack, name: options.function, profile });
      exitCode = await act(new Context(account, screen, command.name(), options), ...(args as never));
    };
  const program = makeProgram(run);
  try {
    const { operands, unknown } = program.parseOptions(argv.slice(2));
    if (operands.length + unknown.length === 0) {
      program.outputHelp();
      return EXIT.ok;
    }
    await program.parseAsync(helpOfUnknown(operands, program) ?? argv.slice(2), { from: 'user' });
    return exitCode;
  } catch (error) {
    // Help and version have been printed.
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.ok;
    const { message, todo } = printable(toText(toProblem(error, options, environment, commandIn(argv, program))));
    const { columns, ink } = screen.margin;
    screen.tell(wrap(`${ink.bad('error:')} ${message}\n${todo}`, columns));
    if (argv.includes('--debug')) screen.tell(`\n${traceOf(error)}`);
    return error instanceof Interrupted ? EXIT.interrupted : EXIT.failed;
  }
}

/** The help of a command that does not exist is the use of one: Commander would print the whole help as an error. */
const helpOfUnknown = ([help, ...topic]: readonly string[], { commands }: AnyCommand): readonly string[] | undefined =>
  help === 'help' && topic.length > 0 && commands.every((command) => command.name() !== topic[0]) ? topic : undefined;

/** The command that is meant, if there is one of that name. */
const commandIn = (argv: readonly string[], { commands }: AnyCommand): string | undefined =>
  argv.slice(2).find((word) => commands.some((command) => command.name() === word));

const toText = ({ message, todo }: { message: string; todo: string }) => ({ message, todo });
const traceOf = (error: unknown) => printable(error instanceof Error ? (error.stack ?? error.message) : String(error));

function makeProgram(run: Run): AnyCommand {
  const program: AnyCommand = new Command('nomad-drain-hook')
    .description(
      'Shows what the Nomad drain hook does, and takes instances out of service. It sends requests to the deployed function, with your AWS credentials: no path to Nomad is needed.',
    )
    .addOption(new Option('-o, --output <format>', 'print the answer as text or JSON').choices(['text', 'json']))
    .addOption(new Option('--json', 'the same as --output json').implies({ output: 'json' }))
    .option('--no-color', 'print without colours, as with NO_COLOR')
    .option('--profile <name>', 'the AWS profile to use')
    .option('--region <name>', 'the AWS region to use')
    .option('--stack <name>', 'the stack of the function, if there are several')
    .option('--function <name>', 'the name or ARN of the function; no search then')
    .option('--debug', 'print the stack trace of an error')
    .version(manifest.version, '--version', 'print the version')
    .helpOption('-h, --help', 'print the help')
    .helpCommand('help [command]', 'print the help of a command')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ outputError: () => {} })
    .exitOverride();
  program.addHelpText('after', EXIT_CODES);
  for (const make of COMMANDS) program.addCommand(make(run).copyInheritedSettings(program));
  program.addCommand(completionCommand(program).copyInheritedSettings(program));
  const version = new Command('version').summary('print the version').action(
    run(async (context) => {
      context.show({ version: manifest.version }, (given) => given.version);
      return EXIT.ok;
    }),
  );
  program.addCommand(version.copyInheritedSettings(program));
  return program;
}
