import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { SETTING_NAMES, settings } from '../lib/settings/schema.ts';
import { inserted, table } from './markdown.ts';

const inDocs = (name: string) => fileURLToPath(new URL(`../docs/${name}`, import.meta.url));
const PAGE = inDocs('settings.md');

/** docs/settings.md with the table of the settings as they are. */
export function settingsPage(): string {
  return inserted(readFileSync(PAGE, 'utf8'), 'SETTINGS', table(['setting', 'unit', 'default', 'meaning'], rows()));
}

function rows(): string[][] {
  return SETTING_NAMES.map((name) => {
    const { unit, default: standard, otherwise = 'required', description } = settings.shape[name].unwrap().meta() ?? {};
    if (!unit || !description) throw new Error(`lib/settings/schema.ts does not say what ${name} is`);
    return [`\`${name}\``, String(unit), standard === undefined ? String(otherwise) : `\`${standard}\``, description];
  });
}

if (import.meta.main) {
  writeFileSync(PAGE, settingsPage());
  // What draws is loaded where something is drawn.
  const { performancePicture } = await import('./pictures/performance.ts');
  const { waitPicture } = await import('./pictures/wait.ts');
  const { dashboardPicture } = await import('./pictures/dashboard.ts');
  writeFileSync(inDocs('performance.svg'), await performancePicture());
  writeFileSync(inDocs('wait.svg'), await waitPicture());
  writeFileSync(inDocs('dashboard.svg'), await dashboardPicture());
}
