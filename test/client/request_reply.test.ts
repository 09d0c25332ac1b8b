/** Request and reply, and delayed messages that are taken back. */
import { describe, expect, test } from "bun:test";
import { createReplyMessage, type MessageExt, Producer, PushConsumer } from "../../core/client/mod.ts";
import { delay } from "../../core/client/waiting.ts";
import type { RocketMQ } from "../../mod.ts";
import { Collector, rejection, withSimulated } from "./harness.ts";

/** Replies with the text in capitals, and knows who does not get one. */
async function answering(rocketmq: RocketMQ, silentFor = "") {
  const producer = new Producer(rocketmq.client(), { producerGroup: "answers" });
  const refused = new Collector<Error>();
  await new PushConsumer(rocketmq.client(), {
    consumerGroup: "cg",
    subscription: { T: "*" },
    consumeFromWhere: "CONSUME_FROM_FIRST_OFFSET",
  }).start(async (message) => {
    if (message.text() === silentFor) return;
    const body = message.text().toUpperCase();
    await producer.reply(message, { body, properties: { to: message.text() } }).catch(refused.add);
  });
  return refused;
}

describe("request", () => {
  test("gets the reply to this very request, of many at a time", () =>
    withSimulated(async (rocketmq) => {
      const producer = new Producer(rocketmq.client(), { producerGroup: "pg" });
      await producer.send({ topic: "T", body: "no request" });
      const refused = await answering(rocketmq);
      const bodies = Array.from({ length: 20 }, (_, i) => `request ${i}`);
      const replies = await Promise.all(bodies.map((body) => producer.request({ topic: "T", body }, { timeoutMs: 10_000 })));
      expect(replies.map((reply) => [reply.text(), reply.properties.get("to")])).toEqual(
        bodies.map((body) => [body.toUpperCase(), body]),
      );
      expect(replies[0]?.topic).toBe("DefaultCluster_REPLY_TOPIC");
      await refused.until(1);
      expect(refused.items[0]?.message).toInclude("asks for no reply");
    }));

  test("says that no reply came, and may be given up", () =>
    withSimulated(async (rocketmq, sim) => {
      const producer = new Producer(rocketmq.client(), { producerGroup: "pg" });
      await answering(rocketmq, "silence");
      const startedAt = sim.clock.now();
      const fault = await rejection(producer.request({ topic: "T", body: "silence" }, { timeoutMs: 5_000 }));
      expect([fault.kind, Math.round((sim.clock.now() - startedAt) / 1_000)]).toEqual(["timeout", 5]);
      const giveUp = new AbortController();
      const given = rejection(producer.request({ topic: "T", body: "silence" }, { timeoutMs: 5_000, signal: giveUp.signal }));
      sim.clock.setTimeout(() => giveUp.abort(new Error("enough")), 100);
      expect((await given).message).toBe("enough");
    }));

  test("of a producer that is closed is over at once", () =>
    withSimulated(async (rocketmq, sim) => {
      const producer = new Producer(rocketmq.client(), { producerGroup: "pg" });
      const stays = new Producer(rocketmq.client(), { producerGroup: "pg" });
      await stays.send({ topic: "T", body: "makes the topic" });
      const given = rejection(producer.request({ topic: "T", body: "x" }, { timeoutMs: 60_000 }));
      await delay(sim.clock, 1_000);
      const startedAt = sim.clock.monotonic();
      await producer.close();
      const fault = await given;
      expect([fault.kind, fault.message]).toEqual(["closed", expect.stringContaining("the message is stored")]);
      expect(sim.clock.monotonic() - startedAt).toBeLessThan(1_000);
    }));

  test("whose asker has gone is refused to who replies", () =>
    withSimulated(async (rocketmq) => {
      const asking = rocketmq.client();
      const requests = new Collector<MessageExt>();
      await new PushConsumer(rocketmq.client(), {
        consumerGroup: "cg",
        subscription: { T: "*" },
        consumeFromWhere: "CONSUME_FROM_FIRST_OFFSET",
      }).start(requests.add);
      const given = rejection(new Producer(asking, { producerGroup: "pg" }).request({ topic: "T", body: "x" }));
      await requests.until(1);
      await asking.close();
      await given;
      const producer = new Producer(rocketmq.client(), { producerGroup: "answers", retryTimesWhenSendFailed: 0 });
      const reply = createReplyMessage(requests.items[0] as MessageExt, { body: "late" });
      const fault = await rejection(producer.send(reply));
      expect(fault.message).toInclude("push reply message fail");
    }));
});

describe("recall", () => {
  test("takes a delayed message back; what is not to be recalled is refused with its reason", () =>
    withSimulated(
      async (rocketmq, sim) => {
        const producer = new Producer(rocketmq.client(), { producerGroup: "pg" });
        const seen = new Collector<MessageExt>();
        await new PushConsumer(rocketmq.client(), { consumerGroup: "cg", subscription: { T: "*" } }).start(seen.add);
        const back = await producer.send({ topic: "T", body: "back", deliverTimeMs: sim.clock.now() + 30_000 });
        await producer.send({ topic: "T", body: "stays", delayTimeMs: 40_500 });
        expect(await producer.recall("T", back.recallHandle ?? "")).toBe(back.msgId);
        await seen.until(1);
        expect(seen.items.map((message) => message.text())).toEqual(["stays"]);
        expect((await rejection(producer.recall("T", "no handle"))).kind).toBe("invalid");
        expect((await rejection(producer.recall("T", back.recallHandle ?? ""))).responseCode).toBe(604);
      },
      { recallMessageEnable: true },
    ));
});
