import {
  chmodSync,
  chownSync,
  existsSync,
  globSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AskingInstance, COMMAND, QUESTION, TOKEN, unpack } from './asking-instance.ts';

const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;

let instance: AskingInstance;
beforeEach(async () => {
  instance = await AskingInstance.start();
});
afterEach(() => instance.close());

describe('the Command document', () => {
  const attacks = ['$(touch HERE)', '`touch HERE`', '; touch HERE', '| touch HERE', '\ntouch HERE', "' ; touch HERE '"];

  it.each(Object.keys(QUESTION))('refuses in %s everything that a shell could take for a command', (name) => {
    const { allowedPattern = '', interpolationType } = COMMAND.parameters[name] ?? { type: '' };
    expect(interpolationType).toBe('ENV_VAR');
    expect(QUESTION[name]).toMatch(new RegExp(allowedPattern));
    for (const attack of attacks) {
      expect(attack).not.toMatch(new RegExp(allowedPattern));
      expect(`${QUESTION[name]}${attack}`).not.toMatch(new RegExp(allowedPattern));
    }
  });

  it('takes them for text even where they get through', async () => {
    const here = join(instance.agent.root, 'HERE');
    for (const name of ['Method', 'Path', 'Body']) {
      for (const attack of attacks) {
        await instance.run({ [name]: attack.replace('HERE', here), Request: crypto.randomUUID() });
        expect(existsSync(here), `${name}: ${attack}`).toBe(false);
      }
    }
  });

  it('keeps its files in its own directory', () => {
    const { allowedPattern = '' } = COMMAND.parameters.Request ?? {};
    for (const request of ['../x', `${QUESTION.Request}/../x`, '/etc/passwd']) {
      expect(request).not.toMatch(new RegExp(allowedPattern));
    }
  });

  it('tells an agent that is too old for it, which passes no parameters as variables', async () => {
    const [step] = COMMAND.mainSteps;
    const { code, stderr } = await instance.agent.execute(
      'command',
      step?.inputs ?? { runCommand: [] },
      {},
      { PATH: '/bin:/usr/bin' },
    );
    expect(stderr).toContain('does not pass parameters as environment variables');
    expect(code).toBe(3);
  });
});

describe('the script on an instance', () => {
  /** The body of the answer that was asked for last, whose first page is this. */
  const pages = async (Request: string, first: string) => {
    const [size = '', packed = ''] = first.split(' ');
    let all = packed;
    for (let page = 1; page * 20_000 < Number(size); page++) {
      all += (await instance.run({ Request, Page: String(page) })).stdout.split(' ')[1];
    }
    return unpack(`- ${all}`)[1];
  };
  const directory = () => join(instance.agent.root, 'run/nomad-drain-hook');

  it('makes a directory that only its user can enter, and leaves neither answer nor question there', async () => {
    expect(unpack((await instance.run()).stdout)).toEqual(['200', '[]']);
    const { mode, uid } = statSync(directory());
    expect(mode & 0o7777).toBe(0o700);
    expect(uid).toBe(process.getuid?.());
    expect(readdirSync(directory(), { recursive: true })).toEqual([QUESTION.Request]);
  });

  it('has its directory neither where anybody may write, nor where an environment says', async () => {
    const elsewhere = join(instance.agent.root, 'elsewhere');
    mkdirSync(elsewhere);
    await instance.run({}, { TMPDIR: elsewhere, HOME: elsewhere, XDG_RUNTIME_DIR: elsewhere });
    expect(readdirSync(elsewhere)).toEqual([]);
    expect(readdirSync(join(instance.agent.root, 'tmp'))).toEqual([]);
    expect(readdirSync(join(instance.agent.root, 'var/tmp'))).toEqual([]);
  });

  const planted: [what: string, plant: () => void][] = [
    ['a directory that others may enter', () => chmodSync(directory(), 0o777)],
    ['a directory of another user', () => chownSync(directory(), NOBODY, NOBODY)],
    [
      'a link to a directory',
      () => {
        rmSync(directory(), { recursive: true });
        mkdirSync(join(instance.agent.root, 'planted'), { mode: 0o700 });
        symlinkSync(join(instance.agent.root, 'planted'), directory());
      },
    ],
    [
      'a link that leads nowhere',
      () => {
        rmSync(directory(), { recursive: true });
        symlinkSync(join(instance.agent.root, 'planted'), directory());
      },
    ],
    [
      'a file',
      () => {
        rmSync(directory(), { recursive: true });
        writeFileSync(directory(), '');
      },
    ],
  ];
  it.runIf(isRoot).each(planted)(
    'does not use %s in the place of its directory, and asks nothing',
    async (_, plant) => {
      mkdirSync(directory(), { mode: 0o700 });
      plant();
      const { code, stderr } = await instance.run();
      expect(stderr).toContain(`${directory()} is not a directory that only user 0 can enter`);
      expect(code).toBe(3);
      expect(instance.asked).toEqual([]);
      for (const place of [directory(), join(instance.agent.root, 'planted')]) {
        if (existsSync(place) && lstatSync(place).isDirectory()) expect(readdirSync(place)).toEqual([]);
      }
    },
  );

  it('writes the token into no file, not for a moment', async () => {
    // Where nothing can be deleted, everything that was ever written is still there.
    const bin = join(instance.agent.root, 'bin');
    mkdirSync(bin);
    writeFileSync(join(bin, 'rm'), '#!/bin/sh\n', { mode: 0o755 });
    await instance.run({ Method: 'POST', Body: Buffer.from('{}').toString('base64') }, {}, bin);
    await instance.run({ Request: crypto.randomUUID() }, { NOMAD_ADDR: 'http://127.0.0.1:9' }, bin);

    expect(instance.asked).toEqual([`POST ${QUESTION.Path} ${TOKEN} {}`]);
    const files = globSync('**/*', { cwd: instance.agent.root, withFileTypes: true }).filter((entry) => entry.isFile());
    expect(files.length).toBeGreaterThan(2);
    for (const { parentPath, name } of files) {
      expect(readFileSync(join(parentPath, name), 'utf8'), name).not.toContain(TOKEN);
    }
  });

  it('prints the token on no way that it can go: not where Nomad refuses, is away, or the command talks in colours', async () => {
    instance.answer = { status: 403, body: 'Permission denied' };
    const colours = { NOMAD_CLI_FORCE_COLOR: '1' };
    const away = { NOMAD_ADDR: 'http://127.0.0.1:9' };
    const ways = [{}, colours, away, { ...away, ...colours }, { PATH: '/usr/bin:/bin' }];
    const results = [];
    for (const shell of ways) results.push(await instance.run({ Request: crypto.randomUUID() }, shell));
    expect(results.map(({ code }) => code)).toEqual([0, 0, 5, 5, 3]);
    expect(unpack(results[1]?.stdout ?? '')).toEqual(['403', 'Permission denied']);
    expect(results[2]?.stderr).toMatch(/^Error performing request: /);
    expect(JSON.stringify(results)).not.toContain(TOKEN);
  });

  it('asks a question once, however often it is sent', async () => {
    await instance.run();
    const { code, stderr } = await instance.run();
    expect([code, stderr]).toEqual([6, 'this has been asked before\n']);
    expect(instance.asked).toHaveLength(1);
  });

  it('hands out the pages of an answer, and keeps it no longer', async () => {
    instance.answer.body = JSON.stringify(Array.from({ length: 4_000 }, () => crypto.randomUUID()));
    const pages = [await instance.run()];
    for (let page = 1; page * 20_000 < Number(pages[0]?.stdout.split(' ')[0]); page++) {
      pages.push(await instance.run({ Page: String(page) }));
    }
    expect(pages.length).toBeGreaterThan(3);
    expect(unpack(`- ${pages.map(({ stdout }) => stdout.split(' ')[1]).join('')}`)).toEqual([
      '200',
      instance.answer.body,
    ]);
    expect(await instance.run({ Page: '1' })).toMatchObject({ code: 6, stderr: 'the answer is not kept any more\n' });
  });

  it('takes its settings from the files that an operator has written, careless as they may be', async () => {
    const settings = `echo "$UNSET" >/dev/null; false\nNOMAD_ADDR=${instance.nomad.url}\nNOMAD_TOKEN=of-the-file\n`;
    writeFileSync(join(instance.agent.root, 'etc/nomad-drain-hook.env'), settings);
    expect((await instance.run({}, { NOMAD_ADDR: '', NOMAD_TOKEN: '' })).code).toBe(0);
    expect(instance.asked).toEqual([`GET ${QUESTION.Path} of-the-file`]);
  });

  it.each([
    ['print', 'echo hello; echo hello >&2'],
    ['read', 'cat'],
    ['end with exit 0', '', 'exit 0'],
    ['end with exit 1', '', 'exit 1'],
    ['end with return', '', 'return 1'],
    ['are stricter than the script', 'set -eu', 'false; echo "$UNSET"'],
    ['name their variables readonly', '', 'readonly NOMAD_ADDR'],
    ['have a trap of their own', 'trap "echo bye" EXIT'],
    ['set what is read word by word', `NOMAD_CACERT="/a b/'c' \\$d"; IFS=x`],
    ['are broken at the end', '', 'if then ('],
  ])('takes its settings from files that %s', async (_, first, last = '') => {
    const settings = `${first}\nexport NOMAD_ADDR=${instance.nomad.url}\nNOMAD_TOKEN=of-the-file\n${last}\n`;
    writeFileSync(join(instance.agent.root, 'etc/nomad-drain-hook.env'), settings);
    const { code, stdout, stderr } = await instance.run({}, { NOMAD_ADDR: 'http://127.0.0.1:9', NOMAD_TOKEN: '' });
    expect([code, stderr]).toEqual([0, '']);
    expect(unpack(stdout)).toEqual(['200', '[]']);
    expect(instance.asked).toEqual([`GET ${QUESTION.Path} of-the-file`]);
  });

  it.each([
    ['quotes', '\\"'],
    ['backslashes', '\\\\'],
    ['letters', 'k'],
    ['brackets', '{['],
    ['quotes and letters', 'k\\"'],
  ])('takes a time that grows with what a job is called and no faster: %s', async (_, part) => {
    const timed = async (times: number) => {
      const key = part.repeat(times);
      const job = `{"Type":"batch","Meta":{"${key}":"${key}"},"TaskGroups":[{"Name":"${key}","Tasks":[{"Name":"t","Env":{"${key}":"x"},"CSIPluginConfig":{"${key}":1}}]}]}`;
      instance.answer.body = `[{"ID":"a","Job":${job},"${key}":{"SecretID":"x"}}]`;
      const began = performance.now();
      const Request = crypto.randomUUID();
      const { stdout } = await instance.run({ Path: '/v1/node/n/allocations', Request });
      const took = performance.now() - began;
      const kept = `{"Type":"batch","Meta":{},"TaskGroups":[{"Name":"${key}","Tasks":[{"Name":"t","CSIPluginConfig":{"${key}":1}}]}]}`;
      expect(JSON.parse(await pages(Request, stdout))[0].Job).toEqual(JSON.parse(kept));
      return took;
    };
    const some = await timed(20_000);
    expect(await timed(160_000)).toBeLessThan(12 * some);
  });
});
