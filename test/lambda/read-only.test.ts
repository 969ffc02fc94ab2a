import { expect, it, onTestFinished } from 'vitest';
import { ManualClock } from '../../emulators/clock.ts';
import { NomadEmulator } from '../../emulators/nomad/emulator.ts';
import { RunClock } from '../../lambda/core/model/clock.ts';
import { NomadApi } from '../../lambda/nomad/api.ts';
import { type NomadReads, readOnly } from '../../lambda/nomad/read-only.ts';
import { NamedAgents } from '../../lambda/nomad/transport/agents.ts';
import { HttpTransport } from '../../lambda/nomad/transport/http.ts';
import { systemClock } from '../../lambda/system-clock.ts';

it('a run that only reads cannot order anything: not by its type, and not by a mistake', async () => {
  const nomad = await NomadEmulator.start({ clock: new ManualClock() });
  const transport = readOnly(new HttpTransport({ agents: new NamedAgents([nomad.url]) }));
  onTestFinished(async () => {
    transport.close();
    await nomad.close();
  });
  const { id } = nomad.addNode();
  const api = new NomadApi(transport, new RunClock(systemClock, Number.POSITIVE_INFINITY));
  const reads: NomadReads = api;
  expect(await reads.nodeIds('Status == "ready"')).toEqual([id]);
  // @ts-expect-error There is no such method.
  reads.setEligibility;
  await expect(api.setEligibility(id, 'ineligible')).rejects.toThrow('this run only reads');
  await expect(api.purge(id)).rejects.toThrow('this run only reads');
  expect(nomad.requests.map(({ method }) => method)).toEqual(['GET']);
});
