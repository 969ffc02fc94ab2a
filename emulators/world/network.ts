import { Socket } from 'node:net';

/** Where a connection to an address of the VPC leads: a port of loopback; an instance without a listener; or no machine at all. */
export type Destination = number | 'refused' | 'lost';

/** The addresses that instances of the emulators have. */
const OF_VPC = /^10\.0\.\d+\.\d+$/;
/** It has no listener. */
const CLOSED_PORT = 1;

type Route = (address: string, port: number) => Destination | undefined;

/**
 * The private addresses of an emulated VPC, for this process: what connects to one of them is led to loopback. A connection that is lost is
 * never opened, as where no machine answers.
 */
export class Network {
  static readonly #all = new Set<Network>();
  readonly #route: Route;
  /** Connections that get no answer: each has a time limit for connecting, and one for the answer. */
  readonly waiting = { busy: 0, parked: 0 };

  private constructor(route: Route) {
    this.#route = route;
  }

  /** @param route undefined for an address of another network */
  static open(route: Route): Network {
    const network = new Network(route);
    Network.#all.add(network);
    return network;
  }

  close(): void {
    Network.#all.delete(this);
  }

  static {
    const connect = Socket.prototype.connect as (this: Socket, ...given: unknown[]) => Socket;
    Socket.prototype.connect = function (this: Socket, ...given: unknown[]): Socket {
      const { host, port } = optionsOf(given);
      if (host === undefined || !OF_VPC.test(host)) return connect.apply(this, given);
      for (const network of Network.#all) {
        const destination = network.#route(host, Number(port));
        if (destination === 'lost') return network.#lose(this);
        if (destination === undefined) continue;
        return connect.apply(this, ledTo(given, destination === 'refused' ? CLOSED_PORT : destination));
      }
      return connect.apply(this, given);
    } as Socket['connect'];
  }

  #lose(socket: Socket): Socket {
    Object.assign(socket, { connecting: true });
    this.waiting.parked += 2;
    socket.once('close', () => {
      this.waiting.parked -= 2;
    });
    return socket;
  }
}

interface ConnectOptions {
  host?: string;
  port?: number | string;
}

/** Node hands on a list that holds the options, or the options themselves. */
const optionsOf = ([first]: unknown[]): ConnectOptions =>
  ((Array.isArray(first) ? first[0] : first) ?? {}) as ConnectOptions;

function ledTo(given: unknown[], port: number): unknown[] {
  const [first, ...others] = given;
  const options = { ...optionsOf(given), host: '127.0.0.1', port };
  if (!Array.isArray(first)) return [options, ...others];
  // Node marks its list by a symbol.
  const list = Object.assign([options, ...first.slice(1)], symbolsOf(first));
  return [list, ...others];
}

const symbolsOf = (list: object): object =>
  Object.fromEntries(
    Object.getOwnPropertySymbols(list).map((symbol) => [symbol, (list as Record<symbol, unknown>)[symbol]]),
  );
