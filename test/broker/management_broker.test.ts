import { describe, expect, test } from "bun:test";
import { simRuntime, simWorld } from "../../adapters/sim/sim.ts";
import { Broker } from "../../core/broker/broker.ts";
import { RemotingClient } from "../../core/remoting/client.ts";
import type { PeerReply } from "../../core/remoting/processor.ts";
import { LocalPeer, startRocketMQ } from "../../mod.ts";
import { topicRouteData } from "../../wire/bodies/route.ts";
import { ByteWriter } from "../../wire/byte_writer.ts";
import { decodeUtf8, encodeUtf8 } from "../../wire/bytes.ts";
import { LANGUAGE_NODE_JS, SERIALIZE_JSON } from "../../wire/remoting_command.ts";
import type { RequestHeaderOf } from "../../wire/requests.ts";
import { ResponseCode } from "../../wire/response_code.ts";
import { encodeCommand } from "../../wire/serialize.ts";
import { V5_3_1 } from "../../wire/version.ts";
import { BrokerHarness, RecordingLog, rejection, settingsOf } from "./management_harness.ts";
import { pullHeader } from "./messages_harness.ts";

const NO_BODY = new Uint8Array(0);

const sendHeader = (topic: string): RequestHeaderOf<"SEND_MESSAGE"> => ({
  producerGroup: "PG",
  topic,
  defaultTopic: "TBW102",
  defaultTopicQueueNums: 4,
  queueId: 0,
  sysFlag: 0,
  bornTimestamp: 1,
  flag: 0,
  properties: "",
});

/** A broker on one machine and a client on another. */
async function onNetwork() {
  const world = simWorld();
  const log = new RecordingLog();
  const server = world.process({ addresses: ["10.0.0.5"] });
  const broker = new Broker({ runtime: server, log, settings: settingsOf(server) });
  const description = await broker.start();
  const runtime = world.process({ addresses: ["10.0.0.9"] });
  const remote = new RemotingClient({ runtime, log });
  const call = <N extends "SEND_MESSAGE" | "PULL_MESSAGE" | "GET_BROKER_CONFIG">(
    name: N,
    header: RequestHeaderOf<N>,
    port = 10911,
    body: Uint8Array = NO_BODY,
  ): Promise<PeerReply> => remote.invoke(`10.0.0.5:${port}`, name, header, body, 30_000);
  return { world, broker, log, description, call, remote, runtime, server };
}

/** Lets time pass until `promise` settles. */
async function during<T>(clock: { advance(ms: number): Promise<void> }, promise: Promise<T>): Promise<T> {
  let settled = false;
  const watched = promise.finally(() => {
    settled = true;
  });
  watched.catch(() => {});
  for (let tries = 0; tries < 100 && !settled; tries++) await clock.advance(100);
  return watched;
}

describe("a broker on the network", () => {
  test("listens on listenPort and on the VIP port two below, and says what it advertises", async () => {
    const { description, broker, world } = await onNetwork();
    expect(description.listening.map(({ port, fastPort }) => [port, fastPort])).toEqual([
      [10911, false],
      [10909, true],
    ]);
    expect(description.registeredAddress).toBe("10.0.0.5:10911");
    expect(description.advertised.length).toBeGreaterThan(0);
    await during(world.clock, broker.stop());
  });

  test("serves sends on both ports, pulls on the main one only", async () => {
    const { call, broker, world, remote } = await onNetwork();
    expect((await call("SEND_MESSAGE", sendHeader("T"), 10909, encodeUtf8("one"))).code).toBe(0);
    expect((await call("PULL_MESSAGE", pullHeader({ topic: "T" }))).code).toBe(0);
    const refused = await call("PULL_MESSAGE", pullHeader({ topic: "T" }), 10909);
    expect(refused.code).toBe(ResponseCode.REQUEST_CODE_NOT_SUPPORTED);
    remote.stop();
    await during(world.clock, broker.stop());
  });

  test("more sends under way than allowed are refused with the limit, its value and the value seen", async () => {
    const { call, broker, world, remote } = await onNetwork();
    await call("SEND_MESSAGE", sendHeader("T"), 10911, encodeUtf8("first"));
    await broker.invoke("UPDATE_BROKER_CONFIG", {}, encodeUtf8("sendThreadPoolQueueCapacity=1"));
    const [one, two] = await Promise.all([1, 2].map(() => call("SEND_MESSAGE", sendHeader("T"), 10911, encodeUtf8("both"))));
    expect([one?.code, two?.code]).toEqual([ResponseCode.SUCCESS, ResponseCode.SYSTEM_BUSY]);
    expect(two?.remark).toBe(
      "[OVERLOAD]system busy, start flow control for a while: 1 send requests are under way, sendThreadPoolQueueCapacity=1",
    );
    expect((await call("SEND_MESSAGE", sendHeader("T"), 10911, encodeUtf8("after"))).code).toBe(ResponseCode.SUCCESS);
    remote.stop();
    await during(world.clock, broker.stop());
  });

  test("stops in order: clients are sent away, a held pull is answered, ports and lock are free, all is on the disk", async () => {
    const { call, broker, world, server, log, remote } = await onNetwork();
    await call("SEND_MESSAGE", sendHeader("T"), 10911, encodeUtf8("kept"));
    const held = call("PULL_MESSAGE", pullHeader({ topic: "T", queueOffset: 1, sysFlag: 6 }));
    await world.clock.advance(10);
    const stopping = broker.stop();
    const late = call("SEND_MESSAGE", sendHeader("T"), 10911, encodeUtf8("late"));
    expect((await during(world.clock, late)).code).toBe(ResponseCode.GO_AWAY);
    expect((await during(world.clock, held)).code).toBe(ResponseCode.PULL_NOT_FOUND);
    await during(world.clock, stopping);
    remote.stop();
    expect(await rejection(broker.invoke("GET_BROKER_CONFIG", {}))).toInclude("is stopped");
    expect(log.of("warn").filter((line) => line.message.startsWith("a step of the stop"))).toEqual([]);
    const again = new Broker({ runtime: server, log, settings: settingsOf(server) });
    await again.start();
    expect(again.store.maxOffset({ topic: "T", queueId: 0 })).toBe(1);
    await during(world.clock, again.stop());
  });

  test("tells clients that know no GO_AWAY that it is shutting down, and only for sends", async () => {
    const { broker, world, runtime } = await onNetwork();
    const replies: string[] = [];
    const socket = await runtime.net.connect(
      { host: "10.0.0.5", port: 10911, timeoutMs: 1000 },
      { data: (chunk) => replies.push(decodeUtf8(chunk)), closed: () => {} },
    );
    const stopping = broker.stop();
    for (const [opaque, code, extFields] of [
      [1, 10, { producerGroup: "PG", topic: "T" }],
      [2, 26, {}],
    ] as const) {
      const writer = new ByteWriter();
      encodeCommand(
        {
          code,
          language: LANGUAGE_NODE_JS,
          version: V5_3_1,
          opaque,
          flag: 0,
          remark: undefined,
          extFields,
          body: NO_BODY,
          serializeType: SERIALIZE_JSON,
        },
        writer,
      );
      socket.write(writer.written());
    }
    await during(world.clock, stopping);
    expect(replies.join("")).toInclude("SEND_MESSAGE refused: the broker broker-a is shutting down");
    expect(replies.join("")).toInclude("brokerName=broker-a");
  });

  test("with port 0 takes a free one, writes it into its settings, and has no VIP port", async () => {
    const runtime = simRuntime();
    const settings = settingsOf(runtime, { listenPort: 0 });
    const broker = new Broker({ runtime, log: new RecordingLog(), settings });
    const { listening, registeredAddress } = await broker.start();
    expect(listening.length).toBe(1);
    expect(listening[0]?.port).toBeGreaterThan(0);
    expect([settings.listenPort, registeredAddress]).toEqual([listening[0]?.port ?? 0, `10.0.0.1:${listening[0]?.port}`]);
    await broker.stop();
  });

  test("that can't have its port leaves nothing behind", async () => {
    const runtime = simRuntime();
    const listener = await runtime.net.listen({ host: "0.0.0.0", port: 10909 }, () => ({ data() {}, closed() {} }));
    const failing = new Broker({ runtime, log: new RecordingLog(), settings: settingsOf(runtime) });
    expect(await rejection(failing.start())).toInclude("EADDRINUSE");
    await listener.close();
    const broker = new Broker({ runtime, log: new RecordingLog(), settings: settingsOf(runtime) });
    await broker.start();
    await broker.stop();
  });

  test("on a directory that is in use says so, and harms nothing there", async () => {
    const harness = await BrokerHarness.start();
    harness.broker.topics.ensure("T", 1, 6, 0);
    harness.broker.offsets.commit("G", "T", 0, 5);
    harness.broker.offsets.persist();
    const file = () => decodeUtf8(harness.runtime.files.read("/store/config/consumerOffset.json") ?? NO_BODY);
    const before = file();
    expect(await rejection(BrokerHarness.start({ runtime: harness.runtime }))).not.toBe("");
    expect(file()).toBe(before);
    expect(before).toInclude('"T@G"');
    await harness.broker.stop();
  });

  test("stops within five seconds beside a nameserver that does not answer", async () => {
    const world = simWorld();
    const server = world.process({ addresses: ["10.0.0.5"] });
    const silent = world.process({ addresses: ["10.0.0.1"] });
    const listener = await silent.net.listen({ host: "0.0.0.0", port: 9876 }, () => ({ data() {}, closed() {} }));
    const log = new RecordingLog();
    const broker = new Broker({ runtime: server, log, settings: settingsOf(server, { namesrvAddr: "10.0.0.1:9876" }) });
    await during(world.clock, broker.start());
    const from = world.clock.monotonic();
    await during(world.clock, broker.stop());
    expect(world.clock.monotonic() - from).toBeLessThan(5_000);
    await listener.close();
  });
});

test("disableConsumeIfConsumerReadSlowly takes the read right of a group that is too far behind", async () => {
  const harness = await BrokerHarness.start({
    settings: { disableConsumeIfConsumerReadSlowly: true, consumerFallbehindThreshold: 100 },
  });
  const { groups, stats } = harness.broker;
  for (const [group, bytes] of [
    ["slow", 101],
    ["quick", 100],
  ] as const) {
    groups.findOrCreate(group);
    stats.fellBehind(group, "T", 0, bytes, 5);
  }
  await harness.runtime.clock.advance(180_000);
  expect([groups.find("slow")?.consumeEnable, groups.find("quick")?.consumeEnable]).toEqual([false, true]);
  await harness.broker.stop();
});

describe("a broker that fails to start, or is stopped twice", () => {
  test("starts once, stops as often as one likes", async () => {
    const harness = await BrokerHarness.start();
    expect(await rejection(harness.broker.start())).toInclude("it starts once");
    await Promise.all([harness.broker.stop(), harness.broker.stop()]);
  });

  test("can be stopped before it was started", async () => {
    const runtime = simRuntime();
    const broker = new Broker({ runtime, log: new RecordingLog(), settings: settingsOf(runtime), listen: false });
    await broker.stop();
    expect(runtime.files.exists("/store/config/consumerOffset.json")).toBe(false);
  });
});

describe("startRocketMQ", () => {
  test("in memory: a message goes in and comes out, with no port and no file", async () => {
    const rocketmq = await startRocketMQ();
    expect(rocketmq.namesrvAddr).toBeUndefined();
    await rocketmq.broker.invoke("SEND_MESSAGE", sendHeader("T"), encodeUtf8("hello"));
    const route = await rocketmq.nameServer.invoke("GET_ROUTEINFO_BY_TOPIC", new LocalPeer(), { topic: "T" });
    expect(topicRouteData.decode(route?.body ?? NO_BODY).queueDatas[0]?.writeQueueNums).toBe(4);
    const pulled = await rocketmq.broker.invoke("PULL_MESSAGE", pullHeader({ topic: "T" }));
    expect([pulled?.code, pulled?.remark, decodeUtf8(pulled?.body ?? NO_BODY).includes("hello")]).toEqual([0, "FOUND", true]);
    await rocketmq.close();
    await rocketmq.close();
  });

  test("on free ports of the loopback, for real clients; several at a time", async () => {
    const [one, two] = await Promise.all([
      startRocketMQ({ listen: true }),
      startRocketMQ({ listen: true, broker: { brokerName: "b2" } }),
    ]);
    const { hostRuntime } = await import("../support/host_runtime.ts");
    const remote = new RemotingClient({ runtime: await hostRuntime(), log: new RecordingLog() });
    for (const rocketmq of [one, two]) {
      const route = await remote.invoke(
        rocketmq.namesrvAddr ?? "",
        "GET_ROUTEINFO_BY_TOPIC",
        { topic: "TBW102" },
        NO_BODY,
        3_000,
      );
      const address = topicRouteData.decode(route.body).brokerDatas[0]?.brokerAddrs.get(0) ?? "";
      expect(address).toBe(`127.0.0.1:${rocketmq.broker.settings.listenPort}`);
      const sent = await remote.invoke(address, "SEND_MESSAGE", sendHeader("T"), encodeUtf8("hello"), 3_000);
      expect(sent.code).toBe(0);
    }
    remote.stop();
    await Promise.all([one.close(), two.close()]);
  });

  test("takes keys of broker.conf, and names one that can't be used", async () => {
    const rocketmq = await startRocketMQ({ broker: { defaultTopicQueueNums: 2 } });
    expect(rocketmq.broker.topics.find("TBW102")?.writeQueueNums).toBe(2);
    await rocketmq.close();
    expect(await rejection(startRocketMQ({ broker: { brokerPermission: 99 } }))).toInclude("brokerPermission=99");
  });
});
