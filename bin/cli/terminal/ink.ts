import pico from 'picocolors';

/** Colours by what they mean. Text stays as it is where there are none. */
export interface Ink {
  heading(text: string): string;
  /** What stands back: units, labels, what is as expected. */
  quiet(text: string): string;
  good(text: string): string;
  /** What a person should see. */
  warn(text: string): string;
  /** What a person has to act on. */
  bad(text: string): string;
}

export function makeInk(colored: boolean): Ink {
  const { bold, dim, green, yellow, red } = pico.createColors(colored);
  return { heading: bold, quiet: dim, good: green, warn: yellow, bad: (text) => bold(red(text)) };
}

/** Whether a stream takes colours: a terminal does, unless the environment says otherwise. https://no-color.org */
export function takesColor(stream: { isTTY?: boolean }, environment: NodeJS.ProcessEnv): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = environment;
  if (NO_COLOR) return false;
  if (FORCE_COLOR !== undefined) return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false';
  return stream.isTTY === true && TERM !== 'dumb';
}
