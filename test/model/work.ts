import type { Builder } from './cast.ts';
import type { Stage } from './stage.ts';
import type { BuildKind } from './steps.ts';

/** A build that runs already, where work lands at all. */
export function build(stage: Stage, builder: Builder, seconds: number, kind: BuildKind): void {
  const { cast } = stage;
  if (!stage.takesWork(builder)) return;
  cast.world.nomad.run({
    id: `build-${cast.jobs++}`,
    type: 'batch',
    on: builder.nodeId,
    runSeconds: seconds,
    ...(kind === 'fails and uploads' && { exitCode: 1, poststopSeconds: seconds }),
    ...(kind === 'outlives its agent' &&
      (cast.version === '1.8.4' ? { preventRescheduleOnLost: true } : { lostAfterSeconds: 1200 })),
  });
}
