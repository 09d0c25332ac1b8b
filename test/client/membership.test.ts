/** Who is a member of its group: two of one group in one client. */
import { expect, test } from "bun:test";
import type { SimRuntime } from "../../adapters/sim/sim.ts";
import {
  Admin,
  type ClientInstance,
  LitePullConsumer,
  Producer,
  PushConsumer,
  type PushConsumerOptions,
  SimpleConsumer,
} from "../../core/client/mod.ts";
import type { RocketMQ } from "../../mod.ts";
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
