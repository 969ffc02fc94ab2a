import { mkdirSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { startNomad } from '../../../emulators/real-nomad/agent.ts';
import { Nomad } from '../nomad-under-test.ts';
import { type Exchange, isObject, type Json, type Recording, recording } from '../recording.ts';
import { POLICIES, translatedBy } from '../replay.ts';
import { SCENES } from './scenes.ts';
import { underTest } from './under-test.ts';

/**
 * `NOMAD_BIN=/path/to/nomad node test/contract/real/record.ts [scenario…]`, as root: records what a real Nomad answers to the
 * requests of the recordings of 2.0.6, at their times, into the folder of its version.
 */
const LIKE = '2.0.6';

const record = async (scenario: string): Promise<void> => {
  const instanceIds = ['i-0aaaaaaaaaaaaaaaa', 'i-0bbbbbbbbbbbbbbbb'];
  // The recorded agents called a client down some 8 s after its death.
  const real = await startNomad(process.env.NOMAD_BIN ?? '', instanceIds, { heartbeat: '3s' });
  try {
    const [a, b] = real.nodes;
    // A list is in the order of its ids: client-a is first in what is replayed.
    if (a && b && a.id > b.id) return await record(scenario);
    const nomad = new Nomad(underTest(real));
    const { about, exchanges } = recording(LIKE, scenario);
    const answered = await sendAll(nomad, scenario, exchanges);
    const { version } = real;
    const set = `${version}, one server, clients client-a and client-b, ACLs on, raw_exec`;
    write(version, scenario, { about, nomad: set, exchanges: answered });
  } finally {
    await real.close();
  }
};

const write = (version: string, scenario: string, { about, nomad, exchanges }: Recording): void => {
  const folder = new URL(`../fixtures/${version}/`, import.meta.url);
  mkdirSync(folder, { recursive: true });
  const lines = exchanges.map((exchange) => JSON.stringify(exchange)).join(',\n');
  const head = `{"about": ${JSON.stringify(about)},\n"nomad": ${JSON.stringify(nomad)},\n`;
  writeFileSync(new URL(`${scenario}.json`, folder), `${head}"exchanges": [\n${lines}\n]}\n`);
};

/** Each at its time since the jobs began to run. */
const sendAll = async (nomad: Nomad, scenario: string, exchanges: Exchange[]): Promise<Exchange[]> => {
  const tokens = await tokensOf(nomad);
  const { setUp, meanwhile = [] } = SCENES[scenario] ?? {};
  await setUp?.(nomad);
  const start = Date.now();
  const events = meanwhile.map(async ([atMs, happen]) => {
    await sleep(Math.max(0, start + atMs - Date.now()));
    await happen(nomad);
  });
  const answered: Exchange[] = [];
  let index = '0';
  for (const exchange of exchanges) {
    await sleep(Math.max(0, start + exchange.at_ms - Date.now()));
    const sent = { ...exchange.request, path: await translated(nomad, exchange.request.path, exchanges) };
    if (sent.query?.index) sent.query = { ...sent.query, index };
    const began = Date.now();
    const secret = tokens[sent.token ?? ''] ?? sent.token ?? '';
    const response = await nomad.send(
      sent.method,
      `${sent.path}?${new URLSearchParams(sent.query)}`,
      body(sent),
      secret,
    );
    index = response.headers.get('x-nomad-index') ?? index;
    answered.push({
      at_ms: began - start,
      took_ms: Date.now() - began,
      ...(exchange.note && { note: exchange.note }),
      request: sent,
      response: {
        status: response.status,
        headers: headersOf(response.headers),
        body: shortened(response.body, tokens),
      },
    });
  }
  await Promise.all(events);
  return answered;
};

const body = ({ body }: Exchange['request']): object | undefined => (isObject(body) ? body : undefined);

/** The secrets of the recordings' tokens, by name. */
const tokensOf = async (nomad: Nomad): Promise<Record<string, string>> => {
  const tokens: Record<string, string> = { management: nomad.under.managementToken, none: '' };
  await nomad.send('POST', '/v1/namespace', { Name: 'ci' });
  for (const [Name, Rules] of Object.entries(POLICIES)) {
    await nomad.send('POST', `/v1/acl/policy/${Name}`, { Name, Rules });
    const made = await nomad.send('POST', '/v1/acl/token', { Name, Type: 'client', Policies: [Name] });
    if (isObject(made.body)) tokens[Name] = String(made.body.SecretID);
  }
  return tokens;
};

const translated = async (nomad: Nomad, path: string, exchanges: Exchange[]): Promise<string> => {
  const { body } = await nomad.get('/v1/allocations?namespace=*');
  const allocations = Array.isArray(body) ? body.filter(isObject) : [];
  return translatedBy(path, exchanges, {
    node: (wanted) => nomad.under.nodes.find(({ name }) => name === wanted)?.id,
    allocation: ({ Name, NodeName }) =>
      String(allocations.find((one) => one.Name === Name && one.NodeName === NodeName)?.ID ?? ''),
  });
};

const HEADERS = ['Content-Type', 'X-Nomad-Index', 'X-Nomad-Knownleader', 'X-Nomad-Lastcontact'];

const headersOf = (headers: Headers): Record<string, string> =>
  Object.fromEntries(HEADERS.flatMap((name) => (headers.has(name) ? [[name, headers.get(name) ?? '']] : [])));

/** What differs from machine to machine is left out; the README of the fixtures says so. */
const EMPTY = new Set(
  'Drivers NodeResources ReservedResources Resources AllocatedResources SharedResources TaskResources Links ScoreMetaData'.split(
    ' ',
  ),
);

const shortened = (value: Json, tokens: Record<string, string>): Json => {
  if (Array.isArray(value)) return value.map((item) => shortened(item, tokens));
  if (typeof value === 'string') {
    const name = value === '' ? undefined : Object.keys(tokens).find((each) => tokens[each] === value);
    return name ? `<token:${name}>` : value.replace(/^127\.0\.0\.1:\d+$/, '127.0.0.1:4647');
  }
  if (!isObject(value)) return value;
  const isTaskEvent = 'DisplayMessage' in value;
  if (isTaskEvent) return { Type: value.Type ?? null, DisplayMessage: value.DisplayMessage ?? null };
  const isNode = 'Attributes' in value;
  return Object.fromEntries(
    Object.entries(value).map(([field, inner]) => {
      if (EMPTY.has(field) || (isNode && field === 'Meta')) return [field, inner === null ? null : {}];
      if (isObject(inner) && field === 'Job') return [field, pick(inner, ['ID', 'Type'])];
      if (isObject(inner) && field === 'Attributes') {
        return [field, pick(inner, ['unique.platform.aws.instance-id', 'nomad.version'])];
      }
      return [field, shortened(inner, tokens)];
    }),
  );
};

const pick = (object: Record<string, Json>, fields: string[]): Json =>
  Object.fromEntries(fields.map((field) => [field, object[field] ?? null]));

const wanted = process.argv.slice(2);
for (const scenario of wanted.length > 0 ? wanted : Object.keys(SCENES)) {
  await record(scenario);
  console.log(scenario);
}
