import type { Ink } from './ink.ts';

/** What text is laid out for. */
export interface Page {
  /** How wide lines may be; Infinity in a pipe, where nothing is wrapped or cut. */
  columns: number;
  ink: Ink;
}
