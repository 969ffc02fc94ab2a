import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { cfnLint, findings, NoLinter, templates } from '../../scripts/lint-template.ts';
import { TEXT } from './template.ts';

/** The command of cfn-lint, or why it cannot be had here. */
function linter(): { command: string } | { missing: string } {
  try {
    return { command: cfnLint() };
  } catch (error) {
    if (error instanceof NoLinter) return { missing: error.message };
    throw error;
  }
}

// Installed from a package index the first time: that takes as long as it takes.
describe('cfn-lint', { timeout: 600_000 }, () => {
  test('finds nothing in any template, and looks into what is made for each group too', ({ skip }) => {
    const found = linter();
    if ('missing' in found) return skip(found.missing);
    expect(findings(templates(), found.command)).toBe('');

    const misspelt = TEXT.replace('HeartbeatTimeout:', 'HeartbeatTimout:');
    expect(findings({ misspelt }, found.command)).toMatch(/HeartbeatTimout.*\nmisspelt:/);
  });

  test('is said to be missing where there is no Python, and nothing half done stays behind', () => {
    const directory = mkdtempSync(join(tmpdir(), 'drain-hook-no-python-'));
    try {
      expect(() => cfnLint(join(directory, 'lint'), 'no-such-python')).toThrow(/there is no no-such-python/);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
