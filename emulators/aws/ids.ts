import { createHash } from 'node:crypto';

/** Ids that look like AWS's and are the same in every run. */
export class Ids {
  #count = 0;

  /** `i-0…`, 17 hexadecimal digits. */
  instance(): string {
    return `i-0${this.#digits().slice(0, 16)}`;
  }

  uuid(): string {
    return this.#digits().replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*/, '$1-$2-4$3-a$4-$5');
  }

  #digits(): string {
    return createHash('sha256')
      .update(`${this.#count++}`)
      .digest('hex');
  }
}
