import {
  GetCommandInvocationCommand,
  type GetCommandInvocationCommandOutput,
  SendCommandCommand,
  type SSMClient,
} from '@aws-sdk/client-ssm';
import { messageOf } from '../core/basics.ts';
import type { Clock } from '../core/model/clock.ts';

/** How often SSM is polled whether a command has ended, in milliseconds. */
const POLL_MS = 500;
/** How long SSM tries to deliver a command, in seconds; 30 is the minimum. */
const DELIVERY_SECONDS = 30;
/** The document's own limit for the script, in seconds. */
const EXECUTION_SECONDS = 60;
/**
 * How long a command may still run on its instance after it was sent, in milliseconds, even if SSM says that it is
 * DeliveryTimedOut.
 */
export const COMMAND_LIVES_MS = (DELIVERY_SECONDS + EXECUTION_SECONDS) * 1_000;

const UNDER_WAY = ['Pending', 'InProgress', 'Delayed', 'Cancelling'];
/**
 * Final states in which nothing ran. Not DeliveryTimedOut and Undeliverable: they only say that SSM heard of no delivery.
 * https://docs.aws.amazon.com/systems-manager/latest/userguide/monitor-commands.html
 */
const NEVER_BEGUN = ['Terminated', 'InvalidPlatform', 'AccessDenied'];
/** The script's own exit code if it has not asked Nomad. */
const NOT_ASKED = 3;
const BUSY = ['Throttling', 'ThrottlingException', 'RequestLimitExceeded'];

/** A command failed, or its outcome is unknown. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed';
  /** It certainly did nothing, and never will. */
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
 * @returns its output
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
        // SSM knows a command only a moment after it was sent; and a throttled question says nothing about the command.
        if ((error as Error).name === 'InvocationDoesNotExist' || !forGood(error)) return { Status: 'Pending' };
        throw new CommandFailed(`SSM does not report how the command ended: ${messageOf(error)}`, false);
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

/** SSM refused the first attempt. A later refusal proves nothing: an attempt without an answer may have sent the command. */
function refused(error: Refusal): boolean {
  const { httpStatusCode = 0, attempts } = error.$metadata ?? {};
  return httpStatusCode >= 400 && httpStatusCode < 500 && attempts === 1;
}

/** SSM refused, and would refuse again. */
function forGood(error: Refusal): boolean {
  const status = error.$metadata?.httpStatusCode ?? 0;
  return status >= 400 && status < 500 && status !== 429 && !BUSY.includes(error.name ?? '');
}

function failure(seen: Partial<GetCommandInvocationCommandOutput>) {
  const { StatusDetails = '', ResponseCode, StandardErrorContent, StandardOutputContent } = seen;
  // Errors of the agent itself are in the output.
  const said = (StandardErrorContent?.trim() || StandardOutputContent?.trim())?.slice(0, 300);
  const undone = NEVER_BEGUN.includes(StatusDetails) || (StatusDetails === 'Failed' && ResponseCode === NOT_ASKED);
  return new CommandFailed(said ? `${StatusDetails}: ${said}` : StatusDetails, undone);
}
