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
const UNDER_WAY = ['Pending', 'InProgress', 'Delayed', 'Cancelling'];

/** A command that did not do what it should. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed';
  /** It surely did nothing: it never reached the instance, or found nothing there to run. */
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
    // For its delivery, in seconds; 30 is the least.
    TimeoutSeconds: 30,
    Parameters: Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, [value]])),
  });
  const sent = await ssm.send(command).catch((error) => {
    throw new CommandFailed(`SSM does not send the command: ${(error as Error).name}: ${messageOf(error)}`, true);
  });
  const CommandId = sent.Command?.CommandId;
  for (;;) {
    await clock.sleep(POLL_MS);
    const seen = await ssm
      .send(new GetCommandInvocationCommand({ CommandId, InstanceId: instanceId }))
      .catch((error): Partial<GetCommandInvocationCommandOutput> => {
        // Known only a moment after it was sent.
        if ((error as Error).name === 'InvocationDoesNotExist') return { Status: 'Pending' };
        throw new CommandFailed(`SSM does not say how the command went: ${messageOf(error)}`, false);
      });
    if (seen.Status === 'Success') return seen.StandardOutputContent ?? '';
    if (!UNDER_WAY.includes(seen.Status ?? '')) throw failure(seen);
    if (clock.now() >= until) throw new CommandFailed(`no answer within the time limit (${seen.Status})`, false);
  }
}

/** By the script's own exit codes, 3 and 4 mean that Nomad was not asked; 5, that it was not reached. */
function failure({ StatusDetails, ResponseCode, StandardErrorContent }: Partial<GetCommandInvocationCommandOutput>) {
  const said = StandardErrorContent?.trim().slice(0, 300);
  const undone = ['Undeliverable', 'DeliveryTimedOut', 'Terminated', 'InvalidPlatform', 'AccessDenied'];
  const unasked = ResponseCode !== undefined && [3, 4].includes(ResponseCode);
  return new CommandFailed(
    said ? `${StatusDetails}: ${said}` : `${StatusDetails}`,
    unasked || undone.includes(StatusDetails ?? ''),
  );
}
