import { SWEEP_SECONDS } from '../../decide/deadlines.ts';
import { say } from '../../explain.ts';
import type { AnswerPorts } from '../ports.ts';
import type { Finding } from './finding.ts';

/** A sweep that has not come for so long is missing, in seconds: two are skipped now and then. */
const MISSING_SECONDS = 3 * SWEEP_SECONDS;

export async function checkVersion({ examination }: AnswerPorts): Promise<Finding[]> {
  const { version, runtime } = examination.software;
  return [{ id: 'version', level: 'ok', what: `nomad-drain-hook ${version} on ${runtime}` }];
}

/**
 * Whether the schedule wakes the function. Only the environment of the function that answers is known: Lambda may run sweeps in
 * another one. So that none has come here is no proof.
 */
export async function checkSweep({ examination: { lastSweepAt }, clock }: AnswerPorts): Promise<Finding[]> {
  const id = 'sweep';
  const ago = lastSweepAt === undefined ? undefined : (clock.now() - lastSweepAt) / 1000;
  if (ago !== undefined && ago <= MISSING_SECONDS)
    return [{ id, level: 'ok', what: `the last sweep began ${say(ago)} ago` }];
  const what =
    ago === undefined
      ? 'this environment of the function has seen no sweep yet; another one may have'
      : `the last sweep that this environment of the function has seen began ${say(ago)} ago; another one may have seen later ones`;
  return [
    {
      id,
      level: 'unknown',
      what,
      do: 'check whether SweepMissing fires, and whether the rule of the schedule is enabled',
    },
  ];
}

/** Whether each group asks the function who goes, where it should. */
export async function checkWhoGoes({ examination }: AnswerPorts): Promise<Finding[]> {
  const silent = await examination.groupsThatDoNotAsk();
  if (silent === undefined) return [];
  const id = 'who-goes';
  if (silent.length === 0)
    return [{ id, level: 'ok', what: 'each group calls a function to choose which instances terminate' }];
  return silent.map((what) => ({ id, level: 'problem', what, do: 'run the command in the outputs of the stack' }));
}

/** Whether the instances can ask Nomad for the function, where that is the way. */
export async function checkRunCommand({ examination }: AnswerPorts): Promise<Finding[]> {
  const instances = await examination.runCommandOn();
  if (instances === undefined) return [];
  const id = 'run-command';
  if (instances.length === 0) {
    const todo = 'an instance has to run: one in service in a group, or one with the tag of the gateways';
    return [
      { id, level: 'problem', what: 'there is no instance through which the function could query Nomad', do: todo },
    ];
  }
  const what = `the function queries Nomad through ${instances.length} instances, and may not read which of their SSM agents are online`;
  return [
    { id, level: 'unknown', what, do: 'aws ssm describe-instance-information shows PingStatus and AgentVersion' },
  ];
}
