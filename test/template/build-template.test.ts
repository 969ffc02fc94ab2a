import { createHash } from 'node:crypto';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { unzipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BUNDLE } from '../../emulators/world/bundle.ts';
import { buildTemplate, zip } from '../../scripts/build-template.ts';
import { TEXT } from './template.ts';

describe('what is built for those without the CDK', () => {
  const directory = mkdtempSync(join(tmpdir(), 'drain-hook-template-test-'));
  afterAll(() => rmSync(directory, { recursive: true }));
  let built: ReturnType<typeof buildTemplate>;
  beforeAll(() => {
    built = buildTemplate(directory);
  });

  test('is the template', () => {
    expect(readFileSync(built.template, 'utf8')).toBe(TEXT);
  });

  test('and the function that everybody deploys, where Lambda looks for it', () => {
    const files = unzipSync(readFileSync(built.code));
    const modules = dirname(BUNDLE);
    const names = globSync('**/*.mjs', { cwd: modules });
    expect(names).toContain('index.mjs');
    expect(Object.keys(files)).toEqual(names.sort());
    for (const name of names) expect(Buffer.from(files[name]!).equals(readFileSync(join(modules, name)))).toBe(true);
  });

  test('with the checksum of its zip file, as sha256sum writes it', () => {
    const checksum = createHash('sha256').update(readFileSync(built.code)).digest('hex');
    expect(readFileSync(built.checksum, 'utf8')).toBe(`${checksum}  nomad-drain-hook.zip\n`);
  });
});

describe('the zip file', () => {
  const content = { 'index.mjs': Buffer.from('export const handler = 1;') };
  const zone = process.env.TZ;
  afterAll(() => {
    if (zone === undefined) delete process.env.TZ;
    else process.env.TZ = zone;
  });

  test('has the same bytes wherever it is packed, so that an unchanged function is not deployed again', () => {
    const packed = ['UTC', 'Asia/Tokyo', 'America/New_York'].map((timeZone) => {
      process.env.TZ = timeZone;
      return Buffer.from(zip(content)).toString('hex');
    });
    expect(new Set(packed).size).toBe(1);
  });

  test('may be read by whoever the function runs as', () => {
    const bytes = Buffer.from(zip(content));
    // In the directory at the end: who made it (3 is Unix) and, as the upper half of the attributes, its mode.
    const entry = bytes.indexOf(Buffer.from([0x50, 0x4b, 0x01, 0x02]));
    expect(bytes[entry + 5]).toBe(3);
    expect((bytes.readUInt32LE(entry + 38) >>> 16) & 0o777).toBe(0o644);
  });
});
