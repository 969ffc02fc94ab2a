import type { EmulatorResponse } from '../../server.ts';
import type { Schedule } from '../auto-scaling/schedule.ts';
import { ACCOUNT, REGION } from '../model.ts';

export type ParameterType = 'String' | 'StringList' | 'SecureString';

interface Parameter {
  name: string;
  type: ParameterType;
  value: string;
  version: number;
  modifiedAt: number;
}

/** An error of a JSON-protocol service. AWS sends some of them, ParameterNotFound among them, without a message. */
export class JsonError extends Error {
  readonly type: string;
  readonly status: number;

  constructor(type: string, message = '', status = 400) {
    super(message);
    this.type = type;
    this.status = status;
  }
}

export function jsonResponse(status: number, body: unknown): EmulatorResponse {
  return { status, headers: { 'Content-Type': 'application/x-amz-json-1.1' }, body: JSON.stringify(body) };
}

/** Parameter Store. */
export class ParameterStore {
  readonly #parameters = new Map<string, Parameter>();

  put(name: string, value: string, type: ParameterType, now: number): void {
    const version = (this.#parameters.get(name)?.version ?? 0) + 1;
    this.#parameters.set(name, { name, value, type, version, modifiedAt: now });
  }

  remove(name: string): void {
    this.#parameters.delete(name);
  }

  /** A parameter by its name or its ARN. */
  find(name: string): Parameter | undefined {
    const path = name.startsWith('arn:') ? name.replace(/^arn:[^/]*:parameter(?=\/)/, '') : name;
    return this.#parameters.get(path) ?? this.#parameters.get(path.replace(/^\//, ''));
  }
}

/**
 * All calls of GetParameter, GetParameters and GetParametersByPath of an account and region together, in a second, unless
 * higher throughput is paid for. https://docs.aws.amazon.com/general/latest/gr/ssm.html
 */
const READS_PER_SECOND = 40;

type Action = (input: Record<string, unknown>) => unknown;

/** SSM's actions, by their name. */
export function ssmActions(store: ParameterStore, schedule: Schedule): Record<string, Action> {
  let reads: number[] = [];
  const throttle = () => {
    reads = reads.filter((at) => at > schedule.now() - 1000);
    if (reads.length >= READS_PER_SECOND) throw new JsonError('ThrottlingException', 'Rate exceeded');
    reads.push(schedule.now());
  };
  return {
    GetParameter: ({ Name, WithDecryption }) => {
      throttle();
      if (typeof Name !== 'string') throw missing('name');
      const parameter = store.find(Name);
      if (!parameter) throw new JsonError('ParameterNotFound');
      return { Parameter: describe(parameter, WithDecryption === true) };
    },

    GetParameters: ({ Names, WithDecryption }) => {
      throttle();
      if (!Array.isArray(Names)) throw missing('names');
      const names = Names.map(String);
      if (names.length > 10) {
        throw new JsonError(
          'ValidationException',
          `1 validation error detected: Value '[${names.join(', ')}]' at 'names' failed to satisfy constraint: Member must have length less than or equal to 10`,
        );
      }
      const found = names.map((name) => store.find(name)).filter((parameter) => parameter !== undefined);
      return {
        Parameters: found.map((parameter) => describe(parameter, WithDecryption === true)),
        InvalidParameters: names.filter((name) => !store.find(name)),
      };
    },
  };
}

function missing(member: string): JsonError {
  return new JsonError(
    'ValidationException',
    `1 validation error detected: Value null at '${member}' failed to satisfy constraint: Member must not be null`,
  );
}

function describe({ name, type, value, version, modifiedAt }: Parameter, decrypt: boolean): unknown {
  const encrypted = type === 'SecureString' && !decrypt;
  return {
    Name: name,
    Type: type,
    // Without decryption a SecureString is ciphertext, which is of no use.
    Value: encrypted ? Buffer.from(`kms:${value.length}:${name}`).toString('base64') : value,
    Version: version,
    LastModifiedDate: modifiedAt / 1000,
    ARN: `arn:aws:ssm:${REGION}:${ACCOUNT}:parameter${name.startsWith('/') ? '' : '/'}${name}`,
    DataType: 'text',
  };
}
