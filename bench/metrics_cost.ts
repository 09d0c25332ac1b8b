/**
 * What metrics cost a send: two servers of one runtime, one as it comes and one with metricsExporterType=PROM, get the same
 * sends from this process in alternation, so that whatever else the machine does falls on both. A row of `bench/run.ts`.
 *
 *     bun bench/metrics_cost.ts [pairs] [sends a turn] [bun|deno|node]
 *
 * Prints, as medians over the pairs, what a server with metrics lost in messages/s and used more of CPU a send.
 */
import process from "node:process";
import { ClientInstance, Producer } from "../core/client/mod.ts";
import { hostRuntime } from "../test/support/host_runtime.ts";
import { median } from "./median.ts";
import { threadMicros } from "./proc.ts";
import { BenchServer, type OurTarget } from "./servers.ts";

const LANES = 64;
const BODY_BYTES = 1_024;
/** Until the code of both is compiled. */
const WARM_TURNS = 3;

export interface MetricsCost {
  /** Of messages/s; a negative one is a gain, and noise. */
  readonly rateLossPercent: number;
  readonly cpuMorePercent: number;
  /** Server CPU, µs a send. */
  readonly cpuMicrosOff: number;
  readonly cpuMicrosOn: number;
}

interface Turn {
  readonly rate: number;
  readonly cpuMicros: number;
}

export async function metricsCost(name: OurTarget, pairs = 41, sends = 12_000): Promise<MetricsCost> {
  const [off, on] = [await lane(name, {}), await lane(name, { metricsExporterType: "PROM", metricsPromExporterPort: "0" })];
  try {
    for (let i = 0; i < WARM_TURNS; i++) for (const each of [off, on]) await each.turn(sends);
    const [offs, ons]: [Turn[], Turn[]] = [[], []];
    for (let pair = 0; pair < pairs; pair++) {
      // Either goes first as often.
      const first = pair % 2 === 0;
      if (first) offs.push(await off.turn(sends));
      ons.push(await on.turn(sends));
      if (!first) offs.push(await off.turn(sends));
    }
    const inPairs = (figure: (turn: Turn) => number) =>
      median(ons.map((turn, i) => figure(turn) / figure(offs[i] as Turn))) * 100 - 100;
    return {
      rateLossPercent: -inPairs(({ rate }) => rate),
      cpuMorePercent: inPairs(({ cpuMicros }) => cpuMicros),
      cpuMicrosOff: median(offs.map(({ cpuMicros }) => cpuMicros)),
      cpuMicrosOn: median(ons.map(({ cpuMicros }) => cpuMicros)),
    };
  } finally {
    await off.close();
    await on.close();
  }
}

/** A server, and a producer for it. */
async function lane(name: OurTarget, config: Readonly<Record<string, string>>) {
  const server = await BenchServer.start(name, undefined, "ASYNC_FLUSH", config);
  const client = new ClientInstance({ runtime: await hostRuntime(), namesrvAddr: server.namesrvAddr });
  const producer = new Producer(client, { producerGroup: "cost", sendMsgTimeout: 30_000, defaultTopicQueueNums: 8 });
  const message = { topic: "cost", body: new Uint8Array(BODY_BYTES).fill(97) };
  return {
    async close(): Promise<void> {
      await client.close();
      await server.stop();
    },
    async turn(sends: number): Promise<Turn> {
      let left = sends;
      const [cpu, startedAt] = [threadMicros(server.pids), performance.now()];
      await Promise.all(
        Array.from({ length: LANES }, async () => {
          while (left-- > 0) await producer.send(message);
        }),
      );
      const seconds = (performance.now() - startedAt) / 1000;
      return { rate: sends / seconds, cpuMicros: (threadMicros(server.pids) - cpu) / sends };
    },
  };
}

if (import.meta.main) {
  const [pairs, sends] = process.argv.slice(2, 4).map(Number);
  const cost = await metricsCost((process.argv[4] ?? "bun") as OurTarget, pairs, sends);
  console.log(
    `metrics off ${cost.cpuMicrosOff.toFixed(2)} us of server CPU a send, on ${cost.cpuMicrosOn.toFixed(2)}; median of the pairs: ` +
      `CPU ${cost.cpuMorePercent.toFixed(2)} % more, messages/s ${cost.rateLossPercent.toFixed(2)} % less`,
  );
  process.exit(0);
}
