import { describe, expect, test } from "bun:test";
import { type SimRuntime, simWorld } from "../../adapters/sim/sim.ts";
import { Broker } from "../../core/broker/broker.ts";
import type { BrokerSettingsInput } from "../../core/broker/options.ts";
import { settingsWith } from "../../core/config.ts";
import { NameServer } from "../../core/namesrv/namesrv.ts";
import { namesrvOptions } from "../../core/namesrv/options.ts";
import { LocalPeer } from "../../core/remoting/local_peer.ts";
import type { ProcessorMap } from "../../core/remoting/processor.ts";
import { RemotingServer } from "../../core/remoting/server.ts";
import { Deferred } from "../../core/store/deferred.ts";
import { kvTable } from "../../wire/bodies/kv_table.ts";
import { decodeRegisterBrokerBody, type RegisterBrokerBody } from "../../wire/bodies/register_broker.ts";
import { topicRouteData } from "../../wire/bodies/route.ts";
import { encodeUtf8 } from "../../wire/bytes.ts";
import { SERIALIZE_JSON, SERIALIZE_ROCKETMQ } from "../../wire/remoting_command.ts";
import type { RequestHeaderOf } from "../../wire/requests.ts";
import { RecordingLog, rejection, settingsOf, topicHeader } from "./management_harness.ts";

const NO_BODY = new Uint8Array(0);

interface Registered {
  readonly header: RequestHeaderOf<"REGISTER_BROKER">;
  readonly body: RegisterBrokerBody;
  readonly zone: string | undefined;
}

/** A nameserver that writes down what it is told, and answers as Apache's: a first registration needs two topics. */
class FakeNameServer {
  readonly registered: Registered[] = [];
  readonly unregistered: string[] = [];
  readonly topics: string[] = [];
  orderTopics: readonly string[] = [];
  versionChanged = false;
  /** Registrations are taken in, and answered from when this is settled. */
  gate: Promise<void> | undefined;
  #known = false;
  readonly #server: RemotingServer<"namesrv">;

  constructor(runtime: SimRuntime, port = 9876) {
    const processors: Partial<ProcessorMap<"namesrv">> = {
      REGISTER_BROKER: async (context, { header, body }) => {
        await this.gate;
        const decoded = decodeRegisterBrokerBody(body, context.version, (bytes, max) => runtime.compression.inflate(bytes, max));
        this.registered.push({ header, body: decoded, zone: context.extFields["__ZONE_NAME"] });
        if (!this.#known && decoded.topicConfigSerializeWrapper.topicConfigTable.size === 1) {
          return { code: 1, remark: "register broker failed" };
        }
        this.#known = true;
        const table = new Map(this.orderTopics.map((topic) => [topic, "broker-a:4"]));
        return { header: {}, ...(table.size === 0 ? {} : { body: kvTable.encode({ table }) }) };
      },
      REGISTER_TOPIC_IN_NAMESRV: (_context, { header, body }) => {
        this.topics.push(`${header.topic}:${topicRouteData.decode(body).queueDatas[0]?.writeQueueNums}`);
        return {};
      },
      QUERY_DATA_VERSION: (_context, { body }) => ({ header: { changed: this.versionChanged }, body: body.slice() }),
      UNREGISTER_BROKER: (_context, { header }) => {
        this.unregistered.push(header.brokerName);
        return {};
      },
    };
    this.#server = new RemotingServer({
      runtime,
      log: new RecordingLog(),
      role: "namesrv",
      processors: processors as ProcessorMap<"namesrv">,
      listen: [{ host: "0.0.0.0", port }],
    });
  }

  async start(): Promise<this> {
    await this.#server.start();
    return this;
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }

  get last(): Registered {
    const last = this.registered.at(-1);
    if (last === undefined) throw new Error("nothing was registered");
    return last;
  }

  /** Names in the last registration. */
  get lastTopics(): string[] {
    return [...this.last.body.topicConfigSerializeWrapper.topicConfigTable.keys()];
  }
}

function world(names: Record<string, string[]> = {}) {
  const sim = simWorld({ names });
  const at = (address: string, environment: Record<string, string> = {}) => sim.process({ addresses: [address], environment });
  return { clock: sim.clock, at };
}

function brokerAt(runtime: SimRuntime, settings: BrokerSettingsInput) {
  const log = new RecordingLog();
  const broker = new Broker({ runtime, log, settings: settingsOf(runtime, { brokerIP1: "10.0.0.5", ...settings }) });
  return { broker, log };
}

/** Starts a broker; time moves when it waits. */
async function started(broker: Broker, clock: { advance(ms: number): Promise<void> }): Promise<void> {
  let settled = false;
  const start = broker.start().finally(() => {
    settled = true;
  });
  for (let tries = 0; tries < 50 && !settled; tries++) await clock.advance(100);
  await start;
}

describe("registration", () => {
  test("at start says everything, as Apache's does", async () => {
    const { at, clock } = world();
    const nameServer = await new FakeNameServer(at("10.0.0.1")).start();
    const { broker } = brokerAt(at("10.0.0.5", { ROCKETMQ_ZONE: "z1" }), { namesrvAddr: "10.0.0.1:9876" });
    await started(broker, clock);
    expect(nameServer.registered.length).toBe(1);
    expect(nameServer.last.header).toMatchObject({
      brokerName: "broker-a",
      brokerAddr: "10.0.0.5:10911",
      clusterName: "DefaultCluster",
      haServerAddr: "10.0.0.5:10912",
      brokerId: 0,
      enableActingMaster: false,
      compressed: false,
    });
    expect(nameServer.last.header.heartbeatTimeoutMillis).toBeUndefined();
    expect(nameServer.last.header.bodyCrc32).toBeGreaterThan(0);
    expect(nameServer.last.zone).toBe("z1");
    expect(nameServer.lastTopics.length).toBe(15);
    expect(broker.describe().nameServers).toEqual([{ address: "10.0.0.1:9876", failure: undefined }]);
    await broker.stop();
    expect(nameServer.unregistered).toEqual(["broker-a"]);
    await nameServer.stop();
  });

  test("is repeated every registerNameServerPeriod", async () => {
    const { at, clock } = world();
    const nameServer = await new FakeNameServer(at("10.0.0.1")).start();
    const { broker } = brokerAt(at("10.0.0.5"), { namesrvAddr: "10.0.0.1:9876", registerNameServerPeriod: 10_000 });
    await started(broker, clock);
    await clock.advance(31_000);
    expect(nameServer.registered.length).toBe(4);
    await broker.stop();
    await nameServer.stop();
  });

  test("of a changed topic is sent at once, alone, with the new version", async () => {
    const { at, clock } = world();
    const nameServer = await new FakeNameServer(at("10.0.0.1")).start();
    const { broker } = brokerAt(at("10.0.0.5"), { namesrvAddr: "10.0.0.1:9876" });
    await started(broker, clock);
    broker.topics.createOnSend("T1", "TBW102", 4, 0);
    await clock.advance(10);
    expect([nameServer.registered.length, ...nameServer.lastTopics]).toEqual([2, "T1"]);
    expect(nameServer.last.body.topicConfigSerializeWrapper.dataVersion.counter).toBe(1);
    // A burst while a call is under way goes together.
    for (const name of ["A", "B", "C"]) broker.topics.createOnSend(name, "TBW102", 4, 0);
    await clock.advance(10);
    expect(
      nameServer.registered.slice(2).map(({ body }) => [...body.topicConfigSerializeWrapper.topicConfigTable.keys()]),
    ).toEqual([["A"], ["B", "C"]]);
    await broker.stop();
    await nameServer.stop();
  });

  test("with a single-topic request when that is asked for", async () => {
    const { at, clock } = world();
    const nameServer = await new FakeNameServer(at("10.0.0.1")).start();
    const { broker } = brokerAt(at("10.0.0.5"), { namesrvAddr: "10.0.0.1:9876", enableSingleTopicRegister: true });
    await started(broker, clock);
    broker.topics.createOnSend("T1", "TBW102", 4, 0);
    await clock.advance(10);
    expect([nameServer.registered.length, ...nameServer.topics]).toEqual([1, "T1:4"]);
    await broker.stop();
    await nameServer.stop();
  });

  test("a nameserver that is down at start costs the others nothing and gets everything when it comes", async () => {
    const { at, clock } = world();
    const first = await new FakeNameServer(at("10.0.0.1")).start();
    const late = at("10.0.0.2");
    const { broker, log } = brokerAt(at("10.0.0.5"), { namesrvAddr: "10.0.0.1:9876;10.0.0.2:9876" });
    await started(broker, clock);
    expect(first.registered.length).toBe(1);
    expect(broker.describe().nameServers.map(({ failure }) => failure === undefined)).toEqual([true, false]);
    broker.topics.createOnSend("T1", "TBW102", 4, 0);
    await clock.advance(12_000);
    const second = await new FakeNameServer(late).start();
    await clock.advance(5_100);
    // Never one topic alone, which a nameserver refuses of a broker that it does not know.
    expect(second.registered.length).toBe(1);
    expect(second.lastTopics.length).toBe(16);
    const told = log.of("warn").filter((line) => line.message.startsWith("cannot register with a nameserver"));
    expect(told.map((line) => line.fields["nameserver"])).toEqual(["10.0.0.2:9876"]);
    expect(log.of("info").some((line) => line.message === "registered with the nameserver again")).toBe(true);
    await broker.stop();
    await first.stop();
    await second.stop();
  });

  test("is renewed at once when a nameserver restarts", async () => {
    const { at, clock } = world();
    const machine = at("10.0.0.1");
    const before = await new FakeNameServer(machine).start();
    const { broker } = brokerAt(at("10.0.0.5"), { namesrvAddr: "10.0.0.1:9876" });
    await started(broker, clock);
    await before.stop();
    await clock.advance(100);
    const after = await new FakeNameServer(machine).start();
    broker.topics.createOnSend("T1", "TBW102", 4, 0);
    await clock.advance(5_100);
    expect(after.registered.length).toBe(1);
    expect(after.lastTopics.length).toBe(16);
    await broker.stop();
    await after.stop();
  });

  test("narrows permissions by brokerPermission", async () => {
    const { at, clock } = world();
    const nameServer = await new FakeNameServer(at("10.0.0.1")).start();
    const { broker } = brokerAt(at("10.0.0.5"), { namesrvAddr: "10.0.0.1:9876" });
    await started(broker, clock);
    await broker.invoke("UPDATE_BROKER_CONFIG", {}, encodeUtf8("brokerPermission=4"));
    await clock.advance(10);
    const topics = nameServer.last.body.topicConfigSerializeWrapper.topicConfigTable;
    expect([topics.get("TBW102")?.perm, topics.get("BenchmarkTest")?.perm]).toEqual([4, 4]);
    expect(broker.topics.find("BenchmarkTest")?.perm).toBe(6);
    await broker.stop();
    await nameServer.stop();
  });

  test("takes over which topics are ordered", async () => {
    const { at, clock } = world();
    const nameServer = await new FakeNameServer(at("10.0.0.1")).start();
    nameServer.orderTopics = ["BenchmarkTest", "Unknown"];
    const { broker } = brokerAt(at("10.0.0.5"), { namesrvAddr: "10.0.0.1:9876" });
    await started(broker, clock);
    expect(broker.topics.find("BenchmarkTest")?.order).toBe(true);
    expect(broker.topics.dataVersion.counter).toBe(1);
    await broker.stop();
    await nameServer.stop();
  });

  test("with forceRegister=false asks first, and is silent when nothing changed", async () => {
    const { at, clock } = world();
    const nameServer = await new FakeNameServer(at("10.0.0.1")).start();
    const { broker } = brokerAt(at("10.0.0.5"), { namesrvAddr: "10.0.0.1:9876", forceRegister: false });
    await started(broker, clock);
    await clock.advance(61_000);
    expect(nameServer.registered.length).toBe(1);
    nameServer.versionChanged = true;
    await clock.advance(30_000);
    expect(nameServer.registered.length).toBe(2);
    await broker.stop();
    await nameServer.stop();
  });

  test("in parts of splitRegistrationSize, the first never with one topic", async () => {
    const { at, clock } = world();
    const nameServer = await new FakeNameServer(at("10.0.0.1")).start();
    const { broker } = brokerAt(at("10.0.0.5"), {
      namesrvAddr: "10.0.0.1:9876",
      enableSplitRegistration: true,
      splitRegistrationSize: 1,
    });
    await started(broker, clock);
    const sizes = nameServer.registered.map(({ body }) => body.topicConfigSerializeWrapper.topicConfigTable.size);
    expect(sizes).toEqual([2, 2, 2, 2, 2, 2, 2, 1]);
    await broker.stop();
    await nameServer.stop();
  });

  test("compressed, and saying so", async () => {
    const { at, clock } = world();
    const nameServer = await new FakeNameServer(at("10.0.0.1")).start();
    const { broker } = brokerAt(at("10.0.0.5"), { namesrvAddr: "10.0.0.1:9876", compressedRegister: true });
    await started(broker, clock);
    expect([nameServer.last.header.compressed, nameServer.lastTopics.length]).toEqual([true, 15]);
    await broker.stop();
    await nameServer.stop();
  });
});

describe("who makes, changes or deletes a topic is answered", () => {
  /** A broker, and a nameserver that answers as long as `gate` lets it. */
  async function registered() {
    const { at, clock } = world();
    const nameServer = await new FakeNameServer(at("10.0.0.1")).start();
    const { broker } = brokerAt(at("10.0.0.5"), { namesrvAddr: "10.0.0.1:9876" });
    await started(broker, clock);
    const gates: Deferred<void>[] = [];
    const answered: string[] = [];
    return {
      clock,
      nameServer,
      answered,
      /** The next registration waits. */
      gate: (): Deferred<void> => {
        const gate = new Deferred<void>();
        gates.push(gate);
        nameServer.gate = gate.promise;
        return gate;
      },
      make: (topic: string) => broker.invoke("UPDATE_AND_CREATE_TOPIC", topicHeader(topic)).then(() => answered.push(topic)),
      remove: (topic: string) => broker.invoke("DELETE_TOPIC_IN_BROKER", { topic }).then(() => answered.push(`-${topic}`)),
      end: async () => {
        for (const gate of gates) gate.resolve();
        await broker.stop();
        await nameServer.stop();
      },
    };
  }

  test("when the nameserver has it", async () => {
    const { clock, nameServer, answered, gate, make, remove, end } = await registered();
    const first = gate();
    const made = make("T1");
    await clock.advance(1_000);
    expect([answered, nameServer.lastTopics.includes("T1")]).toEqual([[], false]);
    first.resolve();
    await made;
    expect([answered, nameServer.lastTopics]).toEqual([["T1"], ["T1"]]);
    const second = gate();
    const removed = remove("T1");
    await clock.advance(1_000);
    expect(answered).toEqual(["T1"]);
    second.resolve();
    await removed;
    expect([answered, nameServer.lastTopics.includes("T1")]).toEqual([["T1", "-T1"], false]);
    await end();
  });

  test("by the call that has it, when another one is under way, and not by those that follow", async () => {
    const { clock, nameServer, answered, gate, make, end } = await registered();
    const first = gate();
    const all = [make("T1")];
    await clock.advance(10);
    all.push(make("T2"));
    await clock.advance(10);
    const second = gate();
    first.resolve();
    await clock.advance(10);
    expect(answered).toEqual(["T1"]);
    all.push(make("T3"));
    await clock.advance(10);
    gate();
    second.resolve();
    await clock.advance(10);
    expect([answered, nameServer.lastTopics]).toEqual([["T1", "T2"], ["T2"]]);
    await end();
    await Promise.all(all);
  });

  test("after three seconds when a nameserver hangs, and at once when that is known of it", async () => {
    const { clock, answered, gate, make, end } = await registered();
    gate();
    const made = make("T1");
    await clock.advance(2_990);
    expect(answered).toEqual([]);
    await clock.advance(20);
    await made;
    // It is tried again, and hangs again.
    await clock.advance(30_000);
    const before = clock.monotonic();
    await make("T2");
    expect([answered, clock.monotonic() - before]).toEqual([["T1", "T2"], 0]);
    await end();
  });
});

describe("host names in namesrvAddr", () => {
  test("stand for all their addresses, and are resolved again", async () => {
    const names = { ns: ["10.0.0.1", "fd00::1"] };
    const { at, clock } = world(names);
    const first = await new FakeNameServer(at("10.0.0.1")).start();
    const second = await new FakeNameServer(at("10.0.0.2")).start();
    const runtime = at("10.0.0.5");
    const resolve = { calls: 0, answer: ["10.0.0.1", "fd00::1"] };
    const dns = {
      resolve: async (name: string) => {
        if (name !== "ns") return [name];
        resolve.calls++;
        if (resolve.answer.length === 0) throw Object.assign(new Error("queryA ENOTFOUND ns"), { code: "ENOTFOUND" });
        return resolve.answer;
      },
    };
    const log = new RecordingLog();
    const settings = settingsOf(runtime, { brokerIP1: "10.0.0.5", namesrvAddr: "ns:9876", updateNameServerAddrPeriod: 60_000 });
    const broker = new Broker({ runtime: { ...runtime, dns }, log, settings });
    await started(broker, clock);
    expect(broker.describe().nameServers.map(({ address }) => address)).toEqual(["10.0.0.1:9876"]);
    resolve.answer = ["10.0.0.1", "10.0.0.2"];
    await clock.advance(60_100);
    expect([first.registered.length > 0, second.registered.length > 0]).toEqual([true, true]);
    resolve.answer = ["10.0.0.2"];
    await clock.advance(60_000);
    expect(broker.describe().nameServers.map(({ address }) => address)).toEqual(["10.0.0.2:9876"]);
    // A name that can't be resolved for a while keeps its last addresses.
    resolve.answer = [];
    await clock.advance(60_000);
    expect(broker.describe().nameServers.map(({ address }) => address)).toEqual(["10.0.0.2:9876"]);
    expect(log.of("warn").some((line) => line.message.startsWith("cannot resolve the name of a nameserver"))).toBe(true);
    await broker.stop();
    await first.stop();
    await second.stop();
  });
});

test.each([
  ["JSON", 0, SERIALIZE_JSON],
  ["ROCKETMQ", 1, SERIALIZE_ROCKETMQ],
] as const)("headers are written as %s when that is the serializeType", async (_name, mark, serializeType) => {
  const { at, clock } = world();
  const first: number[] = [];
  const listener = await at("10.0.0.1").net.listen({ host: "0.0.0.0", port: 9876 }, () => ({
    data: (chunk) => void first.push(...chunk.subarray(0, 5)),
    closed: () => {},
  }));
  const runtime = at("10.0.0.5");
  const settings = settingsOf(runtime, { namesrvAddr: "10.0.0.1:9876" });
  const broker = new Broker({ runtime, log: new RecordingLog(), settings, serializeType });
  await started(broker, clock);
  // frame = length(4) serialize type(1) header length(3) …
  expect(first[4]).toBe(mark);
  const stopping = broker.stop();
  await clock.advance(5_000);
  await stopping;
  await listener.close();
});

describe("a name in namesrvAddr that has no address yet", () => {
  test("is tried again every few seconds, one warning for all tries, and keeps no other nameserver waiting", async () => {
    const { at, clock } = world();
    const first = await new FakeNameServer(at("10.0.0.1")).start();
    const late = await new FakeNameServer(at("10.0.0.2")).start();
    const runtime = at("10.0.0.5");
    let exists = false;
    const dns = {
      resolve: async (name: string) => {
        if (name === "slow") return new Promise<string[]>(() => {});
        if (name !== "late") return [name];
        if (!exists) throw Object.assign(new Error("queryA ENOTFOUND late"), { code: "ENOTFOUND" });
        return ["10.0.0.2"];
      },
    };
    const log = new RecordingLog();
    const settings = settingsOf(runtime, { brokerIP1: "10.0.0.5", namesrvAddr: "slow:9876;late:9876;10.0.0.1:9876" });
    const broker = new Broker({ runtime: { ...runtime, dns }, log, settings });
    await started(broker, clock);
    expect([first.registered.length, late.registered.length]).toEqual([1, 0]);
    await clock.advance(20_000);
    exists = true;
    await clock.advance(5_100);
    expect(late.lastTopics.length).toBe(15);
    const warned = log.of("warn").filter((line) => line.message.startsWith("cannot resolve the name of a nameserver"));
    expect(warned.map((line) => line.fields["name"])).toEqual(["late"]);
    await broker.stop();
    expect([first.unregistered, late.unregistered]).toEqual([["broker-a"], ["broker-a"]]);
    await first.stop();
    await late.stop();
  });
});

test("a nameserver in the same process is registered with without a socket, and forgets a broker that stops", async () => {
  const { at, clock } = world();
  const runtime = at("10.0.0.5");
  const log = new RecordingLog();
  const nameServer = new NameServer({ runtime, log, settings: settingsWith(namesrvOptions, {}, runtime.system) });
  await nameServer.start();
  const broker = new Broker({ runtime, log, settings: settingsOf(runtime), nameServer, listen: false });
  await started(broker, clock);
  broker.topics.createOnSend("T1", "TBW102", 4, 0);
  await clock.advance(10);
  const peer = new LocalPeer();
  const route = await nameServer.invoke("GET_ROUTEINFO_BY_TOPIC", peer, { topic: "T1" });
  expect(topicRouteData.decode(route?.body ?? NO_BODY).queueDatas).toEqual([
    { brokerName: "broker-a", readQueueNums: 4, writeQueueNums: 4, perm: 6, topicSysFlag: 0 },
  ]);
  await broker.stop();
  await clock.advance(100);
  expect(await rejection(nameServer.invoke("GET_ROUTEINFO_BY_TOPIC", peer, { topic: "T1" }))).toInclude("No topic route info");
  await nameServer.stop();
});
