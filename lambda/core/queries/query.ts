import { type CapacityAnswer, capacity } from './capacity.ts';
import type { Command } from './command.ts';
import { type DoctorAnswer, doctor } from './doctor/doctor.ts';
import { type JobsAnswer, jobs } from './jobs.ts';
import { type LogsAnswer, logs } from './logs.ts';
import { type PlanAnswer, plan } from './plan/plan.ts';
import type { AnswerPorts } from './ports.ts';

/** What each question gives; `run` is its command. */
type Given = CapacityAnswer | JobsAnswer | LogsAnswer | DoctorAnswer | PlanAnswer;

/** What the function answers a {@link Command}. */
export type Answer = Given & {
  /** When it was answered, ISO 8601. */
  at: string;
  /** What an operator should fix, such as a token that is too narrow: then more may run than the answer says. */
  warnings: string[];
  /** Of the function. Absent in answers of functions that do not say it yet. */
  version?: string;
};

/** @throws Error if what was asked for cannot be read */
export function answer(command: Command, ports: AnswerPorts): Promise<Given> {
  switch (command.command) {
    case 'capacity':
      return capacity(command, ports);
    case 'jobs':
      return jobs(command, ports);
    case 'logs':
      return logs(command, ports);
    case 'doctor':
      return doctor(ports);
    case 'plan':
      return plan(command, ports);
  }
}
