import { cpSync, globSync, mkdirSync, mkdtempSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Loopback } from '../../emulators/server.ts';
import { EVERYTHING } from '../terraform/cases.ts';
import { DATA, MODULE, make } from '../terraform/module.ts';
import { comparable, resourcesOf, WAYS } from '../terraform/plans.ts';
import { terraform, using } from '../terraform/terraform.ts';
import { tool } from './tools.ts';

// biome-ignore lint/suspicious/noExplicitAny: what a plan holds is any JSON
type Json = any;

const PROGRAMS = [
  ['Terraform', tool('TERRAFORM_BIN', 'terraform', 'version'), 'registry.terraform.io'],
  ['OpenTofu', tool('TOFU_BIN', 'tofu', 'version'), 'registry.opentofu.org'],
] as const;

/** A mirror as `terraform providers mirror` makes it: https://developer.hashicorp.com/terraform/cli/commands/providers/mirror */
const PLUGINS = process.env.TF_PLUGIN_DIR;
const AWS = 'registry.terraform.io/hashicorp/aws';
/** The versions of the AWS provider that it has, packed or not. */
const VERSIONS = PLUGINS
  ? readdirSync(join(PLUGINS, AWS)).flatMap(
      (name) => /^(?:terraform-provider-aws_)?(\d+\.\d+\.\d+)/.exec(name)?.[1] ?? [],
    )
  : [];
const noVersion = VERSIONS.length > 0 ? '' : ' (skipped: TF_PLUGIN_DIR names no mirror with the AWS provider)';

/** What the data sources of the module read of STS. */
const IDENTITY = `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>arn:aws:iam::${DATA.aws_caller_identity?.account_id}:user/test</Arn><UserId>AIDAEXAMPLE</UserId>
<Account>${DATA.aws_caller_identity?.account_id}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`;

/** A provider that asks nothing of AWS but who it is, and that on loopback. */
const providerFor = (sts: string) => ({
  region: DATA.aws_region?.id,
  access_key: 'AKIAEXAMPLE',
  secret_key: 'secret',
  skip_credentials_validation: true,
  skip_requesting_account_id: true,
  skip_metadata_api_check: 'true',
  endpoints: [{ sts }],
});

for (const [name, { command, missing }, host] of PROGRAMS) {
  describe.skipIf(missing || noVersion)(`${name} with the real AWS provider${missing || noVersion}`, () => {
    let sts: Loopback;
    /** The mirror, under the host of each program's registry. */
    let plugins: string;
    beforeAll(async () => {
      sts = await Loopback.listen(() => ({ status: 200, headers: { 'Content-Type': 'text/xml' }, body: IDENTITY }));
      plugins = mkdtempSync(join(tmpdir(), 'drain-hook-plugins-'));
      // A link is followed where a package is expected: the folder of a platform, or a zip file.
      for (const path of globSync('{*/*,*.zip}', { cwd: join(PLUGINS ?? '', AWS) })) {
        const link = join(plugins, host, 'hashicorp/aws', path);
        mkdirSync(dirname(link), { recursive: true });
        symlinkSync(join(PLUGINS ?? '', AWS, path), link);
      }
    });
    afterAll(() => sts?.close());

    async function run(directory: string, ...args: string[]): Promise<string> {
      const { code, said } = await terraform(args, directory, {}, command);
      if (code !== 0) throw new Error(said);
      return said;
    }

    /** A folder with this configuration, with this version of the provider. */
    async function initialized(version: string, fill: (directory: string) => void): Promise<string> {
      const directory = mkdtempSync(join(tmpdir(), 'drain-hook-terraform-'));
      fill(directory);
      const pinned = {
        terraform: { required_providers: { aws: { source: 'hashicorp/aws', version: `= ${version}` } } },
      };
      writeFileSync(join(directory, 'pinned_override.tf.json'), JSON.stringify(pinned));
      await run(directory, 'init', '-no-color', `-plugin-dir=${plugins}`);
      return directory;
    }

    describe.each(VERSIONS)('%s', (version) => {
      test('finds nothing wrong in the examples, and nothing deprecated', async () => {
        const directory = await initialized(version, (into) => {
          cpSync(MODULE, join(into, 'module'), { recursive: true });
          const examples = readdirSync(join(MODULE, 'examples')).map((each) => [
            each,
            { source: `./module/examples/${each}`, ...GIVEN[each] },
          ]);
          writeFileSync(join(into, 'main.tf.json'), JSON.stringify({ module: Object.fromEntries(examples) }));
        });
        const { valid, diagnostics } = JSON.parse(await run(directory, 'validate', '-json'));
        expect({ valid, diagnostics }).toEqual({ valid: true, diagnostics: [] });
      });

      test('plans what is compared with the CDK, by a runtime that the provider knows', async () => {
        const uses = Object.fromEntries(WAYS.map(([, variables], index) => [`case_${index}`, variables]));
        const directory = await initialized(version, (into) => {
          const configuration = { ...using(MODULE, uses), provider: { aws: providerFor(sts.url) } };
          writeFileSync(join(into, 'main.tf.json'), JSON.stringify(configuration));
        });
        await run(directory, 'plan', '-no-color', '-out=plan');
        const { planned_values: values } = JSON.parse(await run(directory, 'show', '-json', 'plan'));
        const known = version.startsWith('5.') ? 'nodejs22.x' : 'nodejs24.x';
        for (const [index, [sentence, variables]] of WAYS.entries()) {
          const ours = make(variables).resources;
          const theirs = resourcesOf(
            values.root_module.child_modules.find(({ address }: Json) => address === `module.case_${index}`),
          );
          expect(Object.keys(theirs).toSorted(), sentence).toEqual(Object.keys(ours).toSorted());
          for (const [address, { config }] of Object.entries(ours)) {
            const { runtime, ...told } = toldBefore(config);
            if (runtime) expect(theirs[address].runtime, sentence).toBe(known);
            const planned = nothingAsNull(comparable(theirs[address] ?? {}, told));
            expect.soft(planned, `${sentence}: ${address}`).toEqual(nothingAsNull(comparable(told, told)));
          }
        }
      });

      test('passes the tests of the module', async () => {
        const directory = await initialized(version, (into) => cpSync(MODULE, into, { recursive: true }));
        expect(await run(directory, 'test', '-no-color')).toMatch(/Success! [1-9]\d* passed, 0 failed/);
      });
    });
  });
}

/** The variables of the examples that have some. */
const GIVEN: Record<string, object> = {
  'circleci-server': {
    circleci: { nomad_asg_name: '' },
    basename: 'circleci',
    vpc_id: EVERYTHING.vpc_id,
    subnet_ids: EVERYTHING.subnet_ids,
  },
  spot: { launch_template_id: 'lt-0123456789abcdef0', subnet_ids: EVERYTHING.subnet_ids },
  vpc: { nomad_security_group_id: 'sg-0123abcd' },
};

/** Without what only a deployment tells: the provider knows that when it applies. */
const toldBefore = (config: Record<string, Json>): Record<string, Json> =>
  Object.fromEntries(Object.entries(config).filter(([, value]) => !JSON.stringify(value).includes('«')));

/** An empty list or map is nothing to the provider. */
const nothingAsNull = (values: Record<string, Json>): Record<string, Json> =>
  Object.fromEntries(
    Object.entries(values).map(([key, value]) => [key, /^(\[\]|\{\})$/.test(JSON.stringify(value)) ? null : value]),
  );
