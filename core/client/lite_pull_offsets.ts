/**
 * The offsets of a lite pull consumer: how far it has consumed, and, apart from that, what is to be stored. The first becomes
 * the second when the program commits, or by itself where it commits by itself.
 */
import type { MessageQueue } from "../../wire/bodies/message_queue.ts";
import type { OffsetStore } from "./offset_store.ts";
import { queueText } from "./topic_route.ts";

export class LitePullOffsets implements OffsetStore {
  readonly #store: OffsetStore;
  readonly #autoCommit: boolean;
  readonly #consumed = new Map<string, { readonly queue: MessageQueue; offset: number }>();

  constructor(store: OffsetStore, autoCommit: boolean) {
    this.#store = store;
    this.#autoCommit = autoCommit;
  }

  read(queue: MessageQueue, signal?: AbortSignal): Promise<number | undefined> {
    return this.#store.read(queue, signal);
  }

  /** How far is consumed. */
  update(queue: MessageQueue, offset: number, increaseOnly: boolean): void {
    const key = queueText(queue);
    const entry = this.#consumed.get(key);
    if (entry === undefined) this.#consumed.set(key, { queue, offset });
    else if (!increaseOnly || offset > entry.offset) entry.offset = offset;
  }

  /** What was committed: it travels with the pulls. */
  known(queue: MessageQueue): number | undefined {
    return this.#store.known(queue);
  }

  all(): [queue: MessageQueue, offset: number][] {
    return this.#store.all();
  }

  async persist(queues?: readonly MessageQueue[]): Promise<void> {
    if (this.#autoCommit) this.#committing(queues);
    await this.#store.persist(queues);
  }

  commit(queues?: readonly MessageQueue[]): Promise<void> {
    this.#committing(queues);
    return this.#store.commit(queues ?? this.#store.all().map(([queue]) => queue));
  }

  confirm(older: readonly (readonly [queue: MessageQueue, offset: number])[]): Promise<void> {
    return this.#store.confirm(older);
  }

  /** These offsets, whatever was consumed. */
  commitAt(offsets: readonly (readonly [queue: MessageQueue, offset: number])[]): Promise<void> {
    for (const [queue, offset] of offsets) this.#store.update(queue, offset, false);
    return this.#store.commit(offsets.map(([queue]) => queue));
  }

  forget(queue: MessageQueue): void {
    this.#consumed.delete(queueText(queue));
    this.#store.forget(queue);
  }

  /** A seek may have gone back, so the store takes older offsets as well. */
  #committing(queues: readonly MessageQueue[] | undefined): void {
    const only = queues === undefined ? undefined : new Set(queues.map(queueText));
    for (const [key, { queue, offset }] of this.#consumed) {
      if (only?.has(key) ?? true) this.#store.update(queue, offset, false);
    }
  }
}
