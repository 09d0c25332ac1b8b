/** A new expression of a consumer that runs: it counts when a broker has read it, and not before. */
import { describe, expect, test } from "bun:test";
import { type ClientInstance, type FilterExpression, LitePullConsumer, Producer, SimpleConsumer } from "../../core/client/mod.ts";
import { ResponseCode } from "../../wire/response_code.ts";
import { deferred, rejection, withSimulated } from "./harness.ts";

const KINDS = { "a lite pull consumer": LitePullConsumer, "a simple consumer": SimpleConsumer };
const sqlServed = { enablePropertyFilter: true };

type Consumer = LitePullConsumer | SimpleConsumer;

const started = async (
  kind: typeof LitePullConsumer | typeof SimpleConsumer,
  client: ClientInstance,
  expression: FilterExpression,
) => {
  const consumer: Consumer = new kind(client, {
    consumerGroup: "cg",
    subscription: { T: expression },
    consumeFromWhere: "CONSUME_FROM_FIRST_OFFSET",
  });
  await consumer.start();
  return consumer;
};

/** As brokers are told. */
const subscribed = (consumer: Consumer) =>
  consumer.heartbeat().subscriptionDataSet.map(({ topic, subString }) => [topic, subString]);

/** Holds what brokers are asked about the expression `sql` until it is let go; settles when one was asked. */
function held(client: ClientInstance, sql: string) {
  const [asked, go] = [deferred<void>(), deferred<void>()];
  const call = client.call.bind(client);
  client.call = async (tried, ...rest) => {
    if (tried.includes(`"${sql}"`)) {
      asked.resolve();
      await go.promise;
    }
    return call(tried, ...rest);
  };
  return { asked: asked.promise, go: () => go.resolve() };
}

for (const [name, kind] of Object.entries(KINDS)) {
  describe(name, () => {
    test("keeps the expression that it has when the new one is refused, also in the heartbeats meanwhile", () =>
      withSimulated(async (rocketmq) => {
        const client = rocketmq.client();
        const producer = new Producer(rocketmq.client(), { producerGroup: "pg" });
        await producer.send({ topic: "T", body: "other", properties: { n: "2" } });
        const consumer = await started(kind, client, { sql: "n = 1" });
        const { asked, go } = held(client, "n = 2 AND");
        const refused = rejection(consumer.subscribe("T", { sql: "n = 2 AND" }));
        await asked;
        expect(subscribed(consumer)).toEqual([["T", "n = 1"]]);
        go();
        expect((await refused).responseCode).toBe(ResponseCode.SUBSCRIPTION_PARSE_FAILED);
        await producer.send({ topic: "U", body: "of a topic that was not subscribed to" });
        await rejection(consumer.subscribe("U", { sql: "n = 2 AND" }));
        expect(subscribed(consumer)).toEqual([["T", "n = 1"]]);
        await producer.send({ topic: "T", body: "wanted", properties: { n: "1" } });
        const messages = consumer instanceof LitePullConsumer ? consumer.poll() : consumer.receive();
        expect((await messages).map((message) => message.text())).toEqual(["wanted"]);
      }, sqlServed));

    test("takes the newest of two expressions, whichever is read first", () =>
      withSimulated(async (rocketmq) => {
        const client = rocketmq.client();
        await new Producer(client, { producerGroup: "pg" }).send({ topic: "T", body: "x" });
        const consumer = await started(kind, client, "*");
        const { asked, go } = held(client, "n = 1");
        const older = consumer.subscribe("T", { sql: "n = 1" });
        await asked;
        await consumer.subscribe("T", { sql: "n = 2" });
        go();
        await older;
        expect(subscribed(consumer)).toEqual([["T", "n = 2"]]);
      }, sqlServed));

    test("that gave the topic up meanwhile does not take it again", () =>
      withSimulated(async (rocketmq) => {
        const client = rocketmq.client();
        await new Producer(client, { producerGroup: "pg" }).send({ topic: "T", body: "x" });
        const consumer = await started(kind, client, "*");
        const { asked, go } = held(client, "n = 1");
        const subscribing = consumer.subscribe("T", { sql: "n = 1" });
        await asked;
        await consumer.unsubscribe("T");
        go();
        await subscribing;
        expect(subscribed(consumer)).toEqual([]);
      }, sqlServed));
  });
}

describe("queues assigned with an expression", () => {
  const messageQueue = { topic: "T", brokerName: "broker-a", queueId: 0 };
  const queues = [messageQueue];

  /** Runs `body` with a consumer that was not started, and `send`, of a message whose property n is its body. */
  const withQueue = (
    body: (consumer: LitePullConsumer, send: (n: string) => Promise<unknown>, client: ClientInstance) => Promise<void>,
  ) =>
    withSimulated(async (rocketmq) => {
      const producer = new Producer(rocketmq.client(), { producerGroup: "pg" });
      const client = rocketmq.client();
      const send = (n: string) => producer.send({ topic: "T", body: n, properties: { n } }, { messageQueue });
      await producer.send({ topic: "T", body: "makes the topic" });
      const options = { consumerGroup: "cg", consumeFromWhere: "CONSUME_FROM_FIRST_OFFSET" } as const;
      await body(new LitePullConsumer(client, options), send, client);
    }, sqlServed);
  const polled = async (consumer: LitePullConsumer) => (await consumer.poll()).map((message) => message.text());

  test("that no broker can read fail the start, which the next expression mends", () =>
    withQueue(async (consumer, send) => {
      await consumer.assign(queues, { sql: "n = 1 AND" });
      expect((await rejection(consumer.start())).responseCode).toBe(ResponseCode.SUBSCRIPTION_PARSE_FAILED);
      await consumer.assign(queues, { sql: "n = 1" });
      for (const n of ["2", "1"]) await send(n);
      expect(await polled(consumer)).toEqual(["1"]);
    }));

  test("that no broker can read are refused once it was started, and leave what was assigned before", () =>
    withQueue(async (consumer, send) => {
      await consumer.assign(queues, { sql: "n = 1" });
      await consumer.start();
      const refused = rejection(consumer.assign([{ ...messageQueue, queueId: 1 }], { sql: "n = 2 AND" }));
      expect((await refused).responseCode).toBe(ResponseCode.SUBSCRIPTION_PARSE_FAILED);
      expect(consumer.assignment).toEqual(queues);
      for (const n of ["2", "1"]) await send(n);
      expect(await polled(consumer)).toEqual(["1"]);
    }));

  test("are those of the newest call, whichever is read first", () =>
    withQueue(async (consumer, _send, client) => {
      await consumer.start();
      const { asked, go } = held(client, "n = 1");
      const older = consumer.assign(queues, { sql: "n = 1" });
      await asked;
      const newer = [{ ...messageQueue, queueId: 1 }];
      await consumer.assign(newer, { sql: "n = 2" });
      go();
      await older;
      expect(consumer.assignment).toEqual(newer);
    }));

  test("that differs from the one before get what the pull under way would pass over", () =>
    withQueue(async (consumer, send) => {
      await consumer.assign(queues, { sql: "n = 1" });
      // At the end of the queue, where the broker holds the pull.
      expect(await polled(consumer)).toEqual([]);
      await consumer.assign(queues, { sql: "n = 2" });
      await send("2");
      expect(await polled(consumer)).toEqual(["2"]);
    }));

  test("are not taken when the program subscribes meanwhile", () =>
    withQueue(async (consumer, _send, client) => {
      await consumer.start();
      const { asked, go } = held(client, "n = 1");
      const assigning = rejection(consumer.assign(queues, { sql: "n = 1" }));
      await asked;
      await consumer.subscribe("T");
      go();
      expect((await assigning).kind).toBe("invalid");
      expect([...consumer.topics()]).toEqual(["T"]);
      expect(consumer.heartbeat().subscriptionDataSet).toHaveLength(1);
    }));
});
