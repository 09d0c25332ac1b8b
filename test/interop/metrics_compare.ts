/**
 * Metrics of Apache 5.5.0 and ours under the same load: both brokers run with metricsExporterType=PROM, get `metrics_load.ts`, and
 * are scraped until they say the same, or until time is over.
 *
 *     bun test/interop/metrics_compare.ts [--target bun] [--show]
 *
 * Compared are names, types and label names of all, and of what the load decides (counters, counts of histograms, lag,
 * connections) each value. Where they differ for a reason, the reason stands in `REASONS`, and in docs/compatibility.md. `--show`
 * prints what both said at last. The last line is `N passed, N failed, N skipped`.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { type ExposedSample, exposition } from "../metrics/exposition.ts";
import { hostRuntime } from "../support/host_runtime.ts";
import { Cluster } from "./cluster.ts";
import { type Loaded, load } from "./metrics_load.ts";
import { freePorts } from "./processes.ts";
import { apacheTarget, ourTarget, type Target, type TargetName } from "./targets.ts";
import { buildJava, findToolchain, interopJavaDirectory, withoutToolchain } from "./toolchain.ts";

const { values: options } = parseArgs({
  options: { target: { type: "string", default: "bun" }, show: { type: "boolean", default: false } },
});
const totals = { passed: 0, failed: 0, skipped: 0 };
/** Timers and revived messages are on their way for some seconds after the load. */
const DEADLINE_MS = 90_000;
const ASK_EVERY_MS = 1_000;

/** Metrics whose values the load decides, but for what `REASONS` lists. Of the others only the labels are compared. */
const DECIDED = [
  /^rocketmq_(messages|throughput)_(in|out)_total$/,
  /^rocketmq_message_size_(count|sum|bucket)$/,
  /^rocketmq_(commit|rollback|send_to_dlq)_messages_total$/,
  /^rocketmq_(half_messages|topic_number|consumer_group_number|broker_permission)$/,
  /^rocketmq_(producer|consumer)_connections$/,
  /^rocketmq_consumer_(lag|inflight|ready)_messages$/,
  /^rocketmq_(finish_message_latency|topic_create_execution_time|consumer_group_create_execution_time)_milliseconds_count$/,
  /^rocketmq_delay_message_latency_seconds_count$/,
  /^rocketmq_pop_revive_(in|retry)_messages?_total$/,
  /^rocketmq_pop_(checkpoint|offset)_buffer_size$/,
  /^rocketmq_timer_(enqueue|dequeue)_(total|lag)$/,
  /^rocketmq_(timing_messages|timer_message_snapshot)$/,
  /^rocketmq_rpc_latency_milliseconds_count .*request_code=(send_message_v2|send_batch_message|end_transaction|ack_message|recall_message|consumer_send_msg_back|update_and_create_topic),/,
];

/** Where both differ, and why. */
const REASONS: readonly { readonly line: RegExp; readonly why: string }[] = [
  {
    line: /^rocketmq_(messages|throughput)_out_total consumer_group=CID_RMQ_SYS_(TRANS|REVIVE_GROUP),/,
    why: "how often a broker reads its own half messages and check points is its own affair: ours keeps what it has read",
  },
  {
    line: /^rocketmq_pop_revive_out_message_total /,
    why: "Apache counts a record again each time it reads it again, until its check point is done; ours reads each once",
  },
  { line: /^rocketmq_processor_watermark processor=async_put/, why: "there is no such queue in ours: no metric of it" },
  {
    line: /^rocketmq_rpc_latency_milliseconds.* request_code=(?!send_message_v2|send_batch_message|end_transaction|ack_message|recall)/,
    why: "how often a client polls, beats and asks for routes, and how often an answer was there at once, is chance",
  },
];

interface Scraped {
  readonly cluster: Cluster;
  readonly loaded: Loaded;
  /** Lines without the labels that all have, and their values. */
  readonly scrape: () => Promise<ReadonlyMap<string, number>>;
}

async function start(target: Target): Promise<Scraped> {
  const port = await freePorts(1);
  const cluster = await Cluster.start({
    target,
    namesrvCount: 1,
    brokerConfig: {
      metricsExporterType: "PROM",
      metricsPromExporterHost: "127.0.0.1",
      metricsPromExporterPort: String(port),
      // Nobody asks for the transaction that is left open.
      transactionTimeOut: "600000",
      waitTimeMillsInSendQueue: "20000",
    },
  });
  try {
    const runtime = await hostRuntime();
    const loaded = await load(runtime, { namesrvAddr: cluster.namesrvAddrOf(0), brokerAddr: cluster.brokerAddr });
    const scrape = async () => {
      const { metrics, samples } = exposition(await (await fetch(`http://127.0.0.1:${port}/metrics`)).text());
      const types = Array.from(metrics, ([name, { type }]) => [`# TYPE ${name} ${type}`, 0] as const);
      return new Map([...types, ...samples.map((sample) => [lineOf(sample), sample.value] as const)]);
    };
    return { cluster, loaded, scrape };
  } catch (error) {
    await cluster.close();
    throw error;
  }
}

/** Name and labels; which revive queue a check point has is chance. */
function lineOf({ name, labels }: ExposedSample): string {
  const { cluster: _cluster, node_id: _id, node_type: _type, otel_scope_name: _scope, ...rest } = labels;
  const shown = Object.entries(rest).filter(([label]) => label !== "queue_id" || !name.startsWith("rocketmq_pop_revive_out"));
  const text = shown.sort(([a], [b]) => (a < b ? -1 : 1)).map(([label, value]) => `${label}=${value}`);
  return `${name} ${text.join(",")}`;
}

/** What differs for no reason, a line each. */
function differences(theirs: ReadonlyMap<string, number>, ours: ReadonlyMap<string, number>): string[] {
  const found: string[] = [];
  for (const line of new Set([...theirs.keys(), ...ours.keys()])) {
    if (REASONS.some((reason) => reason.line.test(line))) continue;
    const [a, b] = [theirs.get(line), ours.get(line)];
    const decided = DECIDED.some((each) => each.test(each.source.includes(" ") ? line : (line.split(" ")[0] as string)));
    if (a === undefined || b === undefined || (decided && a !== b)) found.push(`${line}: Apache ${a}, ours ${b}`);
  }
  return found.sort();
}

async function compare(theirs: Scraped, ours: Scraped): Promise<{ compared: number; different: string[] }> {
  const deadline = Date.now() + DEADLINE_MS;
  for (;;) {
    const [a, b] = await Promise.all([theirs.scrape(), ours.scrape()]);
    const different = differences(a, b);
    if (different.length === 0 || Date.now() > deadline) {
      if (options.show) for (const [line, value] of a) console.log(`${line}: Apache ${value}, ours ${b.get(line)}`);
      return { compared: a.size, different };
    }
    await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
  }
}

async function main(): Promise<void> {
  const toolchain = findToolchain();
  if (typeof toolchain === "string") {
    withoutToolchain("metrics of Apache and ours", toolchain, totals);
    return;
  }
  const classpath = buildJava(toolchain, interopJavaDirectory, ["apache"])["apache"] as string;
  for (const name of options.target.split(",") as Exclude<TargetName, "apache">[]) {
    const startedAt = Date.now();
    const title = `metrics of Apache and ours, ${name}, under the same load`;
    const started = await Promise.allSettled([start(apacheTarget(toolchain, classpath)), start(ourTarget(name))]);
    try {
      const [theirs, ours] = started.map((each) => {
        if (each.status === "rejected") throw each.reason as Error;
        return each.value;
      }) as [Scraped, Scraped];
      const { compared, different } = await compare(theirs, ours);
      const ms = Date.now() - startedAt;
      totals[different.length === 0 ? "passed" : "failed"]++;
      if (different.length === 0) console.log(`✓ ${title}: ${compared} lines [${ms} ms]`);
      else
        console.log(`✗ ${title}: ${different.length} of ${compared} lines [${ms} ms]\n  ${different.slice(0, 40).join("\n  ")}`);
    } catch (error) {
      totals.failed++;
      console.log(`✗ ${title}\n  ${(error as Error).stack}`);
    } finally {
      for (const each of started) {
        if (each.status === "rejected") continue;
        await each.value.loaded.close().catch(() => {});
        await each.value.cluster.close();
      }
    }
  }
}

await main();
console.log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
process.exit(totals.failed === 0 ? 0 : 1);
