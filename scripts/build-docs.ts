import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { SETTING_NAMES, settings } from '../lib/settings/schema.ts';
import { inserted, table } from './markdown.ts';

const PAGE = fileURLToPath(new URL('../docs/settings.md', import.meta.url));

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

if (import.meta.main) writeFileSync(PAGE, settingsPage());
