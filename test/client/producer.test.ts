/** What a producer promises beside the plain send: batches, keys, delays, transactions, bounds, compression. */
import { describe, expect, test } from "bun:test";
import { simRuntime } from "../../adapters/sim/sim.ts";
import { ClientInstance, type MessageExt, Producer, PushConsumer, TransactionProducer } from "../../core/client/mod.ts";
import type { Socket } from "../../core/runtime.ts";
import type { RocketMQ } from "../../mod.ts";
import { fakeServer } from "./fake_server.ts";
import { Collector, rejection, withRocketMQ, withSimulated } from "./harness.ts";

async function collecting(rocketmq: RocketMQ, topic = "T"): Promise<Collector<MessageExt>> {
  const seen = new Collector<MessageExt>();
  await new PushConsumer(rocketmq.client(), {
    consumerGroup: `collector-${topic}`,
    subscription: { [topic]: "*" },
    consumeFromWhere: "CONSUME_FROM_FIRST_OFFSET",
  }).start(seen.add);
  return seen;
}

describe("sendBatch", () => {
  test("splits by size, and each message has a key of its own", () =>
    withRocketMQ(async (rocketmq) => {
      const producer = new Producer(rocketmq.client(), { producerGroup: "pg", maxMessageSize: 1_000 });
      const bodies = Array.from({ length: 10 }, (_, i) => `${i}`.repeat(200));
      const results = await producer.sendBatch(bodies.map((body) => ({ topic: "T", body })));
      expect(results.length).toBeGreaterThan(1);
      const ids = results.flatMap(({ msgId }) => msgId.split(","));
      const seen = await collecting(rocketmq);
      await seen.until(10);
      expect(seen.items.map((message) => message.msgId).sort()).toEqual([...ids].sort());
      expect(seen.items.map((message) => message.text()).sort()).toEqual(bodies);
      const mixed = [
        { topic: "T", body: "a" },
        { topic: "U", body: "b" },
      ];
      expect((await rejection(producer.sendBatch(mixed))).message).toInclude('"T" and "U"');
    }));
});

describe("a large body", () => {
  test("travels compressed and arrives as it was", () =>
    withRocketMQ(async (rocketmq) => {
      const producer = new Producer(rocketmq.client(), { producerGroup: "pg" });
      const body = "abcdefgh".repeat(10_000);
      await producer.send({ topic: "T", body });
      const seen = await collecting(rocketmq);
      await seen.until(1);
      const [message] = seen.items;
      expect([message?.text() === body, (message?.storeSize ?? 0) < 10_000, (message?.sysFlag ?? 0) & 0x301]).toEqual([
        true,
        true,
        0x301,
      ]);
    }));
});

describe("back-pressure", () => {
  test("lets so many sends be under way, and the others wait their turn or are given up", () =>
    withSimulated(async (rocketmq) => {
      const producer = new Producer(rocketmq.client(), { producerGroup: "pg", backPressureForAsyncSendNum: 2 });
      const messageQueue = { topic: "T", brokerName: "broker-a", queueId: 1 };
      await producer.send({ topic: "T", body: "warm" }, { messageQueue });
      const giveUp = new AbortController();
      const bodies = Array.from({ length: 20 }, (_, i) => `${i}`);
      const sends = bodies.map((body) => producer.send({ topic: "T", body }, { messageQueue }));
      const last = rejection(producer.send({ topic: "T", body: "last" }, { messageQueue, signal: giveUp.signal }));
      giveUp.abort(new Error("not needed any more"));
      expect((await last).message).toBe("not needed any more");
      const offsets = (await Promise.all(sends)).map(({ queueOffset }) => queueOffset);
      expect(offsets).toEqual(bodies.map((_, i) => i + 1));
    }));

  test("what a connection may hold bounds the sends of one turn: they wait for the broker to read, none fails", () =>
    withSimulated(async (rocketmq) => {
      const producer = new Producer(rocketmq.client(), { producerGroup: "pg", ...LARGE });
      const messageQueue = { topic: "T", brokerName: "broker-a", queueId: 1 };
      await producer.send({ topic: "T", body: "warm" }, { messageQueue });
      const body = new Uint8Array(BODY_BYTES);
      const sends = Array.from({ length: 18 }, () => producer.send({ topic: "T", body }, { messageQueue }));
      const offsets = (await Promise.all(sends)).map(({ queueOffset }) => queueOffset);
      expect(offsets).toEqual(sends.map((_, i) => i + 1));
    }));

  test("a loop of oneway sends waits for the broker to read, and cuts nobody's connection", () =>
    withSimulated(async (rocketmq) => {
      const client = rocketmq.client();
      const producer = new Producer(client, { producerGroup: "pg", ...LARGE });
      const messageQueue = { topic: "T", brokerName: "broker-a", queueId: 1 };
      await producer.send({ topic: "T", body: "warm" }, { messageQueue });
      const body = new Uint8Array(BODY_BYTES);
      const oneways = Array.from({ length: 28 }, () => producer.sendOneway({ topic: "T", body }, { messageQueue }));
      const others = new Producer(client, { producerGroup: "other", sendMsgTimeout: 60_000 });
      const other = others.send({ topic: "T", body: "of another" }, { messageQueue });
      await Promise.all(oneways);
      expect((await producer.send({ topic: "T", body: "behind" }, { messageQueue })).queueOffset).toBe(30);
      // Behind what found room on the connection before it, ahead of what waited for room in its producer.
      expect((await other).queueOffset).toBeLessThan(30);
    }));

  test("a oneway send counts among those under way, and is given up in its time", async () => {
    const sim = simRuntime();
    let stuck: Socket | undefined;
    const { address, sends } = await fakeServer(sim, {
      onSend: (socket) => {
        if (stuck === undefined) socket.pause();
        stuck ??= socket;
      },
    });
    const client = new ClientInstance({ runtime: sim, namesrvAddr: address });
    const producer = new Producer(client, {
      producerGroup: "pg",
      backPressureForAsyncSendSize: 2_000_000,
      compressMsgBodyOverHowmuch: 2 ** 30,
      maxMessageSize: 2 ** 30,
    });
    const settled: string[] = [];
    const oneway = (name: string, bytes: number, signal?: AbortSignal) =>
      producer.sendOneway({ topic: "T", body: new Uint8Array(bytes) }, { timeoutMs: 1_000, ...(signal && { signal }) }).then(
        () => settled.push(name),
        (fault: Error) => settled.push(`${name}: ${fault.message}`),
      );
    await sim.clock.resolve(oneway("first", 10), 1_000);
    await sim.clock.until(() => stuck !== undefined, 1_000);
    // What the other side does not read fills the connection; one more than half of it waits there, the next for that one.
    const giveUp = new AbortController();
    const all = [oneway("fills", 33 * 2 ** 20), oneway("waits there", 1_999_000), oneway("waits here", 5_000, giveUp.signal)];
    await sim.clock.advance(500);
    giveUp.abort(new Error("not needed any more"));
    await sim.clock.resolve(Promise.all(all), 2_000);
    expect(settled).toEqual([
      "first",
      "fills",
      "waits here: not needed any more",
      expect.stringMatching(/^waits there: Cannot send to topic "T": SEND_MESSAGE_V2 was not sent: .* did not read/),
    ]);
    const later = oneway("later", 5_000);
    stuck?.resume();
    await sim.clock.resolve(later, 2_000);
    // The one that was given up on the connection is not sent when there is room after all.
    await sim.clock.until(() => sends() === 3, 2_000);
    await sim.clock.advance(1_000);
    expect([settled.at(-1), sends()]).toEqual(["later", 3]);
    await client.close();
  });
});

const BODY_BYTES = 4_000_000;
/** As they are, and for a simulated network, which takes its time for so much. */
const LARGE = { compressMsgBodyOverHowmuch: 2 ** 30, sendMsgTimeout: 60_000 };

describe("a delay", () => {
  test("by level, by milliseconds and by a point in time, never two of them", () =>
    withSimulated(async (rocketmq) => {
      const client = rocketmq.client();
      const { clock } = client.runtime;
      const producer = new Producer(client, { producerGroup: "pg" });
      const seen = await collecting(rocketmq);
      const sentAt = clock.now();
      const took = new Map<string, number>();
      await producer.send({ topic: "T", body: "level", delayTimeLevel: 3 });
      await producer.send({ topic: "T", body: "ms", delayTimeMs: 20_000 });
      await producer.send({ topic: "T", body: "time", deliverTimeMs: new Date(sentAt + 40_000) });
      for (let count = 1; count <= 3; count++) {
        await seen.until(count);
        took.set(seen.items[count - 1]?.text() ?? "", Math.round((clock.now() - sentAt) / 10_000) * 10);
      }
      expect([...took]).toEqual([
        ["level", 10],
        ["ms", 20],
        ["time", 40],
      ]);
      const both = await rejection(producer.send({ topic: "T", body: "x", delayTimeLevel: 1, delayTimeMs: 5 }));
      expect(both.message).toInclude("DELAY and TIMER_DELAY_MS exclude each other");
    }));
});

describe("a transaction", () => {
  test("is seen when it is committed, never when rolled back, and the broker asks for what it was not told", () =>
    withSimulated(async (rocketmq) => {
      const checked: string[] = [];
      const producer = new TransactionProducer(rocketmq.client(), {
        producerGroup: "pg",
        checkLocalTransaction: (message) => {
          checked.push(message.text());
          return message.text() === "unknown" ? "COMMIT_MESSAGE" : "ROLLBACK_MESSAGE";
        },
      });
      const seen = await collecting(rocketmq);
      const send = (body: string, run: () => "ROLLBACK_MESSAGE" | "UNKNOW" | undefined) =>
        producer.sendMessageInTransaction({ topic: "T", body }, run);
      const states = [
        await send("committed", () => undefined),
        await send("rolled back", () => "ROLLBACK_MESSAGE"),
        await send("unknown", () => "UNKNOW"),
        await send("thrown", () => {
          throw new Error("the local part broke");
        }),
        await send("nonsense", () => "COMMITTED" as never),
      ].map(({ localTransactionState }) => localTransactionState);
      expect(states).toEqual(["COMMIT_MESSAGE", "ROLLBACK_MESSAGE", "UNKNOW", "UNKNOW", "UNKNOW"]);
      await seen.until(2);
      expect(seen.items.map((message) => message.text())).toEqual(["committed", "unknown"]);
      expect(checked.sort()).toEqual(["nonsense", "thrown", "unknown"]);
    }));
});
