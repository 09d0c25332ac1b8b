/** What a round of startMonitoring says; against Apache's on one cluster it is held by `test/interop/mqadmin_compare.ts`. */
import { expect, test } from "bun:test";
import { monitorRound, reportMoved } from "../../cli/mqadmin/consumer/monitoring.ts";
import { CommandContext } from "../../cli/mqadmin/context.ts";
import { Output } from "../../cli/mqadmin/output.ts";
import { type ClientInstance, Producer, PushConsumer } from "../../core/client/mod.ts";
import type { Runtime } from "../../core/runtime.ts";
import { encodeUtf8 } from "../../wire/bytes.ts";
import { withSimulated } from "../client/harness.ts";

function contextOf(runtime: Runtime, client: ClientInstance) {
  const lines: string[] = [];
  const terminal = {
    out: (text: string) => void lines.push(...text.split("\n").slice(0, -1)),
    err: () => {},
    outIsTerminal: false,
    errIsTerminal: false,
    environment: () => undefined,
  };
  const parts = { runtime, namesrvAddr: "unused", timeoutMs: 5_000, credentials: undefined, tls: undefined };
  const context = new CommandContext({ ...parts, output: new Output(terminal, "text"), environment: () => undefined });
  Object.defineProperty(context, "client", { value: client });
  return { context, lines };
}

test("a round tells what groups leave undone, and which queues hang", () =>
  withSimulated(async (rocketmq, sim) => {
    const client = rocketmq.client();
    const { context, lines } = contextOf(sim, rocketmq.client());
    const pause = (ms: number) => new Promise((resolve) => sim.clock.setTimeout(() => resolve(undefined), ms));
    const producer = new Producer(client, { producerGroup: "pg" });
    for (let i = 0; i < 5; i++) {
      await producer.send({ topic: "T", body: `${i}` }, { shardingKey: "one" });
      await pause(1_000);
    }
    const consumer = new PushConsumer(client, {
      consumerGroup: "slow",
      subscription: { T: "*" },
      consumeFromWhere: "CONSUME_FROM_FIRST_OFFSET",
      consumeTimeout: 60,
    });
    // The first message is consumed, the others hang.
    let calls = 0;
    await consumer.start((_message, { signal }) => {
      if (calls++ === 0) return undefined;
      return new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    });
    await pause(70_000);
    await monitorRound(context);
    expect(lines.at(0)).toBe("[MONITOR] =========================================beginRound");
    expect(lines.at(-1)).toBe("[MONITOR] =========================================endRound");
    const undone = "[MONITOR] reportUndoneMsgs: UndoneMsgs [consumerGroup=slow, topic=T, ";
    const told = lines.filter((line) => line.startsWith(undone));
    expect(told.map((line) => line.replace(/undoneMsgsDelayTimeMills=4\d\d\d]$/, "undoneMsgsDelayTimeMills=4 s]"))).toEqual([
      `${undone}undoneMsgsTotal=4, undoneMsgsSingleMQ=4, undoneMsgsDelayTimeMills=4 s]`,
    ]);
    const hanging = lines.filter((line) => line.includes("[NOTIFY]"));
    expect(hanging).toHaveLength(1);
    expect(hanging[0]).toMatch(
      /^\[MONITOR\] {2}\[NOTIFY\] reportConsumerRunningInfo: ConsumerGroup: slow, ClientId: \S+, \S+ MessageQueue \[topic=T, brokerName=broker-a, queueId=\d\] can't consume for a while, maybe blocked, \d+ms$/,
    );
  }));

test("that a broker moved an offset is told as Java prints the event", () =>
  withSimulated(async (rocketmq, sim) => {
    const { context, lines } = contextOf(sim, rocketmq.client());
    const event = { consumerGroup: "g", offsetRequest: 1, offsetNew: 5 };
    const messageQueue = { topic: "T", brokerName: "broker-a", queueId: 2 };
    reportMoved(context, encodeUtf8(JSON.stringify({ ...event, messageQueue })), 7);
    reportMoved(context, encodeUtf8(JSON.stringify(event)), 8);
    const told = (queue: string, at: number) =>
      `[MONITOR] reportDeleteMsgsEvent: DeleteMsgsEvent [offsetMovedEvent=OffsetMovedEvent [consumerGroup=g, messageQueue=${queue}, offsetRequest=1, offsetNew=5], eventTimestamp=${at}]`;
    expect(lines).toEqual([told("MessageQueue [topic=T, brokerName=broker-a, queueId=2]", 7), told("null", 8)]);
  }));
