/** A push consumer that closes right behind its last message: what the listener consumed is stored, however it was called. */
import { describe, expect, test } from "bun:test";
import {
  Admin,
  type BatchListener,
  type ClientInstance,
  Producer,
  PushConsumer,
  type PushConsumerOptions,
} from "../../core/client/mod.ts";
import type { RocketMQ } from "../../mod.ts";
import { Collector, withSimulated } from "./harness.ts";

const COUNT = 12;
const queue = { topic: "T", brokerName: "broker-a", queueId: 0 };

async function produced(rocketmq: RocketMQ): Promise<void> {
  const producer = new Producer(rocketmq.client(), { producerGroup: "pg" });
  for (let i = 0; i < COUNT; i++) await producer.send({ topic: "T", body: `${i}` }, { messageQueue: queue });
}

const consumerOf = (client: ClientInstance, options: Partial<PushConsumerOptions> = {}) =>
  new PushConsumer(client, {
    consumerGroup: "cg",
    subscription: { T: "*" },
    pullBatchSize: 5,
    consumeFromWhere: "CONSUME_FROM_FIRST_OFFSET",
    ...options,
  });

/** Bodies that the next member of the group gets within 90 s. */
async function leftOf(rocketmq: RocketMQ, options: Partial<PushConsumerOptions> = {}): Promise<string[]> {
  const left: string[] = [];
  const client = rocketmq.client();
  await consumerOf(client, options).start((message) => left.push(message.text()));
  await new Promise<void>((resolve) => void client.runtime.clock.setTimeout(resolve, 90_000));
  return left;
}

describe("a close right behind the last message leaves none to the next member", () => {
  const kinds = [
    { name: "as they come", options: {} },
    { name: "in batches", options: { consumeMessageBatchMaxSize: 4 } },
    { name: "in order", options: { orderly: true, consumeMessageBatchMaxSize: 4 } },
    { name: "by POP", options: { clientRebalance: false } },
  ] as const;
  for (const { name, options } of kinds) {
    for (const asynchronous of [false, true]) {
      test(`${name}, of a listener that answers ${asynchronous ? "later" : "at once"}`, () =>
        withSimulated(async (rocketmq) => {
          await produced(rocketmq);
          const consumer = consumerOf(rocketmq.client(), options);
          let closing: Promise<void> | undefined;
          let seen = 0;
          const take: BatchListener = (messages) => {
            seen += messages.length;
            if (seen === COUNT) closing = consumer.close();
          };
          const later: BatchListener = async (messages, context) => {
            await Promise.resolve();
            take(messages, context);
            await Promise.resolve();
          };
          await consumer.startBatch(asynchronous ? later : take);
          while (closing === undefined) {
            await new Promise<void>((resolve) => void rocketmq.client().runtime.clock.setTimeout(resolve, 100));
          }
          await closing;
          expect(await leftOf(rocketmq, options)).toEqual([]);
        }));
    }
  }

  test("though the broker executes a pull, and stores the offset that it carried, behind what the close stored", () =>
    withSimulated(async (rocketmq) => {
      await produced(rocketmq);
      const client = rocketmq.client();
      const { offsets } = new Admin(rocketmq.client());
      let carried: number | undefined;
      let late = 0;
      // As of a broker that serves pulls and offsets in threads of their own.
      const invoke: ClientInstance["invoke"] = client.invoke.bind(client);
      client.invoke = async (tried, address, name, header, options) => {
        const { topic, queueId, commitOffset } = header as { topic?: string; queueId?: number; commitOffset?: number };
        const ofQueue = topic === "T" && queueId === 0 && commitOffset !== undefined;
        if (name === "PULL_MESSAGE" && ofQueue) carried = commitOffset;
        const reply = await invoke(tried, address, name, header, options);
        const older = name === "UPDATE_CONSUMER_OFFSET" && ofQueue && carried !== commitOffset ? carried : undefined;
        if (older !== undefined && late === 0) {
          late++;
          await offsets.updateConsumeOffset(address, "cg", queue, older);
        }
        return reply;
      };
      const seen = new Collector<string>();
      const consumer = consumerOf(client);
      await consumer.start((message) => seen.add(message.text()));
      await seen.until(COUNT);
      await consumer.close();
      expect(late).toBe(1);
      expect(await leftOf(rocketmq)).toEqual([]);
    }));
});
