/**
 * A small load that touches everything that a broker has metrics of: sends of every kind, consumers that pull, pop, fail and fall
 * behind, delays, transactions. What it makes the brokers count is the same each time.
 */
import {
  ClientInstance,
  LitePullConsumer,
  type MessageExt,
  Producer,
  PushConsumer,
  SimpleConsumer,
  TransactionProducer,
} from "../../core/client/mod.ts";
import type { Runtime } from "../../core/runtime.ts";
import { mqadmin } from "../cli/mqadmin_harness.ts";
import { Collector } from "../client/harness.ts";

/** What was made, and stays connected until `close`. */
export interface Loaded {
  readonly close: () => Promise<void>;
}

/** Topics with as many queues, and their declared type. */
const TOPICS = [
  ["plain", 2, "NORMAL"],
  ["undeclared", 2, undefined],
  ["delayed", 1, "DELAY"],
  ["transactions", 1, "TRANSACTION"],
  ["failing", 1, "NORMAL"],
  ["popped", 1, "NORMAL"],
  ["behind", 1, "NORMAL"],
] as const;
const GROUPS = ["pull-all", "retry", "dead", "pop", "lag", "lite"] as const;

/** Invisible long enough for the acknowledgements, short enough to wait for. */
const INVISIBLE_MS = 4_000;

export async function load(runtime: Runtime, cluster: { namesrvAddr: string; brokerAddr: string }): Promise<Loaded> {
  const { namesrvAddr, brokerAddr } = cluster;
  const run = async (...words: string[]): Promise<void> => {
    const { code, err } = await mqadmin([...words, "-n", namesrvAddr]);
    if (code !== 0) throw new Error(`mqadmin ${words.join(" ")}: ${err}`);
  };
  for (const [topic, queues, type] of TOPICS) {
    const attributes = type === undefined ? [] : ["-a", `+message.type=${type}`];
    await run("updateTopic", "-b", brokerAddr, "-t", topic, "-r", `${queues}`, "-w", `${queues}`, ...attributes);
  }
  for (const group of GROUPS) await run("updateSubGroup", "-b", brokerAddr, "-g", group);
  for (const [topic] of TOPICS) {
    const deadline = Date.now() + 20_000;
    while ((await mqadmin(["topicRoute", "-t", topic, "-n", namesrvAddr])).code !== 0) {
      if (Date.now() > deadline) throw new Error(`no route of ${topic}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  const client = new ClientInstance({ runtime, namesrvAddr });
  const producer = new Producer(client, { producerGroup: "producers", sendMsgTimeout: 20_000 });
  await sends(producer);
  await transactions(client);
  await consumed(client);
  await popped(client, producer);
  await behind(client, producer);
  await client.beat();
  return { close: () => client.close() };
}

/** Plain ones, batches, oneway, requests that are refused, delays of both kinds. */
async function sends(producer: Producer): Promise<void> {
  for (const topic of ["plain", "undeclared"]) {
    for (let i = 0; i < 10; i++) await producer.send({ topic, body: "x".repeat(100 + i), tags: "A", keys: [`k${i}`] });
    await producer.send({ topic, body: noise(5_000) });
    await producer.sendBatch(Array.from({ length: 5 }, (_, i) => ({ topic, body: `batch ${i}` })));
    await producer.sendOneway({ topic, body: "oneway" });
  }
  for (const topic of ["delayed", "undeclared"]) {
    for (let i = 0; i < 2; i++) await producer.send({ topic, body: "level", delayTimeLevel: 1 });
    for (let i = 0; i < 3; i++) await producer.send({ topic, body: "timer", delayTimeMs: 1_500 });
    await producer.send({ topic, body: "later", delayTimeMs: 3_600_000 });
  }
  const { recallHandle = "" } = await producer.send({ topic: "delayed", body: "recalled", delayTimeMs: 6_000 });
  await producer.recall("delayed", recallHandle);
}

/** Two committed, one rolled back, one that nobody ends. */
async function transactions(client: ClientInstance): Promise<void> {
  const producer = new TransactionProducer(client, {
    producerGroup: "transacting",
    sendMsgTimeout: 20_000,
    checkLocalTransaction: () => "UNKNOW",
  });
  for (const outcome of ["COMMIT_MESSAGE", "COMMIT_MESSAGE", "ROLLBACK_MESSAGE", "UNKNOW"] as const) {
    await producer.sendMessageInTransaction({ topic: "transactions", body: outcome }, () => outcome);
  }
}

/** One group that consumes all, one whose first tries fail, one whose messages end in the dead letter queue. */
async function consumed(client: ClientInstance): Promise<void> {
  const common = { consumeFromWhere: "CONSUME_FROM_FIRST_OFFSET" } as const;
  const all = new Collector<string>();
  const pulling = new PushConsumer(client, { ...common, consumerGroup: "pull-all", subscription: { plain: "*", delayed: "*" } });
  await pulling.start((message) => all.add(message.msgId));
  const producer = new Producer(client, { producerGroup: "producers", sendMsgTimeout: 20_000 });
  for (let i = 0; i < 4; i++) await producer.send({ topic: "failing", body: `${i}` });
  const retried = new Collector<string>();
  const retrying = new PushConsumer(client, { ...common, consumerGroup: "retry", subscription: { failing: "*" } });
  await retrying.start((message, context) => {
    retried.add(`${message.text()} ${message.reconsumeTimes}`);
    context.delayLevelWhenNextConsume = 1;
    if (message.reconsumeTimes === 0) throw new Error("the next time");
  });
  const failed = new Collector<string>();
  const dying = new PushConsumer(client, {
    ...common,
    consumerGroup: "dead",
    subscription: { failing: "*" },
    maxReconsumeTimes: 0,
  });
  await dying.start((message) => {
    failed.add(message.text());
    throw new Error("never");
  });
  // 17 of `plain`; of `delayed` all but the one that is recalled and the one of an hour.
  await all.until(17 + 5);
  await retried.until(8);
  await failed.until(4);
}

/** Ten popped, seven acknowledged, and the three that were not popped again and acknowledged. */
async function popped(client: ClientInstance, producer: Producer): Promise<void> {
  for (let i = 0; i < 10; i++) await producer.send({ topic: "popped", body: `${i}` });
  const consumer = new SimpleConsumer(client, {
    consumerGroup: "pop",
    subscription: { popped: "*" },
    consumeFromWhere: "CONSUME_FROM_FIRST_OFFSET",
    invisibleDuration: INVISIBLE_MS,
    awaitDuration: 30_000,
  });
  const first = await received(consumer, 10);
  for (const message of first.slice(0, 7)) await consumer.acknowledge(message);
  for (const message of await received(consumer, 3)) {
    if (message.reconsumeTimes !== 1) throw new Error(`popped again with reconsumeTimes ${message.reconsumeTimes}`);
    await consumer.acknowledge(message);
  }
}

async function received(consumer: SimpleConsumer, count: number): Promise<MessageExt[]> {
  const messages: MessageExt[] = [];
  while (messages.length < count) messages.push(...(await consumer.receive({ maxMessages: 32 })));
  return messages;
}

/** A listener that never comes back, and a lite pull consumer that has committed half. */
async function behind(client: ClientInstance, producer: Producer): Promise<void> {
  for (let i = 0; i < 12; i++) await producer.send({ topic: "behind", body: `${i}` });
  const common = { consumeFromWhere: "CONSUME_FROM_FIRST_OFFSET" } as const;
  const lagging = new PushConsumer(client, {
    ...common,
    consumerGroup: "lag",
    subscription: { behind: "*" },
    consumeThreadMax: 1,
    awaitTerminationMillisWhenShutdown: 0,
  });
  const seen = new Collector<string>();
  await lagging.start((message) => {
    seen.add(message.text());
    return seen.items.length > 4 ? new Promise<void>(() => {}) : undefined;
  });
  await seen.until(5);
  const lite = new LitePullConsumer(client, { ...common, consumerGroup: "lite", pullBatchSize: 4, autoCommit: false });
  await lite.subscribe("behind");
  let polled = 0;
  while (polled < 6) polled += (await lite.poll({ maxMessages: 6 - polled })).length;
  await lite.commit();
}

/** Text that no codec makes smaller than 1 KiB. */
function noise(bytes: number): string {
  let state = 12_345;
  let text = "";
  while (text.length < bytes) {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    text += String.fromCharCode(33 + (state % 90));
  }
  return text;
}
