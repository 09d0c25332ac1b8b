/** A oneway send: it arrives with all that it says, and settles though nobody answers. */
import { describe, expect, test } from "bun:test";
import { simRuntime } from "../../adapters/sim/sim.ts";
import { ClientInstance, jsonBody, type MessageExt, Producer, PushConsumer } from "../../core/client/mod.ts";
import type { Runtime } from "../../core/runtime.ts";
import { FLAG_ONEWAY } from "../../wire/remoting_command.ts";
import { ResponseCode } from "../../wire/response_code.ts";
import { fakeServer, frameOf } from "./fake_server.ts";
import { Collector, rejection, withSimulated } from "./harness.ts";

const group = { consumerGroup: "cg", consumeFromWhere: "CONSUME_FROM_FIRST_OFFSET" } as const;

/** Hosts of 10.0.0.0/8 answer no connection. */
const stuck = ({ net }: Runtime): Runtime["net"] => ({
  listen: (at, accept) => net.listen(at, accept),
  connect: (to, handler) => (to.host.startsWith("10.") ? new Promise(() => {}) : net.connect(to, handler)),
});

describe("a oneway send", () => {
  test("arrives, with tags, keys, properties and flag, also to a topic that is not there yet", () =>
    withSimulated(async (rocketmq) => {
      const seen = new Collector<MessageExt>();
      await new PushConsumer(rocketmq.client(), { ...group, subscription: { T: "A" } }).start(seen.add);
      const producer = new Producer(rocketmq.client(), { producerGroup: "pg", compressMsgBodyOverHowmuch: 1_000 });
      const properties = { color: "red" };
      await producer.sendOneway({ topic: "T", body: "of another tag", tags: "B" });
      await producer.sendOneway({ topic: "T", body: "x", tags: "A", keys: ["k1", "k2"], properties, flag: 7 });
      await producer.sendOneway({ topic: "T", body: "y".repeat(5_000), tags: "A" });
      await seen.until(2);
      const bodies = seen.items.map((message) => message.text());
      expect(bodies.sort()).toEqual(["x", "y".repeat(5_000)]);
      const one = seen.items.find((message) => message.text() === "x");
      expect([one?.tags, one?.keys, one?.flag, one?.properties.get("color")]).toEqual(["A", "k1 k2", 7, "red"]);
      expect(one?.msgId).toMatch(/^[0-9A-F]{32}$/);
    }));

  test("goes where it is told: a queue, one of a key, one that is selected, and in a namespace", () =>
    withSimulated(async (rocketmq) => {
      const client = rocketmq.client({ namespace: "ns" });
      const producer = new Producer(client, { producerGroup: "pg" });
      const seen = new Collector<MessageExt>();
      await new PushConsumer(client, { ...group, subscription: { T: "*" } }).start(seen.add);
      const messageQueue = { topic: "T", brokerName: "broker-a", queueId: 2 };
      await producer.sendOneway({ topic: "T", body: "told" }, { messageQueue });
      await producer.sendOneway({ topic: "T", body: "selected" }, { selector: (queues) => queues[3]! });
      for (const body of ["by key", "by key, too"]) await producer.sendOneway({ topic: "T", body }, { shardingKey: "k" });
      await seen.until(4);
      const queueOf = new Map(seen.items.map((message) => [message.text(), message.queueId]));
      expect([queueOf.get("told"), queueOf.get("selected")]).toEqual([2, 3]);
      expect(queueOf.get("by key")).toBe(queueOf.get("by key, too"));
      expect(seen.items.every(({ topic }) => topic === "T")).toBe(true);
    }));

  test("asks for no answer, and an answer that comes all the same, a refusal even, is nobody's", async () => {
    const sim = simRuntime();
    const flags: number[] = [];
    const { address } = await fakeServer(sim, {
      onSend: (socket, request) => {
        flags.push(request.flag & FLAG_ONEWAY);
        if (flags.length === 2) socket.write(frameOf(request, { code: ResponseCode.SYSTEM_ERROR, remark: "not asked" }));
        if (flags.length === 4) socket.write(frameOf(request, { extFields: { msgId: "id", queueId: "0", queueOffset: "5" } }));
      },
    });
    const client = new ClientInstance({ runtime: sim, namesrvAddr: address });
    const producer = new Producer(client, { producerGroup: "pg" });
    const startedAt = sim.clock.monotonic();
    for (let i = 0; i < 3; i++) await sim.clock.resolve(producer.sendOneway({ topic: "T", body: "x" }));
    expect((await sim.clock.resolve(producer.send({ topic: "T", body: "x" }))).queueOffset).toBe(5);
    expect(flags).toEqual([FLAG_ONEWAY, FLAG_ONEWAY, FLAG_ONEWAY, 0]);
    expect(sim.clock.monotonic() - startedAt).toBeLessThan(1_000);
    await sim.clock.resolve(client.close());
  });

  test("to a broker that is gone asks for the route, so that the next one finds where it is now", async () => {
    const sim = simRuntime();
    const brokers = new Map([["b", "127.0.0.1:1"]]);
    const { address, sends } = await fakeServer(sim, { brokers });
    const client = new ClientInstance({ runtime: sim, namesrvAddr: address });
    const producer = new Producer(client, { producerGroup: "pg" });
    await sim.clock.resolve(producer.fetchPublishMessageQueues("T"));
    brokers.set("b", address);
    const startedAt = sim.clock.monotonic();
    expect((await sim.clock.resolve(rejection(producer.sendOneway({ topic: "T", body: "x" })))).kind).toBe("unreachable");
    await sim.clock.resolve(producer.sendOneway({ topic: "T", body: "x" }));
    await sim.clock.settle();
    expect(sends()).toBe(1);
    expect(sim.clock.monotonic() - startedAt).toBeLessThan(1_000);
    await sim.clock.resolve(client.close());
  });

  test("passes over a broker that was broken for the one before, with sendLatencyFaultEnable", async () => {
    const sim = simRuntime();
    const brokers = new Map([["gone", "127.0.0.1:1"]]);
    const { address, sends } = await fakeServer(sim, { brokers });
    brokers.set("here", address);
    const client = new ClientInstance({ runtime: sim, namesrvAddr: address });
    const producer = new Producer(client, { producerGroup: "pg", sendLatencyFaultEnable: true });
    const faults: unknown[] = [];
    for (let i = 0; i < 6; i++) {
      await sim.clock.resolve(producer.sendOneway({ topic: "T", body: "x" }).catch((fault) => void faults.push(fault)));
    }
    await sim.clock.settle();
    expect([faults.length, sends()]).toEqual([1, 5]);
    await sim.clock.resolve(client.close());
  });

  test("that the close of its client ends says so", async () => {
    const sim = simRuntime();
    const { address } = await fakeServer(sim, {});
    const client = new ClientInstance({ runtime: { ...sim, net: stuck(sim) }, namesrvAddr: address });
    const sent = rejection(client.oneway("say something", "10.0.0.9:10911", "END_TRANSACTION", {} as never));
    await sim.clock.settle();
    await sim.clock.resolve(client.close());
    const startedAt = sim.clock.monotonic();
    const fault = await sim.clock.resolve(sent, 10_000);
    expect(sim.clock.monotonic()).toBe(startedAt);
    expect([fault.kind, fault.message]).toEqual(["closed", "Cannot say something: this client was closed"]);
  });

  test("is refused for what no send may be, and says when no broker can be reached", async () => {
    const sim = simRuntime();
    const { address, sends } = await fakeServer(sim, { brokers: new Map([["b", "127.0.0.1:1"]]) });
    const client = new ClientInstance({ runtime: sim, namesrvAddr: address });
    const producer = new Producer(client, { producerGroup: "pg" });
    const fault = async (topic: string, body: string) => sim.clock.resolve(rejection(producer.sendOneway({ topic, body })));
    expect((await fault("T", "")).kind).toBe("invalid");
    expect((await fault("a/b", "x")).kind).toBe("invalid");
    const unreachable = await fault("T", "x");
    expect(unreachable.kind).toBe("unreachable");
    expect(unreachable.message).toContain("127.0.0.1 port 1");
    await sim.clock.resolve(producer.close());
    expect((await fault("T", "x")).kind).toBe("closed");
    expect(sends()).toBe(0);
    await sim.clock.resolve(client.close());
  });
});

test("jsonBody is what json() of a message reads", () =>
  withSimulated(async (rocketmq) => {
    const seen = new Collector<unknown>();
    await new PushConsumer(rocketmq.client(), { ...group, subscription: { T: "*" } }).start((message) =>
      seen.add([message.text(), message.json()]),
    );
    const value = { name: "größe 中 🚀", list: [1, 2.5, null, true], nested: { at: new Date(0).toISOString() } };
    await new Producer(rocketmq.client(), { producerGroup: "pg" }).send({ topic: "T", body: jsonBody(value) });
    await seen.until(1);
    expect(seen.items[0]).toEqual([JSON.stringify(value), value]);
    expect([...jsonBody("é")]).toEqual([0x22, 0xc3, 0xa9, 0x22]);
  }));
