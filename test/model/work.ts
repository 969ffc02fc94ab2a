import type { Builder } from './cast.ts';
import type { Stage } from './stage.ts';
import type { BuildKind } from './steps.ts';

/** A build that runs already, where work lands at all. */
export function build(stage: Stage, builder: Builder, seconds: number, kind: BuildKind): void {
  const { cast } = stage;
  if (!stage.takesWork(builder)) return;
  const id = `build-${cast.jobs++}`;
  // What Nomad keeps for an agent that never comes back would hold its instance to the hook's cap.
  const asks = kind === 'outlives its agent' ? 'nothing' : (cast.asks[cast.asked.size % cast.asks.length] ?? 'nothing');
  cast.asked.set(id, asks);
  cast.world.nomad.run({
    id,
    ...(asks !== 'nothing' && { meta: { nomad_drain_hook_drain: asks } }),
    type: 'batch',
    on: builder.nodeId,
    runSeconds: seconds,
    ...(kind === 'fails and uploads' && { exitCode: 1, poststopSeconds: seconds }),
    ...(kind === 'outlives its agent' &&
      (cast.version === '1.8.4' ? { preventRescheduleOnLost: true } : { lostAfterSeconds: 1200 })),
  });
}
