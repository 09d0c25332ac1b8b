/**
 * Answers that can't be read, to every kind of call: a body that ends in the middle, a header without what it must have. Each
 * is an MQClientError of kind bad-reply that names what was tried and where, no consumer hangs on one or takes half of it for
 * the whole, and when the server speaks again all goes on.
 */
import { describe, expect, test } from "bun:test";
import { simRuntime } from "../../adapters/sim/sim.ts";
import {
  Admin,
  ClientInstance,
  LitePullConsumer,
  MQClientError,
  Producer,
  PushConsumer,
  SimpleConsumer,
} from "../../core/client/mod.ts";
import { encodeUtf8 } from "../../wire/bytes.ts";
import { REQUESTS } from "../../wire/requests.ts";
import { bytesOf, goldenRows } from "../wire/golden.ts";
import { type Answer, fakeServer, frameOf } from "./fake_server.ts";
import { rejection } from "./harness.ts";

/** What a call at such a server comes to; time moves until it does. */
async function outcome(onOther: Answer, call: (client: ClientInstance, address: string) => Promise<unknown>, onSend?: Answer) {
  const sim = simRuntime();
  const { address } = await fakeServer(sim, { onOther, ...(onSend && { onSend }) });
  const client = new ClientInstance({ runtime: sim, namesrvAddr: address });
  let fault: unknown;
  void rejection(call(client, address)).then((each) => {
    fault = each;
  });
  await sim.clock.until(() => fault !== undefined, 60_000);
  const closing = client.close();
  await sim.clock.advance(60_000);
  await closing;
  return { fault, address };
}

function expectBadReply({ fault, address }: Awaited<ReturnType<typeof outcome>>): void {
  expect(fault).toBeInstanceOf(MQClientError);
  const { kind, message } = fault as MQClientError;
  expect([kind, message]).toEqual(["bad-reply", expect.stringContaining(`the answer of ${address} can't be read: `)]);
  expect(message).toMatch(/^Cannot \w/);
}

const halfJson: Answer = (socket, request) => socket.write(frameOf(request, { body: encodeUtf8('{"topicList":["a"') }));
const queue = { topic: "T", brokerName: "b", queueId: 0 };

describe("half of a body, of an administrator's question", () => {
  for (const [name, call] of Object.entries<(admin: Admin, address: string) => Promise<unknown>>({
    fetchAllTopicList: (admin) => admin.topics.fetchAllTopicList(),
    examineTopicStats: (admin) => admin.topics.examineTopicStats("T"),
    examineBrokerClusterInfo: (admin) => admin.clusters.examineBrokerClusterInfo(),
    fetchBrokerRuntimeStats: (admin, address) => admin.brokers.fetchBrokerRuntimeStats(address),
    getAllTopicConfig: (admin, address) => admin.topics.getAllTopicConfig(address),
    getAllSubscriptionGroup: (admin, address) => admin.groups.getAllSubscriptionGroup(address),
    examineConsumeStats: (admin) => admin.consumeStats.examineConsumeStats("cg", "T"),
    examineConsumerConnectionInfo: (admin) => admin.connections.examineConsumerConnectionInfo("cg"),
    getConsumerRunningInfo: (admin) => admin.connections.getConsumerRunningInfo("cg", "id"),
    getUser: (admin, address) => admin.users.getUser(address, "u"),
    listAcl: (admin, address) => admin.users.listAcl(address),
    resetOffsetByTimestamp: (admin) => admin.offsets.resetOffsetByTimestamp({ topic: "T", group: "cg", timestamp: 1 }),
    queryConsumeQueue: (admin, address) => admin.messages.queryConsumeQueue(address, "T", 0, 0, 1),
    getBrokerLiteInfo: (admin, address) => admin.liteTopics.getBrokerLiteInfo(address),
    getBrokerHAStatus: (admin, address) => admin.controllers.getBrokerHAStatus(address),
    // No record either.
    viewMessageByOffsetId: (admin, address) => admin.messages.viewMessageByOffsetId("T", offsetIdAt(address)),
  })) {
    test(name, async () => expectBadReply(await outcome(halfJson, (client, address) => call(new Admin(client), address))));
  }
});

/** 127.0.0.1, the port, and offset 0. */
const offsetIdAt = (address: string): string => {
  const port = Number(address.split(":")[1]).toString(16).toUpperCase().padStart(8, "0");
  return `7F000001${port}${"0".repeat(16)}`;
};

describe("a header without what it must have", () => {
  const bare: Answer = (socket, request) => socket.write(frameOf(request, {}));

  test("of a send: not taken for stored, and tried again as often as any fault", async () => {
    let sends = 0;
    const result = await outcome(
      bare,
      (client) => new Producer(client, { producerGroup: "pg" }).send({ topic: "T", body: "x" }),
      (socket, request) => {
        sends++;
        socket.write(frameOf(request, {}));
      },
    );
    expectBadReply(result);
    expect(sends).toBe(3);
  });

  test("of bounds and times", async () => {
    for (const call of [
      (admin: Admin) => admin.offsets.maxOffset(queue),
      (admin: Admin) => admin.offsets.minOffset(queue),
      (admin: Admin) => admin.offsets.searchOffset(queue, 1),
      (admin: Admin) => admin.offsets.earliestMsgStoreTime(queue),
    ]) {
      expectBadReply(
        await outcome(bare, async (client) => {
          await client.route("T");
          return call(new Admin(client));
        }),
      );
    }
  });
});

describe("half of the messages of an answer", () => {
  const record = bytesOf(goldenRows("records.txt").find(([what]) => what === "V1, IPv4")?.[1] ?? "");
  /** What lies at offset 0; then nothing. */
  const PULLED = { nextBeginOffset: "1", minOffset: "0", maxOffset: "1", suggestWhichBrokerId: "0" };
  const POPPED = { popTime: "1", invisibleTime: "30000", reviveQid: "0", restNum: "0", startOffsetInfo: "0 3 0" };

  /** A queue with one message, of which halves come until `heal`. */
  async function halving() {
    const sim = simRuntime();
    let whole = false;
    let asked = 0;
    const bodyNow = () => {
      asked++;
      return whole ? record : record.subarray(0, record.length - 9);
    };
    const { address } = await fakeServer(sim, {
      onOther: (socket, request) => {
        const reply = (fields: Parameters<typeof frameOf>[1]) => socket.write(frameOf(request, fields));
        switch (request.code) {
          case REQUESTS.QUERY_CONSUMER_OFFSET.code:
            return reply({ extFields: { offset: "0" } });
          case REQUESTS.GET_CONSUMER_LIST_BY_GROUP.code:
            return reply({ body: encodeUtf8(JSON.stringify({ consumerIdList: [client.clientId] })) });
          case REQUESTS.PULL_MESSAGE.code:
          case REQUESTS.LITE_PULL_MESSAGE.code:
            // What is behind the message, and the retry topic, is held for ever.
            if (request.extFields?.["topic"] !== "T1" || request.extFields["queueOffset"] !== "0") return undefined;
            return reply({ body: bodyNow(), extFields: PULLED });
          case REQUESTS.POP_MESSAGE.code:
            return reply({ body: bodyNow(), extFields: POPPED });
          default:
            return reply({});
        }
      },
    });
    const client = new ClientInstance({ runtime: sim, namesrvAddr: address });
    const close = async () => {
      const closing = client.close();
      await sim.clock.advance(60_000);
      await closing;
    };
    const heal = () => {
      whole = true;
    };
    return { sim, client, address, asked: () => asked, close, heal };
  }

  test("pulled: none of them is consumed, the pull is tried again every 3 s, and all is consumed once", async () => {
    const { sim, client, asked, heal, close } = await halving();
    const seen: string[] = [];
    const consumer = new PushConsumer(client, { consumerGroup: "cg", subscription: { T1: "*" } });
    void consumer.start((message) => void seen.push(`${message.queueOffset} ${message.text()}`)).catch(() => {});
    await sim.clock.until(() => asked() === 1, 10_000);
    const startedAt = sim.clock.monotonic();
    await sim.clock.until(() => asked() === 4, 60_000);
    expect(sim.clock.monotonic() - startedAt).toBeGreaterThanOrEqual(9_000);
    expect([seen, consumer.offsets("T1").map(([, offset]) => offset)]).toEqual([[], []]);
    heal();
    await sim.clock.until(() => seen.length > 0, 10_000);
    await sim.clock.advance(10_000);
    expect(seen).toEqual(["0 hello"]);
    expect(consumer.offsets("T1").map(([, offset]) => offset)).toEqual([1]);
    await close();
  });

  test("polled: the poll ends in its time with nothing, and a later one has them", async () => {
    const { sim, client, heal, close } = await halving();
    const consumer = new LitePullConsumer(client, { consumerGroup: "cg" });
    await consumer.assign([{ ...queue, topic: "T1" }]);
    const poll = async (timeoutMs: number) => {
      const startedAt = sim.clock.monotonic();
      let polled: readonly string[] | undefined;
      void consumer.poll({ timeoutMs }).then((messages) => {
        polled = messages.map((message) => message.text());
      });
      await sim.clock.until(() => polled !== undefined, 60_000);
      return { polled, tookMs: sim.clock.monotonic() - startedAt };
    };
    const { polled, tookMs } = await poll(2_000);
    expect(polled).toEqual([]);
    expect(tookMs).toBeLessThanOrEqual(2_100);
    heal();
    expect((await poll(10_000)).polled).toEqual(["hello"]);
    await close();
  });

  test("popped: the receive fails as such, and the next has them", async () => {
    const { sim, client, address, heal, close } = await halving();
    const consumer = new SimpleConsumer(client, { consumerGroup: "cg", subscription: { T1: "*" } });
    const receive = async () => {
      let received: readonly string[] | undefined;
      let fault: unknown;
      void consumer.receive({ awaitDuration: 1_000 }).then(
        (messages) => {
          received = messages.map((message) => message.text());
        },
        (error: unknown) => {
          fault = error;
        },
      );
      await sim.clock.until(() => received !== undefined || fault !== undefined, 60_000);
      return { received, fault, address };
    };
    expectBadReply(await receive());
    heal();
    expect((await receive()).received).toEqual(["hello"]);
    await close();
  });
});
