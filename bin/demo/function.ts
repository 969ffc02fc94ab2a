import { loadBundle } from '../../emulators/world/bundle.ts';
import type { Report } from '../../lambda/core/drain/report.ts';
import type { Clock } from '../../lambda/core/model/clock.ts';
import type { Logger } from '../../lambda/core/ports.ts';
import type { News } from './screen.ts';
import { GROUP, HOOK, type Stage } from './stage.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** Wakes the function, as EventBridge does or an operator. */
export type Wake = (event: unknown) => Promise<Report>;

/** What the function writes down, for the audience. */
export interface Told {
  say(news: Omit<News, 'at'>): void;
  released(instanceId: string, outcome: string): void;
}

/**
 * The bundle as it is deployed.
 * @param over once it is aborted, the function asks nothing of Nomad any more
 */
export async function deploy(stage: Stage, { say, released }: Told, over: AbortSignal): Promise<Wake> {
  const { clock, access, builders } = stage;
  // A day later no run has time left: it asks nothing more, though it may sleep on.
  const until: Clock = {
    now: () => clock.now() + (over.aborted ? DAY_MS : 0),
    sleep: (ms) => clock.sleep(ms),
    limit: (ms) => clock.limit(ms),
    after: (ms, callback) => clock.after(ms, callback),
  };
  const environment = { NOMAD_DRAIN_HOOK: JSON.stringify({ groups: [{ name: GROUP, hook: HOOK }], nomad: access }) };
  const tell =
    (tone?: News['tone']) =>
    (message: string, { instanceId, outcome, because }: Record<string, unknown>) => {
      if (message.startsWith('run ')) return;
      const name = builders.find((each) => each.instanceId === instanceId)?.name;
      // Why each instance waits is shown beside it, not here; but problems are shown with their reason.
      const text = `${message}${outcome ? ` (${outcome})` : ''}${tone ? `: ${because}` : ''}`;
      const good = outcome ? ('good' as const) : undefined;
      const as = tone ?? good;
      say({ text, ...(name && { name }), ...(as && { tone: as }) });
      if (outcome) released(String(instanceId), String(outcome));
    };
  const logger: Logger = { debug() {}, info: tell(), warn: tell('bad'), error: tell('bad') };
  const handler = (await loadBundle()).makeHandler({ clock: until, environment, logger, print: () => {} }) as (
    event: unknown,
    context: { getRemainingTimeInMillis(): number },
  ) => Promise<Report>;
  return (event) => {
    const end = clock.now() + MINUTE_MS;
    return handler(event, { getRemainingTimeInMillis: () => end - clock.now() });
  };
}
