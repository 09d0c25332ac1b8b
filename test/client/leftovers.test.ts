/** What stays behind: no timer of a client that was closed, whatever it waited for, and no listener of a wait that is over. */
import { describe, expect, test } from "bun:test";
import { simRuntime } from "../../adapters/sim/sim.ts";
import { ClientInstance, LitePullConsumer, Producer, PushConsumer, SimpleConsumer } from "../../core/client/mod.ts";
import type { Clock, TimerHandle } from "../../core/runtime.ts";
import { queryAssignmentResponseBody } from "../../wire/bodies/assignment.ts";
import { REQUESTS } from "../../wire/requests.ts";
import { ResponseCode } from "../../wire/response_code.ts";
import { type Answers, fakeServer, frameOf } from "./fake_server.ts";
import { Collector, withSimulated } from "./harness.ts";

/** A clock, and the timers set by it that neither fired nor were cancelled, each with where it was set. */
function counted(clock: Clock): { clock: Clock; left: () => string[] } {
  const live = new Map<object, string>();
  const track = (repeats: boolean, set: (callback: () => void) => TimerHandle, callback: () => void): TimerHandle => {
    const key = {};
    live.set(key, new Error("set here").stack ?? "");
    const timer = set(() => {
      if (!repeats) live.delete(key);
      callback();
    });
    return {
      cancel() {
        live.delete(key);
        timer.cancel();
      },
    };
  };
  return {
    left: () => [...live.values()],
    clock: {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      afterTurn: (callback) => clock.afterTurn(callback),
      setTimeout: (callback, ms) => track(false, (each) => clock.setTimeout(each, ms), callback),
      setInterval: (callback, ms) => track(true, (each) => clock.setInterval(each, ms), callback),
    },
  };
}

const GROUP = { consumerGroup: "cg", subscription: { T: "*" }, consumeFromWhere: "CONSUME_FROM_FIRST_OFFSET" } as const;
const QUEUE = { topic: "T", brokerName: "b", queueId: 0 };
const message = { topic: "T", body: "x" };

/** A broker that refuses whatever has no other answer here. */
const refusing: Answers = {
  onOther: (socket, request) => {
    if (request.code === REQUESTS.HEART_BEAT.code || request.code === REQUESTS.UNREGISTER_CLIENT.code) {
      socket.write(frameOf(request, {}));
    } else if (request.code === REQUESTS.QUERY_CONSUMER_OFFSET.code) {
      socket.write(frameOf(request, { extFields: { offset: "0" } }));
    } else if (request.code === REQUESTS.QUERY_ASSIGNMENT.code) {
      const messageQueueAssignments = [{ messageQueue: { ...QUEUE, queueId: -1 }, mode: "POP" as const, attachments: undefined }];
      socket.write(frameOf(request, { body: queryAssignmentResponseBody.encode({ messageQueueAssignments }) }));
    } else socket.write(frameOf(request, { code: ResponseCode.SYSTEM_ERROR, remark: "refused" }));
  },
};
/** One that takes members and says nothing else. */
const mute: Answers = {
  onOther: (socket, request) => {
    if (request.code === REQUESTS.HEART_BEAT.code || request.code === REQUESTS.UNREGISTER_CLIENT.code)
      socket.write(frameOf(request, {}));
  },
};

const WAITS: Readonly<Record<string, { answers: Answers; begin: (client: ClientInstance, signal: AbortSignal) => void }>> = {
  "a consumer whose pulls fail": {
    answers: refusing,
    begin: (client) => {
      const consumer = new LitePullConsumer(client, { consumerGroup: "cg" });
      void consumer.assign([QUEUE]).then(() => consumer.start());
    },
  },
  "a consumer whose POPs fail": {
    answers: refusing,
    begin: (client) => void new PushConsumer(client, { ...GROUP, clientRebalance: false }).start(() => {}),
  },
  "a receive that waits": {
    answers: mute,
    begin: (client) => void new SimpleConsumer(client, GROUP).receive().catch(() => {}),
  },
  "a poll that was aborted": {
    answers: mute,
    begin: (client, signal) => void new LitePullConsumer(client, GROUP).poll({ timeoutMs: 60_000, signal }).catch(() => {}),
  },
  "a request that was aborted": {
    answers: mute,
    begin: (client, signal) =>
      void new Producer(client, { producerGroup: "pg" }).request(message, { timeoutMs: 60_000, signal }).catch(() => {}),
  },
};

describe("a client that was closed leaves no timer behind", () => {
  for (const [name, { answers, begin }] of Object.entries(WAITS)) {
    test(name, async () => {
      const sim = simRuntime();
      const { clock, left } = counted(sim.clock);
      const { address } = await fakeServer(sim, answers);
      const client = new ClientInstance({ runtime: { ...sim, clock } as never, namesrvAddr: address });
      const controller = new AbortController();
      begin(client, controller.signal);
      await sim.clock.advance(4_000);
      controller.abort(new Error("enough"));
      await sim.clock.settle();
      expect(left().length).toBeGreaterThan(0);
      await sim.clock.resolve(client.close(), 60_000);
      await sim.clock.settle();
      expect(left()).toEqual([]);
    });
  }
});

test("rests of an orderly consumer leave no listeners at its signal", () =>
  withSimulated(async (rocketmq) => {
    const client = rocketmq.client();
    await new Producer(client, { producerGroup: "pg" }).send(message);
    const tries = new Collector<number>();
    let listeners = 0;
    const consumer = new PushConsumer(client, { ...GROUP, orderly: true, suspendCurrentQueueTimeMillis: 10 });
    await consumer.start((_, { signal }) => {
      if (tries.items.length === 0) {
        const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
        signal.addEventListener = (type: string, listener: never, options?: never) => {
          listeners++;
          add(type, listener, options);
        };
        signal.removeEventListener = (type: string, listener: never) => {
          listeners--;
          remove(type, listener);
        };
      }
      tries.add(listeners);
      throw new Error("not now");
    });
    await tries.until(50);
    // Those of pulls that wait come and go.
    expect(Math.max(...tries.items)).toBeLessThan(10);
  }));
