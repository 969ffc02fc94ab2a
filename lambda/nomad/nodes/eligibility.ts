import { iso } from '../../core/basics.ts';
import type { Clock, EpochMs } from '../../core/model/clock.ts';
import type { Readiness } from '../../core/model/node.ts';
import type { Eligibility, IneligibleNode } from '../../core/ports.ts';
import type { NomadApi } from '../api.ts';
import { DRAINED_BY, type NodeJson, ourRecord } from '../json/node.ts';
import { quoted } from './identity.ts';
import { ALIVE } from './running-allocations.ts';

/** A node is marked, and then made ineligible, within this time. In milliseconds. */
const MARKED_MS = 30_000;
const DRAIN = 'Node drain ';
const ELIGIBILITY = 'Node marked as ';

interface TakenNodesOptions {
  nomad: NomadApi;
  clock: Clock;
  /** Whose marks are ours. */
  deployment: string;
  /** The drained nodes, as the last refresh of this run found them. */
  drainedByUs: () => readonly IneligibleNode[];
  /** Whether nodes may have been made ineligible without a drain: they are found by another question. */
  cordons: boolean;
}

/** The nodes that we have made ineligible, for the length of one run. */
export class NomadEligibility implements Eligibility {
  readonly #options: TakenNodesOptions;
  #cordoned: Promise<IneligibleNode[]> | undefined;

  constructor(options: TakenNodesOptions) {
    this.#options = options;
  }

  async list(): Promise<IneligibleNode[]> {
    const { drainedByUs, cordons } = this.#options;
    if (!cordons) return [...drainedByUs()];
    this.#cordoned ??= this.#findCordoned();
    return [...drainedByUs(), ...(await this.#cordoned)];
  }

  async admit(nodeId: string, instanceId: string): Promise<boolean> {
    const node = await this.#options.nomad.node(nodeId);
    if (!node) return false;
    switch (ineligibleBy(node, instanceId, this.#options.deployment)) {
      case 'by default':
        await this.#options.nomad.setEligibility(nodeId, 'eligible');
        return true;
      case 'by our drain':
        return this.#endDrain(node, { instanceId });
      default:
        return false;
    }
  }

  async restore(taken: IneligibleNode): Promise<boolean> {
    const node = await this.#options.nomad.node(taken.nodeId);
    if (!node) return false;
    return taken.how === 'drain' ? this.#endDrain(node, taken) : this.#uncordon(node, taken);
  }

  async cordon(nodeId: string, instanceId: string, restoreAt: number): Promise<boolean> {
    const { nomad, clock, deployment } = this.#options;
    const node = await nomad.node(nodeId);
    if (node?.SchedulingEligibility !== 'eligible') return false;
    // The mark first: a node that is made ineligible without one would stay so.
    const mark = toMark({ instanceId, since: clock.now(), restoreAt, deployment });
    await nomad.setNodeMeta(nodeId, { [CORDON_KEY]: mark });
    await nomad.setEligibility(nodeId, 'ineligible');
    return true;
  }

  makeIneligible(nodeId: string): Promise<void> {
    return this.#options.nomad.setEligibility(nodeId, 'ineligible');
  }

  async #findCordoned(): Promise<IneligibleNode[]> {
    const { nomad, deployment } = this.#options;
    const { nodes } = await nomad.nodes(`"${CORDON_KEY}" in Meta and Status != "down"`);
    const found: IneligibleNode[] = [];
    for (const { ID: nodeId } of nodes) {
      // Of one that cannot be read the next run may know more.
      const node = await nomad.node(nodeId).catch(() => undefined);
      const mark = readMark(node?.Meta?.[CORDON_KEY]);
      if (mark?.deployment === deployment) found.push({ nodeId, how: 'cordon', ...mark });
    }
    return found;
  }

  async #endDrain(node: NodeJson, { instanceId }: Pick<IneligibleNode, 'instanceId'>): Promise<boolean> {
    const { nomad, deployment } = this.#options;
    if (ourRecord(node, deployment)?.instanceId !== instanceId || !isUntouchedSinceDrain(node)) return false;
    // A batch job may get a second copy of what a drain has told to stop, once its node is eligible again (nomad#28008).
    const filter = `NodeID == ${quoted(node.ID)} and DesiredStatus == "stop" and ${ALIVE}`;
    if ((await nomad.listAllocations(filter, { per_page: '1', resources: 'false' }, ({ ID }) => ID)).length > 0)
      return false;
    if (node.DrainStrategy) {
      await nomad.drain(node.ID, { DrainSpec: null, MarkEligible: true, Meta: { drained_by: DRAINED_BY } });
    } else {
      await nomad.setEligibility(node.ID, 'eligible');
    }
    return true;
  }

  /** The mark goes last: without it the node would stay ineligible. */
  async #uncordon(node: NodeJson, { since }: IneligibleNode): Promise<boolean> {
    const { nomad } = this.#options;
    this.#cordoned = undefined;
    const ours =
      node.SchedulingEligibility === 'ineligible' &&
      !node.DrainStrategy &&
      isUntouchedSinceMark(node, since, nomad.skewMs);
    if (ours) await nomad.setEligibility(node.ID, 'eligible');
    await nomad.setNodeMeta(node.ID, { [CORDON_KEY]: null });
    return ours;
  }
}

/** Why a node is ineligible; undefined if it is not. */
export function ineligibleBy(node: NodeJson, instanceId: string, deployment: string): Readiness['ineligible'] {
  if (node.SchedulingEligibility === 'eligible') return undefined;
  const record = ourRecord(node, deployment);
  if (record) {
    const isOver = record.instanceId === instanceId && record.notice === undefined && !record.gaveUp;
    return isOver && isUntouchedSinceDrain(node) ? 'by our drain' : 'by another';
  }
  // A node keeps its last ten events: where its registration is among them, all that came after is too.
  const messages = (node.Events ?? []).map(({ Message }) => Message);
  const isTouched = messages.some((message) => message.startsWith(DRAIN) || message.startsWith(ELIGIBILITY));
  return messages.includes('Node registered') && !isTouched && !node.LastDrain ? 'by default' : 'by another';
}

/** Whether the node has been made neither eligible nor ineligible since its drain ended. A node keeps its last ten events. */
function isUntouchedSinceDrain({ Events, DrainStrategy }: NodeJson): boolean {
  if (DrainStrategy) return true;
  const messages = (Events ?? []).map(({ Message }) => Message);
  const ended = messages.findLastIndex((message) => message.startsWith(DRAIN));
  return ended !== -1 && !messages.slice(ended).some((message) => message.startsWith(ELIGIBILITY));
}

/** Whether the last that happened to the node's eligibility is what we did when we marked it. */
function isUntouchedSinceMark({ Events }: NodeJson, since: number, skewMs = 0): boolean {
  const last = (Events ?? []).findLast(({ Message }) => Message.startsWith(DRAIN) || Message.startsWith(ELIGIBILITY));
  return (
    last?.Message === 'Node marked as ineligible for scheduling' &&
    Date.parse(last.Timestamp) - skewMs <= since + MARKED_MS
  );
}

/** The key of the dynamic metadata of a node that says that we have made it ineligible: no drain says so. */
const CORDON_KEY = 'nomad_drain_hook_cordon';

/** Why and until when. */
export interface Mark {
  instanceId: string;
  since: EpochMs;
  restoreAt: EpochMs;
  /** Which deployment of this software has made it ineligible. */
  deployment: string;
}

/** Written in one value: `i-0123456789abcdef0 2026-03-01T09:00:00.000Z 2026-03-01T10:00:00.000Z 123456789012/eu-west-1/drain-hook`. */
const toMark = ({ instanceId, since, restoreAt, deployment }: Mark): string =>
  `${instanceId} ${iso(since)} ${iso(restoreAt)} ${deployment}`;

/** Undefined for what is no mark of ours. */
function readMark(text: string | undefined): Mark | undefined {
  const [instanceId = '', since = '', restoreAt = '', deployment = ''] = text?.split(' ') ?? [];
  const mark = { instanceId, since: Date.parse(since), restoreAt: Date.parse(restoreAt), deployment };
  return Number.isFinite(mark.since) && Number.isFinite(mark.restoreAt) ? mark : undefined;
}
