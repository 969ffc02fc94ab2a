import type { Story } from './steps.ts';

/** Stories that once ended badly, as they were shrunk, and what had been overlooked. */
export const kept: { because: string; story: Story }[] = [
  {
    because: 'two sweeps at once in one environment send one heartbeat for a slot, not two',
    story: {
      deadline: 'long',
      steps: [
        { what: 'scale-in', builder: 0, event: 'lost' },
        { what: 'build', builder: 0, seconds: 900, kind: 'plain' },
        ...Array.from({ length: 8 }, () => [
          { what: 'pass' as const, seconds: 60 },
          { what: 'two sweeps' as const },
        ]).flat(),
      ],
      ending: { how: 'healed' },
    },
  },
];
