import { readFileSync } from 'node:fs';
import type { Version } from '../../emulators/nomad/version.ts';

/** An answer's JSON of any shape: fields are read by name and compared; each may be missing. */
export type Json = string | number | boolean | null | Json[] | JsonObject;
export interface JsonObject {
  [field: string]: Json;
}

export interface Exchange {
  at_ms: number;
  took_ms: number;
  request: { method: string; path: string; query?: Record<string, string>; token?: string; body?: Json };
  response: { status: number; headers: Record<string, string>; body: Json };
  note?: string;
}

export interface Recording {
  about: string;
  nomad: string;
  exchanges: Exchange[];
}

export type Recorded = Exclude<Version, '1.8.4'>;

export const recording = (version: Recorded, scenario: string): Recording =>
  JSON.parse(readFileSync(new URL(`fixtures/${version}/${scenario}.json`, import.meta.url), 'utf8')) as Recording;

export const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The objects of an answer: one, or a list's. */
export const objectsOf = (body: Json): JsonObject[] => (Array.isArray(body) ? body : [body]).filter(isObject);

export const isNode = (object: JsonObject): boolean => 'SchedulingEligibility' in object && 'NodePool' in object;

export const isAllocation = (object: JsonObject): boolean => 'ClientStatus' in object;

/** What identifies an object among others of its kind in every run: ids differ, names do not. */
export const identityOf = (object: JsonObject): string => {
  if (isAllocation(object)) return `allocation ${object.Name} on ${object.NodeName}`;
  if (isNode(object)) return `node ${object.Name}`;
  if ('TriggeredBy' in object) return `evaluation of ${object.JobID}, ${object.TriggeredBy}, ${object.Status}`;
  return String(object.Name ?? object.JobID ?? '');
};

/** The part of an object's state that a drain changes. */
export const stateOf = (object: JsonObject): string => {
  if (isNode(object)) {
    const last = isObject(object.LastDrain) ? object.LastDrain : undefined;
    const events = Array.isArray(object.Events) ? objectsOf(object.Events) : [];
    const event = events.at(-1);
    const strategy = isObject(object.DrainStrategy) ? object.DrainStrategy : undefined;
    const words = [object.Status, object.SchedulingEligibility, object.Drain ? 'drain on' : 'drain off'];
    const drain = [strategy?.Deadline, strategy?.IgnoreSystemJobs, last?.Status, sorted(last?.Meta)];
    return [...words, ...drain, event?.Subsystem, event?.Message, sorted(event?.Details)].join(', ');
  }
  const transition = isObject(object.DesiredTransition) ? object.DesiredTransition : {};
  const { Migrate, MigrateDisablePlacement } = transition;
  const wanted = [Migrate ? 'migrate' : '', MigrateDisablePlacement ? 'without placement' : ''].join(' ').trim();
  return [object.ClientStatus, object.DesiredStatus, object.DesiredDescription ?? '', wanted].join(', ');
};

const sorted = (map: Json | undefined): string => (isObject(map) ? JSON.stringify(Object.entries(map).sort()) : '');

/** Fields whose contents differ from machine to machine, or that are empty in the fixtures. */
const OPAQUE = new Set(
  'Attributes Meta Job Drivers NodeResources Links NodesAvailable Details ConstraintFiltered ScoreMetaData'.split(' '),
);

/** The paths of fields that were recorded and are missing here; empty if the answer has all that was recorded. */
export const missingFields = (recorded: Json | undefined, here: Json | undefined, path = ''): string[] => {
  if (Array.isArray(recorded)) {
    if (!Array.isArray(here)) return [`${path} is no list`];
    return recorded.flatMap((item, i) => fewestMissing(item, candidates(item, here, i), `${path}[${label(item, i)}]`));
  }
  if (!isObject(recorded)) return [];
  // Null counts as present: whether it should be null depends on states, not on fields.
  if (here === null) return [];
  if (!isObject(here)) return [`${path} is no object`];
  return Object.entries(recorded).flatMap(([field, value]) => {
    if (!(field in here)) return [`${path}.${field}`];
    return OPAQUE.has(field) ? [] : missingFields(value, here[field], `${path}.${field}`);
  });
};

const label = (item: Json, i: number): string => (isObject(item) && identityOf(item)) || String(i);

/** What an item of a recorded list is compared with: its counterpart, or for allocations any in the same state. */
const candidates = (item: Json, list: Json[], i: number): (Json | undefined)[] => {
  if (!isObject(item) || identityOf(item) === '') return [list[Math.min(i, list.length - 1)]];
  const objects = list.filter(isObject);
  if (!isAllocation(item)) return objects.filter((other) => identityOf(other) === identityOf(item));
  const alike = objects.filter((other) => stateOf(other) === stateOf(item));
  // None: it was polled while it changed, which the comparison of states covers.
  return alike.length > 0 ? alike : [null];
};

const fewestMissing = (item: Json, others: (Json | undefined)[], path: string): string[] =>
  others.map((other) => missingFields(item, other, path)).sort((a, b) => a.length - b.length)[0] ?? [
    `${path} is missing`,
  ];
