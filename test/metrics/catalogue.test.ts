/** Names and labels against a scrape of Apache 5.5.0, and the text of metricsLabel. */
import { describe, expect, test } from "bun:test";
import { CATALOGUE, type MetricName, type MetricRow, prometheusName } from "../../core/metrics/catalogue.ts";
import { parseLabels } from "../../core/metrics/labels.ts";
import { apacheMetrics } from "./exposition.ts";

/** Of all metrics of a broker. */
const COMMON = ["cluster", "node_id", "node_type", "otel_scope_name"];

describe("the catalogue", () => {
  const apache = apacheMetrics();

  test.each(Object.entries<MetricRow>(CATALOGUE))("%s is Apache's", (name, { kind, labels }) => {
    expect(apache.get(prometheusName(name as MetricName))).toMatchObject({
      type: kind,
      labels: [...COMMON, ...labels].sort().join(","),
    });
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
