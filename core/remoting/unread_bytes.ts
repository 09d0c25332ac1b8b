/**
 * Bytes that peers have asked for and not read, over all connections of one server. A connection alone is bounded by
 * `writeBytesMax`; this bounds their sum, so that many slow consumers together do not take the memory of the others.
 *
 * Only connections with more than `slowBytes` unread are counted, as of their last write; so a peer that reads costs nothing
 * here. Over half of the bound each slow one gets no further request taken; at the bound the one that owes most is closed.
 */
import type { Log } from "../runtime.ts";

/** What is counted. */
export interface UnreadPeer {
  /** Bytes as of now. */
  readonly unreadBytes: number;
  readonly name: string;
  close(): void;
}

export class UnreadBytes {
  readonly bytesMax: number;
  /** A peer with more is slow: 1 MiB, four full pulls, when the bound is 256 MiB. */
  readonly slowBytes: number;
  readonly #log: Log;
  readonly #slow = new Map<UnreadPeer, number>();
  #bytes = 0;

  constructor(bytesMax: number, log: Log) {
    this.bytesMax = bytesMax;
    this.slowBytes = Math.floor(bytesMax / 256);
    this.#log = log;
  }

  /** Of all slow peers, as of the last write to each. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Bytes that one peer may owe before no further request of its is taken. */
  get share(): number {
    return this.#bytes > this.bytesMax / 2 ? this.slowBytes : Number.POSITIVE_INFINITY;
  }

  /** After a write that left more than `slowBytes` unread. */
  note(peer: UnreadPeer): void {
    this.#set(peer, peer.unreadBytes);
    if (this.#bytes > this.bytesMax) this.#closeLargest();
  }

  /** The peer has read everything, or is gone. */
  forget(peer: UnreadPeer): void {
    if (this.#slow.size > 0 && this.#slow.has(peer)) this.#set(peer, 0);
  }

  #set(peer: UnreadPeer, bytes: number): void {
    this.#bytes += bytes - (this.#slow.get(peer) ?? 0);
    if (bytes === 0) this.#slow.delete(peer);
    else this.#slow.set(peer, bytes);
  }

  /** Counts anew first: who was slow at its last write may have read since. */
  #closeLargest(): void {
    for (const peer of [...this.#slow.keys()]) this.#set(peer, peer.unreadBytes);
    while (this.#bytes > this.bytesMax) {
      let [largest, most]: [UnreadPeer | undefined, number] = [undefined, 0];
      for (const [peer, bytes] of this.#slow) if (bytes > most) [largest, most] = [peer, bytes];
      if (largest === undefined) return;
      this.#log.warn("closing the connection that owes most: too many bytes that peers do not read", {
        remote: largest.name,
        unreadBytes: most,
        ofAll: this.#bytes,
        limit: this.bytesMax,
      });
      this.#set(largest, 0);
      largest.close();
    }
  }
}
