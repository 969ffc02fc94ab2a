import { METRICS } from '../lambda/core/model/metrics.ts';
import { type Hour, NODES, theHour } from './hour.ts';
import { AWS_ANSWERS_MS, type IdleSweep, idleSweeps } from './idle.ts';
import { lambdaCost, lasts, MEMORY_GB, MONTH_HOURS, MONTH_MINUTES, PRICES } from './prices.ts';
import { type Figure, median, type Row } from './row.ts';

/** The transitions of a Step Functions loop that asks every half minute or so, for an hour and a drain. */
const TRANSITIONS = 365;
const DRAINS = 1000;
/** Sizes of memory to choose from, in gigabytes. */
const MEMORIES_GB = [0.25, MEMORY_GB, 0.5, 1];
/** Alarms of a stack: lib/monitoring/alarms.ts. */
const ALARMS = 14;

/** What a team does in a month. */
interface Team {
  name: string;
  drains: number;
  /** Hours in which at least one instance drains. */
  hours: number;
}

const TEAMS: Team[] = [
  { name: 'a few scale-ins a working day (100 drains, 20 h with one)', drains: 100, hours: 20 },
  { name: 'CI all day (1,000 drains, 220 h with one)', drains: 1_000, hours: 220 },
  { name: 'always somebody (15,000 drains, 730 h with one)', drains: 15_000, hours: MONTH_HOURS },
];

/**
 * What it costs: an idle month, a thousand drains and a single one beside a Step Functions loop, and a month of three kinds of teams. A sweep
 * stays awake as long as anybody waits, so an hour costs the same whether one instance drains in it or a hundred.
 */
export const cost: Figure = async () => {
  const idle = await idleSweeps();
  const hour = await theHour();
  return [
    ...idleMonth(idle),
    ...thousandDrains(hour),
    oneDrain(hour),
    ...logs(hour),
    ...TEAMS.flatMap((team) => month(team, idle, hour)),
  ];
};

/** Of one sweep that finds nobody, in seconds. */
const secondsOf = (memoryGb: number) => (sweep: IdleSweep) => lasts(sweep.ms, sweep.cpuMs, memoryGb) / 1000;

function idleMonth(idle: readonly IdleSweep[]): Row[] {
  const note = `${MONTH_MINUTES.toLocaleString('en')} runs; each answer of AWS takes ${AWS_ANSWERS_MS} ms`;
  return [
    { figure: 'a sweep that finds nobody, warm, here', unit: 'ms', samples: idle.map(({ ms }) => ms), note },
    {
      figure: 'of it processor time, the emulators included',
      unit: 'ms',
      samples: idle.map(({ cpuMs }) => cpuMs),
    },
    ...MEMORIES_GB.map((memoryGb): Row => {
      const samples = idle.map((sweep) =>
        lambdaCost(secondsOf(memoryGb)(sweep) * MONTH_MINUTES, MONTH_MINUTES, memoryGb),
      );
      return { figure: `idle month, Lambda alone, ${memoryGb * 1024} MB`, unit: '$', samples };
    }),
  ];
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/** Of an hour in which somebody drains, without the runs of events: they come with each drain. */
const hourCost = ({ ran: { sweeps } }: Hour, memoryGb = MEMORY_GB) => lambdaCost(sum(sweeps), sweeps.length, memoryGb);
const eventCost = ({ ran: { events } }: Hour, memoryGb = MEMORY_GB) =>
  lambdaCost(sum(events), events.length, memoryGb) / events.length;

function thousandDrains(hour: Hour): Row[] {
  const { sweeps, events } = hour.ran;
  const theirs = DRAINS * TRANSITIONS * PRICES.stateTransition;
  const lasted = `${sum(sweeps).toFixed(0)} s of sweeps an hour, ${median(events).toFixed(1)} s for an event`;
  return MEMORIES_GB.map((memoryGb): Row => {
    const ours = (DRAINS / NODES) * hourCost(hour, memoryGb) + DRAINS * eventCost(hour, memoryGb);
    return {
      figure: `${DRAINS.toLocaleString('en')} drains of 1 h, ${NODES} at once: Lambda, ${memoryGb * 1024} MB`,
      unit: '$',
      samples: [ours],
      rival: { name: `a Step Functions loop of ${TRANSITIONS} transitions an hour and drain`, samples: [theirs] },
      note: `${(theirs / ours).toFixed(0)} times less; ${lasted}`,
    };
  });
}

/** A drain that has its hour for itself. */
function oneDrain(hour: Hour): Row {
  const ours = hourCost(hour) + eventCost(hour);
  const theirs = TRANSITIONS * PRICES.stateTransition;
  return {
    figure: `one drain of 1 h alone: Lambda, ${MEMORY_GB * 1024} MB`,
    unit: '$',
    samples: [ours],
    rival: { name: 'that loop', samples: [theirs] },
    note: `${(theirs / ours).toFixed(2)} times less`,
  };
}

/** Bytes that the function logs, its metrics included. */
function logs({ logged }: Hour): Row[] {
  const note = 'without what Lambda adds to each run';
  return [
    { figure: `logged in an hour of ${NODES} drains`, unit: 'kB', samples: [logged.hour / 1024], note },
    { figure: 'logged by a sweep that finds nobody', unit: 'bytes', samples: [logged.idle], note },
  ];
}

/** A month of a team: what the function costs, and what CloudWatch takes for watching it. */
function month({ name, drains, hours }: Team, idle: readonly IdleSweep[], hour: Hour): Row[] {
  const idleMinutes = (MONTH_HOURS - hours) * 60;
  const oneIdle = median(idle.map(secondsOf(MEMORY_GB)));
  const lambda = lambdaCost(oneIdle * idleMinutes, idleMinutes) + hours * hourCost(hour) + drains * eventCost(hour);
  const events = drains * PRICES.customEvent;
  // As if a hundred drained in each of these hours: too much rather than too little.
  const gigabytes = (hours * hour.logged.hour + idleMinutes * hour.logged.idle) / 1e9;
  const always = Object.values(METRICS).filter(({ recorded }) => recorded === 'sweep').length;
  const sometimes = Object.values(METRICS).filter(({ recorded }) => recorded === 'run').length + 3;
  const metrics = (always + sometimes * (hours / MONTH_HOURS)) * PRICES.metricMonth;
  const alarms = ALARMS * PRICES.alarmMonth;
  return [
    { figure: `a month: ${name}: Lambda and its events`, unit: '$', samples: [lambda + events] },
    { figure: '… its logs', unit: '$', samples: [gigabytes * PRICES.logGigabyte] },
    { figure: '… its metrics', unit: '$', samples: [metrics] },
    { figure: `… its ${ALARMS} alarms`, unit: '$', samples: [alarms] },
  ];
}
