/** Who is a member of its group, and since when: starts that fail, closes that come early, and two of one group in one client. */
import { describe, expect, test } from "bun:test";
import { type SimRuntime, simRuntime } from "../../adapters/sim/sim.ts";
import {
  Admin,
  ClientInstance,
  LitePullConsumer,
  MQClientError,
  Producer,
  PushConsumer,
  type PushConsumerOptions,
  SimpleConsumer,
} from "../../core/client/mod.ts";
import type { RocketMQ } from "../../mod.ts";
import { getConsumerListByGroupResponseBody } from "../../wire/bodies/client.ts";
import { lockBatchRequestBody, lockBatchResponseBody } from "../../wire/bodies/lock.ts";
import { topicRouteData } from "../../wire/bodies/route.ts";
import type { RemotingCommand } from "../../wire/remoting_command.ts";
import { REQUESTS } from "../../wire/requests.ts";
import { ResponseCode } from "../../wire/response_code.ts";
import { type Answer, fakeServer, frameOf } from "./fake_server.ts";
import { Collector, rejection, withSimulated } from "./harness.ts";

const passed = (sim: SimRuntime, ms: number) => new Promise<void>((resolve) => void sim.clock.setTimeout(resolve, ms));

const pushOf = (client: ClientInstance, options: Partial<PushConsumerOptions> = {}) =>
  new PushConsumer(client, {
    consumerGroup: "cg",
    subscription: { T: "*" },
    consumeFromWhere: "CONSUME_FROM_FIRST_OFFSET",
    ...options,
  });

/** A client that heartbeats already, for it has a producer that has sent. */
async function beating(rocketmq: RocketMQ) {
  const client = rocketmq.client();
  const producer = new Producer(client, { producerGroup: "pg" });
  await producer.send({ topic: "T", body: "first" });
  return { client, producer };
}

describe("a push consumer whose start failed", () => {
  test("is no member: another gets all queues; and it can be started again", () =>
    withSimulated(async (rocketmq, sim) => {
      const { client } = await beating(rocketmq);
      const consumer = pushOf(client);
      const refreshRoute = client.refreshRoute.bind(client);
      client.refreshRoute = () => Promise.reject(new MQClientError("unreachable", "no nameserver answers"));
      expect((await rejection(consumer.start(() => {}))).kind).toBe("unreachable");
      client.refreshRoute = refreshRoute;
      const other = pushOf(rocketmq.client());
      await other.start(() => {});
      // Two heartbeats of the first, and three rounds of the other.
      await passed(sim, 61_000);
      const all = other.assignment.length;
      expect([all > 1, all]).toEqual([true, (await client.route("T")).readQueues.length + 1]);
      await other.close();
      const seen = new Collector<string>();
      await consumer.start((message) => seen.add(message.text()));
      expect(consumer.assignment.length).toBe(all);
      expect((await rejection(consumer.start(() => {}))).message).toInclude("was started before");
    }));

  test("by an expression that the broker refused; a loop over its messages begins once it is read", () =>
    withSimulated(async (rocketmq) => {
      const { producer, client } = await beating(rocketmq);
      const consumer = pushOf(rocketmq.client(), { subscription: { T: { sql: "n > 1" } } });
      const messages = consumer[Symbol.asyncIterator]();
      expect((await rejection(messages.next())).responseCode).toBe(ResponseCode.SYSTEM_ERROR);
      const address = client.brokerAddr("broker-a") as string;
      await new Admin(client).brokers.updateBrokerConfig(address, { enablePropertyFilter: "true" });
      await producer.send({ topic: "T", body: "two", properties: { n: "2" } });
      expect((await messages.next()).value?.text()).toBe("two");
    }));
});

describe("starts of one consumer at a time are one, which can be tried again when it failed", () => {
  const options = { consumerGroup: "cg", subscription: { T: "*" }, consumeFromWhere: "CONSUME_FROM_FIRST_OFFSET" } as const;
  const simple = (client: ClientInstance) => {
    const consumer = new SimpleConsumer(client, { ...options, invisibleDuration: 10_000 });
    return { consumer, next: () => consumer.receive({ awaitDuration: 60_000 }) };
  };
  const litePull = (client: ClientInstance) => {
    const consumer = new LitePullConsumer(client, options);
    return { consumer, next: () => consumer.poll({ timeoutMs: 60_000 }) };
  };

  for (const [name, make] of Object.entries({ simple, litePull })) {
    test(name, () =>
      withSimulated(async (rocketmq) => {
        await beating(rocketmq);
        const client = rocketmq.client();
        const { consumer, next } = make(client);
        const refreshRoute = client.refreshRoute.bind(client);
        let asked = 0;
        client.refreshRoute = () => {
          asked++;
          return Promise.reject(new MQClientError("unreachable", "no nameserver answers"));
        };
        const failed = await Promise.all([rejection(consumer.start()), rejection(consumer.start())]);
        expect([failed[0].kind, failed[1] === failed[0], asked]).toEqual(["unreachable", true, 1]);
        client.refreshRoute = refreshRoute;
        await Promise.all([consumer.start(), consumer.start()]);
        expect((await next()).map((message) => message.text())).toEqual(["first"]);
      }),
    );
  }
});

test("a second consumer of a group is refused in one client, and its close leaves the first alone", () =>
  withSimulated(async (rocketmq, sim) => {
    const { client, producer } = await beating(rocketmq);
    const seen = new Collector<string>();
    const first = pushOf(client);
    await first.start((message) => seen.add(message.text()));
    const queues = first.assignment.length;
    const push = pushOf(client);
    const lite = new LitePullConsumer(client, { consumerGroup: "cg", subscription: { T: "*" } });
    const simple = new SimpleConsumer(client, { consumerGroup: "cg", subscription: { T: "*" } });
    for (const start of [() => push.start(() => {}), () => lite.start(), () => simple.start()]) {
      expect((await rejection(start())).message).toInclude("has a consumer in this client already");
    }
    for (const second of [push, lite, simple]) await second.close();
    // Before a heartbeat could mend it.
    const connection = await new Admin(rocketmq.client()).connections.examineConsumerConnectionInfo("cg");
    expect(connection.connectionSet.map(({ clientId }) => clientId)).toEqual([client.clientId]);
    await passed(sim, 61_000);
    expect(first.assignment.length).toBe(queues);
    await producer.send({ topic: "T", body: "second" });
    await seen.until(2);
  }));

test("of two producers of a group in one client, the one that stays is still known to the broker", () =>
  withSimulated(async (rocketmq) => {
    const { client, producer } = await beating(rocketmq);
    const second = new Producer(client, { producerGroup: "pg" });
    const { connections } = new Admin(rocketmq.client());
    const known = async () => (await connections.examineProducerConnectionInfo("pg", "T")).connectionSet.length;
    await second.close();
    expect(await known()).toBe(1);
    await producer.close();
    expect((await rejection(known())).message).toInclude("pg");
  }));

test("a consumer that was the only one is forgotten by slaves too, which it may have pulled from", async () => {
  const sim = simRuntime();
  const told: number[] = [];
  const slave = await fakeServer(sim, {
    onOther: (socket, request) => {
      told.push(request.code);
      socket.write(frameOf(request, {}));
    },
  });
  const brokerAddrs = new Map<number, string>();
  const { address } = await fakeServer(sim, {
    onRoute: (socket, request) => {
      const brokerDatas = [{ cluster: "c", brokerName: "b", brokerAddrs, enableActingMaster: false }];
      socket.write(
        frameOf(request, { body: topicRouteData.encode({ brokerDatas, queueDatas: [], filterServerTable: new Map() }) }),
      );
    },
  });
  brokerAddrs.set(0, address).set(1, slave.address);
  const client = new ClientInstance({ runtime: sim, namesrvAddr: address });
  const consumer = new SimpleConsumer(client, { consumerGroup: "cg", subscription: { T: "*" } });
  await sim.clock.resolve(consumer.start());
  await sim.clock.resolve(consumer.close());
  expect(told).toEqual([REQUESTS.HEART_BEAT.code, REQUESTS.UNREGISTER_CLIENT.code]);
  await sim.clock.resolve(client.close());
});

/** Timers of `sim` that are set: those that neither fired nor were cancelled. */
function countingTimers({ clock }: SimRuntime): () => number {
  const open = new Set<object>();
  for (const name of ["setTimeout", "setInterval"] as const) {
    const set = clock[name].bind(clock);
    clock[name] = (callback, ms) => {
      const fired = () => {
        if (name === "setTimeout") open.delete(counted);
        callback();
      };
      const timer = set(fired, ms);
      const counted = {
        cancel() {
          open.delete(counted);
          timer.cancel();
        },
      };
      open.add(counted);
      return counted;
    };
  }
  return () => open.size;
}

/** The client is the only member of its group, and gets all locks: into `locked`, and out again. */
function brokerAnswer({ code, body }: RemotingCommand, { clientId }: ClientInstance, locked: Set<string>) {
  if (code === REQUESTS.GET_CONSUMER_LIST_BY_GROUP.code) {
    return { body: getConsumerListByGroupResponseBody.encode({ consumerIdList: [clientId] }) };
  }
  const locking = code === REQUESTS.LOCK_BATCH_MQ.code;
  if (!locking && code !== REQUESTS.UNLOCK_BATCH_MQ.code) return {};
  const { mqSet } = lockBatchRequestBody.decode(body);
  for (const { topic } of mqSet) locked[locking ? "add" : "delete"](topic);
  return locking ? { body: lockBatchResponseBody.encode({ lockOKMQSet: mqSet }) } : {};
}

describe("a close during the start leaves nothing", () => {
  const push = (client: ClientInstance, options: Partial<PushConsumerOptions> = {}) => {
    const consumer = pushOf(client, options);
    return { consumer, start: () => consumer.start(() => {}) };
  };
  const lite = (client: ClientInstance) => {
    const consumer = new LitePullConsumer(client, { consumerGroup: "cg", subscription: { T: "*" } });
    return { consumer, start: () => consumer.start() };
  };
  const simple = (client: ClientInstance) => {
    const consumer = new SimpleConsumer(client, { consumerGroup: "cg", subscription: { T: "*" } });
    return { consumer, start: () => consumer.start() };
  };
  const orderly = (client: ClientInstance) => push(client, { orderly: true });
  const joining = ["GET_ROUTEINFO_BY_TOPIC", "HEART_BEAT"] as const;
  const taking = [...joining, "GET_CONSUMER_LIST_BY_GROUP", "QUERY_CONSUMER_OFFSET"] as const;
  const cases = [
    { name: "a push consumer", make: push, steps: taking },
    { name: "an orderly one", make: orderly, steps: [...taking, "LOCK_BATCH_MQ"] as const },
    { name: "a lite pull consumer", make: lite, steps: taking },
    { name: "a simple consumer", make: simple, steps: joining },
  ];
  for (const { name, make, steps } of cases) {
    for (const step of steps) {
      test(`${name}, at ${step}`, async () => {
        const sim = simRuntime();
        const asked = new Set<number>();
        const locked = new Set<string>();
        let closing: Promise<void> | undefined;
        const at: Answer = (_socket, { code }) => {
          asked.add(code);
          if (code === REQUESTS[step].code) closing ??= consumer.close();
        };
        const { address } = await fakeServer(sim, {
          onRequest: at,
          onOther: (socket, request) => socket.write(frameOf(request, brokerAnswer(request, client, locked))),
        });
        const timers = countingTimers(sim);
        const client = new ClientInstance({ runtime: sim, namesrvAddr: address });
        const { consumer, start } = make(client);
        const started = start().then(
          () => "started",
          (fault: MQClientError) => fault.kind,
        );
        await sim.clock.until(() => closing !== undefined, 60_000);
        await sim.clock.resolve(Promise.all([closing, started]), 60_000);
        expect(["started", "closed"]).toContain(await started);
        asked.clear();
        await sim.clock.advance(121_000);
        // What the client itself asks; no heartbeat, for it has no member.
        expect([...asked]).toEqual([REQUESTS.GET_ROUTEINFO_BY_TOPIC.code]);
        await sim.clock.resolve(client.close(), 60_000);
        expect([timers(), [...locked]]).toEqual([0, []]);
      });
    }
  }
});
