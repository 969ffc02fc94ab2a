/** Where the runbook is on the web: the page with a section for each alarm, under the alarm's name. */
export const DEFAULT_RUNBOOK_URL = 'https://github.com/nomad-drain-hook/nomad-drain-hook/blob/main/docs/operations.md';

/** The pages that a dashboard and an alarm link to. The anchors are those that GitHub makes of headings. */
export class Runbook {
  readonly url: string;

  /** @param url of its page */
  constructor(url: string = DEFAULT_RUNBOOK_URL) {
    this.url = url;
  }

  /** The section under a heading, such as `SweepMissing`. */
  section(heading: string): string {
    return `${this.url}#${heading.toLowerCase().replaceAll(' ', '-')}`;
  }
}
