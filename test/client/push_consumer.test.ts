/** What a push consumer promises: at least once, in order where asked for, shared in the group, handed over at close. */
import { describe, expect, test } from "bun:test";
import { simRuntime } from "../../adapters/sim/sim.ts";
import { ClientInstance, type MessageExt, Producer, PushConsumer, type PushConsumerOptions } from "../../core/client/mod.ts";
import type { RocketMQ } from "../../mod.ts";
import { encodeUtf8 } from "../../wire/bytes.ts";
import type { ExtFields } from "../../wire/remoting_command.ts";
import { REQUESTS } from "../../wire/requests.ts";
import { ResponseCode } from "../../wire/response_code.ts";
import { fakeServer, frameOf } from "./fake_server.ts";
import { Collector, withSimulated } from "./harness.ts";

const fromFirst: Pick<PushConsumerOptions, "consumeFromWhere"> = { consumeFromWhere: "CONSUME_FROM_FIRST_OFFSET" };

const producerOf = (rocketmq: RocketMQ) => new Producer(rocketmq.client(), { producerGroup: "pg" });

describe("a message that is not consumed", () => {
  test("comes again after the delay of its level, and is a dead letter at last", () =>
    withSimulated(async (rocketmq) => {
      const times: [reconsumeTimes: number, atMs: number][] = [];
      const client = rocketmq.client();
      const consumer = new PushConsumer(client, {
        consumerGroup: "cg",
        subscription: { T: "*" },
        maxReconsumeTimes: 2,
        ...fromFirst,
      });
      const sent = await producerOf(rocketmq).send({ topic: "T", body: "x" });
      const ids = new Set<string>();
      await consumer.start((message) => {
        times.push([message.reconsumeTimes, client.runtime.clock.now()]);
        ids.add(message.msgId);
        expect(message.topic).toBe("T");
        throw new Error("not today");
      });
      const dead = new Collector<MessageExt>();
      await new PushConsumer(rocketmq.client(), { consumerGroup: "dead", subscription: { "%DLQ%cg": "*" }, ...fromFirst }).start(
        dead.add,
      );
      await dead.until(1);
      expect(times.map(([reconsumeTimes]) => reconsumeTimes)).toEqual([0, 1, 2]);
      const gaps = times.slice(1).map(([, atMs], i) => Math.round((atMs - (times[i]?.[1] ?? 0)) / 10_000) * 10);
      expect(gaps).toEqual([10, 30]);
      expect([...ids]).toEqual([sent.msgId]);
      expect(dead.items[0]?.text()).toBe("x");
    }));
});

test("a loop that is left while a step of it waits takes no message from the others", () =>
  withSimulated(async (rocketmq, sim) => {
    const producer = producerOf(rocketmq);
    await producer.send({ topic: "T", body: "0" });
    const consumer = new PushConsumer(rocketmq.client(), { consumerGroup: "cg", subscription: { T: "*" }, ...fromFirst });
    const left = consumer[Symbol.asyncIterator]();
    const other = consumer[Symbol.asyncIterator]();
    expect((await left.next()).value?.text()).toBe("0");
    const waiting = left.next();
    await sim.clock.settle();
    await left.return?.();
    await producer.send({ topic: "T", body: "1" });
    expect((await other.next()).value?.text()).toBe("1");
    expect(await waiting).toEqual({ done: true, value: undefined });
  }));

test("where a group begins is stored at once: killed before it has consumed anything, it does not begin anew", async () => {
  const sim = simRuntime();
  let pulled: ExtFields | undefined;
  const { address } = await fakeServer(sim, {
    onOther: (socket, request) => {
      // Held, as an empty queue's is; the offset that it carries is stored before.
      if (request.code === REQUESTS.PULL_MESSAGE.code) pulled ??= request.extFields;
      else if (request.code === REQUESTS.QUERY_CONSUMER_OFFSET.code)
        socket.write(frameOf(request, { code: ResponseCode.QUERY_NOT_FOUND }));
      else if (request.code === REQUESTS.GET_MAX_OFFSET.code) socket.write(frameOf(request, { extFields: { offset: "7" } }));
      else if (request.code === REQUESTS.GET_CONSUMER_LIST_BY_GROUP.code) {
        const body = encodeUtf8(JSON.stringify({ consumerIdList: [client.clientId] }));
        socket.write(frameOf(request, { body }));
      } else socket.write(frameOf(request, {}));
    },
  });
  const client = new ClientInstance({ runtime: sim, namesrvAddr: address });
  const consumer = new PushConsumer(client, { consumerGroup: "cg", subscription: { T: "*" } });
  void consumer.start(() => {}).catch(() => {});
  await sim.clock.until(() => pulled !== undefined, 60_000);
  const FLAG_COMMIT_OFFSET = 1;
  expect([pulled?.["queueOffset"], pulled?.["commitOffset"]]).toEqual(["7", "7"]);
  expect(Number(pulled?.["sysFlag"]) & FLAG_COMMIT_OFFSET).toBe(FLAG_COMMIT_OFFSET);
  const closing = client.close();
  await sim.clock.advance(60_000);
  await closing;
});

describe("orderly", () => {
  test("messages of a key come in their order, one after the other, and a failure holds up its queue only", () =>
    withSimulated(async (rocketmq) => {
      const producer = producerOf(rocketmq);
      for (let i = 0; i < 20; i++) {
        for (const shardingKey of ["a", "b", "c"])
          await producer.send({ topic: "T", body: `${shardingKey}${i}` }, { shardingKey });
      }
      const seen = new Collector<string>();
      let failed = 0;
      let running = 0;
      let most = 0;
      const consumer = new PushConsumer(rocketmq.client(), {
        consumerGroup: "cg",
        subscription: { T: "*" },
        orderly: true,
        ...fromFirst,
      });
      await consumer.start(async (message) => {
        most = Math.max(most, ++running);
        await Promise.resolve();
        running--;
        if (message.text() === "b5" && failed++ < 3) throw new Error("not yet");
        seen.add(message.text());
      });
      await seen.until(60);
      for (const key of ["a", "b", "c"]) {
        expect(seen.items.filter((text) => text.startsWith(key))).toEqual(Array.from({ length: 20 }, (_, i) => `${key}${i}`));
      }
      expect(failed).toBe(4);
      expect(most).toBeGreaterThan(0);
      expect(most).toBeLessThan(4);
    }));
});

describe("a group", () => {
  test("shares the queues, and who closes hands over what it has not consumed: nothing is lost or consumed twice", () =>
    withSimulated(async (rocketmq) => {
      const producer = producerOf(rocketmq);
      const seen = new Collector<string>();
      const start = async () => {
        const consumer = new PushConsumer(rocketmq.client(), { consumerGroup: "cg", subscription: { T: "*" }, ...fromFirst });
        await consumer.start((message) => seen.add(message.text()));
        return consumer;
      };
      for (let i = 0; i < 10; i++) await producer.send({ topic: "T", body: `first ${i}` });
      const one = await start();
      await seen.until(10);
      const two = await start();
      const clock = rocketmq.client().runtime.clock;
      const until = async (condition: () => boolean) => {
        while (!condition()) await new Promise<void>((resolve) => void clock.setTimeout(resolve, 100));
      };
      const ofTopic = (consumer: PushConsumer) =>
        consumer.assignment.filter(({ topic }) => topic === "T").map(({ queueId }) => queueId);
      await until(() => ofTopic(one).length === 2 && ofTopic(two).length === 2);
      expect([...ofTopic(one), ...ofTopic(two)].sort((a, b) => a - b)).toEqual([0, 1, 2, 3]);
      for (let i = 0; i < 10; i++) await producer.send({ topic: "T", body: `second ${i}` });
      await seen.until(20);
      await one.close();
      await until(() => ofTopic(two).length === 4);
      for (let i = 0; i < 10; i++) await producer.send({ topic: "T", body: `third ${i}` });
      await seen.until(30);
      expect([seen.items.length, new Set(seen.items).size]).toEqual([30, 30]);
    }));

  test("that comes back goes on where it was, and a listener that did not finish gets the same again", () =>
    withSimulated(async (rocketmq) => {
      const producer = producerOf(rocketmq);
      const messageQueue = { topic: "T", brokerName: "broker-a", queueId: 0 };
      await producer.send({ topic: "T", body: "warm" });
      for (const body of ["1", "2", "3"]) await producer.send({ topic: "T", body }, { messageQueue });
      const options = { consumerGroup: "cg", subscription: { T: "*" }, awaitTerminationMillisWhenShutdown: 100, ...fromFirst };
      const first = new Collector<string>();
      const one = new PushConsumer(rocketmq.client(), options);
      await one.start((message) => {
        first.add(message.text());
        if (message.text() === "2") return new Promise(() => {});
        return undefined;
      });
      await first.until(4);
      await one.close();
      const again = new Collector<string>();
      await new PushConsumer(rocketmq.client(), options).start((message) => again.add(message.text()));
      await again.until(2);
      expect(again.items).toEqual(["2", "3"]);
    }));

  test("that broadcasts gives every member everything, and each goes on by its own file", () =>
    withSimulated(async (rocketmq) => {
      const producer = producerOf(rocketmq);
      for (const body of ["1", "2", "3"]) await producer.send({ topic: "T", body });
      const options = { consumerGroup: "cg", subscription: { T: "*" }, messageModel: "BROADCASTING", ...fromFirst } as const;
      const run = async (root: string, count: number) => {
        const seen = new Collector<string>();
        const consumer = new PushConsumer(rocketmq.client(), { ...options, offsetStoreRoot: root });
        await consumer.start((message) => seen.add(message.text()));
        await seen.until(count);
        await consumer.close();
        return [...seen.items].sort();
      };
      expect(await Promise.all([run("/one", 3), run("/two", 3)])).toEqual([
        ["1", "2", "3"],
        ["1", "2", "3"],
      ]);
      await producer.send({ topic: "T", body: "4" });
      expect(await run("/one", 1)).toEqual(["4"]);
    }));
});
