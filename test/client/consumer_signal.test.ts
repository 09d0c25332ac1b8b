/** What of consumers waits ends with an AbortSignal: at once, with its reason. A start that is aborted is undone. */
import { describe, expect, test } from "bun:test";
import { type SimRuntime, simRuntime } from "../../adapters/sim/sim.ts";
import { ClientInstance, LitePullConsumer, Producer, PushConsumer, SimpleConsumer } from "../../core/client/mod.ts";
import { delay } from "../../core/client/waiting.ts";
import { REQUESTS } from "../../wire/requests.ts";
import { fakeServer } from "./fake_server.ts";
import { rejection, withSimulated } from "./harness.ts";

const GROUP = { consumerGroup: "cg", subscription: { T: "a" } };
const QUEUE = { topic: "T", brokerName: "broker-a", queueId: 0 };

/** The fault of `call` on a network that takes far longer than calls have, aborted after 100 ms, and how long it took. */
async function aborted(sim: SimRuntime, call: (signal: AbortSignal) => Promise<unknown>): Promise<[reason: string, ms: number]> {
  const controller = new AbortController();
  const startedAt = sim.clock.monotonic();
  sim.network.faults.delayMs = [60_000, 60_000];
  sim.clock.setTimeout(() => controller.abort(new Error("enough")), 100);
  const { message } = await rejection(call(controller.signal));
  sim.network.faults.delayMs = [0, 0];
  return [message, Math.round(sim.clock.monotonic() - startedAt)];
}

const expressionOf = (consumer: LitePullConsumer | SimpleConsumer) =>
  Object.fromEntries(consumer.heartbeat().subscriptionDataSet.map(({ topic, subString }) => [topic, subString]));

/** A topic T with a message in it, which the nameserver knows. */
const withTopic = (body: (client: ClientInstance, sim: SimRuntime) => Promise<void>) =>
  withSimulated(
    async (rocketmq, sim) => {
      const client = rocketmq.client();
      await new Producer(client, { producerGroup: "pg" }).send({ topic: "T", body: "x", tags: "a" }, { messageQueue: QUEUE });
      await body(client, sim);
    },
    {},
    true,
  );

describe("a start that is aborted", () => {
  type Starter = { start: (signal?: AbortSignal) => Promise<void>; close: () => Promise<void> };
  const STARTS: Readonly<Record<string, (client: ClientInstance) => Starter>> = {
    "PushConsumer.start": (client) => {
      const consumer = new PushConsumer(client, GROUP);
      return { start: (signal) => consumer.start(() => {}, signal && { signal }), close: () => consumer.close() };
    },
    "PushConsumer.startBatch": (client) => {
      const consumer = new PushConsumer(client, GROUP);
      return { start: (signal) => consumer.startBatch(() => {}, signal && { signal }), close: () => consumer.close() };
    },
    "LitePullConsumer.start": (client) => {
      const consumer = new LitePullConsumer(client, GROUP);
      return { start: (signal) => consumer.start(signal && { signal }), close: () => consumer.close() };
    },
    "SimpleConsumer.start": (client) => {
      const consumer = new SimpleConsumer(client, GROUP);
      return { start: (signal) => consumer.start(signal && { signal }), close: () => consumer.close() };
    },
  };
  for (const [name, make] of Object.entries(STARTS)) {
    test(`is over at once and leaves no member: ${name}`, () =>
      withTopic(async (client, sim) => {
        const given = make(client);
        expect(await aborted(sim, given.start)).toEqual(["enough", 100]);
        expect((await rejection(given.start())).kind).toBe("closed");
        await given.close();
        const next = make(client);
        expect((await rejection(next.start(AbortSignal.abort(new Error("never"))))).message).toBe("never");
        // Aborted before it began, it is as it was. What is left of the network's time goes by first.
        await delay(sim.clock, 60_000);
        await next.start();
        await next.close();
      }));
  }

  for (const [name, make] of Object.entries(STARTS)) {
    test(`takes back a member that brokers are told of: ${name}`, async () => {
      const sim = simRuntime();
      const told: number[] = [];
      const { address } = await fakeServer(sim, { onOther: (_socket, { code }) => void told.push(code) });
      const client = new ClientInstance({ runtime: sim, namesrvAddr: address });
      // A second of the same group in this client would be refused if the first were still there.
      for (let i = 0; i < 2; i++) {
        const consumer = make(client);
        const controller = new AbortController();
        const fault = rejection(consumer.start(controller.signal));
        await sim.clock.until(() => told.includes(REQUESTS.HEART_BEAT.code), 5_000);
        await sim.clock.advance(1_000);
        controller.abort(new Error("enough"));
        expect((await fault).message).toBe("enough");
        await sim.clock.advance(30_000);
        expect(told).toContain(REQUESTS.UNREGISTER_CLIENT.code);
        told.length = 0;
      }
      await sim.clock.resolve(client.close(), 60_000);
    });
  }
});

describe("an aborted call of a consumer that runs", () => {
  test("LitePullConsumer: subscribe, unsubscribe, commit", () =>
    withTopic(async (client, sim) => {
      const consumer = new LitePullConsumer(client, { ...GROUP, consumeFromWhere: "CONSUME_FROM_FIRST_OFFSET" });
      expect((await consumer.poll({ timeoutMs: 60_000 })).map((message) => message.text())).toEqual(["x"]);
      expect(await aborted(sim, (signal) => consumer.subscribe("T", "b", { signal }))).toEqual(["enough", 100]);
      expect(expressionOf(consumer)).toMatchObject({ T: "a" });
      expect(await aborted(sim, (signal) => consumer.commit([[QUEUE, 1]], { signal }))).toEqual(["enough", 100]);
      expect(await aborted(sim, (signal) => consumer.unsubscribe("T", { signal }))).toEqual(["enough", 100]);
      // The wait ended, not the giving up.
      expect(expressionOf(consumer)).not.toHaveProperty("T");
      await consumer.close();
    }));

  test("LitePullConsumer: assign", () =>
    withTopic(async (client, sim) => {
      const consumer = new LitePullConsumer(client, { consumerGroup: "cg" });
      await consumer.assign([QUEUE]);
      await consumer.start();
      const other = { ...QUEUE, queueId: 1 };
      expect(await aborted(sim, (signal) => consumer.assign([other], "*", { signal }))).toEqual(["enough", 100]);
      await consumer.close();
    }));

  test("SimpleConsumer: subscribe, unsubscribe", () =>
    withTopic(async (client, sim) => {
      const consumer = new SimpleConsumer(client, GROUP);
      await consumer.start();
      expect(await aborted(sim, (signal) => consumer.subscribe("T", "b", { signal }))).toEqual(["enough", 100]);
      expect(expressionOf(consumer)).toMatchObject({ T: "a" });
      expect(await aborted(sim, (signal) => consumer.unsubscribe("T", { signal }))).toEqual(["enough", 100]);
      expect(expressionOf(consumer)).not.toHaveProperty("T");
      await consumer.close();
    }));

  test("asks nothing when it was aborted before", () =>
    withTopic(async (client) => {
      const consumer = new LitePullConsumer(client, GROUP);
      await consumer.start();
      const signal = AbortSignal.abort(new Error("never"));
      const calls = [
        consumer.subscribe("T", "b", { signal }),
        consumer.unsubscribe("T", { signal }),
        consumer.commit([[QUEUE, 1]], { signal }),
      ];
      expect((await Promise.all(calls.map(rejection))).map(({ message }) => message)).toEqual(["never", "never", "never"]);
      expect(expressionOf(consumer)["T"]).toBe("a");
      expect(await consumer.committed(QUEUE)).not.toBe(1);
      await consumer.close();
    }));
});
