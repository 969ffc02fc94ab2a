import type { EmulatorRequest, Fault } from '../../emulators/server.ts';
import type { Clock } from '../../lambda/core/model/clock.ts';

/** Each answer takes so many milliseconds of this clock. */
export const slowly =
  (clock: Pick<Clock, 'sleep'>, ms: number | ((request: EmulatorRequest) => number)): Fault =>
  async (request) => {
    request.park();
    await clock.sleep(typeof ms === 'number' ? ms : ms(request));
    request.resume();
    return undefined;
  };
