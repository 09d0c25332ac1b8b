/**
 * How far this consumer is, by queue: in memory at once, and every 5 s, and when a queue is given away, where the group
 * keeps it: at the queue's broker in a cluster, in a file of this machine when every member gets all messages.
 */
import type { MessageQueue } from "../../wire/bodies/message_queue.ts";
import { resetOffsetBody } from "../../wire/bodies/offset.ts";
import type { ClientInstance } from "./client_instance.ts";
import { committedOffset } from "./queue_offsets.ts";
import { queueText } from "./topic_route.ts";

export interface OffsetStore {
  /** What was stored before; undefined when nothing was. */
  read(queue: MessageQueue, signal?: AbortSignal): Promise<number | undefined>;
  /** In memory. `increaseOnly`: an older one changes nothing. */
  update(queue: MessageQueue, offset: number, increaseOnly: boolean): void;
  known(queue: MessageQueue): number | undefined;
  all(): [queue: MessageQueue, offset: number][];
  /** Stores what changed; of `queues` alone where they are given. Failures are logged and tried again the next time. */
  persist(queues?: readonly MessageQueue[]): Promise<void>;
  /** Stores what changed of `queues`. @throws MQBrokerError, MQClientError, RuntimeFault: then some may be stored */
  commit(queues: readonly MessageQueue[]): Promise<void>;
  /** Looks whether an older offset, as named, came behind what was stored, and stores that again. Failures are logged. */
  confirm(older: readonly (readonly [queue: MessageQueue, offset: number])[]): Promise<void>;
  forget(queue: MessageQueue): void;
}

interface Entry {
  readonly queue: MessageQueue;
  offset: number;
  stored: number | undefined;
}

abstract class MemoryOffsets {
  protected readonly entries = new Map<string, Entry>();
  /** Of the last update: the next one is mostly of the same queue. */
  #last: Entry | undefined;

  update(queue: MessageQueue, offset: number, increaseOnly: boolean): void {
    const entry = this.#last?.queue === queue ? this.#last : this.#entry(queue, offset);
    this.#last = entry;
    if (!increaseOnly || offset > entry.offset) entry.offset = offset;
  }

  #entry(queue: MessageQueue, offset: number): Entry {
    const key = queueText(queue);
    const known = this.entries.get(key);
    if (known !== undefined) return known;
    const entry = { queue, offset, stored: undefined };
    this.entries.set(key, entry);
    return entry;
  }

  known(queue: MessageQueue): number | undefined {
    return this.entries.get(queueText(queue))?.offset;
  }

  all(): [queue: MessageQueue, offset: number][] {
    return [...this.entries.values()].map(({ queue, offset }) => [queue, offset]);
  }

  forget(queue: MessageQueue): void {
    this.#last = undefined;
    this.entries.delete(queueText(queue));
  }
}

/** Clustering: at the queue's master. */
export class RemoteBrokerOffsetStore extends MemoryOffsets implements OffsetStore {
  readonly #client: ClientInstance;
  readonly #consumerGroup: string;

  constructor(client: ClientInstance, consumerGroup: string) {
    super();
    this.#client = client;
    this.#consumerGroup = consumerGroup;
  }

  read(queue: MessageQueue, signal?: AbortSignal): Promise<number | undefined> {
    return committedOffset(this.#client, this.#consumerGroup, queue, signal);
  }

  async persist(queues?: readonly MessageQueue[]): Promise<void> {
    await Promise.all(
      this.#changed(queues).map(async (entry) => {
        try {
          await this.#store(entry);
        } catch (fault) {
          this.#client.log.warn("a consumer offset was not stored; it is tried again", { reason: (fault as Error).message });
        }
      }),
    );
  }

  async commit(queues: readonly MessageQueue[]): Promise<void> {
    await Promise.all(this.#changed(queues).map((entry) => this.#store(entry)));
  }

  async confirm(older: readonly (readonly [queue: MessageQueue, offset: number])[]): Promise<void> {
    await Promise.all(
      older.map(async ([queue, offset]) => {
        const entry = this.entries.get(queueText(queue));
        if (entry === undefined || entry.stored !== entry.offset) return;
        try {
          if ((await this.read(queue)) === offset) await this.#store(entry);
        } catch (fault) {
          this.#client.log.warn("whether a consumer offset is stored is not known", { reason: (fault as Error).message });
        }
      }),
    );
  }

  #changed(queues: readonly MessageQueue[] | undefined): Entry[] {
    const only = queues === undefined ? undefined : new Set(queues.map(queueText));
    const changed = [...this.entries].filter(([key, { offset, stored }]) => offset !== stored && (only?.has(key) ?? true));
    return changed.map(([, entry]) => entry);
  }

  /** Awaited, unlike Java's oneway: at a close the next member must find it. */
  async #store(entry: Entry): Promise<void> {
    const { queue, offset } = entry;
    const { topic, queueId } = queue;
    const tried = `store the offset of group "${this.#consumerGroup}" in ${queueText(queue)}`;
    const address = await this.#client.masterOf(queue);
    const bname = this.#client.brokerNameOf(queue);
    const header = { consumerGroup: this.#consumerGroup, topic, queueId, commitOffset: offset, bname };
    await this.#client.call(tried, address, "UPDATE_CONSUMER_OFFSET", header);
    entry.stored = offset;
  }
}

/** Broadcasting: `offsets.json` of the Java client, with its backup, so that either client goes on where the other was. */
export class LocalFileOffsetStore extends MemoryOffsets implements OffsetStore {
  readonly #client: ClientInstance;
  readonly #directory: string;
  #read: Map<string, number> | undefined;

  /** @param root default: `~/.rocketmq_offsets` */
  constructor(client: ClientInstance, consumerGroup: string, root?: string) {
    super();
    this.#client = client;
    const home = root ?? `${client.runtime.system.homeDirectory()}/.rocketmq_offsets`;
    this.#directory = `${home}/${client.clientIP}@DEFAULT/${consumerGroup}`;
  }

  async read(queue: MessageQueue): Promise<number | undefined> {
    this.#read ??= this.#load();
    return this.#read.get(queueText(queue));
  }

  async persist(): Promise<void> {
    try {
      await this.commit();
    } catch (fault) {
      this.#client.log.warn("the offsets of a broadcast group were not stored; it is tried again", {
        path: this.#path,
        reason: (fault as Error).message,
      });
    }
  }

  /** Nobody else writes the file. */
  async confirm(): Promise<void> {}

  /** The file is written as one, whichever queue changed. */
  async commit(): Promise<void> {
    const { files } = this.#client.runtime;
    if (![...this.entries.values()].some(({ offset, stored }) => offset !== stored)) return;
    files.makeDirectory(this.#directory);
    // What other queues of the file say stays: they may be ours again.
    const offsets = new Map<string, [MessageQueue, number]>();
    for (const [queue, offset] of this.#parse(this.#path)) offsets.set(queueText(queue), [queue, offset]);
    for (const [queue, offset] of this.all()) offsets.set(queueText(queue), [queue, offset]);
    files.write(`${this.#path}.tmp`, resetOffsetBody.encode({ offsetTable: [...offsets.values()] }), { sync: true });
    if (files.exists(this.#path)) files.rename(this.#path, `${this.#path}.bak`);
    files.rename(`${this.#path}.tmp`, this.#path);
    for (const entry of this.entries.values()) entry.stored = entry.offset;
  }

  get #path(): string {
    return `${this.#directory}/offsets.json`;
  }

  #load(): Map<string, number> {
    let pairs = this.#parse(this.#path);
    if (pairs.length === 0) pairs = this.#parse(`${this.#path}.bak`);
    return new Map(pairs.map(([queue, offset]) => [queueText(queue), offset]));
  }

  /** Java's OffsetSerializeWrapper has the shape of ResetOffsetBody. */
  #parse(path: string): [queue: MessageQueue, offset: number][] {
    const bytes = this.#client.runtime.files.read(path);
    if (bytes === undefined) return [];
    try {
      return resetOffsetBody.decode(bytes).offsetTable;
    } catch (fault) {
      this.#client.log.warn("a file of offsets can't be read; its backup is tried", { path, reason: (fault as Error).message });
      return [];
    }
  }
}
