/**
 * Message trace: who sent, received and consumed a message, when, and how long it took, as messages of a topic of its own
 * (RMQ_SYS_TRACE_TOPIC, which brokers with traceTopicEnable have). `trace_data.ts` has the form.
 *
 * Traces never hold up or fail what they are about. They wait in memory, at most 2,048 records as in Java, and leave together:
 * when 100 are there, after half a second, and when the client closes. What finds no room, or can't be sent, is dropped, and
 * counted in one line of the log a minute.
 */
import type { MessageQueue } from "../../wire/bodies/message_queue.ts";
import { AUTO_CREATE_TOPIC } from "../../wire/mix_all.ts";
import type { RequestHeaderOf } from "../../wire/requests.ts";
import type { Log, Runtime, TimerHandle } from "../runtime.ts";
import { bodyCompressor } from "./body_compression.ts";
import { MQBrokerError } from "./errors.ts";
import type { MessageExt } from "./message.ts";
import type { Namespace } from "./namespace.ts";
import { outgoing } from "./send_request.ts";
import {
  consumeAfterRecord,
  consumeBeforeRecord,
  endRecord,
  recallRecord,
  sendRecord,
  type TracedConsumption,
  type TracedEnd,
  type TracedRecall,
  type TracedSend,
  type TraceRecord,
} from "./trace_data.ts";
import type { UniqKeys } from "./uniq_key.ts";

export const TRACE_TOPIC = "RMQ_SYS_TRACE_TOPIC";
const GROUP = "_INNER_TRACE_PRODUCER";
const WAITING_MAX = 2_048;
const BATCH_RECORDS = 100;
const BATCH_MS = 500;
/** Of one message, as in Java. */
const BODY_CHARS_MAX = 128_000;
/** The property KEYS shares 32,767 bytes with the others. */
const KEYS_CHARS_MAX = 16_000;
const LOG_INTERVAL_MS = 60_000;
const TRIES = 2;
const LIMITS = { compressMsgBodyOverHowmuch: 4_096, maxMessageSize: 4 * 1024 * 1024 };
const NO_REGION = "DefaultRegion";

/** What traces are sent with: the client that they are of. */
export interface TraceClient {
  readonly runtime: Runtime;
  readonly log: Log;
  readonly uniqKeys: UniqKeys;
  readonly namespace: Namespace;
  route(topic: string): Promise<{ readonly writeQueues: readonly MessageQueue[]; readonly masters: ReadonlyMap<string, string> }>;
  masterOf(queue: MessageQueue): Promise<string>;
  call(
    tried: string,
    address: string,
    name: "SEND_MESSAGE_V2",
    header: RequestHeaderOf<"SEND_MESSAGE_V2">,
    options: { readonly body: Uint8Array },
  ): Promise<unknown>;
}

export class MessageTrace {
  readonly topic: string;
  readonly #client: TraceClient;
  readonly #recalls: boolean;
  #waiting: TraceRecord[] = [];
  #timer: TimerHandle | undefined;
  #sending: Promise<void> | undefined;
  #closing = false;
  #nextQueue = 0;
  #dropped = 0;
  #loggedAt = Number.NEGATIVE_INFINITY;

  constructor(client: TraceClient, options: { readonly topic?: string | undefined; readonly enableRecallTrace: boolean }) {
    this.#client = client;
    this.topic = options.topic ?? TRACE_TOPIC;
    this.#recalls = options.enableRecallTrace;
  }

  /** A message was stored. */
  sent(it: TracedSend): void {
    if (it.topic !== this.topic) this.#add(sendRecord(this.#named(it)));
  }

  /** A transaction is being ended. */
  ended(it: TracedEnd): void {
    this.#add(endRecord(this.#named(it)));
  }

  /** A broker answered a recall. */
  recalled(it: TracedRecall): void {
    if (this.#recalls) this.#add(recallRecord(this.#named(it)));
  }

  /** As the program names them: without the namespace, as in Java. */
  #named<T extends { readonly group: string; readonly topic: string }>(it: T): T {
    const { namespace } = this.#client;
    return { ...it, group: namespace.unwrap(it.group), topic: namespace.unwrap(it.topic) };
  }

  /** The listener is about to get these, or a poll does. @returns what is to be called when it is done */
  consuming(group: string, messages: readonly MessageExt[]): (success: boolean) => void {
    const { runtime, namespace } = this.#client;
    const { clock } = runtime;
    const consumerGroup = namespace.unwrap(group);
    const time = clock.now();
    const startedAt = clock.monotonic();
    const requestId = this.#client.uniqKeys.next();
    const traced = messages
      .filter(({ topic, properties }) => topic !== this.topic && properties.get("TRACE_ON") !== "false")
      .map((message): TracedConsumption => {
        const { msgId, tags, keys, properties, reconsumeTimes: retryTimes } = message;
        const region = properties.get("MSG_REGION") ?? NO_REGION;
        return { requestId, time, region, group: consumerGroup, msgId, tags, keys, retryTimes };
      });
    for (const each of traced) this.#add(consumeBeforeRecord(each));
    return (success) => {
      const costMs = Math.round((clock.monotonic() - startedAt) / Math.max(1, messages.length));
      for (const each of traced) this.#add(consumeAfterRecord({ ...each, time: clock.now() }, costMs, success));
    };
  }

  /** Sends what waits; what comes afterwards is dropped. Never rejects. */
  async close(): Promise<void> {
    this.#timer?.cancel();
    await this.#sending;
    this.#closing = true;
    await this.#flush();
  }

  #add(record: TraceRecord): void {
    if (this.#waiting.length >= WAITING_MAX || this.#closing) {
      this.#drop(1, this.#closing ? "the client is closing" : `${WAITING_MAX} wait to be sent`);
      return;
    }
    this.#waiting.push(record);
    if (this.#waiting.length >= BATCH_RECORDS) this.#start();
    else this.#timer ??= this.#client.runtime.clock.setTimeout(() => this.#start(), BATCH_MS);
  }

  #start(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#sending ??= this.#flush().finally(() => {
      this.#sending = undefined;
      if (this.#waiting.length > 0 && !this.#closing)
        this.#timer ??= this.#client.runtime.clock.setTimeout(() => this.#start(), 1);
    });
  }

  async #flush(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#nextBatch();
      try {
        await this.#send(batch);
      } catch (fault) {
        // A close waits for no second batch of a broker that keeps silent; one that was refused says nothing of the next.
        const silent = this.#closing && !(fault instanceof MQBrokerError);
        this.#drop(batch.length + (silent ? this.#waiting.splice(0).length : 0), (fault as Error).message);
        if (!this.#closing) return;
      }
    }
  }

  /** As many as fit into one message, one at least. */
  #nextBatch(): TraceRecord[] {
    let [count, bodyChars, keysChars] = [0, 0, 0];
    for (const { text, keys } of this.#waiting) {
      bodyChars += text.length;
      for (const key of keys) keysChars += key.length + 1;
      if (count > 0 && (count >= BATCH_RECORDS || bodyChars > BODY_CHARS_MAX || keysChars > KEYS_CHARS_MAX)) break;
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  async #send(batch: readonly TraceRecord[]): Promise<void> {
    const { topic } = this;
    const { runtime, uniqKeys } = this.#client;
    const message = {
      topic,
      body: batch.map(({ text }) => text).join(""),
      keys: [...new Set(batch.flatMap(({ keys }) => keys))],
      waitStoreMsgOK: false,
    };
    const out = outgoing(message, LIMITS, uniqKeys, bodyCompressor(runtime.compression, "ZLIB", 5));
    const { writeQueues, masters } = await this.#client.route(topic);
    let last: unknown = new Error(`topic "${topic}" has no queue that can be written`);
    for (let tries = 0; tries < TRIES && writeQueues.length > 0; tries++) {
      const queue = writeQueues[this.#nextQueue++ % writeQueues.length] as MessageQueue;
      try {
        const address = masters.get(queue.brokerName) ?? (await this.#client.masterOf(queue));
        await this.#client.call(
          `send traces to topic "${topic}"`,
          address,
          "SEND_MESSAGE_V2",
          header(out, queue, runtime.clock.now()),
          {
            body: out.body,
          },
        );
        return;
      } catch (fault) {
        last = fault;
      }
    }
    throw last;
  }

  #drop(count: number, reason: string): void {
    this.#dropped += count;
    const now = this.#client.runtime.clock.monotonic();
    if (now - this.#loggedAt < LOG_INTERVAL_MS) return;
    this.#loggedAt = now;
    this.#client.log.warn("traces of messages were dropped; the messages are not concerned", {
      topic: this.topic,
      dropped: this.#dropped,
      reason,
    });
    this.#dropped = 0;
  }
}

const header = (out: ReturnType<typeof outgoing>, { queueId, brokerName }: MessageQueue, now: number) => ({
  producerGroup: GROUP,
  topic: out.topic,
  defaultTopic: AUTO_CREATE_TOPIC,
  defaultTopicQueueNums: 1,
  queueId,
  sysFlag: out.sysFlag,
  bornTimestamp: now,
  flag: out.flag,
  properties: out.properties,
  reconsumeTimes: 0,
  unitMode: false,
  batch: false,
  brokerName,
});
