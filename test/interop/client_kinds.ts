/** What our client can do, kind by kind: one short scenario each, for `client_matrix.ts`. They run side by side, on topics of their own. */
import {
  ClientInstance,
  LitePullConsumer,
  type Message,
  type MessageExt,
  Producer,
  type ProducerOptions,
  PushConsumer,
  type PushConsumerOptions,
  SimpleConsumer,
  TransactionProducer,
} from "../../core/client/mod.ts";
import type { Runtime } from "../../core/runtime.ts";
import { setMessageRequestModeRequestBody } from "../../wire/bodies/assignment.ts";

export interface KindContext {
  readonly runtime: Runtime;
  readonly namesrvAddr: string;
  /** Tells the runs on one cluster apart. */
  readonly suffix: string;
  /** A directory that may be filled. */
  readonly directory: string;
}

type Kind = (it: Scenario) => Promise<void>;

export const kinds: Readonly<Record<"producer" | "consumer", Readonly<Record<string, Kind>>>> = {
  producer: {
    "sync, with tags, keys, properties": async (it) => {
      const sent = await it
        .producer()
        .send({ topic: it.topic, body: "x", tags: "A", keys: ["k1", "k2"], properties: { p: "1" } });
      const [message] = await it.consumed(1);
      same([message?.msgId, message?.tags, message?.keys, message?.properties.get("p")], [sent.msgId, "A", "k1 k2", "1"]);
    },
    oneway: async (it) => {
      const producer = it.producer();
      await producer.fetchPublishMessageQueues(it.topic);
      await producer.sendOneway({ topic: it.topic, body: "x" });
      same(texts(await it.consumed(1)), ["x"]);
    },
    "batch, split by size": async (it) => {
      const bodies = Array.from({ length: 20 }, (_, i) => `${i}`.padStart(100, "-"));
      const messages = bodies.map((body) => ({ topic: it.topic, body }));
      const results = await it.producer({ maxMessageSize: 1_500 }).sendBatch(messages);
      if (results.length < 2) throw new Error(`${results.length} batches`);
      same(texts(await it.consumed(20)), bodies);
    },
    "to a queue, by a selector, by key": async (it) => {
      const producer = it.producer();
      await producer.send({ topic: it.topic, body: "first" });
      const [, second] = await producer.fetchPublishMessageQueues(it.topic);
      if (second === undefined) throw new Error("the topic has one queue");
      const sent = [
        await producer.send({ topic: it.topic, body: "queue" }, { messageQueue: second }),
        await producer.send({ topic: it.topic, body: "selector" }, { selector: (queues) => queues[1] ?? second }),
        await producer.send({ topic: it.topic, body: "key" }, { shardingKey: "a" }),
        await producer.send({ topic: it.topic, body: "key" }, { shardingKey: "a" }),
      ];
      same(
        sent.slice(0, 2).map(({ messageQueue }) => messageQueue.queueId),
        [1, 1],
      );
      same(sent[3]?.messageQueue.queueId, sent[2]?.messageQueue.queueId);
      await it.consumed(5);
    },
    "delayed by level, by milliseconds, to a point in time": async (it) => {
      const producer = it.producer();
      await it.warm();
      const deliverTimeMs = Date.now() + 4_000;
      const delays: Partial<Message>[] = [{ delayTimeLevel: 2 }, { delayTimeMs: 2_000 }, { deliverTimeMs }];
      for (const delay of delays) await producer.send({ topic: it.topic, body: Object.keys(delay).join(), ...delay });
      for (const message of await it.consumed(4)) {
        if (message.text() === "warm") continue;
        // Wheel and levels tick by the second.
        const due = message.text() === "deliverTimeMs" ? deliverTimeMs : message.bornTimestamp + 2_000;
        const earlyMs = due - message.storeTimestamp;
        if (earlyMs > 1_100) throw new Error(`${message.text()}: delivered ${earlyMs} ms early`);
      }
    },
    "recall of a delayed message": async (it) => {
      const producer = it.producer();
      const sent = await producer.send({ topic: it.topic, body: "back", delayTimeMs: 4_000 });
      same(await producer.recall(it.topic, sent.recallHandle ?? ""), sent.msgId);
      await producer.send({ topic: it.topic, body: "stays", delayTimeMs: 6_000 });
      same(texts(await it.consumed(1)), ["stays"]);
    },
    "transactions with check-back": async (it) => {
      const producer = new TransactionProducer(it.client, {
        producerGroup: `${it.topic}-tg`,
        sendMsgTimeout: 20_000,
        checkLocalTransaction: (message) => (message.text() === "checked" ? "COMMIT_MESSAGE" : "ROLLBACK_MESSAGE"),
      });
      await producer.sendMessageInTransaction({ topic: it.topic, body: "committed" }, () => "COMMIT_MESSAGE");
      await producer.sendMessageInTransaction({ topic: it.topic, body: "rolled back" }, () => "ROLLBACK_MESSAGE");
      await producer.sendMessageInTransaction({ topic: it.topic, body: "checked" }, () => "UNKNOW");
      same(texts(await it.consumed(2)), ["checked", "committed"]);
    },
    "request and reply": async (it) => {
      const producer = it.producer();
      await it.push().start(async (message) => {
        if (message.text() !== "warm") await producer.reply(message, { body: `re: ${message.text()}` });
      });
      await it.warm();
      const reply = await producer.request({ topic: it.topic, body: "question" }, { timeoutMs: 20_000 });
      same(reply.text(), "re: question");
    },
    "compressed with ZLIB, LZ4, ZSTD": async (it) => {
      const body = "abcdefgh".repeat(10_000);
      const zstd = it.runtime.compression.writeZstd === undefined ? [] : (["ZSTD"] as const);
      const types = ["ZLIB", "LZ4", ...zstd] as const;
      for (const compressType of types) await it.producer({ compressType }).send({ topic: it.topic, body });
      const messages = await it.consumed(types.length);
      same(
        messages.every((message) => message.text() === body && message.storeSize < 10_000),
        true,
      );
    },
  },

  consumer: {
    "push, concurrently; tags; retries": async (it) => {
      const producer = it.producer();
      for (const tags of ["A", "B", "C"]) await producer.send({ topic: it.topic, body: tags, tags });
      const seen = it.collector<string>();
      await it.push({ subscription: { [it.topic]: "A || C" } }).start((message, context) => {
        seen.add(`${message.text()}${message.reconsumeTimes}`);
        context.delayLevelWhenNextConsume = 1;
        if (message.text() === "C" && message.reconsumeTimes === 0) throw new Error("the next time");
      });
      same([...(await seen.until(3))].sort(), ["A0", "C0", "C1"]);
    },
    "push, by SQL92": async (it) => {
      const producer = it.producer();
      for (const n of [1, 2, 3]) await producer.send({ topic: it.topic, body: `${n}`, properties: { n: `${n}` } });
      const seen = it.collector<string>();
      await it.push({ subscription: { [it.topic]: { sql: "n BETWEEN 2 AND 3" } } }).start((message) => seen.add(message.text()));
      same([...(await seen.until(2))].sort(), ["2", "3"]);
    },
    "push, orderly": async (it) => {
      const producer = it.producer();
      const bodies = Array.from({ length: 10 }, (_, i) => `${i}`);
      for (const body of bodies) await producer.send({ topic: it.topic, body }, { shardingKey: "a" });
      const seen = it.collector<string>();
      let failed = false;
      await it.push({ orderly: true, suspendCurrentQueueTimeMillis: 100 }).start((message) => {
        if (message.text() === "4" && !failed) {
          failed = true;
          throw new Error("not yet");
        }
        seen.add(message.text());
      });
      same(await seen.until(10), bodies);
    },
    "push, broadcast": async (it) => {
      await it.producer().send({ topic: it.topic, body: "x" });
      const seen = it.collector<string>();
      for (const member of ["one", "two"]) {
        const options = { messageModel: "BROADCASTING", offsetStoreRoot: `${it.directory}/${it.topic}-${member}` } as const;
        await it.push(options, it.newClient()).start((message) => seen.add(`${member} ${message.text()}`));
      }
      same([...(await seen.until(2))].sort(), ["one x", "two x"]);
    },
    "push, for await": async (it) => {
      const producer = it.producer();
      for (const body of ["1", "2", "3"]) await producer.send({ topic: it.topic, body }, { shardingKey: "a" });
      const seen: string[] = [];
      for await (const message of it.push()) {
        seen.push(message.text());
        if (seen.length === 3) break;
      }
      same(seen, ["1", "2", "3"]);
    },
    "push, POP (setConsumeMode); retries": async (it) => {
      await it.producer().send({ topic: it.topic, body: "x" });
      const body = setMessageRequestModeRequestBody.encode({
        topic: it.topic,
        consumerGroup: it.group,
        mode: "POP",
        popShareQueueNum: 0,
      });
      const address = it.client.brokerAddr("broker-a") ?? "";
      await it.client.call("set the mode", address, "SET_MESSAGE_REQUEST_MODE", {}, { body });
      const seen = it.collector<string>();
      const consumer = it.push({ clientRebalance: false, popInvisibleTime: 5_000 });
      await consumer.start((message) => {
        seen.add(`${message.text()}${message.reconsumeTimes}`);
        if (message.reconsumeTimes === 0) throw new Error("the next time");
      });
      same(await seen.until(2), ["x0", "x1"]);
      same(consumer.assignment.filter(({ topic }) => topic === it.topic).map(({ queueId }) => queueId)[0], -1);
    },
    "lite pull, subscribe; commit": async (it) => {
      const producer = it.producer();
      for (const body of ["1", "2", "3"]) await producer.send({ topic: it.topic, body }, { shardingKey: "a" });
      const first = it.litePull();
      await first.subscribe(it.topic);
      same(texts(await polled(first, 2)), ["1", "2"]);
      await first.commit();
      await first.close();
      const second = it.litePull();
      await second.subscribe(it.topic);
      same(texts(await polled(second, 1)), ["3"]);
    },
    "lite pull, assign; seek, pause": async (it) => {
      const producer = it.producer();
      for (const body of ["1", "2", "3"]) await producer.send({ topic: it.topic, body }, { shardingKey: "a" });
      const consumer = it.litePull();
      const queues = await consumer.fetchMessageQueues(it.topic);
      await consumer.assign(queues);
      const [message] = await polled(consumer, 3);
      const queue = queues.find(({ queueId }) => queueId === message?.queueId);
      if (queue === undefined) throw new Error("the message's queue is not among those of the topic");
      await consumer.seek(queue, 1);
      same(texts(await polled(consumer, 2)), ["2", "3"]);
      await consumer.seekToBegin(queue);
      consumer.pause([queue]);
      same((await consumer.poll({ timeoutMs: 300 })).length, 0);
      consumer.resume([queue]);
      same(texts(await polled(consumer, 3)), ["1", "2", "3"]);
    },
    "simple: receive, acknowledge, invisible time": async (it) => {
      const producer = it.producer();
      for (const body of ["1", "2"]) await producer.send({ topic: it.topic, body });
      const { topic, group: consumerGroup } = it;
      const consumer = new SimpleConsumer(it.client, {
        consumerGroup,
        subscription: { [topic]: "*" },
        consumeFromWhere: "CONSUME_FROM_FIRST_OFFSET",
      });
      const messages: MessageExt[] = [];
      while (messages.length < 2) messages.push(...(await consumer.receive({ awaitDuration: 30_000 })));
      const [put, done] = messages as [MessageExt, MessageExt];
      await consumer.acknowledge(done);
      await consumer.changeInvisibleDuration(put, 1_500);
      const [again] = await consumer.receive({ awaitDuration: 30_000 });
      same([again?.text(), again?.msgId], [put.text(), put.msgId]);
      await consumer.acknowledge(again as MessageExt);
      same((await consumer.receive({ awaitDuration: 1_000 })).length, 0);
    },
  },
};

const texts = (messages: readonly MessageExt[]) => messages.map((message) => message.text()).sort();

async function polled(consumer: LitePullConsumer, count: number): Promise<MessageExt[]> {
  const messages: MessageExt[] = [];
  while (messages.length < count) messages.push(...(await consumer.poll({ maxMessages: count - messages.length })));
  return messages;
}

function same(actual: unknown, expected: unknown): void {
  if (JSON.stringify(actual) !== JSON.stringify(expected)) {
    throw new Error(`${JSON.stringify(actual)?.slice(0, 300)}, expected ${JSON.stringify(expected)?.slice(0, 300)}`);
  }
}

/** What a kind works with: a topic and a group of its own, and clients that are closed at the end. */
export class Scenario {
  readonly runtime: Runtime;
  readonly directory: string;
  readonly topic: string;
  readonly group: string;
  readonly client: ClientInstance;
  readonly #context: KindContext;
  readonly #clients: ClientInstance[] = [];

  constructor(context: KindContext, index: number) {
    this.#context = context;
    this.runtime = context.runtime;
    this.directory = context.directory;
    this.topic = `Kind${index}-${context.suffix}`;
    this.group = `kind${index}-${context.suffix}`;
    this.client = this.newClient();
  }

  newClient(): ClientInstance {
    const { runtime, namesrvAddr } = this.#context;
    const client = new ClientInstance({ runtime, namesrvAddr });
    this.#clients.push(client);
    return client;
  }

  /** The first send makes the topic, which takes a while. */
  producer(options: Partial<ProducerOptions> = {}): Producer {
    return new Producer(this.client, { producerGroup: `${this.group}-p`, sendMsgTimeout: 20_000, ...options });
  }

  push(options: Partial<PushConsumerOptions> = {}, client: ClientInstance = this.client): PushConsumer {
    return new PushConsumer(client, {
      consumerGroup: this.group,
      subscription: { [this.topic]: "*" },
      consumeFromWhere: "CONSUME_FROM_FIRST_OFFSET",
      ...options,
    });
  }

  litePull(): LitePullConsumer {
    return new LitePullConsumer(this.newClient(), {
      consumerGroup: this.group,
      consumeFromWhere: "CONSUME_FROM_FIRST_OFFSET",
    });
  }

  async warm(): Promise<void> {
    await this.producer().send({ topic: this.topic, body: "warm" });
  }

  collector<T>() {
    const items: T[] = [];
    let wake: (() => void) | undefined;
    return {
      add(item: T): void {
        items.push(item);
        wake?.();
      },
      async until(count: number): Promise<readonly T[]> {
        while (items.length < count) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
        return items;
      },
    };
  }

  /** The first `count` messages of the topic. */
  async consumed(count: number): Promise<readonly MessageExt[]> {
    const seen = this.collector<MessageExt>();
    await this.push().start((message) => seen.add(message));
    return seen.until(count);
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
  }
}
