/** Where a group begins, how a program moves it, and when how far it is is stored. */
import { describe, expect, test } from "bun:test";
import { type SimRuntime, simRuntime } from "../../adapters/sim/sim.ts";
import {
  type ClientInstance,
  LitePullConsumer,
  type LitePullConsumerOptions,
  Producer,
  PushConsumer,
} from "../../core/client/mod.ts";
import { committedOffset } from "../../core/client/queue_offsets.ts";
import { type RocketMQ, startRocketMQ } from "../../mod.ts";
import { resetOffsetBody } from "../../wire/bodies/offset.ts";
import { ResponseCode } from "../../wire/response_code.ts";
import { Collector, moving, rejection, withSimulated } from "./harness.ts";

const queue = { topic: "T", brokerName: "broker-a", queueId: 0 };
const MINUTE_MS = 60_000;

const passed = (sim: SimRuntime, ms: number) => new Promise<void>((resolve) => void sim.clock.setTimeout(resolve, ms));
const texts = async (polling: ReturnType<LitePullConsumer["poll"]>) => (await polling).map((message) => message.text());

const producerOf = (rocketmq: RocketMQ): ((body: string) => Promise<unknown>) => {
  const producer = new Producer(rocketmq.client(), { producerGroup: "pg" });
  return (body) => producer.send({ topic: "T", body }, { messageQueue: queue });
};

/** One message in each minute, named by it. @returns when each was stored, ms since 1970 */
async function producedByMinute(rocketmq: RocketMQ, sim: SimRuntime, minutes: number): Promise<number[]> {
  const send = producerOf(rocketmq);
  const times: number[] = [];
  for (let i = 0; i < minutes; i++) {
    times.push(sim.clock.now());
    await send(`${i}`);
    await passed(sim, MINUTE_MS - (sim.clock.now() - (times[i] as number)));
  }
  return times;
}

/** A client to whom the broker says that no group has stored anything; of a queue that is whole it says 0 otherwise. */
function clientOfNewGroup(rocketmq: RocketMQ): ClientInstance {
  const client = rocketmq.client();
  const invoke: ClientInstance["invoke"] = client.invoke.bind(client);
  client.invoke = async (tried, address, name, header, options) => {
    const reply = await invoke(tried, address, name, header, options);
    return name === "QUERY_CONSUMER_OFFSET" ? { ...reply, code: ResponseCode.QUERY_NOT_FOUND } : reply;
  };
  return client;
}

describe("a group that begins with CONSUME_FROM_TIMESTAMP", () => {
  const from = { consumerGroup: "cg", subscription: { T: "*" }, consumeFromWhere: "CONSUME_FROM_TIMESTAMP" } as const;

  /** The first message that each kind of consumer gets. */
  const firsts = async (rocketmq: RocketMQ, options: { consumeTimestamp?: number }) => {
    const seen = new Collector<string>();
    const push = new PushConsumer(clientOfNewGroup(rocketmq), { ...from, ...options });
    await push.start((message) => seen.add(message.text()));
    await seen.until(1);
    await push.close();
    const lite = new LitePullConsumer(clientOfNewGroup(rocketmq), { ...from, ...options, pullBatchSize: 1 });
    const [first] = await texts(lite.poll());
    await lite.close();
    return [seen.items[0], first];
  };

  test("begins with the first message stored at consumeTimestamp or later", () =>
    withSimulated(async (rocketmq, sim) => {
      const times = await producedByMinute(rocketmq, sim, 6);
      const [, , two, three] = times as [number, number, number, number];
      expect(await firsts(rocketmq, { consumeTimestamp: three - 1_000 })).toEqual(["3", "3"]);
      expect(await firsts(rocketmq, { consumeTimestamp: two - 1_000 })).toEqual(["2", "2"]);
      expect(await firsts(rocketmq, { consumeTimestamp: 0 })).toEqual(["0", "0"]);
    }));

  test("and half an hour ago where none is given", () =>
    withSimulated(async (rocketmq, sim) => {
      const [first = 0] = await producedByMinute(rocketmq, sim, 40);
      const minutes = Math.ceil((sim.clock.now() - 30 * MINUTE_MS - first) / MINUTE_MS);
      expect(minutes).toBe(10);
      expect(await firsts(rocketmq, {})).toEqual(["10", "10"]);
    }));
});

describe("a lite pull consumer", () => {
  const consumerOf = (rocketmq: RocketMQ, options: Partial<LitePullConsumerOptions> = {}) =>
    new LitePullConsumer(rocketmq.client(), {
      consumerGroup: "cg",
      subscription: { T: "*" },
      consumeFromWhere: "CONSUME_FROM_FIRST_OFFSET",
      pullBatchSize: 1,
      ...options,
    });

  test("seekToBegin: the first message comes again, and what is stored goes back", () =>
    withSimulated(async (rocketmq) => {
      const send = producerOf(rocketmq);
      for (const body of ["0", "1", "2"]) await send(body);
      const consumer = consumerOf(rocketmq);
      expect([...(await texts(consumer.poll())), ...(await texts(consumer.poll()))]).toEqual(["0", "1"]);
      await consumer.commit();
      expect(await committedOffset(rocketmq.client(), "cg", queue)).toBe(2);
      await consumer.seekToBegin(queue);
      expect(await texts(consumer.poll())).toEqual(["0"]);
      await consumer.commit();
      expect(await committedOffset(rocketmq.client(), "cg", queue)).toBe(1);
      expect(await texts(consumer.poll())).toEqual(["1"]);
    }));

  test("seekToEnd: nothing of what is there comes, also of what was pulled, and all that is sent from then on", () =>
    withSimulated(async (rocketmq) => {
      const send = producerOf(rocketmq);
      for (const body of ["0", "1", "2"]) await send(body);
      const consumer = consumerOf(rocketmq);
      expect(await texts(consumer.poll())).toEqual(["0"]);
      await consumer.seekToEnd(queue);
      expect(await texts(consumer.poll({ timeoutMs: 1_000 }))).toEqual([]);
      await send("3");
      expect(await texts(consumer.poll())).toEqual(["3"]);
    }));

  test("neither of a queue that is another's", () =>
    withSimulated(async (rocketmq) => {
      await producerOf(rocketmq)("0");
      const consumer = consumerOf(rocketmq);
      await consumer.start();
      const other = { ...queue, queueId: 9 };
      for (const asked of [consumer.seekToBegin(other), consumer.seekToEnd(other)]) {
        expect((await rejection(asked)).kind).toBe("invalid");
      }
      expect(() => consumer.isPaused(other)).toThrow("T@broker-a@9");
    }));

  test("offsetForTimestamp: of the first message stored then or later, by number and by Date; behind the last the end", () =>
    withSimulated(async (rocketmq, sim) => {
      const times = await producedByMinute(rocketmq, sim, 4);
      const consumer = consumerOf(rocketmq);
      const [, one, two, three] = times as [number, number, number, number];
      expect(await consumer.offsetForTimestamp(queue, 0)).toBe(0);
      expect(await consumer.offsetForTimestamp(queue, one - 1)).toBe(1);
      expect(await consumer.offsetForTimestamp(queue, new Date(two - 1))).toBe(2);
      expect(await consumer.offsetForTimestamp(queue, three + MINUTE_MS)).toBe(4);
      await consumer.start();
      await consumer.seek(queue, await consumer.offsetForTimestamp(queue, two - 1));
      expect(await texts(consumer.poll())).toEqual(["2"]);
    }));

  test("isPaused: from pause to resume, across a seek, and of no other queue", () =>
    withSimulated(async (rocketmq) => {
      const send = producerOf(rocketmq);
      await send("0");
      const consumer = consumerOf(rocketmq);
      await consumer.start();
      const paused = () => consumer.assignment.filter((each) => consumer.isPaused(each));
      expect(paused()).toEqual([]);
      consumer.pause([queue]);
      expect(paused()).toEqual([queue]);
      await consumer.seekToBegin(queue);
      expect(paused()).toEqual([queue]);
      expect(await texts(consumer.poll({ timeoutMs: 1_000 }))).toEqual([]);
      consumer.resume([queue]);
      expect(paused()).toEqual([]);
      expect(await texts(consumer.poll())).toEqual(["0"]);
    }));
});

describe("how far is consumed is stored", () => {
  const group = { consumerGroup: "cg", subscription: { T: "*" }, consumeFromWhere: "CONSUME_FROM_FIRST_OFFSET" } as const;

  interface Running {
    readonly rocketmq: RocketMQ;
    readonly sim: SimRuntime;
    /** So many messages of queue 0 the broker has as consumed by the group. */
    readonly stored: () => Promise<number | undefined>;
  }

  /** On the simulator's network, unlike `withSimulated`: time stands still as long as a request is under way. */
  async function withOneMessage(body: (running: Running) => Promise<void>): Promise<void> {
    const sim = simRuntime();
    const rocketmq = await moving(sim, startRocketMQ({ runtime: sim, listen: true }));
    try {
      await moving(sim, producerOf(rocketmq)("0"));
      const asker = rocketmq.client();
      await sim.clock.resolve(asker.route("T"));
      await body({ rocketmq, sim, stored: () => sim.clock.resolve(committedOffset(asker, "cg", queue)) });
    } finally {
      await moving(sim, rocketmq.close());
    }
  }

  test.each([
    [undefined, 5_000],
    [1_000, 1_000],
    [12_000, 12_000],
  ])("by a push consumer with persistConsumerOffsetInterval %p, every %d ms", (persistConsumerOffsetInterval, everyMs) =>
    withOneMessage(async ({ rocketmq, sim, stored }) => {
      const options = persistConsumerOffsetInterval === undefined ? {} : { persistConsumerOffsetInterval };
      const consumer = new PushConsumer(rocketmq.client(), { ...group, ...options });
      const seen: string[] = [];
      await sim.clock.resolve(consumer.start((message) => seen.push(message.text())));
      // The pull that is held meanwhile left before the listener was called, and carries nothing.
      await sim.clock.advance(everyMs - 100);
      expect([seen, await stored()]).toEqual([["0"], 0]);
      await sim.clock.advance(200);
      expect(await stored()).toBe(1);
    }),
  );

  test.each([
    [undefined, 5_000],
    [2_000, 2_000],
    // The least that there is.
    [10, 1_000],
  ])("by a lite pull consumer with autoCommitIntervalMillis %p, every %d ms", (autoCommitIntervalMillis, everyMs) =>
    withOneMessage(async ({ rocketmq, sim, stored }) => {
      const options = autoCommitIntervalMillis === undefined ? {} : { autoCommitIntervalMillis };
      const consumer = new LitePullConsumer(rocketmq.client(), { ...group, ...options });
      await sim.clock.resolve(consumer.start());
      const startedAt = sim.clock.monotonic();
      expect(await sim.clock.resolve(texts(consumer.poll()))).toEqual(["0"]);
      expect(await sim.clock.resolve(texts(consumer.poll({ timeoutMs: 0 })))).toEqual([]);
      await sim.clock.advance(everyMs - 100 - (sim.clock.monotonic() - startedAt));
      expect(await stored()).toBe(0);
      await sim.clock.advance(200);
      expect(await stored()).toBe(1);
    }),
  );

  test("in a file of this machine by a member of a broadcasting group, every 5 s as well", () =>
    withOneMessage(async ({ rocketmq, sim, stored }) => {
      const client = rocketmq.client();
      const consumer = new PushConsumer(client, { ...group, messageModel: "BROADCASTING", offsetStoreRoot: "/offsets" });
      const inFile = () => {
        const bytes = client.runtime.files.read(`/offsets/${client.clientIP}@DEFAULT/cg/offsets.json`);
        return bytes && resetOffsetBody.decode(bytes).offsetTable.find(([{ queueId }]) => queueId === 0)?.[1];
      };
      const seen: string[] = [];
      await sim.clock.resolve(consumer.start((message) => seen.push(message.text())));
      await sim.clock.advance(4_900);
      expect([seen, inFile()]).toEqual([["0"], undefined]);
      await sim.clock.advance(200);
      expect([inFile(), await stored()]).toEqual([1, 0]);
    }));
});
