import {
  GetCommandInvocationCommand,
  type GetCommandInvocationCommandOutput,
  SendCommandCommand,
  type SSMClient,
} from '@aws-sdk/client-ssm';
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';

/** How often SSM is asked whether a command has ended, in milliseconds. */
const POLL_MS = 500;
/** How long SSM tries to deliver a command, in seconds; 30 is the least that it takes. */
const DELIVERY_SECONDS = 30;
/** The document's own limit for the script, in seconds. */
const EXECUTION_SECONDS = 60;
/**
 * How long after it was sent a command may still run on its instance, in milliseconds, whatever SSM says of it: one that was
 * given up as DeliveryTimedOut, too.
 */
export const COMMAND_LIVES_MS = (DELIVERY_SECONDS + EXECUTION_SECONDS) * 1_000;

const UNDER_WAY = ['Pending', 'InProgress', 'Delayed', 'Cancelling'];
/**
 * Ends before anything ran. Not among them: DeliveryTimedOut and Undeliverable, which say that SSM has heard of no delivery.
 * https://docs.aws.amazon.com/systems-manager/latest/userguide/monitor-commands.html
 */
const NEVER_BEGUN = ['Terminated', 'InvalidPlatform', 'AccessDenied'];
/** The script's own exit code where it has not asked Nomad. */
const NOT_ASKED = 3;
const BUSY = ['Throttling', 'ThrottlingException', 'RequestLimitExceeded'];

/** A command that did not do what it should. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed';
  /** It surely did nothing, and never will. */
  readonly undone: boolean;

  constructor(message: string, undone: boolean) {
    super(message);
    this.undone = undone;
  }
}

/**
 * Runs a Command document on one instance.
 *
 * @param limitMs how long it may take in all
 * @returns what it printed
 * @throws CommandFailed
 */
export async function runCommand(
  ssm: SSMClient,
  clock: Clock,
  order: { document: string; instanceId: string; parameters: Record<string, string>; limitMs: number },
): Promise<string> {
  const { document, instanceId, parameters, limitMs } = order;
  const until = clock.now() + limitMs;
  const command = new SendCommandCommand({
    DocumentName: document,
    InstanceIds: [instanceId],
    TimeoutSeconds: DELIVERY_SECONDS,
    Parameters: Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, [value]])),
  });
  const sent = await ssm.send(command).catch((error) => {
    throw new CommandFailed(
      `SSM does not send the command: ${(error as Error).name}: ${messageOf(error)}`,
      refused(error),
    );
  });
  const CommandId = sent.Command?.CommandId;
  for (;;) {
    await clock.sleep(POLL_MS);
    const seen = await ssm
      .send(new GetCommandInvocationCommand({ CommandId, InstanceId: instanceId }))
      .catch((error): Partial<GetCommandInvocationCommandOutput> => {
        // Known only a moment after it was sent; and a command that runs is not lost because SSM has no time to tell of it.
        if ((error as Error).name === 'InvocationDoesNotExist' || !forGood(error)) return { Status: 'Pending' };
        throw new CommandFailed(`SSM does not say how the command went: ${messageOf(error)}`, false);
      });
    if (seen.Status === 'Success') return seen.StandardOutputContent ?? '';
    if (!UNDER_WAY.includes(seen.Status ?? '')) throw failure(seen);
    if (clock.now() >= until) throw new CommandFailed(`no answer within the time limit (${seen.Status})`, false);
  }
}

interface Refusal {
  name?: string;
  $metadata?: { httpStatusCode?: number; attempts?: number };
}

/** SSM has said no, at the first attempt. One that was never answered may have been carried out before a second was refused. */
function refused(error: Refusal): boolean {
  const { httpStatusCode = 0, attempts } = error.$metadata ?? {};
  return httpStatusCode >= 400 && httpStatusCode < 500 && attempts === 1;
}

/** SSM has said no, and would say it again. */
function forGood(error: Refusal): boolean {
  const status = error.$metadata?.httpStatusCode ?? 0;
  return status >= 400 && status < 500 && status !== 429 && !BUSY.includes(error.name ?? '');
}

function failure(seen: Partial<GetCommandInvocationCommandOutput>) {
  const { StatusDetails = '', ResponseCode, StandardErrorContent, StandardOutputContent } = seen;
  // What the agent itself has against a command stands in the output.
  const said = (StandardErrorContent?.trim() || StandardOutputContent?.trim())?.slice(0, 300);
  const undone = NEVER_BEGUN.includes(StatusDetails) || (StatusDetails === 'Failed' && ResponseCode === NOT_ASKED);
  return new CommandFailed(said ? `${StatusDetails}: ${said}` : StatusDetails, undone);
}
