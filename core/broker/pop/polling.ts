/**
 * Long polling of POP: requests that found nothing wait by topic, group and queue (-1 for any) until a message arrives, a
 * blocked queue is free, or their time is over; then they are executed once more. One arrival wakes one waiting request of
 * each group: the others would find nothing.
 *
 * Does not know what a request is: a waiting one is a function to execute again. Bounded by popPollingSize for each key and
 * maxPopPollingSize in all.
 */
import { RETRY_PREFIX } from "../../../wire/mix_all.ts";
import type { MaybePromise, Peer } from "../../remoting/processor.ts";
import type { Clock, TimerHandle } from "../../runtime.ts";
import type { Arrival, TagsFilter } from "../../store/message_store.ts";
import type { BrokerSettings } from "../options.ts";
import { popRetryTopicV1, popRetryTopicV2 } from "./pop_topics.ts";

export const ANY_QUEUE = -1;
/** An answer needs this long to reach its client before the client gives up. */
const MARGIN_MS = 50;

export interface PollKey {
  readonly topic: string;
  readonly group: string;
  readonly queueId: number;
}

export interface Poll<R> extends PollKey {
  readonly peer: Peer;
  /** Of the topic itself; messages of retry topics wake all. */
  readonly filter: TagsFilter;
  /** ms from now. */
  readonly timeoutMs: number;
  /** Executes the request again; `late` when its time is over. */
  execute(late: boolean): MaybePromise<R>;
}

interface Waiting<R> extends Poll<R> {
  readonly resolve: (result: MaybePromise<R>) => void;
  readonly timer: TimerHandle;
  live: boolean;
}

export type Polled<R> = Promise<R> | "full" | "timeout";

export class PopLongPollingService<R> {
  readonly #clock: Clock;
  readonly #settings: Pick<BrokerSettings, "popPollingSize" | "maxPopPollingSize">;
  /** Topic -> group -> queue -> who waits, in order. */
  readonly #topics = new Map<string, Map<string, Map<number, Set<Waiting<R>>>>>();
  /** Retry topic -> topic, of groups that wait. */
  readonly #retryTopics = new Map<string, { readonly topic: string; readonly group: string }>();
  readonly #byPeer = new Map<Peer, Set<Waiting<R>>>();
  readonly #gone: (poll: Poll<R>) => R;
  #count = 0;
  #closed = false;

  /** @param gone what a request comes to whose connection closed; nobody hears it. */
  constructor(clock: Clock, settings: Pick<BrokerSettings, "popPollingSize" | "maxPopPollingSize">, gone: (poll: Poll<R>) => R) {
    this.#clock = clock;
    this.#settings = settings;
    this.#gone = gone;
  }

  get count(): number {
    return this.#count;
  }

  /** Requests that wait under a key. */
  countOf({ topic, group, queueId }: PollKey): number {
    return this.#topics.get(topic)?.get(group)?.get(queueId)?.size ?? 0;
  }

  wait(poll: Poll<R>): Polled<R> {
    const timeoutMs = poll.timeoutMs - MARGIN_MS;
    if (timeoutMs <= 0 || this.#closed || poll.peer.closed) return "timeout";
    const { popPollingSize, maxPopPollingSize } = this.#settings;
    if (this.#count >= maxPopPollingSize || this.countOf(poll) > popPollingSize) return "full";
    return new Promise<R>((resolve) => {
      const waiting: Waiting<R> = {
        ...poll,
        execute: (late) => poll.execute(late),
        resolve,
        timer: this.#clock.setTimeout(() => this.#wake(waiting, true), timeoutMs),
        live: true,
      };
      this.#add(waiting);
    });
  }

  /** A record became readable. */
  arrived(arrival: Arrival): void {
    if (this.#count === 0) return;
    const retry = this.#retryTopics.get(arrival.topic);
    if (retry !== undefined) {
      this.#wakeOne(this.#topics.get(retry.topic)?.get(retry.group), ANY_QUEUE);
      for (const [queueId] of this.#topics.get(retry.topic)?.get(retry.group) ?? []) {
        if (queueId !== ANY_QUEUE) this.#wakeOne(this.#topics.get(retry.topic)?.get(retry.group), queueId);
      }
      return;
    }
    for (const queues of this.#topics.get(arrival.topic)?.values() ?? []) {
      if (!this.#wakeOne(queues, arrival.queueId, arrival.tagsCode)) this.#wakeOne(queues, ANY_QUEUE, arrival.tagsCode);
    }
  }

  /** Something may be had of a queue, or of any. */
  notify({ topic, group, queueId }: PollKey): void {
    const queues = this.#topics.get(topic)?.get(group) ?? this.#queuesBehindRetry(topic);
    if (queueId === ANY_QUEUE || !this.#wakeOne(queues, queueId)) this.#wakeOne(queues, ANY_QUEUE);
  }

  /** Executes all that wait; later ones are not held. */
  close(): void {
    this.#closed = true;
    for (const waiting of [...this.#byPeer.values()].flatMap((all) => [...all])) this.#wake(waiting, true);
  }

  // -------------------------------------------------------------------------------------------------------- inwards

  #queuesBehindRetry(topic: string): Map<number, Set<Waiting<R>>> | undefined {
    const retry = topic.startsWith(RETRY_PREFIX) ? this.#retryTopics.get(topic) : undefined;
    return retry && this.#topics.get(retry.topic)?.get(retry.group);
  }

  #wakeOne(queues: Map<number, Set<Waiting<R>>> | undefined, queueId: number, tagsCode?: number): boolean {
    for (const waiting of queues?.get(queueId) ?? []) {
      if (tagsCode !== undefined && waiting.filter !== undefined && !waiting.filter(tagsCode)) continue;
      // Announcements come record by record; by a microtask all of the turn are readable, and one answer carries them.
      if (this.#remove(waiting)) void Promise.resolve().then(() => this.#execute(waiting, false));
      return true;
    }
    return false;
  }

  #wake(waiting: Waiting<R>, late: boolean): void {
    if (this.#remove(waiting)) this.#execute(waiting, late);
  }

  #execute(waiting: Waiting<R>, late: boolean): void {
    try {
      waiting.resolve(waiting.execute(late));
    } catch (error) {
      waiting.resolve(Promise.reject(error instanceof Error ? error : new Error(String(error))));
    }
  }

  #add(waiting: Waiting<R>): void {
    const { topic, group, queueId, peer } = waiting;
    const groups = this.#topics.get(topic) ?? new Map<string, Map<number, Set<Waiting<R>>>>();
    this.#topics.set(topic, groups);
    const queues = groups.get(group) ?? new Map<number, Set<Waiting<R>>>();
    groups.set(group, queues);
    for (const name of [popRetryTopicV1(topic, group), popRetryTopicV2(topic, group)])
      this.#retryTopics.set(name, { topic, group });
    queues.set(queueId, (queues.get(queueId) ?? new Set<Waiting<R>>()).add(waiting));
    this.#count++;
    this.#ofPeer(peer).add(waiting);
  }

  #remove(waiting: Waiting<R>): boolean {
    if (!waiting.live) return false;
    waiting.live = false;
    waiting.timer.cancel();
    this.#count--;
    const { topic, group, queueId, peer } = waiting;
    this.#byPeer.get(peer)?.delete(waiting);
    const groups = this.#topics.get(topic);
    const queues = groups?.get(group);
    const all = queues?.get(queueId);
    all?.delete(waiting);
    if (all?.size === 0) queues?.delete(queueId);
    if (queues?.size === 0) {
      groups?.delete(group);
      this.#retryTopics.delete(popRetryTopicV1(topic, group));
      this.#retryTopics.delete(popRetryTopicV2(topic, group));
    }
    if (groups?.size === 0) this.#topics.delete(topic);
    return true;
  }

  /** One set, and one callback, a connection, for as long as it lives. */
  #ofPeer(peer: Peer): Set<Waiting<R>> {
    const known = this.#byPeer.get(peer);
    if (known !== undefined) return known;
    const all = new Set<Waiting<R>>();
    this.#byPeer.set(peer, all);
    peer.onClose(() => {
      this.#byPeer.delete(peer);
      for (const waiting of [...all]) if (this.#remove(waiting)) waiting.resolve(this.#gone(waiting));
    });
    return all;
  }
}
