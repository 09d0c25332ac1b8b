/**
 * The load generator on our own client: as the Java one (`bench/java`), with the same loads, figures and words, so that no JVM
 * is needed to measure a broker, and the two clients can be held against each other.
 *
 *     bun bench/ts/load.ts <nameserver> <pids, or self> <warm-up s> <measured s> <backlog> <scenario>…
 *
 * `backlog` fills the topic that `consume` empties; in a process of its own, it leaves the consumer's memory alone.
 * Prints a line of JSON a scenario that has figures. CPU is that of the processes named, over the measured span only. Runs on
 * Bun, Deno and Node.
 */
import { ClientInstance, type Message, Producer, PushConsumer } from "../../core/client/mod.ts";
import { hostRuntime } from "../../test/support/host_runtime.ts";
import { Latencies } from "../latencies.ts";
import { cpuMicros } from "../proc.ts";

const BODY_BYTES = 1_024;
const BATCH_MESSAGES = 32;
const SEND_TIMEOUT_MS = 10_000;

const [namesrvAddr = "", pidList = "self", warmUp = "3", measured = "8", backlog = "200000", ...scenarios] =
  process.argv.slice(2);
const pids: readonly (number | "self")[] = pidList === "self" ? ["self"] : pidList.split(",").map(Number);
const body = new Uint8Array(BODY_BYTES).map((_, i) => 97 + (i % 26));
const runtime = await hostRuntime();

interface Span {
  readonly messages: number;
  readonly seconds: number;
  readonly cpu: number;
  readonly latencies?: Latencies;
}

function report(scenario: string, { messages, seconds, cpu, latencies }: Span, failed: number, failure?: string): void {
  const figures = {
    scenario,
    messages,
    rate: Math.round(messages / seconds),
    ...(latencies && { p50Ms: latencies.at(0.5), p99Ms: latencies.at(0.99) }),
    cpuMicrosPerMessage: messages === 0 ? 0 : Number((cpu / messages).toFixed(2)),
    failed,
    ...(failure !== undefined && { failure }),
  };
  console.log(JSON.stringify(figures));
}

async function withClient(work: (client: ClientInstance) => Promise<void>): Promise<void> {
  const client = new ClientInstance({ runtime, namesrvAddr });
  try {
    await work(client);
  } finally {
    await client.close();
  }
}

const producerOf = (client: ClientInstance): Producer =>
  new Producer(client, {
    producerGroup: "bench-ts",
    sendMsgTimeout: SEND_TIMEOUT_MS,
    retryTimesWhenSendFailed: 0,
    defaultTopicQueueNums: 8,
  });

/** `lanes` calls at a time, each sending `batch` messages, for the warm-up and then the measured span. */
function sendLoop(scenario: string, lanes: number, batch: number): Promise<void> {
  return withClient(async (client) => {
    const topic = `bench_ts_${scenario}`;
    const producer = producerOf(client);
    const one = { topic, body };
    const many = Array.from({ length: batch }, () => one);
    const send: () => Promise<unknown> = batch === 1 ? () => producer.send(one) : () => producer.sendBatch(many);
    await send();
    let state: "warm" | "measured" | "over" = "warm";
    let failed = 0;
    let failure: string | undefined;
    const latencies = new Latencies();
    const lane = async () => {
      while (state !== "over") {
        const startedAt = performance.now();
        try {
          await send();
        } catch (fault) {
          failed++;
          failure ??= (fault as Error).message;
        }
        if (state === "measured") latencies.add(performance.now() - startedAt);
      }
    };
    const running = Array.from({ length: lanes }, lane);
    await wait(Number(warmUp) * 1000);
    state = "measured";
    const [cpu, startedAt] = [cpuMicros(pids), performance.now()];
    await wait(Number(measured) * 1000);
    state = "over";
    const messages = latencies.calls * batch;
    const span = { messages, seconds: (performance.now() - startedAt) / 1000, cpu: cpuMicros(pids) - cpu };
    await Promise.all(running);
    report(scenario, { ...span, latencies }, failed, failure);
  });
}

const BACKLOG_TOPIC = "bench_ts_consume";
const BACKLOG_BATCHES = Math.ceil(Number(backlog) / BATCH_MESSAGES);

function fillBacklog(): Promise<void> {
  return withClient(async (client) => {
    const producer = producerOf(client);
    const batch = Array.from({ length: BATCH_MESSAGES }, () => ({ topic: BACKLOG_TOPIC, body }));
    let left = BACKLOG_BATCHES;
    const lane = async () => {
      while (left-- > 0) while (!(await sent(producer, batch)));
    };
    await Promise.all([lane(), lane(), lane(), lane()]);
  });
}

/** The time that a push consumer takes for the backlog. */
function consume(scenario: string): Promise<void> {
  const expected = BACKLOG_BATCHES * BATCH_MESSAGES;
  return withClient(async (client) => {
    const consumer = new PushConsumer(client, {
      consumerGroup: `bench-ts-${scenario}`,
      subscription: { [BACKLOG_TOPIC]: "*" },
      consumeFromWhere: "CONSUME_FROM_FIRST_OFFSET",
    });
    let got = 0;
    // As the Java generator: the first tenth is warm-up.
    const warm = Math.floor(expected / 10);
    let begun: { at: number; cpu: number } | undefined;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${got} of ${expected} messages within 120 s`)), 120_000);
      consumer
        .start(() => {
          if (++got === warm) begun = { at: performance.now(), cpu: cpuMicros(pids) };
          if (got !== expected) return;
          clearTimeout(timer);
          resolve();
        })
        .catch(reject);
    });
    const { at, cpu } = begun as unknown as { at: number; cpu: number };
    report(scenario, { messages: expected - warm, seconds: (performance.now() - at) / 1000, cpu: cpuMicros(pids) - cpu }, 0);
  });
}

/** False when it was refused: a broker that sheds load gets the same again, as from the Java generator. */
const sent = (producer: Producer, batch: readonly Message[]): Promise<boolean> =>
  producer.sendBatch(batch).then(
    () => true,
    () => false,
  );

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const SCENARIOS: Readonly<Record<string, (name: string) => Promise<void>>> = {
  sync1: (name) => sendLoop(name, 1, 1),
  sync64: (name) => sendLoop(name, 64, 1),
  async256: (name) => sendLoop(name, 256, 1),
  batch: (name) => sendLoop(name, 4, BATCH_MESSAGES),
  backlog: fillBacklog,
  consume,
};

for (const scenario of scenarios) {
  const run = SCENARIOS[scenario];
  if (run === undefined) {
    console.error(`"${scenario}" is no scenario: ${Object.keys(SCENARIOS).join(", ")}`);
    process.exit(1);
  }
  await run(scenario);
}
process.exit(0);
