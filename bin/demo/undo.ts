/** A change that the demo makes to a real Nomad. */
export interface Deed {
  /** What is there to be undone, in words. */
  readonly what: string;
  undo(): Promise<void>;
  /** The command by which a person undoes it. */
  readonly byHand: string;
}

/** All changes that the demo has made to a real Nomad, to be undone. */
export class Undo {
  readonly #deeds: Deed[] = [];

  /** Call it before the deed is done: one that is interrupted, or not answered, may be done all the same. */
  note(deed: Deed): void {
    this.#deeds.push(deed);
  }

  get nothing(): boolean {
    return this.#deeds.length === 0;
  }

  /**
   * Undoes all of it, the last first. What cannot be undone keeps nothing else from it.
   * @returns what is left to do by hand
   */
  async all(): Promise<string[]> {
    const left: string[] = [];
    for (const { what, undo, byHand } of this.#deeds.splice(0).reverse()) {
      await undo().catch((error: Error) => left.push(`${what} (${error.message}), by hand: ${byHand}`));
    }
    return left;
  }
}
