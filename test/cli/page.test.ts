import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { play, SCENES } from './scenes.ts';
import { draw } from './svg.ts';
import type { EndedOnTerminal } from './terminal.ts';

const PAGES = ['cli', 'rolling'].map((name) => fileURLToPath(new URL(`../../docs/${name}.md`, import.meta.url)));
const pictureOf = (name: string) => fileURLToPath(new URL(`../../docs/cli/${name}.svg`, import.meta.url));
/** Where a page has the output of a scene. */
const BLOCK = /(<!-- scene ([\w-]+) -->\n)```console\n[^`]*```/g;
/** Those that are shown with their colours, too. */
const PICTURES = ['status', 'doctor'];

const shown = new Map<string, EndedOnTerminal>();
const typedOf = (name: string) => `$ nomad-drain-hook ${SCENES[name]?.args.join(' ')}`;

describe('docs/cli.md and docs/rolling.md', () => {
  test.each(Object.entries(SCENES))('%s fits a terminal of 80 columns', async (name, scene) => {
    const played = await play(scene);
    shown.set(name, played);
    expect(played.tooLong).toEqual([]);
  });

  test.each(PAGES)(
    '%s has the output of each command as it is now; `npx vitest run test/cli/page.test.ts -u` writes it anew',
    async (file) => {
      const page = readFileSync(file, 'utf8').replaceAll(
        BLOCK,
        (_, mark, name) => `${mark}\`\`\`console\n${typedOf(name)}\n${shown.get(name)?.screen}\n\`\`\``,
      );
      await expect(page).toMatchFileSnapshot(file);
    },
  );

  test('show every scene', () => {
    const names = PAGES.flatMap((file) => [...readFileSync(file, 'utf8').matchAll(BLOCK)].map(([, , name]) => name));
    expect(names.toSorted()).toEqual(Object.keys(SCENES).toSorted());
  });

  test.each(PICTURES)('has a picture of %s as it is now', async (name) => {
    const { styled = [] } = shown.get(name) ?? {};
    const picture = draw([[{ at: 0, text: typedOf(name), dim: true }], ...styled], `nomad-drain-hook ${name}`);
    await expect(picture).toMatchFileSnapshot(pictureOf(name));
  });

  test('has the picture that plan draws as it is now', async () => {
    const { args, set } = SCENES.plan!;
    const folder = await mkdtemp(join(tmpdir(), 'plan-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const file = join(folder, 'plan.svg');
    await (await set()).run(...args, '--svg', file);
    await expect(await readFile(file, 'utf8')).toMatchFileSnapshot(pictureOf('plan-timeline'));
  });
});
