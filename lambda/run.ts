import type { Hooks } from './aws/terminations/lifecycle-hooks.ts';
import { Composition, type Environment } from './composition.ts';
import { type Config, type GroupConfig, hooksOf } from './config/config.ts';
import { ANY_GROUP } from './config/names.ts';
import { iso, messageOf } from './core/basics.ts';
import { drain } from './core/drain/drain.ts';
import { recordSweep } from './core/drain/record-metrics.ts';
import { inLog, isJoining, type Report, type Result } from './core/drain/report.ts';
import { logUnserved, sayUnserved } from './core/drain/unserved.ts';
import { type Clock, type EpochMs, RunClock } from './core/model/clock.ts';
import { type Logger, type Ports, UNKNOWN } from './core/ports.ts';
import { QUERY_ALIAS } from './core/queries/command.ts';
import type { Answer } from './core/queries/query.ts';
import { asSuggested, choose, type TerminationQuestion } from './core/scale-in/choose.ts';
import { inShort, short, shortened } from './core/short.ts';
import { EventError, RunFailed } from './errors.ts';
import { readWake } from './events/parse-event.ts';
import { narrowToken } from './nomad/acl.ts';
import {
  AUTO_SCALING_WAITS_MS,
  isQuery,
  type Run,
  runFor,
  type Serving,
  START_MS,
  SWEEP_MS,
  TERMINATION_POLICY_MS,
} from './runs.ts';
import { VERSION } from './version.ts';

/**
 * Reserved before the function's own timeout, in milliseconds: all waits end before it. It is for completions, and for what
 * the run reports.
 */
const RESERVE_MS = 8_000;
/** What is left for the last pass, in milliseconds: one that takes longer leaves the rest to the next run. */
const LAST_PASS_MS = 3_000;
/** The end of the reserve, in milliseconds: completions have ended too, and the run only says how it ended. */
const LAST_MS = 2_000;

/** Frames a run: reads what has invoked it, ends it in time, and reports how it ended. What kinds of runs there are is in runs.ts. */
export class Runner {
  readonly #config: Config;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #composition: Composition;
  /** What leads from a record to its run: what Lambda calls that. */
  #request: { requestId?: string } = {};
  readonly #bornAt: EpochMs;
  /** It was invoked through the alias for queries. */
  #queriesOnly = false;
  /** Nothing has been invoked before. */
  #cold = true;
  /** Runs in progress: one in Lambda, more if a demo or a test invokes one function twice. */
  #runs = 0;

  constructor(config: Config, environment: Environment) {
    this.#config = config;
    this.#clock = environment.clock;
    this.#bornAt = environment.bornAt;
    this.#logger = inShort(environment.logger, () => this.#request);
    this.#composition = new Composition(config, { ...environment, logger: this.#logger });
  }

  /** Loads what this configuration needs, before the first event. */
  load(): Promise<void> {
    return this.#composition.load();
  }

  /** What Lambda calls the function, and the run that begins. */
  called({ invokedFunctionArn, awsRequestId }: { invokedFunctionArn?: string; awsRequestId?: string } = {}): void {
    this.#composition.deployedAs(invokedFunctionArn);
    this.#queriesOnly = invokedFunctionArn?.split(':')[7] === QUERY_ALIAS;
    this.#request = awsRequestId === undefined ? {} : { requestId: awsRequestId };
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
    if (this.#queriesOnly) throw new EventError(`the alias ${QUERY_ALIAS} does not choose instances`);
    if (!this.#config.groups.some(({ name }) => name === group || name === ANY_GROUP)) {
      const { metrics } = this.#composition;
      return asSuggested(question, `group ${group} is not configured`, { logger: this.#logger, metrics });
    }
    const now = this.#clock.now();
    const askedAt = this.#cold && now - this.#bornAt < START_MS ? this.#bornAt : now;
    const chosen = await choose(
      question,
      this.#composition.forChoice(group, new RunClock(this.#clock, now + TERMINATION_POLICY_MS)),
    );
    const took = Math.round(this.#clock.now() - askedAt);
    if (took > AUTO_SCALING_WAITS_MS) {
      this.#logger.warn('answered too late', {
        run: 'choose',
        group,
        because: `it took ${took} ms with its cold start`,
      });
      this.#composition.metrics.add('ChoicesLate', 1);
      this.#composition.metrics.add('ChoicesFellBack', 1);
    }
    return chosen;
  }

  async #framed<T>(run: () => Promise<T>): Promise<T> {
    this.#runs += 1;
    try {
      return await run();
    } finally {
      this.#runs -= 1;
      this.#cold = false;
      this.#composition.metrics.flush();
      if (this.#runs === 0) this.#composition.close();
    }
  }

  async #run(event: unknown, remainingMs: number): Promise<Report | Answer> {
    const run = runFor(readWake(event), this.#config, this.#clock.now());
    const { instanceId = UNKNOWN, group = UNKNOWN } = run.subject ?? {};
    const about = { run: run.name, instanceId, nodeId: UNKNOWN, group };
    if (this.#queriesOnly && !isQuery(run)) {
      throw new EventError(`the alias ${QUERY_ALIAS} answers queries and dry runs alone, not: ${run.name}`);
    }
    this.#logger.info('run started', about);
    switch (run.does) {
      case 'serve':
        return this.#serve(run, about, remainingMs);
      case 'answer': {
        // Loaded for queries: no event and no sweep needs it.
        const { answerTo } = await import('./queries.ts');
        const until = this.#clock.now() + Math.max(0, Math.min(run.budgetMs, remainingMs - LAST_MS));
        const answer = await answerTo(run.command, this.#composition.forAnswers(new RunClock(this.#clock, until)));
        this.#logger.info('run ended', about);
        return answer;
      }
      case 'get ready':
        return this.#getReady(run, about, remainingMs);
      case 'nothing': {
        const { because } = run;
        this.#logger.info('nothing to do', { ...about, because });
        return { run: run.name, instances: [], warnings: [], because };
      }
    }
  }

  /** Reads what a termination policy needs. That it cannot is no failure: the question then reads it itself. */
  async #getReady({ name, budgetMs }: Run, about: Record<string, unknown>, remainingMs: number): Promise<Report> {
    const clock = new RunClock(this.#clock, this.#clock.now() + Math.min(budgetMs, remainingMs));
    const problems = await this.#composition.permissions(clock).then(narrowToken, (error) => [messageOf(error)]);
    // Before any group has asked, that is as it should be, every four minutes.
    const warnings = this.#composition.knowsNomad ? problems : [];
    for (const because of warnings) this.#logger.warn('not ready to choose instances', { ...about, because });
    this.#logger.info('run ended', about);
    return { run: name, instances: [], warnings };
  }

  async #serve(run: Serving, about: object, remainingMs: number): Promise<Report> {
    const { report, failures } = await this.#story(run, remainingMs);
    // Metrics first: the end of the run is the last log record.
    this.#composition.metrics.flush();
    const served = [...report.instances, ...(report.joining ?? [])];
    const [first] = served;
    const nodeId = (run.subject && first?.nodeId) ?? UNKNOWN;
    this.#logger.info('run ended', { ...about, nodeId, ...inLog(served) });
    if (failures.length === 0 || run.dryRun) return report;
    const { requestId } = this.#request;
    const records = requestId === undefined ? '' : `; its log records: requestId ${requestId}`;
    throw new RunFailed(`${short(failures.join('; '))}${records}`, report);
  }

  async #story(run: Serving, remainingMs: number): Promise<{ report: Report; failures: string[] }> {
    const now = this.#clock.now();
    const latest = now + Math.max(0, remainingMs - RESERVE_MS);
    const clock = new RunClock(this.#clock, latest, now + Math.max(0, remainingMs - LAST_MS));
    const hooks = this.#composition.hooks(run, clock);
    const last = Math.min(now + SWEEP_MS, latest - LAST_PASS_MS);
    const until = Math.min(now + run.budgetMs, last);
    const ports = this.#composition.forRun(run, { clock, hooks, until, last });

    const result = await this.#drain(run, ports, hooks, until);
    const { missing = [], retained, purged, unserved, interrupted } = result;
    if (!run.dryRun) logUnserved(unserved, this.#logger);
    const groups = this.#groupsOf(run, result);
    const ofHooks = hooks.problems(groups.flatMap(hooksOf));
    const unasked = ports.terminations.problems;
    const warnings = [...ofHooks.failures, ...ofHooks.unknown, ...unasked, ...ports.nodes.problems];
    for (const warning of warnings) this.#logger.error('warning', { because: warning });
    const failures = [
      ...(interrupted === undefined ? [] : [`the run could not continue: ${interrupted}`]),
      ...sayUnserved(result),
      ...ofHooks.failures,
      ...unasked,
    ];
    const instances = result.instances.filter((each) => !isJoining(each));
    const joining = result.instances.filter(isJoining);
    const because = result.instances.length === 0 ? run.notFound : undefined;
    const through = run.dryRun ? this.#composition.through : undefined;
    const report: Report = {
      run: run.name,
      at: iso(now),
      groups: groups.map(({ name }) => name),
      instances,
      ...(joining.length > 0 && { joining }),
      ...(missing.length > 0 && { missing: missing.map((each) => ({ ...each, launchedAt: iso(each.launchedAt) })) }),
      ...(retained.length > 0 && { retained }),
      ...(purged.length > 0 && { purged }),
      warnings,
      ...(because !== undefined && { because }),
      ...(through !== undefined && { through }),
      ...(run.dryRun && { version: VERSION }),
    };
    return { report, failures };
  }

  async #drain({ dryRun, hooks: which, sweeps }: Serving, ports: Ports, hooks: Hooks, until: number): Promise<Result> {
    const { groups } = this.#config;
    // Also if no instance waits: in a group without its hook none ever does.
    const reading = which === 'of all groups' ? hooks.readAll(groups.flatMap(hooksOf)) : undefined;
    const [result] = await Promise.all([drain(ports, { until, dryRun }), reading]);
    const { instances, interrupted } = result;
    if (interrupted !== undefined && instances.length === 0) {
      if (dryRun) throw new Error(interrupted);
      this.#logger.error('no instance could be observed', { because: interrupted });
    } else if (!dryRun) {
      const { metrics } = this.#composition;
      const { permissions } = ports.nodes;
      if (permissions) metrics.add('TokenTooNarrow', permissions.missing.length > 0 ? 1 : 0);
      const admits = groups.some(({ admission }) => admission.on);
      if (sweeps) recordSweep(result, metrics, { now: this.#clock.now(), admits });
    }
    return result;
  }

  /** The groups that a run is about. */
  #groupsOf({ hooks, subject }: Serving, { instances }: Result): GroupConfig[] {
    const { groups } = this.#config;
    if (hooks === 'of all groups') return groups;
    return groups.filter(({ name }) => name === subject?.group || instances.some(({ group }) => group === name));
  }
}
