import type { Schedule } from '../auto-scaling/schedule.ts';
import type { EventBus } from '../events/events.ts';
import type { Ids } from '../ids.ts';
import {
  ACCOUNT,
  type Group,
  type Instance,
  type MarketOption,
  REGION,
  type SecondInterface,
  type Timing,
  ZONE,
} from '../model.ts';
import { setSpotStatus } from './spot-requests.ts';

export interface InstanceOptions {
  id?: string;
  privateIp?: string;
  privateDns?: string;
  ipv6?: string;
  /** In a subnet without IPv4: the instance has its IPv6 address alone, and is named by its id. */
  ipv6Only?: boolean;
  /** Private addresses of a second network interface; it may have more than one. */
  secondInterface?: SecondInterface;
  zone?: string;
  market?: MarketOption;
  protectedFromScaleIn?: boolean;
}

type Listener = (instance: Instance) => void;

/** The instances, as EC2 runs them: it knows nothing of hooks, and shuts down what it is requested to. */
export class Fleet {
  readonly instances = new Map<string, Instance>();
  /** Told when an instance begins to shut down or to stop: what runs on it ends now. */
  readonly gone = new Set<Listener>();
  /** Called when an instance is terminated, by any caller, and whether it ran or not. */
  readonly dying = new Set<Listener>();
  /** Called when an instance begins to stop, by any caller. */
  readonly stopping = new Set<Listener>();
  /** Told when an instance boots from a new root volume: what ran on it has ended, and what was on the old volume is gone. */
  readonly rebooted = new Set<Listener>();
  /** Told when an instance runs: just launched, or started again. */
  readonly running = new Set<Listener>();
  readonly #schedule: Schedule;
  readonly #bus: EventBus;
  readonly #ids: Ids;
  readonly #timing: Timing;
  #addresses = 0;

  constructor(schedule: Schedule, bus: EventBus, ids: Ids, timing: Timing) {
    this.#schedule = schedule;
    this.#bus = bus;
    this.#ids = ids;
    this.#timing = timing;
  }

  launch(group: Group | undefined, options: InstanceOptions = {}): Instance {
    const next = ++this.#addresses;
    const id = options.id ?? this.#ids.instance();
    if (this.instances.has(id)) throw new Error(`instance ${id} exists already`);
    const privateIp = options.privateIp ?? `10.0.${Math.floor(next / 250)}.${(next % 250) + 4}`;
    const instance: Instance = {
      id,
      privateIp,
      privateDns:
        options.privateDns ?? `${options.ipv6Only ? id : `ip-${privateIp.replaceAll('.', '-')}`}.ec2.internal`,
      ...(options.ipv6 !== undefined && { ipv6: options.ipv6 }),
      ipv6Only: options.ipv6Only ?? false,
      ...(options.secondInterface && { secondInterface: options.secondInterface }),
      zone: options.zone ?? ZONE,
      market: options.market ?? 'on-demand',
      protectedFromScaleIn: options.protectedFromScaleIn ?? false,
      launchedAt: this.#schedule.now(),
      ...(options.market === 'spot' && {
        spotRequest: { id: id.replace('i-', 'sir-').slice(0, 12), code: 'fulfilled', updatedAt: this.#schedule.now() },
      }),
      ec2State: 'pending',
      ...(group && { groupTag: group.name }),
    };
    this.instances.set(id, instance);
    this.start(instance);
    return instance;
  }

  start(instance: Instance): void {
    setSpotStatus(instance, 'fulfilled', this.#schedule.now());
    this.#enter(instance, 'running');
    for (const listener of this.running) listener(instance);
  }

  stop(instance: Instance): void {
    setSpotStatus(instance, 'instance-stopped-by-user', this.#schedule.now());
    this.#enter(instance, 'stopping');
    for (const listener of this.gone) listener(instance);
    for (const listener of this.stopping) listener(instance);
    this.#schedule.after(this.#timing.shutdownMs, () => {
      if (instance.ec2State === 'stopping') this.#enter(instance, 'stopped');
    });
  }

  /** Terminates the instance; `terminated` is called once it is, at once where it was before. */
  shutDown(instance: Instance, terminated: () => void = () => {}): void {
    if (instance.ec2State === 'terminated') {
      terminated();
      return;
    }
    const ran = instance.ec2State === 'running';
    if (instance.ec2State !== 'shutting-down') {
      setSpotStatus(instance, 'instance-terminated-by-user', this.#schedule.now());
      this.#enter(instance, 'shutting-down');
      if (ran) for (const listener of this.gone) listener(instance);
      for (const listener of this.dying) listener(instance);
    }
    this.#schedule.after(this.#timing.shutdownMs, () => {
      if (instance.ec2State !== 'terminated') {
        this.#enter(instance, 'terminated');
        this.#schedule.after(this.#timing.forgetMs, () => {
          instance.forgotten = true;
        });
      }
      terminated();
    });
  }

  #enter(instance: Instance, state: Instance['ec2State']): void {
    instance.ec2State = state;
    this.#bus.send({
      source: 'aws.ec2',
      detailType: 'EC2 Instance State-change Notification',
      resource: `arn:aws:ec2:${REGION}:${ACCOUNT}:instance/${instance.id}`,
      detail: { 'instance-id': instance.id, state },
    });
  }
}
