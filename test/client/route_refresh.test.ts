/** Routes are asked for again every pollNameServerInterval, and at once when a broker's answer shows that one is wrong. */
import { describe, expect, test } from "bun:test";
import { type SimRuntime, simRuntime } from "../../adapters/sim/sim.ts";
import { ClientInstance, type ClientOptions, LitePullConsumer, Producer } from "../../core/client/mod.ts";
import { REQUESTS } from "../../wire/requests.ts";
import { ResponseCode } from "../../wire/response_code.ts";
import { type Answer, fakeServer, frameOf } from "./fake_server.ts";
import { rejection } from "./harness.ts";

/** Three machines: one says the routes, two would be brokers. */
interface World {
  readonly sim: SimRuntime;
  readonly client: ClientInstance;
  /** brokerName -> address: what every route says from now on. */
  readonly brokers: Map<string, string>;
  readonly addresses: { readonly one: string; readonly two: string };
  /** Routes that were asked for. */
  readonly asked: () => number;
  /** What the brokers were asked, as `one SEND_MESSAGE_V2`; heartbeats and goodbyes aside. */
  readonly requests: string[];
  /** How the first machine answers from now on; else both answer with what they have. */
  readonly answer: { one: Answer | undefined };
}

const NAME_OF = new Map<number, string>(Object.entries(REQUESTS).map(([name, { code }]) => [code, name]));
const HOLD_MS = 1_000;
const UNASKED = new Set(["HEART_BEAT", "UNREGISTER_CLIENT"]);

/** What any request of these tests needs to be told. A pull finds nothing, after a while. */
const has =
  ({ clock }: SimRuntime): Answer =>
  (socket, request) => {
    const pulled = { nextBeginOffset: "7", minOffset: "0", maxOffset: "7", suggestWhichBrokerId: "0" };
    const sent = { msgId: "id", queueId: "0", queueOffset: "5", offset: "7" };
    const pull = request.code === REQUESTS.LITE_PULL_MESSAGE.code;
    const frame = frameOf(request, { code: pull ? ResponseCode.PULL_NOT_FOUND : 0, extFields: { ...pulled, ...sent } });
    if (pull) clock.setTimeout(() => socket.write(frame), HOLD_MS);
    else socket.write(frame);
  };

const refusing =
  (code: number): Answer =>
  (socket, request) =>
    socket.write(frameOf(request, { code, remark: "not here" }));

async function withWorld(body: (world: World) => Promise<void>, options: Partial<ClientOptions> = {}): Promise<void> {
  const sim = simRuntime();
  const brokers = new Map<string, string>();
  const requests: string[] = [];
  const answer: World["answer"] = { one: undefined };
  let asked = 0;
  const machine = async (name: "one" | "two") => {
    const onAny: Answer = (socket, request) => {
      const what = NAME_OF.get(request.code) ?? "";
      if (UNASKED.has(what)) {
        socket.write(frameOf(request, {}));
        return;
      }
      requests.push(`${name} ${what}`);
      ((name === "one" ? answer.one : undefined) ?? has(sim))(socket, request);
    };
    return (await fakeServer(sim, { onSend: onAny, onOther: onAny, brokers })).address;
  };
  const addresses = { one: await machine("one"), two: await machine("two") };
  const count: Answer = (_socket, request) => {
    if (request.code === REQUESTS.GET_ROUTEINFO_BY_TOPIC.code) asked++;
  };
  const nameserver = await fakeServer(sim, { brokers, onRequest: count });
  brokers.set("b", addresses.one);
  const client = new ClientInstance({ runtime: sim, namesrvAddr: nameserver.address, ...options });
  try {
    await body({ sim, client, brokers, addresses, asked: () => asked, requests, answer });
  } finally {
    await sim.clock.resolve(client.close());
  }
  // Nothing is asked behind a close.
  const before = asked;
  await sim.clock.advance(120_000);
  expect(asked).toBe(before);
}

const brokersOf = (client: ClientInstance) => [...(client.knownRoute("T")?.masters.keys() ?? [])].join();

describe("a route in use is asked for again", () => {
  test.each([
    [undefined, 30_000],
    [1_000, 1_000],
    [300_000, 300_000],
  ])("with pollNameServerInterval %p, every %d ms", (pollNameServerInterval, everyMs) =>
    withWorld(
      async ({ sim, client, brokers, addresses, asked }) => {
        const startedAt = sim.clock.monotonic();
        await sim.clock.resolve(client.route("T"));
        brokers.set("c", addresses.two);
        await sim.clock.advance(everyMs - 1 - (sim.clock.monotonic() - startedAt));
        expect([brokersOf(client), asked()]).toEqual(["b", 1]);
        await sim.clock.advance(1);
        expect([brokersOf(client), asked()]).toEqual(["b,c", 2]);
        await sim.clock.advance(3 * everyMs);
        expect(asked()).toBe(5);
      },
      pollNameServerInterval === undefined ? {} : { pollNameServerInterval },
    ),
  );

  test("though nobody answered the time before; the known one stays as long", () =>
    withWorld(
      async ({ sim, client, brokers, addresses }) => {
        await sim.clock.resolve(client.route("T"));
        // As of a nameserver that has just started: it knows no broker.
        brokers.clear();
        await sim.clock.advance(1_000);
        brokers.set("c", addresses.two);
        await sim.clock.advance(1_000);
        expect(brokersOf(client)).toBe("c");
      },
      { pollNameServerInterval: 1_000 },
    ));
});

describe("a send that shows a route to be wrong asks for it at once", () => {
  for (const code of ["TOPIC_NOT_EXIST", "NO_PERMISSION", "GO_AWAY", "NOT_LEADER_FOR_QUEUE"] as const) {
    test(`${code}: the next try goes where the topic is now`, () =>
      withWorld(async ({ sim, client, brokers, addresses, asked, requests, answer }) => {
        const producer = new Producer(client, { producerGroup: "pg" });
        await sim.clock.resolve(producer.send({ topic: "T", body: "x" }));
        brokers.clear();
        brokers.set("c", addresses.two);
        answer.one = refusing(ResponseCode[code]);
        const startedAt = sim.clock.monotonic();
        const { messageQueue } = await sim.clock.resolve(producer.send({ topic: "T", body: "x" }));
        expect(messageQueue.brokerName).toBe("c");
        expect(sim.clock.monotonic() - startedAt).toBeLessThan(100);
        expect([requests, asked()]).toEqual([["one SEND_MESSAGE_V2", "one SEND_MESSAGE_V2", "two SEND_MESSAGE_V2"], 2]);
      }));
  }

  test("a broker that is gone: the same", () =>
    withWorld(async ({ sim, client, brokers, addresses, asked, answer }) => {
      const producer = new Producer(client, { producerGroup: "pg" });
      await sim.clock.resolve(producer.send({ topic: "T", body: "x" }));
      brokers.set("b", addresses.two);
      answer.one = (socket) => socket.destroy();
      await sim.clock.resolve(producer.send({ topic: "T", body: "x" }));
      expect(asked()).toBe(2);
    }));

  test("to a queue of the program's choice: it is not tried elsewhere, and the next send knows", () =>
    withWorld(async ({ sim, client, brokers, addresses, asked, answer }) => {
      const producer = new Producer(client, { producerGroup: "pg" });
      await sim.clock.resolve(producer.send({ topic: "T", body: "x" }));
      brokers.clear();
      brokers.set("c", addresses.two);
      answer.one = refusing(ResponseCode.TOPIC_NOT_EXIST);
      const messageQueue = { topic: "T", brokerName: "b", queueId: 0 };
      const fault = await sim.clock.resolve(rejection(producer.send({ topic: "T", body: "x" }, { messageQueue })));
      expect([fault.responseCode, asked(), brokersOf(client)]).toEqual([ResponseCode.TOPIC_NOT_EXIST, 2, "c"]);
    }));

  test("a queue that is not there any more (INVALID_PARAMETER): refused, and the next send knows", () =>
    withWorld(async ({ sim, client, brokers, addresses, asked, answer }) => {
      const producer = new Producer(client, { producerGroup: "pg" });
      await sim.clock.resolve(producer.send({ topic: "T", body: "x" }));
      brokers.clear();
      brokers.set("c", addresses.two);
      answer.one = refusing(ResponseCode.INVALID_PARAMETER);
      const fault = await sim.clock.resolve(rejection(producer.send({ topic: "T", body: "x" })));
      expect(fault.responseCode).toBe(ResponseCode.INVALID_PARAMETER);
      const { messageQueue } = await sim.clock.resolve(producer.send({ topic: "T", body: "x" }));
      expect([messageQueue.brokerName, asked()]).toEqual(["c", 2]);
    }));

  test("a refusal that says nothing of routes asks for none", () =>
    withWorld(async ({ sim, client, asked, answer }) => {
      const producer = new Producer(client, { producerGroup: "pg", retryTimesWhenSendFailed: 1 });
      await sim.clock.resolve(producer.send({ topic: "T", body: "x" }));
      for (const code of [ResponseCode.SYSTEM_BUSY, ResponseCode.MESSAGE_ILLEGAL]) {
        answer.one = refusing(code);
        const fault = await sim.clock.resolve(rejection(producer.send({ topic: "T", body: "x" })));
        expect(fault.responseCode).toBe(code);
      }
      await sim.clock.settle();
      expect(asked()).toBe(1);
    }));
});

describe("a broker that moved to another address", () => {
  test("is found there by a pull, whatever the routes of other topics still say", () =>
    withWorld(async ({ sim, client, brokers, addresses, requests, answer }) => {
      // Asked for before, and not again for 30 s.
      await sim.clock.resolve(client.route("Other"));
      const consumer = new LitePullConsumer(client, { consumerGroup: "cg" });
      await consumer.assign([{ topic: "T", brokerName: "b", queueId: 0 }]);
      await sim.clock.resolve(consumer.start());
      answer.one = refusing(ResponseCode.TOPIC_NOT_EXIST);
      brokers.set("b", addresses.two);
      const startedAt = sim.clock.monotonic();
      await sim.clock.until(() => requests.includes("two LITE_PULL_MESSAGE"), 60_000);
      // What was held has ended, and so has the pause behind a fault.
      expect(sim.clock.monotonic() - startedAt).toBeLessThan(HOLD_MS + 3_100);
      await sim.clock.resolve(consumer.close());
    }));

  test("is no broker any more for topics whose route does not name it", () =>
    withWorld(async ({ sim, client, brokers, addresses }) => {
      for (const topic of ["Other", "T"]) await sim.clock.resolve(client.route(topic));
      brokers.clear();
      brokers.set("c", addresses.two);
      await sim.clock.resolve(client.refreshRoute("T"));
      // The other topic's route has it still.
      expect(client.brokerAddr("b")).toBe(addresses.one);
      await sim.clock.resolve(client.refreshRoute("Other"));
      expect(client.brokerAddr("b")).toBe(undefined);
      expect(client.brokerAddr("c")).toBe(addresses.two);
    }));
});

test("a broker that no route names any more is forgotten, also when the oldest of 10,000 routes made room", async () => {
  await withWorld(async ({ sim, client, brokers, addresses }) => {
    const learn = (topic: string) => sim.clock.resolve(client.refreshRoute(topic));
    await learn("oldest");
    await learn("second");
    expect(client.brokerAddr("b")).toBe(addresses.one);
    brokers.delete("b");
    brokers.set("c", addresses.two);
    await learn("second");
    expect([client.brokerAddr("b"), client.brokerAddr("c")]).toEqual([addresses.one, addresses.two]);
    for (let n = 0; n < 9_999; n++) await learn(`t${n}`);
    expect([client.brokerAddr("b"), client.brokerAddr("c")]).toEqual([undefined, addresses.two]);
  });
});
