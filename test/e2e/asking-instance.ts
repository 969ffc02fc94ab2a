import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import type { CommandDocument } from '../../emulators/aws/ssm/command-document.ts';
import { SsmAgent } from '../../emulators/aws/ssm/ssm-agent.ts';
import { Loopback } from '../../emulators/server.ts';
import { commandDocument } from '../../lib/access/run-command.ts';

const BIN = fileURLToPath(new URL('../../emulators/bin', import.meta.url));

/** The token that is set up on the instance. */
export const TOKEN = 'fc8ab1c3-0000-4d4c-9d8a-canaryoftoken';

export const COMMAND = commandDocument() as CommandDocument;

/** A question as the function puts it. */
export const QUESTION: Record<string, string> = {
  Method: 'GET',
  Path: '/v1/nodes?filter=Status+%3D%3D+%22ready%22',
  Body: '-',
  Request: '0b5c3c1e-6a36-4c2f-9d8a-0f6f4a1b2c3d',
  Page: '0',
};

/** An instance that has the nomad command, and a Nomad that answers it what a test wants. */
export class AskingInstance {
  readonly agent: SsmAgent;
  readonly nomad: Loopback;
  /** What has reached Nomad. */
  readonly asked: string[];
  answer = { status: 200, body: '[]' };
  #commands = 0;

  private constructor(nomad: Loopback, asked: string[]) {
    this.agent = new SsmAgent(mkdtempSync(join(tmpdir(), 'instance-')));
    this.nomad = nomad;
    this.asked = asked;
  }

  static async start(): Promise<AskingInstance> {
    const asked: string[] = [];
    const nomad = await Loopback.listen(({ method, url, headers, body }) => {
      asked.push(`${method} ${url.pathname}${url.search} ${headers['x-nomad-token']} ${body}`.trimEnd());
      return { headers: { 'Content-Type': 'application/json' }, ...instance.answer };
    });
    const instance = new AskingInstance(nomad, asked);
    return instance;
  }

  /** Has the script ask, as an agent would that has checked nothing. */
  run(parameters: Record<string, string> = {}, shell: Record<string, string> = {}, path?: string) {
    const [step] = COMMAND.mainSteps;
    if (!step) throw new Error('no step');
    const PATH = [path, BIN, process.env.PATH].filter(Boolean).join(':');
    const env = { PATH, NOMAD_ADDR: this.nomad.url, NOMAD_TOKEN: TOKEN, ...shell };
    return this.agent.execute(`command-${this.#commands++}`, step.inputs, { ...QUESTION, ...parameters }, env);
  }

  async close(): Promise<void> {
    await this.nomad.close();
    rmSync(this.agent.root, { recursive: true });
  }
}

/** The status and the body in what the script has printed. */
export function unpack(stdout: string): [status: string, body: string] {
  const packed = Buffer.from(stdout.split(' ')[1] ?? '', 'base64');
  const [status = '', , , ...body] = gunzipSync(packed).toString().split('\n');
  return [status, body.join('\n').trim()];
}
