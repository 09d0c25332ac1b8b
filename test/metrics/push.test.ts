/** Metrics that leave by themselves: to an OTLP collector over gRPC, and into the log. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { Server, ServerCredentials, type ServerUnaryCall } from "@grpc/grpc-js";
import { simRuntime } from "../../adapters/sim/sim.ts";
import { Producer } from "../../core/client/mod.ts";
import { PushExporter } from "../../core/metrics/push_exporter.ts";
import { startRocketMQ } from "../../mod.ts";
import { RecordingLog } from "../broker/management_harness.ts";

setDefaultTimeout(30_000);

const EXPORT = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";

/** A collector that keeps the bytes of each call. */
async function collector() {
  const calls: { readonly text: string; readonly key: unknown }[] = [];
  const server = new Server();
  const asIs = (bytes: Buffer) => bytes;
  const handlers = {
    export: (call: ServerUnaryCall<Buffer, Buffer>, answer: (error: null, reply: Buffer) => void) => {
      // Names and label values stand in protobuf as they are.
      calls.push({ text: new TextDecoder("latin1").decode(call.request), key: call.metadata.get("x-key")[0] });
      answer(null, Buffer.alloc(0));
    },
  };
  const all = { requestSerialize: asIs, requestDeserialize: asIs, responseSerialize: asIs, responseDeserialize: asIs };
  server.addService({ export: { path: EXPORT, requestStream: false, responseStream: false, ...all } }, handlers);
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  return { calls, port, close: () => server.forceShutdown() };
}

describe("metricsExporterType", () => {
  test("OTLP_GRPC sends to the collector, and once more at the end", async () => {
    const { calls, port, close } = await collector();
    try {
      const rocketmq = await startRocketMQ({
        broker: {
          metricsExporterType: "OTLP_GRPC",
          metricsGrpcExporterTarget: `http://127.0.0.1:${port}`,
          metricsGrpcExporterHeader: "X-Key:secret",
          metricsExportBatchMaxDataPoints: 20,
        },
      });
      await new Producer(rocketmq.client(), { producerGroup: "pg" }).send({ topic: "T", body: "x" });
      await rocketmq.close();
      const text = calls.map((call) => call.text).join();
      // In more than one call, since more than 20 points.
      expect(calls.length).toBeGreaterThan(1);
      expect(calls.every(({ key }) => key === "secret")).toBe(true);
      for (const word of ["rocketmq_rpc_latency", "rocketmq_message_size", "send_message_v2", "broker-a", "milliseconds"]) {
        expect([word, text.includes(word)]).toEqual([word, true]);
      }
      // The instrument's name, not that of the Prometheus form.
      expect(text).not.toInclude("rocketmq_rpc_latency_milliseconds");
    } finally {
      close();
    }
  });

  test("OTLP_GRPC without a collector's address stops the start, naming the key", async () => {
    await expect(startRocketMQ({ broker: { metricsExporterType: "OTLP_GRPC" } })).rejects.toThrow("metricsGrpcExporterTarget");
  });

  test("a collector that is not there costs a line of the log, and the broker nothing", async () => {
    const log = new RecordingLog();
    const broker = { metricsExporterType: "OTLP_GRPC", metricsGrpcExporterTarget: "http://127.0.0.1:1" } as const;
    const rocketmq = await startRocketMQ({ log, broker: { ...broker, metricGrpcExporterTimeOutInMills: 500 } });
    await new Producer(rocketmq.client(), { producerGroup: "pg" }).send({ topic: "T", body: "x" });
    await rocketmq.close();
    const lines = log.lines.filter(({ message }) => message.startsWith("metrics were not exported"));
    expect(lines.map(({ fields }) => fields["metricsGrpcExporterTarget"])).toEqual(["http://127.0.0.1:1"]);
  });

  test("LOG writes a line a sample", async () => {
    const log = new RecordingLog();
    const rocketmq = await startRocketMQ({ log, broker: { metricsExporterType: "LOG" } });
    await new Producer(rocketmq.client(), { producerGroup: "pg" }).send({ topic: "T", body: "x" });
    await rocketmq.close();
    const lines = log.lines.filter(({ message }) => message === "metric").map(({ fields }) => fields);
    expect(lines.find(({ name, topic }) => name === "rocketmq_messages_in_total" && topic === "T")).toMatchObject({
      value: 1,
      cluster: "DefaultCluster",
    });
    const served = lines.find(({ name, request_code }) => name === "rocketmq_rpc_latency" && request_code === "send_message_v2");
    expect(served).toMatchObject({ count: 1, response_code: "success", is_long_polling: "false", result: "success" });
  });
});

test("with metricsInDelta counters and histograms say what came since, gauges what is", async () => {
  const sim = simRuntime();
  let total = 5;
  const written: unknown[] = [];
  const exporter = new PushExporter({
    runtime: sim,
    log: new RecordingLog(),
    labels: { cluster: "c" },
    intervalMs: 1_000,
    delta: true,
    to: {},
    source: {
      read: () => [
        { name: "rocketmq_messages_in_total", samples: [{ labels: { topic: "T" }, value: total }] },
        { name: "rocketmq_topic_number", samples: [{ labels: {}, value: total }] },
        {
          name: "rocketmq_message_size",
          samples: [],
          histograms: [{ labels: {}, boundaries: [1], counts: [total, 1], count: total + 1, sum: total, min: 0, max: 2 }],
        },
      ],
    },
    sink: () =>
      Promise.resolve({
        write(readings, form) {
          written.push([
            readings[0]?.samples[0]?.value,
            readings[1]?.samples[0]?.value,
            readings[2]?.histograms?.[0]?.counts,
            form.common,
          ]);
          // The second turn fails: what it would have said is said by the third.
          return written.length === 2 ? Promise.reject(new Error("down")) : Promise.resolve();
        },
        close: () => Promise.resolve(),
      }),
  });
  await exporter.start();
  const common = { cluster: "c", aggregation: "delta" };
  await sim.clock.until(() => written.length === 1, 2_000);
  total = 7;
  await sim.clock.until(() => written.length === 2, 2_000);
  total = 8;
  await sim.clock.until(() => written.length === 3, 2_000);
  expect(written).toEqual([
    [5, 5, [5, 1], common],
    [2, 7, [2, 0], common],
    [3, 8, [3, 0], common],
  ]);
});
