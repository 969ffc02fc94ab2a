import { JsonError } from './ssm.ts';

/** A parameter of a Command document. */
export interface DocumentParameter {
  type: string;
  description?: string;
  default?: string;
  allowedValues?: string[];
  allowedPattern?: string;
  minChars?: number;
  maxChars?: number;
  interpolationType?: string;
}

/** A Command document of schema 2.2 with shell steps, as the emulator knows it. */
export interface CommandDocument {
  schemaVersion: string;
  description?: string;
  parameters: Record<string, DocumentParameter>;
  mainSteps: {
    action: string;
    name: string;
    precondition?: { StringEquals: string[] };
    inputs: { runCommand: string[]; timeoutSeconds?: string; workingDirectory?: string };
  }[];
}

/** https://docs.aws.amazon.com/systems-manager/latest/userguide/documents-syntax-data-elements-parameters.html */
const TOP_LEVEL = ['schemaVersion', 'description', 'parameters', 'mainSteps'];
const OF_A_PARAMETER = [
  'type',
  'description',
  'default',
  'allowedValues',
  'allowedPattern',
  'displayType',
  'minItems',
  'maxItems',
  'minChars',
  'maxChars',
  'interpolationType',
];
const OF_A_STEP = ['action', 'name', 'precondition', 'inputs', 'onFailure', 'timeoutSeconds', 'maxAttempts'];
const TYPES = ['String', 'StringList', 'Boolean', 'Integer', 'MapList', 'StringMap'];
const DOCUMENT_BYTES = 64 * 1024;

/** The documents of an account, by name. What CreateDocument would refuse is refused here. */
export class Documents extends Map<string, CommandDocument> {
  override set(name: string, document: CommandDocument): this {
    if (Buffer.byteLength(JSON.stringify(document)) > DOCUMENT_BYTES) {
      throw new JsonError('MaxDocumentSizeExceeded', 'The size limit of a document is 64 KB.');
    }
    const problems = [...problemsOf(document)];
    if (problems.length > 0) throw new JsonError('InvalidDocumentContent', problems.join('; '));
    return super.set(name, document);
  }
}

function* problemsOf(document: CommandDocument): Generator<string> {
  yield* unknownKeys('the document', document, TOP_LEVEL);
  if (document.schemaVersion !== '2.2') yield `schema version ${document.schemaVersion}`;
  for (const [name, parameter] of Object.entries(document.parameters)) {
    if (!/^[a-zA-Z0-9]+$/.test(name)) yield `parameter name ${name}`;
    yield* unknownKeys(`parameter ${name}`, parameter, OF_A_PARAMETER);
    if (!TYPES.includes(parameter.type)) yield `parameter ${name}: type ${parameter.type}`;
    const { interpolationType, minChars, maxChars } = parameter;
    if (interpolationType !== undefined && (interpolationType !== 'ENV_VAR' || parameter.type !== 'String')) {
      yield `parameter ${name}: interpolationType ${interpolationType} for ${parameter.type}`;
    }
    for (const limit of [minChars, maxChars]) {
      if (limit !== undefined && !Number.isInteger(limit)) yield `parameter ${name}: ${limit} characters`;
    }
  }
  if (document.mainSteps.length === 0) yield 'no steps';
  for (const step of document.mainSteps) {
    yield* unknownKeys(`step ${step.name}`, step, OF_A_STEP);
    if (!/^[a-zA-Z0-9_-]{1,128}$/.test(step.name)) yield `step name ${step.name}`;
    for (const [, used = ''] of JSON.stringify(step).matchAll(/\{\{\s*([\w:.-]+)\s*\}\}/g)) {
      if (!(used in document.parameters) && !/^(ssm|platformType)\b/.test(used)) yield `undefined parameter ${used}`;
    }
  }
}

function* unknownKeys(where: string, value: object, known: readonly string[]): Generator<string> {
  for (const key of Object.keys(value)) if (!known.includes(key)) yield `${where}: unknown element ${key}`;
}

/**
 * The parameters that a document is sent with, each with its value.
 * @throws JsonError InvalidParameters, as SendCommand does
 */
export function bindParameters(document: CommandDocument, given: Record<string, string[]>): Record<string, string> {
  const invalid = (message: string) => new JsonError('InvalidParameters', message);
  for (const name of Object.keys(given)) {
    if (!(name in document.parameters)) throw invalid(`Parameter ${name} is not defined in the document`);
  }
  const bound = Object.entries(document.parameters).map(([name, parameter]) => {
    const [value = parameter.default, ...more] = given[name] ?? [];
    if (value === undefined) throw invalid(`Parameter ${name} is required`);
    if (more.length > 0) throw invalid(`Parameter ${name} takes one value`);
    const { allowedPattern, allowedValues, minChars = 0, maxChars = Number.POSITIVE_INFINITY } = parameter;
    if (value.length < minChars || value.length > maxChars)
      throw invalid(`Parameter ${name}: ${value.length} characters`);
    if (allowedValues && !allowedValues.includes(value)) throw invalid(`Parameter ${name}: ${value} is not allowed`);
    // The service is written in Java, whose patterns know no limit of 1,000 repeats.
    if (allowedPattern !== undefined && !new RegExp(allowedPattern).test(value)) {
      throw invalid(`Parameter ${name} does not match the allowed pattern ${allowedPattern}`);
    }
    return [name, value];
  });
  return Object.fromEntries(bound) as Record<string, string>;
}
