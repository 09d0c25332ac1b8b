/**
 * Long polling: pulls that found nothing new wait here, by topic and queue, until a message arrives that they may want, or
 * until their time is over; then they are executed once more and answered, whatever comes of it.
 *
 * This file owns who waits and for how long. It does not know what a pull is: a held one is a function to execute again.
 *
 * - An arrival wakes within the turn in which the record became readable, after all records of that turn are.
 * - An arrival that does not match the filter does not wake; five seconds after the first of them the pull is executed all
 *   the same, so that the client's offset moves past what it does not want.
 * - A held pull of a connection that closes is dropped at once.
 * - The number of held pulls is bounded, in all and by connection, and so is what they keep in memory.
 */
import type { PullMessageResponseHeader } from "../../../wire/headers/pull.ts";
import type { ExtFields } from "../../../wire/remoting_command.ts";
import { ResponseCode } from "../../../wire/response_code.ts";
import { type MaybePromise, type Peer, RemotingError } from "../../remoting/processor.ts";
import type { Clock, TimerHandle } from "../../runtime.ts";
import type { Arrival, MessageStore, QueueRef, TagsFilter } from "../../store/message_store.ts";

/** Answer of PULL_MESSAGE and LITE_PULL_MESSAGE. */
export interface PullReply {
  readonly code: number;
  readonly remark: string;
  readonly header?: PullMessageResponseHeader;
  readonly extFields?: ExtFields;
  readonly body?: Uint8Array;
  readonly release?: (() => void) | undefined;
}

/** After an arrival that did not match, as Apache's check every five seconds. */
const UNMATCHED_HOLD_MS = 5_000;
/** Time-outs are looked at no more often. */
const TICK_MS_MIN = 50;
/** A client holds one pull a queue and group; nobody has so many. Keeps one connection from taking all places. */
const HELD_PER_CONNECTION_MAX = 16_384;
/** What held pulls may keep in memory. */
const HELD_BYTES_MAX = 128 * 1024 * 1024;
/** Header, context, closures and promise of one, beside its texts. */
const HELD_OVERHEAD_BYTES = 1_024;

export interface HeldPull {
  readonly peer: Peer;
  readonly queue: QueueRef;
  /** The first queue offset not seen. */
  readonly offset: number;
  readonly filter: TagsFilter;
  readonly timeoutMs: number;
  /** What it keeps in memory, roughly, beside a constant. */
  readonly bytes: number;
  /** Executes the pull; while its time is not over and this is not closed, it may come to be held again. */
  execute(): MaybePromise<PullReply | undefined>;
}

interface Held extends HeldPull {
  readonly resolve: (reply: MaybePromise<PullReply | undefined>) => void;
  /** Clock.monotonic(). */
  deadline: number;
  live: boolean;
  woken: boolean;
}

export class PullRequestHoldService {
  readonly #clock: Clock;
  readonly #settings: { readonly pullThreadPoolQueueCapacity: number };
  /** By topic, then by queue. */
  readonly #topics = new Map<string, Map<number, Set<Held>>>();
  readonly #byPeer = new Map<Peer, Set<Held>>();
  #count = 0;
  #bytes = 0;
  #timer: TimerHandle | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #closed = false;
  /** Woken by arrivals of this turn. */
  readonly #woken: Held[] = [];

  constructor(clock: Clock, store: Pick<MessageStore, "onArrival">, settings: { readonly pullThreadPoolQueueCapacity: number }) {
    this.#clock = clock;
    this.#settings = settings;
    store.onArrival((arrival) => this.#arrived(arrival));
  }

  /** Nothing waits any more. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Pulls that wait now. */
  get count(): number {
    return this.#count;
  }

  /**
   * Holds a pull; its answer comes from a later `execute`. Undefined when its connection closed: nobody is to be answered.
   * @throws RemotingError SYSTEM_BUSY when there is no room.
   */
  hold(pull: HeldPull): MaybePromise<PullReply | undefined> {
    if (this.#closed) return pull.execute();
    if (pull.peer.closed) return undefined;
    const ofPeer = this.#peerSet(pull.peer);
    this.#checkRoom(pull, ofPeer.size);
    return new Promise((resolve) => {
      const held: Held = {
        ...pull,
        execute: () => pull.execute(),
        resolve,
        deadline: this.#clock.monotonic() + pull.timeoutMs,
        live: true,
        woken: false,
      };
      this.#queueSet(pull.queue).add(held);
      ofPeer.add(held);
      this.#count++;
      this.#bytes += held.bytes + HELD_OVERHEAD_BYTES;
      this.#tickBy(held.deadline);
    });
  }

  /** Executes all that wait, which answers their clients; later ones are executed at once. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    for (const queues of [...this.#topics.values()]) {
      for (const waiting of [...queues.values()]) for (const held of [...waiting]) this.#wake(held);
    }
  }

  #arrived(arrival: Arrival): void {
    const waiting = this.#topics.get(arrival.topic)?.get(arrival.queueId);
    if (waiting === undefined) return;
    for (const held of waiting) {
      if (arrival.nextOffset <= held.offset) continue;
      if (held.woken) continue;
      if (held.filter === undefined || held.filter(arrival.tagsCode)) {
        this.#wakeSoon(held);
      } else {
        const by = this.#clock.monotonic() + UNMATCHED_HOLD_MS;
        if (by < held.deadline) {
          held.deadline = by;
          this.#tickBy(by);
        }
      }
    }
  }

  /**
   * Announcements come record by record: in a microtask all records of the turn are readable, and one answer carries them,
   * where an answer at once would carry the first.
   */
  #wakeSoon(held: Held): void {
    held.woken = true;
    if (this.#woken.push(held) > 1) return;
    void Promise.resolve().then(() => {
      for (const each of this.#woken.splice(0)) this.#wake(each);
    });
  }

  #wake(held: Held): void {
    if (!this.#remove(held)) return;
    try {
      held.resolve(held.execute());
    } catch (error) {
      held.resolve(Promise.reject(error instanceof Error ? error : new Error(String(error))));
    }
  }

  /** False when it was already gone. */
  #remove(held: Held): boolean {
    if (!held.live) return false;
    held.live = false;
    this.#count--;
    this.#bytes -= held.bytes + HELD_OVERHEAD_BYTES;
    const { topic, queueId } = held.queue;
    const queues = this.#topics.get(topic);
    const waiting = queues?.get(queueId);
    if (waiting?.delete(held) === true && waiting.size === 0 && queues?.delete(queueId) === true && queues.size === 0) {
      this.#topics.delete(topic);
    }
    this.#byPeer.get(held.peer)?.delete(held);
    return true;
  }

  #checkRoom(pull: HeldPull, ofPeer: number): void {
    const { topic, queueId } = pull.queue;
    const busy = (why: string): RemotingError =>
      new RemotingError(
        ResponseCode.SYSTEM_BUSY,
        `[OVERLOAD]system busy, cannot hold a pull of topic[${topic}] queue ${queueId}: ${why}`,
      );
    const max = this.#settings.pullThreadPoolQueueCapacity;
    if (this.#count >= max) throw busy(`${this.#count} pulls are held, pullThreadPoolQueueCapacity allows ${max}`);
    if (ofPeer >= HELD_PER_CONNECTION_MAX) {
      throw busy(`${ofPeer} pulls of this connection are held, ${HELD_PER_CONNECTION_MAX} are allowed`);
    }
    if (this.#bytes + pull.bytes + HELD_OVERHEAD_BYTES > HELD_BYTES_MAX) {
      throw busy(`held pulls take ${this.#bytes} bytes, ${HELD_BYTES_MAX} are allowed`);
    }
  }

  #queueSet({ topic, queueId }: QueueRef): Set<Held> {
    let queues = this.#topics.get(topic);
    if (queues === undefined) {
      queues = new Map();
      this.#topics.set(topic, queues);
    }
    let waiting = queues.get(queueId);
    if (waiting === undefined) {
      waiting = new Set();
      queues.set(queueId, waiting);
    }
    return waiting;
  }

  /** One set, and one callback, a connection, for as long as it lives. */
  #peerSet(peer: Peer): Set<Held> {
    const known = this.#byPeer.get(peer);
    if (known !== undefined) return known;
    const held = new Set<Held>();
    this.#byPeer.set(peer, held);
    peer.onClose(() => {
      this.#byPeer.delete(peer);
      for (const each of [...held]) if (this.#remove(each)) each.resolve(undefined);
    });
    return held;
  }

  #tickBy(deadline: number): void {
    if (deadline >= this.#timerAt || this.#closed) return;
    this.#timer?.cancel();
    const now = this.#clock.monotonic();
    const wait = Math.max(deadline - now, 0);
    this.#timerAt = now + wait;
    this.#timer = this.#clock.setTimeout(() => this.#tick(), wait);
  }

  #tick(): void {
    const now = this.#clock.monotonic();
    this.#timerAt = Number.POSITIVE_INFINITY;
    this.#timer = undefined;
    const due: Held[] = [];
    let next = Number.POSITIVE_INFINITY;
    for (const queues of this.#topics.values()) {
      for (const waiting of queues.values()) {
        for (const held of waiting) {
          if (held.deadline <= now) due.push(held);
          else if (held.deadline < next) next = held.deadline;
        }
      }
    }
    for (const held of due) this.#wake(held);
    if (next < Number.POSITIVE_INFINITY) this.#tickBy(Math.max(next, now + TICK_MS_MIN));
  }
}
