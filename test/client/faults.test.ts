/**
 * What goes wrong around a client, each in the simulator's time: a typed error that says what was tried, on what and why, and
 * nothing that takes longer than its time-out. Whole processes that die are in `test/sim` and `test/interop`.
 */
import { describe, expect, test } from "bun:test";
import { simRuntime } from "../../adapters/sim/sim.ts";
import { ClientInstance, MQClientError, Producer, PushConsumer, SimpleConsumer } from "../../core/client/mod.ts";
import type { Socket } from "../../core/runtime.ts";
import { startRocketMQ } from "../../mod.ts";
import { heartbeatData } from "../../wire/bodies/heartbeat.ts";
import { REQUESTS } from "../../wire/requests.ts";
import { type Answer, fakeServer, frameOf } from "./fake_server.ts";
import { deferred, rejection, withSimulated } from "./harness.ts";

/** The fault of a send to such a server, and how long it took. */
async function failed(onSend: Answer, onRoute?: Answer, timeoutMs = 2_000) {
  const sim = simRuntime();
  const { address, sends } = await fakeServer(sim, { onSend, onRoute });
  const client = new ClientInstance({ runtime: sim, namesrvAddr: address });
  const producer = new Producer(client, { producerGroup: "pg" });
  const startedAt = sim.clock.monotonic();
  let fault: (Error & { kind?: string; responseCode?: number }) | undefined;
  void rejection(producer.send({ topic: "T", body: "x" }, { timeoutMs })).then((each) => {
    fault = each;
  });
  await sim.clock.until(() => fault !== undefined, 60_000);
  const tookMs = sim.clock.monotonic() - startedAt;
  await client.close();
  return { kind: fault?.kind, message: fault?.message ?? "", responseCode: fault?.responseCode, tookMs, sends: sends() };
}

describe("a server that", () => {
  test("does not answer: a time-out, that of the send, however often it is tried", async () => {
    const { kind, message, tookMs } = await failed(() => {});
    expect([kind, message]).toEqual([
      "timeout",
      expect.stringMatching(/send to topic "T", queue 0 of b.*127\.0\.0\.1:\d+ did not/),
    ]);
    expect(tookMs).toBeLessThanOrEqual(2_001);
  });

  test("answers half and no more: a time-out", async () => {
    const { kind, tookMs } = await failed((socket, request) => socket.write(frameOf(request, {}).subarray(0, 20)));
    expect(kind).toBe("timeout");
    expect(tookMs).toBeLessThanOrEqual(2_001);
  });

  test("answers half and goes: told as a connection that was closed, after the tries", async () => {
    const { kind, message, sends } = await failed((socket, request) => {
      socket.write(frameOf(request, {}).subarray(0, 20));
      socket.end();
    });
    expect([kind, sends]).toEqual(["unreachable", 3]);
    expect(message).toMatch(/the connection was closed before 127\.0\.0\.1:\d+ answered/);
  });

  test("answers what is no frame, or a header in no known form: told as such", async () => {
    const garbage = await failed((socket) => socket.write(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n")));
    expect([garbage.kind, garbage.message]).toEqual(["bad-reply", expect.stringContaining("is no RocketMQ remoting")]);
    const serialization = await failed((socket, request) => {
      const frame = frameOf(request, {});
      // The byte that says how the header is written.
      frame[4] = 7;
      socket.write(frame);
    });
    expect(serialization.kind).toBe("bad-reply");
    expect(serialization.message).toMatch(/127\.0\.0\.1:\d+ answered/);
  });

  test("answers a route that can't be read: told as such", async () => {
    const { kind, message } = await failed(
      () => {},
      (socket, request) => socket.write(frameOf(request, { body: new TextEncoder().encode("{") })),
    );
    expect([kind, message]).toEqual(["bad-reply", expect.stringContaining('Cannot find the brokers of topic "T"')]);
  });

  test("says nothing when asked for a route: the send's time-out counts, not the nameserver's", async () => {
    const { kind, message, tookMs } = await failed(
      () => {},
      () => {},
      700,
    );
    expect([kind, message]).toEqual(["timeout", expect.stringContaining("no nameserver said within the 700 ms")]);
    expect(tookMs).toBeLessThanOrEqual(701);
  });

  test("refuses: its code, its words, and what mends it", async () => {
    const { responseCode, message, sends } = await failed((socket, request) =>
      socket.write(frameOf(request, { code: 13, remark: "the message is illegal" })),
    );
    // Nobody else would take it either.
    expect([responseCode, sends]).toEqual([13, 1]);
    expect(message).toMatch(/"the message is illegal".*maxMessageSize/);
  });
});

test("a broker whose connection broke is told everything again", async () => {
  const sim = simRuntime();
  const told: boolean[] = [];
  const sockets = new Set<Socket>();
  const { address } = await fakeServer(sim, {
    onOther: (socket, request) => {
      sockets.add(socket);
      if (request.code === REQUESTS.HEART_BEAT.code) told.push(heartbeatData.decode(request.body).isWithoutSub);
      socket.write(frameOf(request, { extFields: { IS_SUPPORT_HEART_BEAT_V2: "true" } }));
    },
  });
  const client = new ClientInstance({ runtime: sim, namesrvAddr: address, heartbeatBrokerInterval: 1_000 });
  const consumer = new PushConsumer(client, { consumerGroup: "cg", subscription: { T: "*" } });
  void consumer.start(() => {}).catch(() => {});
  await sim.clock.until(() => told.at(-1) === true, 60_000);
  told.length = 0;
  for (const socket of sockets) socket.end();
  await sim.clock.until(() => told.length > 0, 60_000);
  // By the fingerprint alone Apache's broker would know the group, and nothing of what it subscribes to.
  expect(told[0]).toBe(false);
  await sim.clock.until(() => told.at(-1) === true, 60_000);
  const closing = client.close();
  await sim.clock.advance(60_000);
  await closing;
});

test("a broker that says that it does not know what is subscribed to is told everything at once", async () => {
  const sim = simRuntime();
  const told: { readonly withoutSub: boolean; readonly topics: string[]; readonly fingerprint: number }[] = [];
  let knows = true;
  const { address } = await fakeServer(sim, {
    onOther: (socket, request) => {
      const extFields = { IS_SUPPORT_HEART_BEAT_V2: "true", IS_SUB_CHANGE: String(!knows) };
      if (request.code === REQUESTS.HEART_BEAT.code) {
        const { isWithoutSub, consumerDataSet, heartbeatFingerprint } = heartbeatData.decode(request.body);
        const topics = consumerDataSet.flatMap(({ subscriptionDataSet }) => subscriptionDataSet.map(({ topic }) => topic)).sort();
        told.push({ withoutSub: isWithoutSub, topics, fingerprint: heartbeatFingerprint });
      }
      socket.write(frameOf(request, { extFields }));
    },
  });
  const client = new ClientInstance({ runtime: sim, namesrvAddr: address });
  const consumer = new SimpleConsumer(client, { consumerGroup: "cg", subscription: { T: "*", U: "A" } });
  await sim.clock.resolve(consumer.start());
  const fingerprint = told[0]?.fingerprint as number;
  const all = { withoutSub: false, topics: ["T", "U"], fingerprint };
  const short = { withoutSub: true, topics: [], fingerprint };
  expect([told, fingerprint === 0]).toEqual([[all], false]);
  const beaten = async () => {
    told.length = 0;
    await sim.clock.advance(30_000);
    return told;
  };
  expect(await beaten()).toEqual([short]);
  knows = false;
  expect(await beaten()).toEqual([short, all]);
  // It says so of the full one as well, and is not told again before the next.
  expect(await beaten()).toEqual([short, all]);
  knows = true;
  expect(await beaten()).toEqual([short]);
  await sim.clock.resolve(client.close());
});

describe("a producer", () => {
  test("whose sends fill its bounds refuses in time, and goes on when there is room", async () => {
    const sim = simRuntime();
    let answering = false;
    const held: (() => void)[] = [];
    const { address } = await fakeServer(sim, {
      onSend: (socket, request) => {
        const reply = () =>
          socket.write(
            frameOf(request, { extFields: { msgId: "7F00000100002A9F0000000000000000", queueId: "0", queueOffset: "0" } }),
          );
        if (answering) reply();
        else held.push(reply);
      },
    });
    const client = new ClientInstance({ runtime: sim, namesrvAddr: address });
    const producer = new Producer(client, { producerGroup: "pg", backPressureForAsyncSendNum: 1 });
    const outcomes: string[] = [];
    const send = (timeoutMs: number) =>
      producer.send({ topic: "T", body: "x" }, { timeoutMs }).then(
        ({ sendStatus }) => outcomes.push(sendStatus),
        (fault: Error & { kind?: string }) => outcomes.push(`${fault.kind}: ${fault.message}`),
      );
    void send(10_000);
    void send(1_000);
    await sim.clock.until(() => outcomes.length === 1, 1_001);
    expect(outcomes[0]).toInclude('timeout: Cannot send to topic "T": 1000 ms went by while other sends');
    answering = true;
    for (const reply of held) reply();
    await sim.clock.until(() => outcomes.length === 2, 1_000);
    void send(1_000);
    await sim.clock.until(() => outcomes.length === 3, 1_000);
    expect(outcomes.slice(1)).toEqual(["SEND_OK", "SEND_OK"]);
    await client.close();
  });

  test("refuses what no broker would take, before it is sent", () =>
    withSimulated(async (rocketmq) => {
      const producer = new Producer(rocketmq.client(), { producerGroup: "pg", maxMessageSize: 10 });
      const refusal = async (topic: string, body: string | Uint8Array) => {
        const { kind, message } = await rejection(producer.send({ topic, body }));
        return `${kind}: ${message}`;
      };
      expect(await refusal("T", "x".repeat(11))).toInclude(
        'invalid: Cannot send to "T": the body has 11 bytes, maxMessageSize is 10',
      );
      expect(await refusal("a/b", "x")).toInclude("invalid: Cannot use topic");
      expect(await refusal("T".repeat(128), "x")).toInclude("at most 127 fit");
      expect(await refusal("", "x")).toInclude("invalid: Cannot use topic");
    }));

  test("over a network that breaks connections is acknowledged at last, and nothing acknowledged is lost", async () => {
    const sim = simRuntime({ seed: 7, network: { reset: 0.03 } });
    let done = false;
    const story = async () => {
      const rocketmq = await startRocketMQ({ runtime: sim, listen: true });
      const client = rocketmq.client();
      const producer = new Producer(client, { producerGroup: "pg", retryTimesWhenSendFailed: 10 });
      const acknowledged: string[] = [];
      const faults: unknown[] = [];
      for (let i = 0; i < 100; i++) {
        await producer.send({ topic: "T", body: `${i}` }).then(
          ({ msgId }) => acknowledged.push(msgId),
          (fault: unknown) => faults.push(fault),
        );
      }
      // What was not acknowledged was told in this module's types.
      expect(faults.filter((fault) => !(fault instanceof MQClientError))).toEqual([]);
      expect(acknowledged.length).toBeGreaterThan(80);
      const seen = new Set<string>();
      const consumer = new PushConsumer(client, {
        consumerGroup: "cg",
        subscription: { T: "*" },
        consumeFromWhere: "CONSUME_FROM_FIRST_OFFSET",
      });
      const all = deferred<void>();
      await consumer.start((message) => {
        seen.add(message.msgId);
        if (acknowledged.every((id) => seen.has(id))) all.resolve();
      });
      await all.promise;
      await rocketmq.close();
    };
    const running = story().finally(() => {
      done = true;
    });
    await sim.clock.until(() => done, 3_600_000);
    await running;
  });

  test("does not mind a clock that jumps: time-outs are not of the clock on the wall", () =>
    withSimulated(async (rocketmq, sim) => {
      const client = rocketmq.client();
      const producer = new Producer(client, { producerGroup: "pg" });
      const ids = new Set<string>();
      for (const jumpMs of [0, 3_600_000, -7_200_000, 86_400_000, -1]) {
        sim.clock.jump(jumpMs);
        for (let i = 0; i < 3; i++) {
          const sent = await producer.send({ topic: "T", body: "x" });
          expect(sent.sendStatus).toBe("SEND_OK");
          ids.add(sent.msgId);
        }
      }
      expect(ids.size).toBe(15);
    }));
});
