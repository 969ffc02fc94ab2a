import type { Member } from '../model.ts';
import type { ScalingActivity } from './activities.ts';
import type { Transition, TransitionName } from './transitions.ts';

/** An instance on its way from one state of its life to another. */
export interface Passage {
  name: TransitionName;
  transition: Transition;
  instance: Member;
  activity: ScalingActivity;
}
