/** Servers that take a connection and say nothing: no call of any kind takes longer than it was told, and none hides it for good. */
import { describe, expect, test } from "bun:test";
import { simRuntime } from "../../adapters/sim/sim.ts";
import {
  ClientInstance,
  LitePullConsumer,
  type MessageExt,
  MQClientError,
  Producer,
  PushConsumer,
  SimpleConsumer,
  TransactionProducer,
} from "../../core/client/mod.ts";
import type { Socket } from "../../core/runtime.ts";
import { topicRouteData } from "../../wire/bodies/route.ts";
import { REQUESTS } from "../../wire/requests.ts";
import { type Answers, fakeServer, frameOf } from "./fake_server.ts";

const TIMEOUT_MS = 1_000;
const message = { topic: "T", body: "x" };
const producer = (client: ClientInstance) => new Producer(client, { producerGroup: "pg", sendMsgTimeout: TIMEOUT_MS });

const SENDS: Readonly<Record<string, (client: ClientInstance) => Promise<unknown>>> = {
  send: (client) => producer(client).send(message),
  "send, told how long": (client) => new Producer(client, { producerGroup: "pg" }).send(message, { timeoutMs: TIMEOUT_MS }),
  sendBatch: (client) => producer(client).sendBatch([message, message]),
  request: (client) => producer(client).request(message),
  sendMessageInTransaction: (client) =>
    new TransactionProducer(client, {
      producerGroup: "pg",
      sendMsgTimeout: TIMEOUT_MS,
      checkLocalTransaction: () => "UNKNOW",
    }).sendMessageInTransaction(message, () => "COMMIT_MESSAGE"),
};

/** A server that is silent where `answers` says so, a client of it, and a clock that moves while something is waited for. */
async function at(answers: Answers) {
  const sim = simRuntime();
  const { address } = await fakeServer(sim, answers);
  const client = new ClientInstance({ runtime: sim, namesrvAddr: address });
  const timed = async (call: () => Promise<unknown>) => {
    const startedAt = sim.clock.monotonic();
    let settled: { value?: unknown; fault?: unknown } | undefined;
    call().then(
      (value) => {
        settled = { value };
      },
      (fault: unknown) => {
        settled = { fault };
      },
    );
    await sim.clock.until(() => settled !== undefined, 120_000);
    return { ...settled, tookMs: sim.clock.monotonic() - startedAt };
  };
  const close = async () => {
    const closing = client.close();
    await sim.clock.advance(60_000);
    await closing;
  };
  return { sim, client, address, timed, close };
}

const silent = () => {};
/** A topic of the broker that is the nameserver, too. */
const routeTo = ({ local }: Socket) => ({
  brokerDatas: [
    { cluster: "c", enableActingMaster: false, brokerName: "b", brokerAddrs: new Map([[0, `${local.host}:${local.port}`]]) },
  ],
  queueDatas: [{ brokerName: "b", readQueueNums: 1, writeQueueNums: 1, perm: 6, topicSysFlag: 0 }],
  filterServerTable: new Map(),
});
const NO_BROKERS = { brokerDatas: [], queueDatas: [], filterServerTable: new Map() };

describe("a nameserver that says nothing", () => {
  for (const [name, call] of Object.entries({
    ...SENDS,
    sendOneway: (client: ClientInstance) => producer(client).sendOneway(message),
  })) {
    test(name, async () => {
      const { client, timed, close } = await at({ onRoute: silent });
      const { fault, tookMs } = await timed(() => call(client));
      expect(fault).toBeInstanceOf(MQClientError);
      const { kind, message: words } = fault as MQClientError;
      expect([kind, words]).toEqual(["timeout", expect.stringContaining('Cannot send to topic "T": no nameserver said within')]);
      expect(tookMs).toBeLessThanOrEqual(TIMEOUT_MS + 1);
      await close();
    });
  }

  for (const kind of ["send", "sendOneway"] as const) {
    test(`${kind}, to a queue of a broker that the known route does not name`, async () => {
      let answering = true;
      const { client, timed, close } = await at({
        onRoute: (socket, request) => {
          if (answering) socket.write(frameOf(request, { body: topicRouteData.encode(NO_BROKERS) }));
        },
      });
      await timed(() => client.route("T"));
      answering = false;
      const messageQueue = { topic: "T", brokerName: "b", queueId: 0 };
      const { fault, tookMs } = await timed(() => producer(client)[kind](message, { messageQueue }));
      expect([(fault as MQClientError).kind, (fault as MQClientError).message]).toEqual([
        "timeout",
        'Cannot send to topic "T": no nameserver said within the 1000 ms of this send which broker is the master of "b"',
      ]);
      expect(tookMs).toBeLessThanOrEqual(TIMEOUT_MS + 1);
      await close();
    });
  }

  test("a push consumer does not start, and says whom it asked", async () => {
    const { client, address, timed, close } = await at({ onRoute: silent });
    const consumer = new PushConsumer(client, { consumerGroup: "cg", subscription: { T: "*" } });
    const { fault, tookMs } = await timed(() => consumer.start(() => {}));
    expect([(fault as MQClientError).kind, (fault as MQClientError).message]).toEqual([
      "unreachable",
      expect.stringContaining(`${address} did not answer GET_ROUTEINFO_BY_TOPIC within 3000 ms`),
    ]);
    expect(tookMs).toBeLessThanOrEqual(3_001);
    await close();
  });

  test("is asked for one route at a time, however many topics are in use", async () => {
    let answering = true;
    const { sim, client, timed, close } = await at({
      onRoute: (socket, request) => {
        if (answering) socket.write(frameOf(request, { body: topicRouteData.encode(NO_BROKERS) }));
      },
    });
    const topics = Array.from({ length: 20 }, (_, i) => `T${i}`);
    await timed(() => Promise.all(topics.map((topic) => client.route(topic))));
    answering = false;
    const asked = new Set<string>();
    let [underWay, most] = [0, 0];
    const refreshRoute = client.refreshRoute.bind(client);
    client.refreshRoute = (topic, createWith) => {
      asked.add(topic);
      most = Math.max(most, ++underWay);
      return refreshRoute(topic, createWith).finally(() => underWay--);
    };
    await sim.clock.advance(5 * 60_000);
    expect([asked.size, most]).toEqual([topics.length, 1]);
    await close();
  });

  for (const kind of ["poll", "receive"] as const) {
    test(`${kind} ends in its time with nothing, and the next tells why the consumer did not start`, async () => {
      const { sim, client, timed, close } = await at({ onRoute: silent });
      const lite = new LitePullConsumer(client, { consumerGroup: "lite" });
      await lite.subscribe("T");
      const simple = new SimpleConsumer(client, { consumerGroup: "simple", subscription: { T: "*" } });
      const call = () => (kind === "poll" ? lite.poll({ timeoutMs: TIMEOUT_MS }) : simple.receive({ awaitDuration: TIMEOUT_MS }));
      const { value, tookMs } = await timed(call);
      expect([value, Math.round(tookMs)]).toEqual([[], TIMEOUT_MS]);
      await sim.clock.advance(5_000);
      const later = await timed(call);
      expect([(later.fault as MQClientError).kind, later.tookMs]).toEqual(["unreachable", 0]);
      await close();
    });
  }
});

describe("a broker that says nothing", () => {
  for (const [name, call] of Object.entries(SENDS)) {
    test(name, async () => {
      const { client, timed, close } = await at({ onSend: silent, onOther: silent });
      const { fault, tookMs } = await timed(() => call(client));
      expect([(fault as MQClientError).kind, (fault as MQClientError).message]).toEqual([
        "timeout",
        expect.stringMatching(/^Cannot send to topic "T"/),
      ]);
      expect(tookMs).toBeLessThanOrEqual(TIMEOUT_MS + 2);
      await close();
    });
  }

  test("poll, of a topic and of queues", async () => {
    for (const assigned of [false, true]) {
      const { client, timed, close } = await at({ onOther: silent });
      const lite = new LitePullConsumer(client, { consumerGroup: "lite" });
      if (assigned) await lite.assign([{ topic: "T", brokerName: "b", queueId: 0 }]);
      else await lite.subscribe("T");
      const { value, tookMs } = await timed(() => lite.poll({ timeoutMs: TIMEOUT_MS }));
      expect([value, Math.round(tookMs)]).toEqual([[], TIMEOUT_MS]);
      await close();
    }
  });

  test("receive: its time, or that of one call", async () => {
    const { sim, client, timed, close } = await at({
      // It knows its members, and gives nothing.
      onOther: (socket, request) => {
        if (request.code === REQUESTS.HEART_BEAT.code) socket.write(frameOf(request, {}));
      },
    });
    const simple = new SimpleConsumer(client, { consumerGroup: "simple", subscription: { T: "*" } });
    await timed(() => simple.start());
    for (const awaitDuration of [500, 5_000]) {
      const { fault, tookMs } = await timed(() => simple.receive({ awaitDuration }));
      expect([(fault as MQClientError).kind, (fault as MQClientError).message]).toEqual([
        "timeout",
        expect.stringContaining("did not answer POP_MESSAGE"),
      ]);
      expect(tookMs).toBeLessThanOrEqual(Math.max(3_000, awaitDuration) + 1);
    }
    await sim.clock.advance(1_000);
    await close();
  });
});

test("a broker that takes messages and no traces holds the close up for the tries of two batches, however many wait", async () => {
  const sim = simRuntime();
  const { address } = await fakeServer(sim, {
    onSend: (socket, request) => {
      // `b` is the topic in the short header of a send.
      if (request.extFields?.["b"] !== "T") return;
      socket.write(frameOf(request, { extFields: { msgId: "id", queueId: "0", queueOffset: "5" } }));
    },
  });
  const client = new ClientInstance({ runtime: sim, namesrvAddr: address, enableTrace: true });
  const traced = new Producer(client, { producerGroup: "pg" });
  for (let i = 0; i < 1_000; i++) await sim.clock.resolve(traced.send(message));
  const startedAt = sim.clock.monotonic();
  await sim.clock.resolve(client.close(), 600_000);
  expect(sim.clock.monotonic() - startedAt).toBeLessThan(2 * 2 * 3_000 + 1_000);
});

for (const end of ["abort", "close"] as const) {
  test(`receive asks no further broker when one was silent: ${end}`, async () => {
    const sim = simRuntime();
    const asked: string[] = [];
    const brokers = new Map<string, string>();
    const { address } = await fakeServer(sim, {
      brokers,
      onOther: (socket, request) => {
        if (request.code === REQUESTS.POP_MESSAGE.code) asked.push(request.extFields?.["bname"] ?? "");
        else socket.write(frameOf(request, {}));
      },
    });
    for (const name of ["a", "b", "c"]) brokers.set(name, address);
    const client = new ClientInstance({ runtime: sim, namesrvAddr: address });
    const simple = new SimpleConsumer(client, { consumerGroup: "cg", subscription: { T: "*" } });
    await sim.clock.resolve(simple.start());
    const controller = new AbortController();
    const given = simple.receive({ signal: controller.signal, awaitDuration: 60_000 }).catch((fault: Error) => fault.message);
    await sim.clock.advance(1_000);
    if (end === "abort") controller.abort(new Error("enough"));
    else await sim.clock.resolve(simple.close());
    const fault = await sim.clock.resolve(given, 60_000);
    expect([fault, asked.length]).toEqual([end === "abort" ? "enough" : 'Consumer of group "cg" was closed', 1]);
    await sim.clock.resolve(client.close());
  });
}

describe("a signal ends at once what waits for silence", () => {
  const popped = { topic: "T", receiptHandle: "0 0 0 0 0 unknown 0 0", properties: new Map() } as unknown as MessageExt;
  const simple = (client: ClientInstance) => new SimpleConsumer(client, { consumerGroup: "cg" });
  const WAITS: Readonly<Record<string, (client: ClientInstance, signal: AbortSignal) => Promise<unknown>>> = {
    "request, that of a broker which is to know the producer": (client, signal) =>
      new Producer(client, { producerGroup: "pg" }).request(message, { signal, timeoutMs: 30_000 }),
    "sendMessageInTransaction, the same": (client, signal) =>
      new TransactionProducer(client, {
        producerGroup: "pg",
        checkLocalTransaction: () => "UNKNOW",
      }).sendMessageInTransaction(message, () => "COMMIT_MESSAGE", { signal, timeoutMs: 30_000 }),
    "acknowledge, that of a nameserver which is to know the broker": (client, signal) =>
      simple(client).acknowledge(popped, { signal }),
    "changeInvisibleDuration, the same": (client, signal) => simple(client).changeInvisibleDuration(popped, 10_000, { signal }),
  };
  for (const [name, call] of Object.entries(WAITS)) {
    test(name, async () => {
      let answering = true;
      const { sim, client, timed, close } = await at({
        onOther: silent,
        onRoute: (socket, request) => {
          if (answering) socket.write(frameOf(request, { body: topicRouteData.encode(routeTo(socket)) }));
        },
      });
      await timed(() => client.route("T"));
      answering = false;
      const controller = new AbortController();
      sim.clock.setTimeout(() => controller.abort(new Error("enough")), 1_000);
      const { fault, tookMs } = await timed(() => call(client, controller.signal));
      expect([(fault as Error).message, Math.round(tookMs)]).toEqual(["enough", 1_000]);
      await close();
    });
  }
});
