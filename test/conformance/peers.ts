/** Sockets that record what happens to them, and pairs of them. */

import { expect } from "bun:test";
import { Buffer } from "node:buffer";
import type { Endpoint, Listener, Net, RuntimeFault, Socket, SocketHandler } from "../../core/runtime.ts";

/** A handler that keeps copies of the data and the names of the events. */
export class Recorder implements SocketHandler {
  readonly events: string[] = [];
  readonly chunks: Uint8Array[] = [];
  receivedBytes = 0;
  fault: RuntimeFault | undefined;
  closedCount = 0;
  /** Called with each chunk, after it was recorded. */
  onData: ((chunk: Uint8Array) => void) | undefined;
  #waiting: { condition: () => boolean; resolve: () => void }[] = [];

  data(chunk: Uint8Array): void {
    this.chunks.push(chunk.slice());
    this.receivedBytes += chunk.length;
    if (this.events.at(-1) !== "data") this.events.push("data");
    this.onData?.(chunk);
    this.#look();
  }

  drained(): void {
    this.events.push("drained");
    this.#look();
  }

  ended(): void {
    this.events.push("ended");
    this.#look();
  }

  closed(fault?: RuntimeFault): void {
    this.events.push("closed");
    this.closedCount++;
    this.fault = fault;
    this.#look();
  }

  /** When `condition` holds; it is looked at after every event. */
  when(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push({ condition, resolve });
      this.#look();
    });
  }

  whenReceived(bytes: number): Promise<void> {
    return this.when(() => this.receivedBytes >= bytes);
  }

  whenClosed(): Promise<void> {
    return this.when(() => this.closedCount > 0);
  }

  whenEnded(): Promise<void> {
    return this.when(() => this.events.includes("ended"));
  }

  bytes(): Uint8Array {
    const all = new Uint8Array(this.receivedBytes);
    let at = 0;
    for (const chunk of this.chunks) {
      all.set(chunk, at);
      at += chunk.length;
    }
    return all;
  }

  /** The events without `drained`, which may or may not come after a write that was small. */
  undrained(): string[] {
    return this.events.filter((event) => event !== "drained");
  }

  text(): string {
    return new TextDecoder().decode(this.bytes());
  }

  #look(): void {
    const waiting = this.#waiting;
    this.#waiting = waiting.filter(({ condition, resolve }) => {
      if (!condition()) return true;
      resolve();
      return false;
    });
  }
}

export interface Peer {
  readonly socket: Socket;
  readonly seen: Recorder;
}

export interface Pair {
  readonly client: Peer;
  readonly server: Peer;
  readonly listener: Listener;
  close(): Promise<void>;
}

/** A client and a server that are connected. */
export async function connectedPair(net: Net, wait: <T>(promise: Promise<T>) => Promise<T>, host = "127.0.0.1"): Promise<Pair> {
  const accepted = deferred<Peer>();
  const listener = await net.listen({ host, port: 0 }, (socket) => {
    const seen = new Recorder();
    accepted.resolve({ socket, seen });
    return seen;
  });
  const seen = new Recorder();
  const target = host === "::" || host === "0.0.0.0" ? "127.0.0.1" : host;
  const options = { host: target, port: listener.address.port, timeoutMs: 5_000 };
  const client = { socket: await wait(net.connect(options, seen)), seen };
  const server = await wait(accepted.promise);
  return {
    client,
    server,
    listener,
    async close() {
      client.socket.destroy();
      server.socket.destroy();
      await listener.close();
      await wait(Promise.all([client.seen.whenClosed(), server.seen.whenClosed()]));
    },
  };
}

/** Bytes in which a lost, doubled or swapped piece shows. */
export function pattern(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + (i >>> 8) * 7 + (i >>> 16)) & 0xff;
  return bytes;
}

/** Megabytes are too much for `toEqual`. */
export function expectSame(received: Uint8Array, expected: Uint8Array): void {
  expect(received.length).toBe(expected.length);
  let at = -1;
  if (Buffer.compare(received, expected) !== 0) at = expected.findIndex((byte, i) => received[i] !== byte);
  expect({ firstDifferentByteAt: at }).toEqual({ firstDifferentByteAt: -1 });
}

export function endpointText({ host, port }: Endpoint): string {
  return `${host} ${port}`;
}

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** `Promise.withResolvers`, which Node 20 does not have. */
export function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
