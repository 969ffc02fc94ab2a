import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Stage, shellTask } from './stage.ts';

/** How long after the event of each instance its job is submitted, in milliseconds. */
const AFTER = [0, 15, 30, 50, 70, 90, 105, 120];
const ALLOCATIONS = 40;

interface Placed {
  CreateIndex: number;
  ClientStatus: string;
  TaskStates: Record<string, { State: string; FinishedAt: string | null }> | null;
}

interface NodeEvent {
  Message: string;
  CreateIndex: number;
}

let stage: Stage;

const jobOn = (ID: string, nodeId: string) => ({
  ID,
  Name: ID,
  Type: 'batch',
  Datacenters: ['*'],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: Nomad interpolates it
  Constraints: [{ LTarget: '${node.unique.id}', RTarget: nodeId, Operand: '=' }],
  TaskGroups: [
    {
      Name: 'g',
      Count: ALLOCATIONS,
      RestartPolicy: { Attempts: 0, Mode: 'fail' },
      Tasks: [shellTask('t', 'sleep 2', { Resources: { CPU: 1, MemoryMB: 10 } })],
    },
  ],
});

describe('an empty list of a real Nomad', () => {
  beforeAll(async () => {
    stage = await Stage.start(AFTER.length + 1);
  }, 180_000);
  afterAll(() => stage?.close());

  it('releases no idle client on which Nomad places forty builds that were submitted just after its event', async () => {
    const handler = await stage.deploy({});
    const tried: { instanceId: string; nodeId: string; afterMs: number; placed: number; late: number }[] = [];
    for (const [index, afterMs] of AFTER.entries()) {
      const instanceId = stage.inService();
      const nodeId = stage.nodeOf(instanceId);
      const event = await stage.beginScaleIn(instanceId);
      const submitted = sleep(afterMs).then(() =>
        stage.ask('POST', '/v1/jobs', { Job: jobOn(`burst-${index}`, nodeId) }),
      );
      await handler(event, {}).catch(() => {});
      await submitted;
      tried.push({ instanceId, nodeId, afterMs, placed: 0, late: 0 });
    }
    await stage.untilNobodyWaits(handler);
    // What is committed later still would be seen by then.
    await sleep(2_000);

    for (const each of tried) {
      const on = await stage.ask<Placed[]>('GET', `/v1/node/${each.nodeId}/allocations`);
      const released = stage.releasedAt(each.instanceId);
      const { Events } = await stage.ask<{ Events: NodeEvent[] }>('GET', `/v1/node/${each.nodeId}`);
      const drain = Events.find(({ Message }) => Message === 'Node drain strategy set');
      each.placed = on.length;
      each.late = on.filter(({ CreateIndex }) => CreateIndex > (drain?.CreateIndex ?? 0)).length;
      for (const { ClientStatus, TaskStates } of on) {
        expect(ClientStatus).toBe('complete');
        for (const { FinishedAt } of Object.values(TaskStates ?? {})) {
          expect(released).toBeGreaterThanOrEqual(Date.parse(FinishedAt ?? ''));
        }
      }
    }
    const about = tried.map(
      ({ afterMs, placed, late }) => `${placed} (submitted after ${afterMs} ms; ${late} after the drain)`,
    );
    console.log(`placed: ${about.join(', ')}`);
  }, 300_000);
});
