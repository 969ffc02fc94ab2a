import type { Hooks } from './aws/hooks.ts';
import { ANY_GROUP, type Config, type GroupConfig } from './config.ts';
import type { Answer } from './core/answers/answer.ts';
import { asSuggested, choose, type TerminationQuestion } from './core/choose.ts';
import { type Clock, RunClock } from './core/clock.ts';
import { drain } from './core/drain.ts';
import { named } from './core/explain.ts';
import { iso } from './core/iso.ts';
import { measureSweep } from './core/measure.ts';
import { messageOf } from './core/message-of.ts';
import type { Notice } from './core/notice.ts';
import { type Journal, type Ports, UNKNOWN } from './core/ports.ts';
import { inLog, type Report, type Result } from './core/report.ts';
import { inShort, short, shortened } from './core/short.ts';
import { logUnserved, sayUnserved } from './core/unserved.ts';
import { RunFailed } from './errors.ts';
import { narrowToken } from './nomad/acl.ts';
import { noticesOf } from './notices.ts';
import { isDryRun, readWake, type Wake } from './wake.ts';
import { type Environment, Wiring } from './wiring.ts';

/** An event's run starts the drain of one instance, sees whether its node was idle, and ends. Milliseconds. */
const EVENT_BUDGET_MS = 5_000;
/**
 * A sweep that has somebody to wait for stays awake until four seconds before the next, in milliseconds: in the environment of a sweep that
 * has ended the next remembers its heartbeats, and what has been told.
 */
const SWEEP_BUDGET_MS = 56_000;
/**
 * Reserved before the function's own timeout, in milliseconds: all waits end before it. It is for completions, and for what
 * the run reports.
 */
const RESERVE_MS = 8_000;
/** What is left for the last pass, in milliseconds: one that takes longer leaves the rest to the next run. */
const LAST_PASS_MS = 3_000;
/** Auto Scaling waits two seconds for who goes: all waits end before that, in milliseconds. */
const CHOICE_MS = 1_400;
/** How long getting ready for that may take, in milliseconds: the function that only answers has five seconds. */
const WARM_MS = 4_000;
/** The end of the reserve, in milliseconds: completions have ended too, and the run only says how it ended. */
const LAST_MS = 2_000;

/** Frames a run: reads what woke it, ends it in time, and reports how it ended. */
export class App {
  readonly #config: Config;
  readonly #clock: Clock;
  readonly #journal: Journal;
  readonly #wiring: Wiring;
  /** What leads from a record to its run: what Lambda calls that. */
  #asked: { requestId?: string } = {};
  /** Runs in progress: one in Lambda, more if a demo or a test wakes one function twice. */
  #runs = 0;

  constructor(config: Config, environment: Environment) {
    this.#config = config;
    this.#clock = environment.clock;
    this.#journal = inShort(environment.journal, () => this.#asked);
    this.#wiring = new Wiring(config, { ...environment, journal: this.#journal });
  }

  /** Loads what this configuration needs, before the first event. */
  load(): Promise<void> {
    return this.#wiring.load();
  }

  /** What Lambda calls the function, and the run that begins. */
  called({ invokedFunctionArn, awsRequestId }: { invokedFunctionArn?: string; awsRequestId?: string } = {}): void {
    this.#wiring.deployedAs(invokedFunctionArn);
    this.#asked = awsRequestId === undefined ? {} : { requestId: awsRequestId };
  }

  /**
   * @param remainingMs what is left of the function's timeout, in milliseconds
   * @throws EventError if the event is malformed
   * @throws RunFailed if an instance could not be served, after all others were
   */
  run(event: unknown, remainingMs = Number.POSITIVE_INFINITY): Promise<Report | Answer> {
    return this.#framed(() => this.#run(event, remainingMs)).then(shortened, (error) => {
      throw Object.assign(error, { message: short(messageOf(error)) });
    });
  }

  /** Which instances go, as Auto Scaling asks it for a group whose termination policy we are. Within a second and a half. */
  choose(question: TerminationQuestion): Promise<string[]> {
    return this.#framed(() => this.#choose(question));
  }

  async #choose(question: TerminationQuestion): Promise<string[]> {
    const { group } = question;
    if (!this.#config.groups.some(({ name }) => name === group || name === ANY_GROUP)) {
      return asSuggested(question, `group ${group} is not configured`, this.#journal);
    }
    const clock = new RunClock(this.#clock, this.#clock.now() + CHOICE_MS);
    return choose(question, this.#wiring.forChoice(clock));
  }

  async #framed<T>(run: () => Promise<T>): Promise<T> {
    this.#runs += 1;
    try {
      return await run();
    } finally {
      this.#runs -= 1;
      this.#wiring.metrics.flush();
      if (this.#runs === 0) this.#wiring.close();
    }
  }

  async #run(event: unknown, remainingMs: number): Promise<Report | Answer> {
    const wake = readWake(event);
    const subject = subjectOf(wake);
    const about = {
      run: nameOf(wake),
      instanceId: subject?.instanceId ?? UNKNOWN,
      nodeId: UNKNOWN,
      group: subject?.group ?? UNKNOWN,
    };
    this.#journal.info('run started', about);

    if (wake.kind === 'nothing') return this.#nothing(wake.because, about);
    if (wake.kind === 'warm') return this.#warm(about, remainingMs);
    if (wake.kind === 'command') {
      // Loaded for who asks: no event and no sweep needs it.
      const { answerTo } = await import('./answering.ts');
      const answer = await answerTo(wake.command, this.#wiring, this.#clock, remainingMs - LAST_MS);
      this.#journal.info('run ended', about);
      return answer;
    }
    const ours = this.#isOurs(wake);
    if ('because' in ours) return this.#nothing(ours.because, about);
    const { report, failures } = await this.#serve(wake, ours.notices, remainingMs);
    // Metrics first: the end of the run is the last log record.
    this.#wiring.metrics.flush();
    const [first] = report.instances;
    this.#journal.info('run ended', {
      ...about,
      nodeId: (subject && first?.nodeId) ?? UNKNOWN,
      ...inLog(report.instances),
    });
    if (failures.length === 0 || isDryRun(wake)) return report;
    const { requestId } = this.#asked;
    const records = requestId === undefined ? '' : `; its log records: requestId ${requestId}`;
    throw new RunFailed(`${short(failures.join('; '))}${records}`, report);
  }

  #nothing(because: string, about: object): Report {
    this.#journal.info('nothing to do', { ...about, because });
    return { run: 'nothing', instances: [], warnings: [], because };
  }

  /** Reads what the question of who goes needs. That it cannot is no failure: the question then reads it itself. */
  async #warm(about: Record<string, unknown>, remainingMs: number): Promise<Report> {
    const clock = new RunClock(this.#clock, this.#clock.now() + Math.min(WARM_MS, remainingMs));
    const warnings = await this.#wiring.permissions(clock).then(narrowToken, (error) => [messageOf(error)]);
    for (const because of warnings) this.#journal.warn('not ready for who goes', { ...about, because });
    this.#journal.info('run ended', about);
    return { run: 'warm', instances: [], warnings };
  }

  async #serve(
    wake: Served,
    notices: ReadonlyMap<string, Notice> | undefined,
    remainingMs: number,
  ): Promise<{ report: Report; failures: string[] }> {
    const now = this.#clock.now();
    const latest = now + Math.max(0, remainingMs - RESERVE_MS);
    const clock = new RunClock(this.#clock, latest, now + Math.max(0, remainingMs - LAST_MS));
    const hooks = this.#wiring.hooks(wake, clock);
    const last = Math.min(now + SWEEP_BUDGET_MS, latest - LAST_PASS_MS);
    const until = Math.min(now + (wake.kind === 'event' ? EVENT_BUDGET_MS : SWEEP_BUDGET_MS), last);
    const ports = this.#wiring.forRun({ wake, notices, clock, hooks, until, last });

    const result = await this.#story(wake, ports, hooks, until);
    const { instances, retained, purged, unserved, interrupted } = result;
    if (!isDryRun(wake)) logUnserved(unserved, this.#journal);
    const groups = this.#groupsOf(wake, result);
    const ofHooks = hooks.problems(groups, this.#config.policy);
    const unasked = ports.terminations.problems;
    const warnings = [...ofHooks.failures, ...ofHooks.unknown, ...unasked, ...ports.nodes.problems];
    for (const warning of warnings) this.#journal.error('warning', { because: warning });
    const failures = [
      ...(interrupted === undefined ? [] : [`the run could not go on: ${interrupted}`]),
      ...sayUnserved(result),
      ...ofHooks.failures,
      ...unasked,
    ];
    const because = instances.length === 0 ? notFound(wake) : undefined;
    const report: Report = {
      run: wake.kind,
      at: iso(now),
      groups: groups.map(({ name }) => name),
      instances,
      ...(retained.length > 0 && { retained }),
      ...(purged.length > 0 && { purged }),
      warnings,
      ...(because !== undefined && { because }),
    };
    return { report, failures };
  }

  async #story(wake: Served, ports: Ports, hooks: Hooks, until: number): Promise<Result> {
    const { policy, groups } = this.#config;
    const dryRun = isDryRun(wake);
    // Also if no instance waits: in a group without its hook none ever does.
    const reading = servesAll(wake) ? hooks.readAll(groups) : undefined;
    const [result] = await Promise.all([drain(ports, { policy, until, dryRun }), reading]);
    const { instances, interrupted } = result;
    if (interrupted !== undefined && instances.length === 0) {
      if (dryRun) throw new Error(interrupted);
      this.#journal.error('no instance could be observed', { because: interrupted });
    } else if (!dryRun) this.#measure(wake, result, ports.nodes.permissions);
    return result;
  }

  #measure(wake: Wake, result: Result, permissions: Ports['nodes']['permissions']): void {
    const { metrics } = this.#wiring;
    if (permissions) metrics.add('TokenTooNarrow', permissions.missing.length > 0 ? 1 : 0);
    if (wake.kind === 'sweep') measureSweep(result, metrics, this.#clock.now());
  }

  /** The groups that a run is about. */
  #groupsOf(wake: Served, { instances }: Result): GroupConfig[] {
    const { groups } = this.#config;
    if (servesAll(wake)) return groups;
    return groups.filter(
      ({ name }) => name === subjectOf(wake)?.group || instances.some(({ group }) => group === name),
    );
  }

  /** What a notice asks for; or why an event is not ours: it is of another group or hook, or not acted on. */
  #isOurs(wake: Served): { notices?: ReadonlyMap<string, Notice> } | { because: string } {
    const { groups } = this.#config;
    switch (wake.kind) {
      case 'notice':
        return noticesOf(wake.said, this.#config, this.#clock.now());
      case 'event': {
        const { group, hook } = wake.event;
        const ours = groups.some((each) => each.name === group && each.hook === hook);
        return ours ? {} : { because: `group ${group} with hook ${hook} is not configured` };
      }
      default:
        return {};
    }
  }
}

/** What a run is about that has something to do. */
type Served = Exclude<Wake, { kind: 'nothing' | 'warm' | 'command' }>;

/** Why a run about an instance has found none. */
function notFound(wake: Served): string | undefined {
  if (wake.kind === 'dryRun') return `Auto Scaling has no instance ${wake.instanceId} in the groups served here`;
  if (wake.kind !== 'notice') return undefined;
  return `not in the groups served here: ${named(wake.said.instanceIds)}`;
}

/** What a run is called in the log and in its report. */
function nameOf(wake: Wake): string {
  if (wake.kind === 'command') return wake.command.command;
  return isDryRun(wake) && wake.kind !== 'status' ? 'dryRun' : wake.kind;
}

/** The instance that the run is about, if it is about one. */
function subjectOf(wake: Wake): { instanceId: string; group?: string } | undefined {
  if (wake.kind === 'event') return wake.event;
  if (wake.kind === 'notice') return { instanceId: named(wake.said.instanceIds) };
  return wake.kind === 'dryRun' ? wake : undefined;
}

const servesAll = ({ kind }: Wake): boolean => kind === 'sweep' || kind === 'status';
