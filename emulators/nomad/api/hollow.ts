import type { EmulatorRequest, EmulatorResponse } from '../../server.ts';
import { HttpError, hollowHeaders } from './http.ts';

/**
 * What a client agent answers that shuts down: its questions to the servers come back empty, and without an error
 * (`client/rpc.go`). Seen on 1.6.10, 1.11.3 and 2.0.6 at an interrupt: writes seem to be accepted, and are lost.
 */
const NOTHING: [path: RegExp, empty: unknown][] = [
  [/^\/v1\/(nodes|allocations|evaluations|jobs|namespaces|acl\/policies|acl\/policy\/self|acl\/roles)$/, []],
  [/^\/v1\/(node|job)\/[^/]+\/(allocations|evaluations)$/, []],
  [/^\/v1\/node\/[^/]+$/, 'node not found'],
  [/^\/v1\/allocation\/[^/]+$/, 'alloc not found'],
  [/^\/v1\/evaluation\/[^/]+$/, 'eval not found'],
  [/^\/v1\/job\/[^/]+(\/summary)?$/, 'job not found'],
  [/^\/v1\/acl\/policy\/[^/]+$/, 'ACL policy not found'],
  [/^\/v1\/acl\/role\/.+$/, 'ACL role not found'],
  [/^\/v1\/acl\/token\/self$/, 'ACL token not found'],
];

/** Of what these answer, Nomad says no index. */
const UNINDEXED: [path: RegExp, body: unknown][] = [
  [/^\/v1\/status\/leader$/, ''],
  [/^\/v1\/agent\/members$/, { Members: null, ServerDC: '', ServerName: '', ServerRegion: '' }],
  [/^\/v1\/client\/metadata$/, { Dynamic: null, Meta: null, Static: null }],
];

const EVALUATED = { EvalCreateIndex: 0, EvalID: '', Index: 0, JobModifyIndex: 0, KnownLeader: false, LastContact: 0 };
const PURGED = { EvalCreateIndex: 0, EvalIDs: null, Features: 0, HeartbeatTTL: 0, Index: 0, KnownLeader: false };
const WRITTEN: [path: RegExp, body: unknown][] = [
  [/^\/v1\/node\/[^/]+\/(drain|eligibility)$/, { EvalCreateIndex: 0, EvalIDs: null, Index: 0, NodeModifyIndex: 0 }],
  [/^\/v1\/node\/[^/]+\/purge$/, { ...PURGED, NodeModifyIndex: 0 }],
  [/^\/v1\/(jobs|job\/[^/]+)$/, EVALUATED],
  [/./, null],
];

const JSON_TYPE = { 'Content-Type': 'application/json' };

const found = (table: [RegExp, unknown][], path: string) => table.find(([pattern]) => pattern.test(path));

/** Undefined where the agent knows the answer itself: its logs, and what it says of itself. */
export const hollowAnswer = ({ method, url }: EmulatorRequest): EmulatorResponse | undefined => {
  const path = url.pathname;
  if (path === '/v1/agent/self' || path.startsWith('/v1/client/fs/')) return;
  const unindexed = found(UNINDEXED, path);
  if (unindexed) return { status: 200, headers: JSON_TYPE, body: JSON.stringify(unindexed[1]) };
  if (method !== 'GET') {
    const written = found(WRITTEN, path)?.[1];
    return { status: 200, headers: { ...JSON_TYPE, 'X-Nomad-Index': '0' }, body: JSON.stringify(written) };
  }
  const nothing = found(NOTHING, path)?.[1];
  if (typeof nothing === 'string') throw new HttpError(404, nothing, 0, false);
  if (nothing === undefined) return;
  return { status: 200, headers: { ...JSON_TYPE, ...hollowHeaders }, body: JSON.stringify(nothing) };
};
