import { expect, it, onTestFinished } from 'vitest';
import { RunClock } from '../../lambda/core/clock.ts';
import { NomadApi } from '../../lambda/nomad/api.ts';
import { HttpTransport } from '../../lambda/nomad/http.ts';
import { type NomadReads, readOnly } from '../../lambda/nomad/read-only.ts';
import { systemClock } from '../../lambda/system-clock.ts';
import { ManualClock } from '../emulators/clock.ts';
import { NomadEmulator } from '../emulators/nomad/emulator.ts';

it('a run that only reads cannot order anything: not by its type, and not by a mistake', async () => {
  const nomad = await NomadEmulator.start({ clock: new ManualClock() });
  const transport = readOnly(new HttpTransport({ addresses: [nomad.url] }));
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
