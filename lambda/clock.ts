/** The time, as a parameter: the system's in Lambda, one that tests move elsewhere. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Resolves after `ms` milliseconds of this clock's time. */
  sleep(ms: number): Promise<void>;
  /** A time limit that is over after `ms` milliseconds of this clock's time. */
  limit(ms: number): TimeLimit;
}

/** Aborts its signal when the time is up, unless it is lifted before. */
export interface TimeLimit {
  signal: AbortSignal;
  lift(): void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  limit: (ms) => {
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), ms);
    return { signal: controller.signal, lift: () => clearTimeout(timer) };
  },
};
