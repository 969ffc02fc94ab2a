import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { templates } from '../../scripts/lint-template.ts';
import { MODULE } from '../terraform/module.ts';
import { tool } from './tools.ts';

const checkov = tool('CHECKOV_BIN', 'checkov', '--version');

interface Report {
  readonly check_type: string;
  readonly summary: { readonly passed: number; readonly skipped: number; readonly parsing_errors: number };
  readonly results: {
    readonly failed_checks: readonly { check_id: string; resource: string; file_path: string }[];
    readonly skipped_checks: readonly { check_id: string; check_result: { suppress_comment: string } }[];
  };
}

/** What checkov finds in the files of a folder, by kind of file. */
function examined(directory: string): Map<string, Report> {
  const options = ['--framework', 'terraform', 'cloudformation', '--skip-download', '--compact', '--output', 'json'];
  const { stdout, stderr } = spawnSync(checkov.command, ['--directory', directory, ...options], {
    encoding: 'utf8',
    maxBuffer: 1e9,
  });
  try {
    return new Map([JSON.parse(stdout)].flat().map((report: Report) => [report.check_type, report]));
  } catch {
    throw new Error(`${stdout}${stderr}`);
  }
}

describe.skipIf(checkov.missing)(`checkov${checkov.missing}`, () => {
  test('finds nothing in the module, in its examples, in the template and in the stacks that has no reason', () => {
    const directory = mkdtempSync(join(tmpdir(), 'drain-hook-checkov-'));
    cpSync(MODULE, join(directory, 'module'), { recursive: true });
    // It knows a template by the end of its name.
    for (const [index, [name, text]] of Object.entries(templates()).entries())
      writeFileSync(join(directory, `${index}.template.${name.startsWith('that for') ? 'yaml' : 'json'}`), text);

    const reports = examined(directory);

    expect([...reports.keys()].toSorted()).toEqual(['cloudformation', 'terraform']);
    for (const { summary, results } of reports.values()) {
      expect(results.failed_checks.map(({ check_id, resource, file_path }) => [check_id, resource, file_path])).toEqual(
        [],
      );
      // A file that it cannot parse has no findings either.
      expect(summary.parsing_errors).toBe(0);
      expect(summary.passed).toBeGreaterThan(50);
      expect(results.skipped_checks.length).toBeGreaterThan(10);
      for (const { check_id, check_result } of results.skipped_checks)
        expect(check_result.suppress_comment, check_id).toMatch(/^[A-Z].{20,}\.$/);
    }
  });
});
