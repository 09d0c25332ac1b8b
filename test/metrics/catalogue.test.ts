/** Names and labels against a scrape of Apache 5.5.0, and the text of metricsLabel. */
import { describe, expect, test } from "bun:test";
import { CATALOGUE, type MetricName, type MetricRow, prometheusName } from "../../core/metrics/catalogue.ts";
import { Counters, Histograms } from "../../core/metrics/instruments.ts";
import { parseHeaders, parseLabels } from "../../core/metrics/labels.ts";
import { batches } from "../../core/metrics/otlp.ts";
import { apacheMetrics } from "./exposition.ts";

/** Of all metrics of a broker. */
const COMMON = ["cluster", "node_id", "node_type", "otel_scope_name"];

describe("the catalogue", () => {
  const apache = apacheMetrics();

  test.each(Object.entries<MetricRow>(CATALOGUE))("%s is Apache's", (name, { kind, labels, bounds = [] }) => {
    expect(apache.get(prometheusName(name as MetricName))).toMatchObject({
      type: kind,
      labels: [...COMMON, ...labels, ...(kind === "histogram" ? ["le"] : [])].sort().join(","),
    });
    expect(apache.get(prometheusName(name as MetricName))?.bounds.map(Number) ?? []).toEqual(
      kind === "histogram" ? [...bounds, Number.NaN] : [],
    );
  });

  test("lacks none of Apache's", () => {
    const ours = new Set<string>(Object.keys(CATALOGUE).map((name) => prometheusName(name as MetricName)));
    expect([...apache.keys()].filter((name) => name !== "target_info" && !ours.has(name))).toEqual([]);
  });
});

describe("what is counted as it happens", () => {
  test("has a bound on its sets of labels; what is beyond counts in one", () => {
    const counters = new Counters<string>(
      () => 2,
      (topic) => ({ topic }),
    );
    for (const topic of ["a", "b", "c", "a", "d"]) counters.add(topic);
    const overflow = { otel_metric_overflow: "true" };
    expect(counters.samples().map(({ labels, value }) => [labels, value])).toEqual([
      [{ topic: "a" }, 2],
      [{ topic: "b" }, 1],
      [overflow, 2],
    ]);
    const histograms = new Histograms<string>(
      [1, 10],
      () => 1,
      (topic) => ({ topic }),
    );
    // A bound belongs to the class below it.
    for (const value of [0, 1, 1.5, 10, 11]) histograms.record("a", value);
    histograms.record("b", 3, 2);
    expect(histograms.samples()).toMatchObject([
      { labels: { topic: "a" }, counts: [2, 2, 1], count: 5, sum: 23.5, min: 0, max: 11 },
      { labels: overflow, counts: [0, 2, 0], count: 2, sum: 6 },
    ]);
  });

  test("goes to a collector in batches of so many data points", () => {
    const sample = (value: number) => ({ labels: {}, value });
    const parts = batches(
      [
        { name: "rocketmq_topic_number", samples: [1, 2, 3].map(sample) },
        { name: "rocketmq_broker_permission", samples: [sample(4)] },
      ],
      2,
    );
    expect(parts.map((part) => part.map(({ samples }) => samples.map(({ value }) => value)))).toEqual([[[1, 2]], [[3], [4]]]);
  });
});

describe("metricsLabel", () => {
  test("is pairs of name and value", () => {
    expect(parseLabels("")).toEqual({});
    expect(parseLabels("zone:a, rack:7,")).toEqual({ zone: "a", rack: "7" });
  });

  test.each(["zone", "zone:a:b", "7a:b", "zo-ne:a", ":a"])("%s is refused", (text) => {
    expect(parseLabels(text)).toBeUndefined();
  });
});

test("metricsGrpcExporterHeader is pairs of a header's name and its value, which may hold colons", () => {
  expect(parseHeaders("X-Api-Key:a:b, tenant: c")).toEqual({ "x-api-key": "a:b", tenant: "c" });
  expect(parseHeaders("no pair")).toBeUndefined();
});
