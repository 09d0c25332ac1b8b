/** What metrics say while things happen, on the simulator's clock: timers, POP and its revival, delay levels, kinds of messages. */
import { describe, expect, test } from "bun:test";
import { type SimRuntime, simRuntime } from "../../adapters/sim/sim.ts";
import { type MessageExt, Producer, SimpleConsumer } from "../../core/client/mod.ts";
import { type BrokerSettingsInput, type RocketMQ, startRocketMQ } from "../../mod.ts";
import { RecordingLog } from "../broker/management_harness.ts";

type LabelValues = Readonly<Record<string, string>>;

/** A broker that says its metrics each second of the simulated clock. */
class Measured {
  readonly sim: SimRuntime;
  readonly rocketmq: RocketMQ;
  readonly #log: RecordingLog;

  private constructor(sim: SimRuntime, rocketmq: RocketMQ, log: RecordingLog) {
    this.sim = sim;
    this.rocketmq = rocketmq;
    this.#log = log;
  }

  static async run(body: (measured: Measured) => Promise<void>, settings: BrokerSettingsInput = {}): Promise<void> {
    const sim = simRuntime();
    const log = new RecordingLog();
    const broker = { metricsExporterType: "LOG", metricLoggingExporterIntervalInMills: 1_000, ...settings } as const;
    const measured = new Measured(sim, await moved(sim, startRocketMQ({ runtime: sim, log, broker })), log);
    try {
      await body(measured);
    } finally {
      await moved(sim, measured.rocketmq.close());
    }
  }

  /** Moves time until `promise` settles. */
  until<T>(promise: Promise<T>): Promise<T> {
    return moved(this.sim, promise);
  }

  /** Lets so much time go by, whole seconds, and what was measured at its end is the newest. */
  async after(ms: number): Promise<void> {
    this.#log.lines.length = 0;
    await this.sim.clock.advance(ms);
  }

  /** The newest value that has these labels; undefined when there is none. */
  value(name: string, labels: LabelValues = {}): unknown {
    const line = this.#log.lines.findLast(
      ({ message, fields }) =>
        message === "metric" &&
        fields["name"] === name &&
        Object.entries(labels).every(([label, value]) => fields[label] === value),
    );
    return line?.fields["value"] ?? line?.fields["count"];
  }

  values(name: string, all: readonly LabelValues[]): unknown[] {
    return all.map((labels) => this.value(name, labels));
  }
}

async function moved<T>(sim: SimRuntime, promise: Promise<T>): Promise<T> {
  let settled = false;
  const settle = () => {
    settled = true;
  };
  promise.then(settle, settle);
  await sim.clock.until(() => settled, 3_600_000).catch(() => sim.clock.settle());
  return promise;
}

const TOPIC = { topic: "T" };

test("timers: what was taken in, what waits until when, what was delivered", () =>
  Measured.run(async (measured) => {
    const producer = new Producer(measured.rocketmq.client(), { producerGroup: "pg" });
    for (const delayTimeMs of [20_000, 20_000, 600_000]) {
      await measured.until(producer.send({ topic: "T", body: "x", delayTimeMs }));
    }
    await measured.after(3_000);
    expect(measured.value("rocketmq_timer_enqueue_total", TOPIC)).toBe(3);
    expect(measured.value("rocketmq_timer_dequeue_total", TOPIC)).toBe(undefined);
    expect(measured.value("rocketmq_timing_messages", TOPIC)).toBe(3);
    expect(measured.value("rocketmq_timer_dequeue_lag")).toBe(3);
    expect(measured.value("rocketmq_timer_enqueue_lag")).toBe(0);
    expect(measured.value("rocketmq_delay_message_latency", TOPIC)).toBe(3);
    const bounds = (...seconds: string[]) => seconds.map((timer_bound_s) => ({ timer_bound_s }));
    const snapshot = () => measured.values("rocketmq_timer_message_snapshot", bounds("5", "60", "300", "900"));
    expect(snapshot()).toEqual([0, 2, 0, 1]);
    // Parked they came in, and as such only: when they are delivered they do not come again.
    const parked = { topic: "rmq_sys_wheel_timer", message_type: "delay", is_system: "true" };
    expect(measured.value("rocketmq_messages_in_total", parked)).toBe(3);
    await measured.after(20_000);
    expect(measured.value("rocketmq_timer_dequeue_total", TOPIC)).toBe(2);
    expect(measured.value("rocketmq_timing_messages", TOPIC)).toBe(1);
    expect(measured.value("rocketmq_timer_dequeue_lag")).toBe(1);
    expect(snapshot()).toEqual([0, 0, 0, 1]);
    expect(measured.value("rocketmq_messages_in_total", TOPIC)).toBe(undefined);
  }));

test("delay levels: parked, and again when they are delivered", () =>
  Measured.run(async (measured) => {
    const producer = new Producer(measured.rocketmq.client(), { producerGroup: "pg" });
    await measured.until(producer.send({ topic: "T", body: "x" }));
    await measured.until(producer.send({ topic: "T", body: "x", delayTimeLevel: 2 }));
    await measured.after(10_000);
    expect(
      measured.values("rocketmq_messages_in_total", [
        { topic: "SCHEDULE_TOPIC_XXXX", message_type: "delay" },
        { topic: "T", message_type: "delay" },
        { topic: "T", message_type: "normal" },
      ]),
    ).toEqual([1, 1, 1]);
    expect(measured.value("rocketmq_messages_out_total", { consumer_group: "SCHEDULE_CONSUMER" })).toBe(1);
  }));

test("kinds of messages, which tell theirs by their properties", () =>
  Measured.run(async (measured) => {
    const producer = new Producer(measured.rocketmq.client(), { producerGroup: "pg" });
    await measured.until(producer.send({ topic: "T", body: "x" }));
    await measured.until(producer.send({ topic: "T", body: "x", properties: { __SHARDINGKEY: "k" } }));
    await measured.until(producer.sendBatch([1, 2, 3].map((n) => ({ topic: "T", body: `${n}` }))));
    await measured.after(2_000);
    const kinds = ["normal", "fifo"].map((message_type) => ({ topic: "T", message_type, is_system: "false" }));
    expect(measured.values("rocketmq_messages_in_total", kinds)).toEqual([4, 1]);
    // A batch is one measurement, of its average message.
    expect(measured.values("rocketmq_message_size", kinds)).toEqual([2, 1]);
  }));

describe("POP", () => {
  test("its check points, acknowledgements and revived messages are counted as they pass", () =>
    Measured.run(async (measured) => {
      const client = measured.rocketmq.client();
      const producer = new Producer(client, { producerGroup: "pg", defaultTopicQueueNums: 1 });
      for (let i = 0; i < 5; i++) await measured.until(producer.send({ topic: "T", body: `${i}` }));
      const consumer = new SimpleConsumer(client, {
        consumerGroup: "G",
        subscription: { T: "*" },
        consumeFromWhere: "CONSUME_FROM_FIRST_OFFSET",
        invisibleDuration: 20_000,
      });
      const first: MessageExt[] = [];
      while (first.length < 5) first.push(...(await measured.until(consumer.receive({ maxMessages: 32 }))));
      for (const message of first.slice(0, 2)) await measured.until(consumer.acknowledge(message));
      await measured.after(2_000);
      const group = { topic: "T", consumer_group: "G" };
      const records = ["CK", "ACK"].map((revive_message_type) => ({ ...group, revive_message_type }));
      const written = measured.values("rocketmq_pop_revive_in_message_total", records);
      expect(written[0]).toBeGreaterThanOrEqual(1);
      expect(written[1]).toBe(2);
      // They surface when the invisible time is over, or a second before.
      expect(measured.values("rocketmq_pop_revive_out_message_total", records)).toEqual([undefined, undefined]);
      expect(measured.value("rocketmq_pop_checkpoint_buffer_size")).toBe(written[0]);
      expect(measured.value("rocketmq_consumer_inflight_messages", { ...group, is_retry: "false" })).toBe(3);
      expect(measured.value("rocketmq_messages_out_total", { ...group, is_retry: "false" })).toBe(5);

      await measured.after(30_000);
      expect(measured.values("rocketmq_pop_revive_out_message_total", records)).toEqual(written);
      expect(measured.value("rocketmq_pop_revive_retry_messages_total", { ...group, put_status: "PUT_OK" })).toBe(3);
      expect(measured.value("rocketmq_pop_checkpoint_buffer_size")).toBe(0);
      expect(Number(measured.value("rocketmq_pop_buffer_scan_time_consume"))).toBeGreaterThan(0);
      const again: MessageExt[] = [];
      while (again.length < 3) again.push(...(await measured.until(consumer.receive({ maxMessages: 32 }))));
      await measured.after(2_000);
      expect(measured.value("rocketmq_messages_out_total", { ...group, is_retry: "true" })).toBe(3);
    }));

  test("revival that is behind says by how many records and how long", () =>
    Measured.run(
      async (measured) => {
        const client = measured.rocketmq.client();
        const producer = new Producer(client, { producerGroup: "pg", defaultTopicQueueNums: 1 });
        await measured.until(producer.send({ topic: "T", body: "x" }));
        const subscription = { T: "*" };
        const consumeFromWhere = "CONSUME_FROM_FIRST_OFFSET";
        const options = { consumerGroup: "G", subscription, consumeFromWhere, invisibleDuration: 10_000 } as const;
        const consumer = new SimpleConsumer(client, options);
        const [message] = await measured.until(consumer.receive());
        expect(message?.text()).toBe("x");
        // Surfaced at nine seconds, judged when the grace after the tenth is over.
        await measured.after(11_000);
        expect(measured.value("rocketmq_pop_revive_lag", { queue_id: "0" })).toBe(1);
        const latency = Number(measured.value("rocketmq_pop_revive_latency", { queue_id: "0" }));
        expect(latency).toBeGreaterThan(0);
        expect(latency).toBeLessThanOrEqual(3_000);
        await measured.after(10_000);
        expect(measured.value("rocketmq_pop_revive_lag", { queue_id: "0" })).toBe(0);
        expect(measured.value("rocketmq_pop_revive_latency", { queue_id: "0" })).toBe(0);
      },
      { reviveQueueNum: 1 },
    ));
});
