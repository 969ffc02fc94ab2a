import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { decode, encode } from '@msgpack/msgpack';

// biome-ignore lint/suspicious/noExplicitAny: a resource has any JSON
type Json = any;

const pathOf = (file: string) => fileURLToPath(new URL(file, import.meta.url));
const SOURCE = 'hashicorp/aws';
/** In the form of `terraform providers schema -json`; fixtures/README.md says where it is from. */
const SCHEMA = JSON.parse(readFileSync(pathOf('fixtures/aws-6.25.0.json'), 'utf8')).provider_schemas[SOURCE];

/** What is not known before a resource is made, told all the same. */
export const computed = (type: string, label: string, attribute: string) => `<${type} ${label} ${attribute}>`;

/** By what a resource is told from others of its type: what it is called, or belongs to. */
export const labelOf = (values: Record<string, Json>): string =>
  String(values.function_name ?? values.name ?? values.alarm_name ?? values.dashboard_name ?? values.name_prefix ?? '');

/** Whether resources of this type take tags. */
export const isTaggable = (type: string): boolean => 'tags' in SCHEMA.resource_schemas[type].block.attributes;

/** An AWS provider for Terraform with the real one's schemas, and nothing behind it. It validates and plans; it makes nothing. */
export interface RunningProvider {
  /** What Terraform has to be started with, to use it. */
  readonly environment: Record<string, string>;
  stop(): void;
}

/**
 * Starts it, on the loopback interface.
 * @param data what its data sources tell, by type
 */
export async function startProvider(data: Readonly<Record<string, Record<string, string>>>): Promise<RunningProvider> {
  const server = new grpc.Server();
  const definition = grpc.loadPackageDefinition(loadSync(pathOf('tfplugin5.proto'), { keepCase: true })) as Json;
  const nothing = () => ({});
  const handlers: Record<string, (request: Json) => object> = {
    GetSchema: () => ({
      provider: schema(SCHEMA.provider),
      resource_schemas: mapped(SCHEMA.resource_schemas, schema),
      data_source_schemas: mapped(SCHEMA.data_source_schemas, schema),
    }),
    PrepareProviderConfig: ({ config }) => ({ config }),
    ValidateResourceTypeConfig: nothing,
    ValidateDataSourceConfig: nothing,
    Configure: nothing,
    PlanResourceChange: ({ type_name, proposed_new_state }) => ({
      state: value(planned(type_name, read(proposed_new_state))),
    }),
    ReadDataSource: ({ type_name, config }) => ({ state: value({ ...read(config), ...data[type_name] }) }),
    Stop: nothing,
  };
  server.addService(definition.tfplugin5.Provider.service, mapped(handlers, handled));
  const listen = (address: string) =>
    new Promise<number>((resolve, reject) => {
      server.bindAsync(address, grpc.ServerCredentials.createInsecure(), (error, port) =>
        error ? reject(error) : resolve(port),
      );
    });
  const port = await listen('127.0.0.1:0');
  const reattach = {
    [SOURCE]: {
      Protocol: 'grpc',
      ProtocolVersion: 5,
      Pid: process.pid,
      Test: true,
      Addr: { Network: 'tcp', String: `127.0.0.1:${port}` },
    },
  };
  return {
    environment: { TF_REATTACH_PROVIDERS: JSON.stringify(reattach) },
    stop: () => server.forceShutdown(),
  };
}

function handled(handler: (request: Json) => object): grpc.handleUnaryCall<Json, object> {
  return ({ request }, answer) => {
    try {
      answer(null, handler(request));
    } catch (error) {
      answer({ code: grpc.status.INTERNAL, message: String(error) });
    }
  };
}

const mapped = <From, To>(by: Record<string, From>, convert: (each: From) => To): Record<string, To> =>
  Object.fromEntries(Object.entries(by).map(([name, each]) => [name, convert(each)]));

const NESTING: Record<string, number> = { single: 1, list: 2, set: 3 };

const schema = ({ version, block }: Json): object => ({ version, block: ofBlock(block) });

function ofBlock({ attributes = {}, block_types = {} }: Json): object {
  return {
    attributes: Object.entries<Json>(attributes).map(([name, { type, ...flags }]) => ({
      name,
      type: Buffer.from(JSON.stringify(type)),
      ...flags,
    })),
    block_types: Object.entries<Json>(block_types).map(([type_name, { nesting_mode, block, ...limits }]) => ({
      type_name,
      nesting: NESTING[nesting_mode],
      block: ofBlock(block),
      ...limits,
    })),
  };
}

/** What is not known yet has a type of its own in MessagePack, which is kept as it is. */
const read = ({ msgpack }: Json): Json => decode(msgpack);
const value = (of: Json) => ({ msgpack: Buffer.from(encode(of)) });

/** With everything that only the real provider could tell, so that what depends on it is planned too. */
function planned(type: string, values: Record<string, Json>): Record<string, Json> {
  const told = Object.entries<Json>(SCHEMA.resource_schemas[type].block.attributes)
    .filter(([name, { type: of, computed }]) => computed && of === 'string' && values[name] === null && tells(name))
    .map(([name]) => [name, computed(type, labelOf(values), name)]);
  return { ...values, ...Object.fromEntries(told) };
}

/** What resources refer to of each other. */
const tells = (attribute: string) => ['arn', 'id', 'name', 'url', 'function_name'].includes(attribute);
