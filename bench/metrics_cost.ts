/**
 * What metrics cost a send: two brokers in this process, one with metrics off and one with them on, get the same sends in
 * alternation, in memory. Prints CPU a send of both (client and broker together) and the median of the differences.
 *
 *     bun bench/metrics_cost.ts [pairs] [sends a turn]
 */
import process from "node:process";
import { Producer } from "../core/client/mod.ts";
import { type BrokerSettingsInput, startRocketMQ } from "../mod.ts";

const [pairs = 15, sends = 20_000] = process.argv.slice(2).map(Number);
const LANES = 64;
const body = new Uint8Array(1_024).fill(97);

async function lane(broker: BrokerSettingsInput) {
  const rocketmq = await startRocketMQ({ broker: { ...broker, mappedFileSizeCommitLog: 256 * 1024 * 1024 } });
  const producer = new Producer(rocketmq.client(), { producerGroup: "cost", sendMsgTimeout: 30_000 });
  const message = { topic: "cost", body };
  return {
    close: () => rocketmq.close(),
    /** CPU µs a send. */
    async turn(): Promise<number> {
      let left = sends;
      const before = process.cpuUsage();
      await Promise.all(
        Array.from({ length: LANES }, async () => {
          while (left-- > 0) await producer.send(message);
        }),
      );
      const { user, system } = process.cpuUsage(before);
      return (user + system) / sends;
    },
  };
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

const off = await lane({});
// LOG with an interval that is never over: what is counted is counted, nothing is written.
const on = await lane({ metricsExporterType: "LOG", metricLoggingExporterIntervalInMills: 3_600_000 });
for (const each of [off, on, off, on]) await each.turn();
const [offs, ons]: [number[], number[]] = [[], []];
for (let pair = 0; pair < pairs; pair++) {
  // Either goes first as often.
  for (const [each, into] of pair % 2 === 0
    ? ([
        [off, offs],
        [on, ons],
      ] as const)
    : ([
        [on, ons],
        [off, offs],
      ] as const)) {
    into.push(await each.turn());
  }
}
const differences = ons.map((value, i) => value - (offs[i] as number));
console.log(
  `off ${median(offs).toFixed(2)} us, on ${median(ons).toFixed(2)} us a send (client and broker); difference, median of ${pairs} pairs: ${(median(differences) * 1000).toFixed(0)} ns`,
);
process.exit(0);
