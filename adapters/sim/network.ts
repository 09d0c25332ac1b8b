/**
 * A network in memory: machines with addresses, listeners, and TCP-like connections (`connection.ts`).
 *
 * Fault model. Bytes of a connection never get lost, changed or swapped; TCP sees to that. What happens instead:
 * - `delayMs`: a chunk arrives this much later (never before the one sent ahead of it);
 * - `fragment`: a chunk is cut in two or more pieces that arrive in events of their own;
 * - `reset`: instead of delivering a chunk, the connection breaks: both sides close with ECONNRESET, chunks under way are
 *   lost, as when a middle box forgets it;
 * - `drop`: a chunk is lost and sent again after `RETRANSMIT_MS`, doubled each time it is lost again; what was sent behind
 *   it waits, other connections overtake it;
 * - `silence`: the connection goes half-open: a middle box has forgotten it without a word. Nothing passes any more in
 *   either direction, no FIN and no reset, and each side believes it open until its own time-outs say otherwise;
 * - `refuse`: a connect is refused although somebody listens;
 * - `windowBytes`: what may be under way and unread in one direction; more stays with the sender as `bufferedBytes`;
 * - `partition(a, b)`: nothing passes between two machines, connects time out, chunks wait; `heal` lets all pass again.
 * All probabilities are 0 and the delay is [0, 0] by default: then it is simply the network of an in-memory runtime.
 * Two ways a peer can leave are kept apart as TCP does: `end` and a `destroy` with nothing unread send FIN, whoever writes
 * to a destroyed socket afterwards gets ECONNRESET; a `destroy` with unread bytes resets at once.
 */
import type { ConnectOptions, Endpoint, Listener, ListenOptions, Net, Socket, SocketHandler } from "../../core/runtime.ts";
import { Fault } from "../shared/fault.ts";
import { Connection } from "./connection.ts";
import { type Machine, type NetworkFaults, NO_NETWORK_FAULTS } from "./network_faults.ts";
import type { Prng } from "./prng.ts";
import type { Scheduler } from "./scheduler.ts";

interface Bound extends Listener {
  readonly machine: Machine;
  readonly accept: (socket: Socket) => SocketHandler;
  readonly owner: SimNet;
}

const EPHEMERAL_PORT_MIN = 32768;

export class SimNetwork {
  /** May be changed at any time. */
  readonly faults: NetworkFaults;
  readonly scheduler: Scheduler;
  readonly prng: Prng;
  readonly #names: ReadonlyMap<string, readonly string[]>;
  readonly #machines: Machine[] = [];
  readonly #bound: Bound[] = [];
  readonly #cuts: [Machine, Machine][] = [];
  /** Deliveries that wait for the end of a partition. */
  #waiting: { a: Machine; b: Machine; deliver: () => void }[] = [];
  #nextPort = EPHEMERAL_PORT_MIN;

  constructor(scheduler: Scheduler, prng: Prng, faults: Partial<NetworkFaults>, names: ReadonlyMap<string, readonly string[]>) {
    this.scheduler = scheduler;
    this.prng = prng;
    this.faults = { ...NO_NETWORK_FAULTS, ...faults };
    this.#names = names;
  }

  addMachine(machine: Machine): void {
    if (!this.#machines.includes(machine)) this.#machines.push(machine);
  }

  partition(a: Machine, b: Machine): void {
    this.#cuts.push([a, b]);
  }

  /** Ends all partitions. */
  heal(): void {
    this.#cuts.length = 0;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { deliver } of waiting) deliver();
  }

  /** Calls `deliver` now, or at the end of the partition that lies between the two. */
  pass(a: Machine, b: Machine, deliver: () => void): void {
    if (this.isCut(a, b)) this.#waiting.push({ a, b, deliver });
    else deliver();
  }

  isCut(a: Machine, b: Machine): boolean {
    return this.#cuts.some(([x, y]) => (x === a && y === b) || (x === b && y === a));
  }

  resolve(host: string): readonly string[] {
    if (isIpLiteral(host)) return [host];
    const found = this.#names.get(host);
    if (found === undefined) throw new Fault("ENOTFOUND", `Cannot resolve "${host}": the simulated network has no such name`);
    return found;
  }

  listen(owner: SimNet, { host, port }: ListenOptions, accept: Bound["accept"]): Listener {
    const { machine } = owner;
    const tried = `Cannot listen on ${host} port ${port}`;
    if (!isWildcard(host) && !isLoopback(host) && !machine.addresses.includes(host)) {
      throw new Fault("EADDRNOTAVAIL", `${tried}: EADDRNOTAVAIL: this machine has no such address`);
    }
    const chosen = port === 0 ? this.#freePort() : port;
    const taken = this.#bound.some(
      (other) => other.machine === machine && other.address.port === chosen && overlap(other.address.host, host),
    );
    if (taken) throw new Fault("EADDRINUSE", `${tried}: EADDRINUSE: the address is in use`);
    const release = this.scheduler.hold();
    const bound: Bound = {
      machine,
      owner,
      accept,
      address: { host, port: chosen },
      close: async () => {
        const at = this.#bound.indexOf(bound);
        if (at >= 0) this.#bound.splice(at, 1);
        release();
      },
    };
    this.#bound.push(bound);
    return bound;
  }

  connect(owner: SimNet, options: ConnectOptions, handler: SocketHandler): Promise<Socket> {
    const { port, timeoutMs } = options;
    const tried = `Cannot connect to ${options.host} port ${port}`;
    return new Promise((resolve, reject) => {
      const host = this.resolve(options.host)[0]!;
      const target = isLoopback(host) ? owner.machine : this.#machines.find(({ addresses }) => addresses.includes(host));
      const timedOut = () => reject(new Fault("ETIMEDOUT", `${tried}: no answer within ${timeoutMs} ms`));
      const delayMs = this.prng.within(this.faults.delayMs);
      // An address that nobody has, and a partition, swallow the attempt.
      if (target === undefined || this.isCut(owner.machine, target) || delayMs > timeoutMs) {
        owner.schedule(timedOut, timeoutMs);
        return;
      }
      owner.schedule(() => {
        const bound = this.#bound.find(
          (found) => found.machine === target && found.address.port === port && accepts(found.address.host, host),
        );
        if (bound === undefined || this.prng.chance(this.faults.refuse)) {
          reject(new Fault("ECONNREFUSED", `${tried}: ECONNREFUSED: nobody listens there`));
          return;
        }
        const local = { host: isLoopback(host) ? host : sameFamily(owner.machine, host), port: this.#freePort() };
        resolve(this.#establish(owner, bound, local, { host, port }, handler));
      }, delayMs);
    });
  }

  #establish(owner: SimNet, bound: Bound, local: Endpoint, remote: Endpoint, handler: SocketHandler): Socket {
    const connection = new Connection(this, owner, bound.owner, local, remote);
    connection.near.attach(handler);
    connection.far.attach(bound.accept(connection.far));
    return connection.near;
  }

  #freePort(): number {
    const used = (port: number) => this.#bound.some(({ address }) => address.port === port);
    do {
      this.#nextPort = this.#nextPort >= 65535 ? EPHEMERAL_PORT_MIN : this.#nextPort + 1;
    } while (used(this.#nextPort));
    return this.#nextPort;
  }
}

interface Mortal {
  die(silently: boolean): void;
}

/** The network as one process sees it. */
export class SimNet implements Net {
  readonly machine: Machine;
  readonly #network: SimNetwork;
  readonly #listeners = new Set<Listener>();
  readonly #open = new Set<Mortal>();
  #dead = false;

  constructor(network: SimNetwork, machine: Machine) {
    this.#network = network;
    this.machine = machine;
    network.addMachine(machine);
  }

  async listen(options: ListenOptions, accept: (socket: Socket) => SocketHandler): Promise<Listener> {
    const bound = this.#network.listen(this, options, accept);
    this.#listeners.add(bound);
    return bound;
  }

  connect(options: ConnectOptions, handler: SocketHandler): Promise<Socket> {
    return this.#network.connect(this, options, handler);
  }

  /**
   * The process dies: its ports are free and none of its callbacks runs any more. Its peers get a reset at once, or, when
   * the machine went down with it (`silently`), only in answer to what they send next.
   */
  kill(silently: boolean): void {
    this.#dead = true;
    for (const listener of this.#listeners) void listener.close();
    for (const socket of this.#open) socket.die(silently);
  }

  /** An event of this process: it does not happen when the process is dead by then. */
  schedule(callback: () => void, delayMs: number): void {
    this.#network.scheduler.io(() => {
      if (!this.#dead) callback();
    }, delayMs);
  }

  opened(socket: Mortal): void {
    this.#open.add(socket);
  }

  closed(socket: Mortal): void {
    this.#open.delete(socket);
  }
}

function isWildcard(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

function isLoopback(host: string): boolean {
  return host.startsWith("127.") || host === "::1";
}

function isIpLiteral(host: string): boolean {
  return host.includes(":") || /^\d+\.\d+\.\d+\.\d+$/.test(host);
}

function overlap(a: string, b: string): boolean {
  return a === b || isWildcard(a) || isWildcard(b);
}

/** `::` takes IPv4 as well, as a dual-stack socket does. */
function accepts(bound: string, host: string): boolean {
  return bound === host || bound === "::" || (bound === "0.0.0.0" && !host.includes(":"));
}

function sameFamily({ addresses }: Machine, host: string): string {
  const v6 = host.includes(":");
  return addresses.find((address) => address.includes(":") === v6) ?? addresses[0] ?? host;
}
