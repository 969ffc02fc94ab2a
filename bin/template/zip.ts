import { zipSync } from 'fflate';

/** The earliest date that a zip file can say: always the same, so that the same content gives the same bytes. */
const NO_DATE = '1980-01-01T00:00:00';
/** A file that everybody may read: whoever the function runs as is not its owner. */
const READABLE = 0o644 << 16;

/**
 * The code of a function as Lambda takes it. The same content gives the same bytes, wherever and whenever it is packed.
 * @param files their content by name
 */
export function zip(files: Readonly<Record<string, Uint8Array>>): Uint8Array {
  // os 3: the attributes are those of Unix. The date is read as local time, which is what a zip file holds.
  const options = { mtime: new Date(NO_DATE), os: 3, attrs: READABLE, level: 9 } as const;
  return zipSync(Object.fromEntries(Object.entries(files).map(([name, content]) => [name, [content, options]])));
}
