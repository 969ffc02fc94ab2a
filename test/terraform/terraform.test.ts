import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildTemplate } from '../../scripts/build-template.ts';
import { terraformModule } from '../../scripts/release.ts';
import { BY_CLIENTS, EVERYTHING, ONE, PACKAGE, type Variables } from './cases.ts';
import { DATA, MODULE, make, type Resource } from './module.ts';
import { comparable, resourcesOf, WAYS } from './plans.ts';
import { computed, labelOf, type RunningProvider, startProvider } from './provider/provider.ts';
import { type Ended, missingTerraform, planned, terraform, using } from './terraform.ts';

// biome-ignore lint/suspicious/noExplicitAny: what a plan holds is any JSON
type Json = any;

/** The oldest that versions.tf allows, and the first that mocks a provider. */
const MISSING = await missingTerraform(5);
const MISSING_MOCKS = await missingTerraform(7);
let provider: RunningProvider;
beforeAll(async () => {
  if (!MISSING) provider = await startProvider(DATA);
});
afterAll(() => provider?.stop());

/** The resources as our evaluator has them, with what the provider tells in place of the tokens. */
function evaluated(variables: Variables): Record<string, Resource['config']> {
  const { resources } = make(variables);
  const told = (text: string): string =>
    text.replaceAll(/«(.*?)\.(\w+)»/g, (_, address: string, attribute: string) => {
      const { type, config } = resources[address]!;
      return attribute in config ? told(config[attribute]) : computed(type, labelOf(config), attribute);
    });
  const deep = (value: Json): Json => {
    if (typeof value === 'string') return told(value);
    if (Array.isArray(value)) return value.map(deep);
    return value && typeof value === 'object'
      ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, deep(item)]))
      : value;
  };
  return Object.fromEntries(Object.entries(resources).map(([address, { config }]) => [address, deep(config)]));
}

describe.skipIf(MISSING)(`Terraform itself${MISSING && ` (skipped: ${MISSING})`}`, { timeout: 300_000 }, () => {
  test('has the module formatted as it does', async () => {
    expect(await terraform(['fmt', '-check', '-recursive', '-diff'], MODULE)).toEqual({ code: 0, said: '' });
  });

  test('plans of it what is compared with the CDK', async () => {
    const uses = Object.fromEntries(WAYS.map(([, variables], index) => [`case_${index}`, variables]));
    const { plan, diagnostics } = await planned(using(MODULE, uses), provider);
    expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
    const modules = new Map<string, Json>(
      plan.planned_values.root_module.child_modules.map((each: Json) => [each.address, each]),
    );
    for (const [index, [sentence, variables]] of WAYS.entries()) {
      const ours = evaluated(variables);
      const theirs = resourcesOf(modules.get(`module.case_${index}`));
      expect(comparable(theirs, ours), sentence).toEqual(comparable(ours, ours));
      expect(Object.keys(theirs).toSorted(), sentence).toEqual(Object.keys(ours).toSorted());
    }
  });

  test.each<[string, Record<string, Variables>]>([
    [
      'a value that is not right',
      {
        numbers: { deadline_seconds: 0.5, grace_seconds: 3601, kill_margin_seconds: -1 },
        port: { ...BY_CLIENTS, nomad_address: null, nomad_client_port: 65_536 },
        texts: { hook_name: 'a hook', nomad_region: '', package: { ...PACKAGE, sha256: 'abc' } },
        twice: { group_names: ['builders', 'builders'] },
        parameter: { nomad_token_parameter: '6f2f2b4e-8a2a-4d6e-9c52-1f1d2a3b4c5d' },
        patterns: { group_names: ['builders-*', 'runners'], nomad_token_parameter: '/nomad/token:3' },
        address: { nomad_address: 'https://drain:hunter2@nomad/ui?token=x', nomad_ca_parameter: 'nomad/ca' },
      },
    ],
    [
      'values that do not fit together',
      {
        http: {
          nomad_address: 'http://nomad',
          nomad_server_name: 'nomad',
          nomad_fallback_addresses: ['https://nomad'],
        },
        missing: { nomad_address: null, nomad_audience: 'nomad', vpc_endpoints: true },
        ssm: { nomad_via: 'ssm', choose_idle_first: true },
        clients: { nomad_via: 'clients' },
        scheme: { nomad_client_scheme: 'https', nomad_client_port: 4650 },
        hook: { deadline_seconds: 7200, heartbeat_timeout_seconds: 60 },
        checksum: { package: { file: join(MODULE, 'README.md'), sha256: 'a'.repeat(64) } },
        group: { groups: { web: { deadline_seconds: 'x', dedline_seconds: 1, on_timeout: 'KEEP', job_meta: 1 } } },
        entries: { groups: ['api', { grace_seconds: 60 }, [1], 'api'] },
        groups: { groups: 'web' },
        none: { group_names: [] },
        again: { groups: ['builders'] },
        short: { groups: { web: { deadline_seconds: 172800 } } },
        many: { group_names: Array.from({ length: 120 }, (_, index) => `builders-${index}`) },
      },
    ],
  ])('refuses %s, in the words that our evaluator has', async (_, wrong) => {
    const uses = Object.fromEntries(Object.entries(wrong).map(([name, given]) => [name, { ...ONE, ...given }]));
    const { plan, diagnostics } = await planned(using(MODULE, uses), provider);
    expect(plan).toBeUndefined();
    const errors = diagnostics.filter(({ severity }) => severity === 'error');
    const ours = Object.values(uses).map((given) => make(given));
    expect(ours.every(({ problems }) => problems.length > 0)).toBe(true);
    expect(errors.map(({ detail }) => detail.split('\n')[0]).toSorted()).toEqual(
      ours.flatMap(({ problems }) => problems).toSorted(),
    );
  });

  test('the module of a release brings its function: both are made of it, and nothing has to be given', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'drain-hook-module-'));
    try {
      const { code } = buildTemplate(directory, 'nomad-drain-hook-1.2.3');
      const released = join(directory, 'module');
      for (const [name, content] of Object.entries(terraformModule(code))) {
        mkdirSync(dirname(join(released, name)), { recursive: true });
        writeFileSync(join(released, name), content);
      }
      const { package: _, ...without } = ONE;
      const drain = { ...without, choose_idle_first: true };
      const { plan, diagnostics } = await planned(using(released, { drain }), provider);
      expect(diagnostics).toEqual([]);
      const hash = createHash('sha256').update(readFileSync(code)).digest('base64');
      const functions = Object.values(resourcesOf(plan.planned_values.root_module.child_modules[0])).filter(
        ({ handler }: Json) => handler !== undefined,
      );
      expect(functions.map(({ filename, source_code_hash: made }: Json) => [basename(filename), made])).toEqual(
        Array(2).fill([basename(code), hash]),
      );
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  test('warns of what is doubtful, in the words that our evaluator has', async () => {
    const doubtful = { ...ONE, nomad_address: 'http://nomad', heartbeat_timeout_seconds: 60, deadline_seconds: 600 };
    const { diagnostics } = await planned(using(MODULE, { doubtful }), provider);
    expect(diagnostics.map(({ severity, detail }) => `${severity}: ${detail}`).toSorted()).toEqual(
      make(doubtful)
        .warnings.map((warning) => `warning: ${warning}`)
        .toSorted(),
    );
    expect(diagnostics).toHaveLength(2);
  });

  test('makes a group after the function that it asks, in one go', async () => {
    const configuration = {
      resource: {
        aws_autoscaling_group: {
          builders: {
            name: 'builders',
            min_size: 0,
            max_size: 3,
            // biome-ignore lint/suspicious/noTemplateCurlyInString: Terraform's
            termination_policies: ['${module.drain.who_goes_function_arn}', 'Default'],
          },
        },
      },
      ...using(MODULE, {
        // biome-ignore lint/suspicious/noTemplateCurlyInString: Terraform's
        drain: { ...ONE, choose_idle_first: true, group_names: ['${aws_autoscaling_group.builders.name}'] },
      }),
    };
    const { plan, diagnostics } = await planned(configuration, provider);
    expect(diagnostics).toEqual([]);
    const [group] = plan.planned_values.root_module.resources;
    expect(group.values.termination_policies).toEqual([expect.stringContaining('-who-goes'), 'Default']);
  });

  test('makes a group with options of its own after the function that it asks', async () => {
    const configuration = {
      resource: {
        aws_autoscaling_group: {
          builders: {
            name: 'builders',
            min_size: 0,
            max_size: 3,
            // biome-ignore lint/suspicious/noTemplateCurlyInString: Terraform's
            termination_policies: ['${module.drain.who_goes_function_arn}', 'Default'],
          },
        },
      },
      ...using(MODULE, { drain: { ...ONE, group_names: [], groups: { builders: { choose_idle_first: true } } } }),
    };
    const { plan, diagnostics } = await planned(configuration, provider);
    expect(diagnostics).toEqual([]);
    const [group] = plan.planned_values.root_module.resources;
    expect(group.values.termination_policies).toEqual([expect.stringContaining('-who-goes'), 'Default']);
  });

  test('takes what is known only when it is applied, but for the names of groups', async () => {
    const later = { resource: { terraform_data: { later: { input: 'later' } } } };
    // biome-ignore lint/suspicious/noTemplateCurlyInString: Terraform's
    const unknown = '${terraform_data.later.output}';
    const variables = {
      ...EVERYTHING,
      ...Object.fromEntries(
        ['nomad_address', 'nomad_server_name', 'nomad_region', 'alarm_topic_arn', 'event_bus', 'vpc_id'].map((name) => [
          name,
          unknown,
        ]),
      ),
      nomad_fallback_addresses: [],
      subnet_ids: [unknown, 'subnet-11111111'],
      security_group_ids: [unknown],
    };
    const { plan, diagnostics } = await planned({ ...later, ...using(MODULE, { drain: variables }) }, provider);
    expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
    const [{ resources }] = plan.planned_values.root_module.child_modules;
    expect(Object.keys(resourcesOf({ resources })).length).toBeGreaterThan(40);
  });

  test('finds an argument that the provider does not know, or misses', async () => {
    const queue = { resource: { aws_sqs_queue_policy: { wrong: { queue: 'https://queue', policy: '{}' } } } };
    const { diagnostics } = await planned(queue, provider);
    expect(diagnostics.map(({ summary, detail }) => `${summary}: ${detail}`)).toEqual([
      expect.stringContaining('"queue_url" is required'),
      expect.stringContaining('No argument or block type is named "queue"'),
    ]);
  });

  describe('in a copy of the module', () => {
    let directory: string;
    beforeAll(() => {
      directory = mkdtempSync(join(tmpdir(), 'drain-hook-terraform-module-'));
      cpSync(MODULE, directory, { recursive: true });
    });
    afterAll(() => rmSync(directory, { recursive: true }));

    async function run(folder: string, ...command: string[]): Promise<Ended> {
      const within = join(directory, folder);
      expect(await terraform(['init', '-no-color'], within, provider.environment)).toMatchObject({ code: 0 });
      return terraform([...command, '-no-color'], within, provider.environment);
    }

    test('passes its own tests, with a mocked provider', async ({ skip }) => {
      if (MISSING_MOCKS) return skip(MISSING_MOCKS);
      const passed = expect.stringMatching(/Success! [1-9]\d* passed, 0 failed/);
      expect(await run('.', 'test')).toEqual({ code: 0, said: passed });
    });

    test.each(readdirSync(join(MODULE, 'examples')))('finds the example %s valid', async (example) => {
      const valid = expect.stringContaining('Success! The configuration is valid.');
      expect(await run(`examples/${example}`, 'validate')).toEqual({ code: 0, said: valid });
    });
  });
});
