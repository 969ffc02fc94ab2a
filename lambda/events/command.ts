import type { Command, LogsCommand } from '../core/queries/command.ts';
import { EventError } from '../errors.ts';
import { instanceId, matching, name, oneOf, type ReadField, shown, text, wholeNumber } from './fields.ts';

/** Everything that `{"command": …}` may be. The first three are no questions: they run the story without writing, or get ready. */
export type AnyCommand =
  | { command: 'status' }
  | { command: 'warm' }
  /** One instance, as if it had to be terminated. */
  | { command: 'dryRun'; instanceId: string }
  | Command;

type FieldsOf<C> = { readonly [F in Exclude<keyof C, 'command'>]-?: ReadField<Exclude<C[F], undefined>> };

/** 48 h, in seconds: Auto Scaling holds no instance longer. */
const LONGEST = 172_800;
/** In MHz and MB: more than any instance has. */
const MOST = 100_000_000;

/** At least four digits: fewer are a mistake. */
const beginningOfId = matching(
  /^(?=.{4,36}$)[0-9a-f]+(-[0-9a-f]*)*$/,
  'id of an allocation, or four or more digits of its beginning',
);
const nodeName = matching(/^[\w.-]{1,255}$/, 'name or id of a node');
const namespace = matching(/^(\*|[\w-]{1,128})$/, 'namespace');
const offset = matching(/^\d{1,9}:\d{1,15}$/, 'offset from an earlier answer');

/** The fields of each command. */
const FIELDS: { readonly [C in AnyCommand as C['command']]: FieldsOf<C> } = {
  status: {},
  warm: {},
  dryRun: { instanceId },
  jobs: { namespace, status: oneOf('running', 'pending', 'dead') },
  doctor: {},
  logs: {
    allocation: beginningOfId,
    instanceId,
    node: nodeName,
    job: text,
    task: text,
    stream: oneOf('stderr', 'stdout'),
    bytes: wholeNumber(1, 65_536),
    offset,
  },
  capacity: { cpu: wholeNumber(1, MOST), memoryMb: wholeNumber(1, MOST) },
  plan: { group: name, deadlineSeconds: wholeNumber(1, LONGEST) },
};

/** Those without which a command cannot be carried out. */
const NEEDED: { readonly [name: string]: readonly string[] } = { dryRun: ['instanceId'] };

/**
 * Reads a command. A field that it does not have is an error, not ignored: it may be misspelt, or of a newer version.
 * @throws EventError saying what is wrong
 */
export function readCommand({ command, ...given }: Record<string, unknown>): AnyCommand {
  if (!isKnown(command)) {
    const known = Object.keys(FIELDS).join(', ');
    throw new EventError(`unknown command ${shown(command)}: the commands are ${known}`);
  }
  const fields: Readonly<Record<string, ReadField<unknown>>> = FIELDS[command];
  const names = Object.keys(fields);
  const unknown = Object.keys(given).filter((name) => !names.includes(name));
  if (unknown.length > 0) {
    const has = names.length > 0 ? `has ${names.join(', ')}` : 'has no fields';
    throw new EventError(`command ${command} has no field ${unknown.join(', ').slice(0, 80)}: it ${has}`);
  }
  const wanted = names.filter((name) => name in given || NEEDED[command]?.includes(name));
  const read = wanted.map((name) => [name, fields[name]?.(given[name], name)]);
  const asked = { command, ...Object.fromEntries(read) } as AnyCommand;
  if (asked.command === 'logs') checkLogs(asked);
  return asked;
}

function checkLogs(asked: LogsCommand): void {
  const { allocation, instanceId, node, job, task } = asked;
  if ([allocation, instanceId, node].filter((each) => each !== undefined).length !== 1) {
    throw new EventError('command logs needs one of allocation, instanceId and node');
  }
  if (allocation !== undefined && job !== undefined) throw new EventError('an allocation belongs to one job: omit job');
  if (asked.offset !== undefined && (allocation === undefined || task === undefined)) {
    throw new EventError('offset continues one log: give the allocation and the task');
  }
}

const isKnown = (command: unknown): command is AnyCommand['command'] =>
  typeof command === 'string' && Object.hasOwn(FIELDS, command);
