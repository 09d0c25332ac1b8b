/** A broker on the runtime of the test, scraped over HTTP; what it says is held against what Apache 5.5.0 said. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { simRuntime } from "../../adapters/sim/sim.ts";
import { Broker } from "../../core/broker/broker.ts";
import { PrometheusExporter } from "../../core/metrics/exporter.ts";
import { LocalPeer } from "../../core/remoting/local_peer.ts";
import { heartbeatData } from "../../wire/bodies/heartbeat.ts";
import { decodeMessageId } from "../../wire/message_id.ts";
import { formatProperties } from "../../wire/properties.ts";
import { RecordingLog, settingsOf } from "../broker/management_harness.ts";
import { sendHeader } from "../broker/messages_harness.ts";
import { hostRuntime } from "../support/host_runtime.ts";
import { apacheMetrics, type Exposition, exposition } from "./exposition.ts";

const apache = apacheMetrics();
const PULLED: ReadonlySet<string> = new Set(["rocketmq_messages_out_total", "rocketmq_throughput_out_total"]);
const directory = mkdtempSync(join(tmpdir(), "edgemq-metrics-"));
const log = new RecordingLog();
let broker: Broker;
let url = "";
const scrape = async (): Promise<Exposition> => exposition(await (await fetch(url)).text());

beforeAll(async () => {
  const runtime = await hostRuntime();
  const settings = settingsOf(runtime, {
    storePathRootDir: directory,
    bindAddress: "127.0.0.1",
    listenPort: 0,
    metricsExporterType: "PROM",
    metricsPromExporterPort: 0,
    metricsLabel: "zone:a, rack:7",
  });
  broker = new Broker({ runtime, log, settings, listen: false });
  await broker.start();
  const port = log.lines.find(({ message }) => message === "metrics are served")?.fields["port"];
  url = `http://127.0.0.1:${port}/metrics`;
});

afterAll(async () => {
  await broker.stop();
  rmSync(directory, { recursive: true, force: true });
});

describe("GET /metrics", () => {
  test("has Apache's names, types and labels", async () => {
    await load();
    const ours = await scrape();
    for (const [name, { type, labels }] of ours.metrics) {
      const theirs = apache.get(name);
      expect(`${name} ${theirs?.type}`).toBe(`${name} ${type}`);
      if (name === "target_info") continue;
      // is_retry is said of what is popped only; see below.
      const wanted = [...(theirs?.labels ?? "").split(","), "rack", "zone"]
        .sort()
        .filter((label) => !(PULLED.has(name) && label === "is_retry"));
      expect(`${name} ${[...labels].sort().join(",")}`).toBe(`${name} ${wanted.join(",")}`);
    }
  });

  test("says what the broker counts", async () => {
    const { value } = await scrape();
    expect(value("rocketmq_broker_permission")).toBe(6);
    expect(value("rocketmq_topic_number")).toBe(broker.topics.all().size);
    expect(value("rocketmq_consumer_connections", { consumer_group: "G", consume_mode: "push" })).toBe(1);
    expect(value("rocketmq_consumer_lag_messages", { consumer_group: "G", topic: "T" })).toBe(3);
    expect(value("rocketmq_consumer_inflight_messages", { consumer_group: "G", topic: "T" })).toBe(2);
    expect(value("rocketmq_consumer_ready_messages", { consumer_group: "G", topic: "T" })).toBe(1);
    expect(value("rocketmq_messages_in_total", { topic: "T", message_type: "normal", is_system: "false" })).toBe(3);
    expect(value("rocketmq_throughput_in_total", { topic: "T" })).toBeGreaterThan(300);
    expect(value("rocketmq_messages_out_total", { topic: "T", consumer_group: "G" })).toBe(2);
    expect(value("rocketmq_throughput_out_total", { topic: "T", consumer_group: "G" })).toBeGreaterThan(200);
    expect(value("rocketmq_pop_revive_lag_milliseconds", { queue_id: "0" })).toBe(0);
    expect(value("rocketmq_storage_flush_behind_bytes", { zone: "a", rack: "7" })).toBeGreaterThanOrEqual(0);
  });

  test("says what was counted as it happened", async () => {
    const { value, metrics } = await scrape();
    const sizes = { topic: "T", message_type: "normal", is_system: "false" };
    expect(value("rocketmq_message_size_count", sizes)).toBe(3);
    expect(value("rocketmq_message_size_bucket", { ...sizes, le: "1024.0" })).toBe(3);
    expect(value("rocketmq_message_size_sum", sizes)).toBe(value("rocketmq_throughput_in_total", { topic: "T" }));
    expect(value("rocketmq_commit_messages_total", { topic: "Tx" })).toBe(1);
    expect(value("rocketmq_rollback_messages_total", { topic: "Tx" })).toBe(1);
    expect(value("rocketmq_finish_message_latency_milliseconds_count", { topic: "Tx" })).toBe(1);
    expect(value("rocketmq_topic_create_execution_time_milliseconds_count", { invocation_status: "success" })).toBe(1);
    expect(value("rocketmq_topic_create_execution_time_milliseconds_count", { invocation_status: "failure" })).toBe(1);
    expect(value("rocketmq_consumer_group_create_execution_time_milliseconds_count")).toBe(1);
    expect(value("rocketmq_timer_enqueue_latency_milliseconds")).toBe(0);
    for (const name of ["rocketmq_message_size", "rocketmq_finish_message_latency_milliseconds"]) {
      // By their words too: `le` is a label.
      const bounds = (all: Iterable<string>) => [...all].sort();
      expect([name, bounds(metrics.get(name)?.bounds ?? [])]).toEqual([name, bounds(apache.get(name)?.bounds ?? [])]);
    }
  });

  test("a port that is taken stops a start, with the key that mends it", async () => {
    const { port } = new URL(url);
    const source = { read: () => [] };
    const options = { runtime: await hostRuntime(), log, host: "127.0.0.1", port: Number(port), labels: {}, source };
    await expect(new PrometheusExporter(options).start()).rejects.toThrow(/EADDRINUSE.*metricsPromExporterPort/);
    await expect(new PrometheusExporter({ ...options, runtime: simRuntime() }).start()).rejects.toThrow(/sim serves no HTTP/);
  });

  test("other paths and methods are refused", async () => {
    expect((await fetch(new URL("/secret", url))).status).toBe(404);
    const posted = await fetch(url, { method: "POST", body: "x".repeat(100_000) });
    expect(posted.status).toBe(405);
    await posted.text();
  });
});

/** A transaction that ends, in either way. */
async function transaction(peer: LocalPeer, commitOrRollback: number): Promise<void> {
  const key = `k${commitOrRollback}`;
  const properties = formatProperties([
    ["TRAN_MSG", "true"],
    ["PGROUP", "P"],
    ["UNIQ_KEY", key],
  ]);
  const half = { ...sendHeader({ topic: "Tx", producerGroup: "P" }), sysFlag: 4, properties };
  const sent = await broker.invoke("SEND_MESSAGE", half, new Uint8Array(10), { peer });
  const { msgId = "", queueOffset = -1 } = sent?.header ?? {};
  const header = {
    topic: "Tx",
    producerGroup: "P",
    tranStateTableOffset: queueOffset,
    commitLogOffset: decodeMessageId(msgId).physicalOffset,
    commitOrRollback,
    fromTransactionCheck: false,
    msgId: key,
    transactionId: key,
    bname: undefined,
  };
  await broker.invoke("END_TRANSACTION", header, undefined, { peer });
}

/** Three messages, and a consumer that is connected, was given two and has consumed none. */
async function load(): Promise<void> {
  const header = {
    producerGroup: "P",
    topic: "T",
    defaultTopic: "TBW102",
    defaultTopicQueueNums: 4,
    queueId: 0,
    sysFlag: 0,
    bornTimestamp: 1,
    flag: 0,
    properties: "",
    reconsumeTimes: 0,
  };
  const peer = new LocalPeer();
  for (let i = 0; i < 3; i++) await broker.invoke("SEND_MESSAGE", header, new Uint8Array(100), { peer });
  const subscription = { topic: "T", subString: "*", subVersion: 1, tagsSet: [], codeSet: [], expressionType: "TAG" };
  const body = heartbeatData.encode({
    clientID: "c1",
    producerDataSet: [{ groupName: "P" }],
    consumerDataSet: [
      {
        groupName: "G",
        consumeType: "CONSUME_PASSIVELY",
        messageModel: "CLUSTERING",
        consumeFromWhere: "CONSUME_FROM_FIRST_OFFSET",
        subscriptionDataSet: [{ ...subscription, classFilterMode: false, filterClassSource: undefined }],
        unitMode: false,
      },
    ],
    heartbeatFingerprint: 0,
    isWithoutSub: false,
  } as never);
  await broker.invoke("HEART_BEAT", {}, body, { peer });
  const pull = { consumerGroup: "G", topic: "T", queueId: 0, queueOffset: 0, maxMsgNums: 2, sysFlag: 4, commitOffset: 0 };
  const more = { suspendTimeoutMillis: 0, subscription: "*", subVersion: 1, expressionType: "TAG" };
  await broker.invoke("PULL_MESSAGE", { ...pull, ...more }, undefined, { peer });
  await transaction(peer, 8);
  await transaction(peer, 12);
  const topic = {
    topic: "Made",
    defaultTopic: "TBW102",
    readQueueNums: 1,
    writeQueueNums: 1,
    perm: 6,
    topicSysFlag: 0,
    order: false,
  };
  await broker.invoke("UPDATE_AND_CREATE_TOPIC", { ...topic, topicFilterType: "SINGLE_TAG" } as never, undefined, { peer });
  const bad = { ...topic, topicFilterType: "SINGLE_TAG", perm: 99 } as never;
  await broker.invoke("UPDATE_AND_CREATE_TOPIC", bad, undefined, { peer }).catch(() => undefined);
  const group = new TextEncoder().encode('{"groupName":"Made"}');
  await broker.invoke("UPDATE_AND_CREATE_SUBSCRIPTIONGROUP", {}, group, { peer });
}
