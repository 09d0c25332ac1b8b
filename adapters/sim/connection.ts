/**
 * One connection of the simulated network: two sockets, and a pipe in each direction.
 *
 * A pipe holds the bytes under way and the bytes that have arrived and are not read yet (the receiver paused). Together
 * they are bounded by the window; what does not fit stays in the sender's backlog, which is its `bufferedBytes`.
 */
import type { Endpoint, Socket, SocketHandler } from "../../core/runtime.ts";
import { Fault } from "../shared/fault.ts";
import type { Machine, NetworkFaults } from "./network_faults.ts";
import type { Prng } from "./prng.ts";
import type { Scheduler } from "./scheduler.ts";

/** The most a reader that was paused gets in one chunk, as from a real socket. */
const CHUNK_BYTES_MAX = 64 * 1024;
/** Linux's smallest retransmission time-out. */
const RETRANSMIT_MS = 200;
const RETRANSMIT_MS_MAX = 120_000;

/** The network, as a connection needs it. */
export interface Wires {
  readonly faults: NetworkFaults;
  readonly scheduler: Scheduler;
  readonly prng: Prng;
  /** Calls `deliver` now, or at the end of the partition that lies between the two. */
  pass(a: Machine, b: Machine, deliver: () => void): void;
}

/** The process that has one end of a connection. */
export interface SocketOwner {
  readonly machine: Machine;
  /** An event of this process: it does not happen when the process is dead by then. */
  schedule(callback: () => void, delayMs: number): void;
  opened(socket: SimSocket): void;
  closed(socket: SimSocket): void;
}

export class Connection {
  readonly near: SimSocket;
  readonly far: SimSocket;

  constructor(network: Wires, nearOwner: SocketOwner, farOwner: SocketOwner, local: Endpoint, remote: Endpoint) {
    this.near = new SimSocket(network, nearOwner, local, remote);
    this.far = new SimSocket(network, farOwner, remote, local);
    this.near.peer = this.far;
    this.far.peer = this.near;
  }
}

/** In a queue of chunks: no more bytes; the connection is broken. */
const FIN = new Uint8Array(0);
const RST = new Uint8Array(0);

export class SimSocket implements Socket {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  peer!: SimSocket;
  readonly #network: Wires;
  readonly #owner: SocketOwner;
  readonly #release: () => void;
  #handler: SocketHandler | undefined;
  /** Taken by `write`, not yet by the pipe. */
  #backlog: Uint8Array[] = [];
  #backlogBytes = 0;
  /** Our bytes in the pipe: under way, or at the peer and unread. */
  #outBytes = 0;
  /** Sent and not arrived. An event delivers the first of these, whichever it was set for: nothing is overtaken. */
  #underWay: Uint8Array[] = [];
  /** Chunks that were lost and are not sent again yet; what arrives meanwhile waits behind them. */
  #lost = 0;
  #heldBack = 0;
  /** Nothing we send arrives any more, and nobody is told. */
  #silent = false;
  /** Bytes (and FIN) of the peer that have arrived. */
  #arrived: Uint8Array[] = [];
  /** `write` met a full window: the owner is told when all has gone out. */
  #blocked = false;
  #paused = false;
  #reading = false;
  #ended = false;
  #finSent = false;
  #finRead = false;
  #gone = false;
  #closed = false;

  constructor(network: Wires, owner: SocketOwner, local: Endpoint, remote: Endpoint) {
    this.#network = network;
    this.#owner = owner;
    this.local = local;
    this.remote = remote;
    this.#release = network.scheduler.hold();
    owner.opened(this);
  }

  attach(handler: SocketHandler): void {
    this.#handler = handler;
    this.#scheduleRead();
  }

  get bufferedBytes(): number {
    return this.#backlogBytes;
  }

  write(bytes: Uint8Array): void {
    if (this.#ended || this.#gone || bytes.length === 0) return;
    this.#backlog.push(bytes.slice());
    this.#backlogBytes += bytes.length;
    this.#fillPipe();
  }

  end(): void {
    if (this.#ended || this.#gone) return;
    this.#ended = true;
    this.#fillPipe();
  }

  destroy(): void {
    if (this.#gone) return;
    const unread = this.#arrived.some((chunk) => chunk !== FIN);
    this.#leave(undefined);
    if (unread) this.#send(RST);
    else if (!this.#finSent) this.#send(FIN);
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#scheduleRead();
  }

  /** The process of this socket was killed: its kernel resets the peer, unless it went down with it (`silently`). */
  die(silently: boolean): void {
    if (this.#gone) return;
    this.#leave(undefined);
    if (silently) this.#underWay = [];
    else this.#send(RST);
  }

  /** Moves the backlog into the pipe as far as the window allows. */
  #fillPipe(): void {
    while (this.#backlog.length > 0) {
      const { windowBytes } = this.#network.faults;
      const room = windowBytes - this.#outBytes;
      const bytes = this.#backlog[0]!;
      // Small gaps are left to grow, as TCP does, lest fragments become ever smaller ones.
      if (room < Math.min(bytes.length, Math.ceil(windowBytes / 4))) {
        this.#blocked = true;
        return;
      }
      const part = bytes.length <= room ? bytes : bytes.subarray(0, room);
      if (part === bytes) this.#backlog.shift();
      else this.#backlog[0] = bytes.subarray(room);
      this.#backlogBytes -= part.length;
      this.#outBytes += part.length;
      this.#sendInPieces(part);
    }
    if (this.#blocked) this.#owner.schedule(() => this.#drained(), 0);
    this.#blocked = false;
    if (this.#ended && !this.#finSent) {
      this.#finSent = true;
      this.#send(FIN);
      this.#closeWhenDone();
    }
  }

  #drained(): void {
    if (!this.#gone && this.#backlogBytes === 0) this.#handler?.drained?.();
  }

  #sendInPieces(bytes: Uint8Array): void {
    const { prng, faults } = this.#network;
    let rest = bytes;
    while (rest.length > 1 && prng.chance(faults.fragment)) {
      const cut = 1 + prng.below(rest.length - 1);
      this.#send(rest.subarray(0, cut));
      rest = rest.subarray(cut);
    }
    this.#send(rest);
  }

  #send(chunk: Uint8Array): void {
    const network = this.#network;
    const { peer } = this;
    if (chunk.length > 0 && network.prng.chance(network.faults.silence)) {
      this.#silent = true;
      peer.#silent = true;
    }
    if (this.#silent) return;
    const deliver = () => {
      if (this.#lost > 0) {
        this.#heldBack++;
        return;
      }
      const first = this.#underWay.shift();
      if (first !== undefined && !this.#silent) peer.#arrive(first);
    };
    const delayMs = network.prng.within(network.faults.delayMs);
    if (chunk.length > 0 && network.prng.chance(network.faults.drop)) {
      this.#retransmitLater(deliver);
      this.#underWay.push(chunk);
      return;
    }
    // A break in the middle takes the place of the chunk; both sides learn of it when it would have arrived.
    const breaks = chunk.length > 0 && network.prng.chance(network.faults.reset);
    this.#underWay.push(breaks ? RST : chunk);
    if (breaks) this.#network.scheduler.io(() => this.#leave(this.#resetFault()), 0);
    network.scheduler.io(() => network.pass(this.#owner.machine, peer.#owner.machine, deliver), delayMs);
  }

  #retransmitLater(deliver: () => void): void {
    const { prng, faults, scheduler } = this.#network;
    let waitMs = RETRANSMIT_MS;
    for (let next = waitMs * 2; next < RETRANSMIT_MS_MAX && prng.chance(faults.drop); next *= 2) waitMs += next;
    this.#lost++;
    scheduler.io(() => {
      this.#lost--;
      const due = this.#lost > 0 ? 0 : 1 + this.#heldBack;
      if (this.#lost > 0) this.#heldBack++;
      else this.#heldBack = 0;
      for (let i = 0; i < due; i++) this.#network.pass(this.#owner.machine, this.peer.#owner.machine, deliver);
    }, waitMs);
  }

  #arrive(chunk: Uint8Array): void {
    if (chunk === RST) {
      this.#leave(this.#resetFault());
    } else if (!this.#gone) {
      this.#arrived.push(chunk);
      if (!this.#paused && !this.#reading) this.#read();
    } else if (chunk !== FIN) {
      // We are not there any more: data is answered by a reset, FIN by nothing.
      this.#send(RST);
    }
  }

  #scheduleRead(): void {
    if (this.#arrived.length > 0) this.#owner.schedule(() => this.#read(), 0);
  }

  /** Hands what has arrived to the handler: in an event of its own each, joined when it had to wait. */
  #read(): void {
    if (this.#paused || this.#gone || this.#reading || this.#handler === undefined || this.#arrived.length === 0) return;
    if (this.#arrived[0] === FIN) {
      this.#arrived.shift();
      this.#finRead = true;
      if (this.#handler.ended === undefined) this.end();
      else this.#handler.ended();
      this.#closeWhenDone();
      return;
    }
    const chunk = this.#takeArrived();
    this.#reading = true;
    try {
      this.#handler.data(chunk);
    } finally {
      this.#reading = false;
    }
    if (this.#network.faults.poisonChunks) chunk.fill(0xdd);
    this.peer.#outBytes -= chunk.length;
    if (!this.peer.#gone) this.peer.#fillPipe();
    this.#scheduleRead();
  }

  #takeArrived(): Uint8Array {
    const arrived = this.#arrived;
    let count = 1;
    let length = arrived[0]!.length;
    while (count < arrived.length && arrived[count] !== FIN && length + arrived[count]!.length <= CHUNK_BYTES_MAX) {
      length += arrived[count++]!.length;
    }
    if (count === 1) return arrived.shift()!;
    const joined = new Uint8Array(length);
    let at = 0;
    for (const chunk of arrived.splice(0, count)) {
      joined.set(chunk, at);
      at += chunk.length;
    }
    return joined;
  }

  /** Both sides have said FIN: an orderly close. */
  #closeWhenDone(): void {
    if (this.#finSent && this.#finRead) this.#leave(undefined);
  }

  #leave(fault: Fault | undefined): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#ended = true;
    this.#backlog = [];
    this.#backlogBytes = 0;
    this.#arrived = [];
    this.#release();
    this.#owner.closed(this);
    this.#owner.schedule(() => {
      if (this.#closed) return;
      this.#closed = true;
      this.#handler?.closed(fault);
    }, 0);
  }

  #resetFault(): Fault {
    const { host, port } = this.remote;
    return new Fault("ECONNRESET", `Connection with ${host} port ${port}: ECONNRESET: reset by the peer`);
  }
}
