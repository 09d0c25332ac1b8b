/**
 * Runs the simulation for as long as is asked, seed after seed:
 *
 *     npm run sim -- [--world store|broker] [--seed N] [--count N | --hours H] [--keep-going] [--trace] [--hashes]
 *
 * A seed that fails prints one line, with which it is repeated on any runtime, and ends the run (not with `--keep-going`);
 * the exit code is 1 then. With `--trace` the last lines of what happened are printed as well, with `--hashes` the hash of
 * each seed's trace, which is the same on every runtime.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { runBrokerSim } from "./broker_sim.ts";
import { runStoreSim, type SimReport } from "./store_sim.ts";

const { values } = parseArgs({
  options: {
    world: { type: "string" },
    seed: { type: "string", default: "1" },
    count: { type: "string" },
    hours: { type: "string" },
    trace: { type: "boolean", default: false },
    "keep-going": { type: "boolean", default: false },
    calm: { type: "boolean", default: false },
    hashes: { type: "boolean", default: false },
  },
});

const WORLDS: Readonly<Record<string, (seed: number) => Promise<SimReport>>> = {
  store: (seed) => runStoreSim({ seed, calm: values.calm }),
  broker: (seed) => runBrokerSim({ seed }),
};

const worlds = values.world === undefined ? Object.keys(WORLDS) : [values.world];
const first = Number(values.seed);
const until = values.hours === undefined ? undefined : performance.now() + Number(values.hours) * 3_600_000;
const count = values.count === undefined ? (until === undefined ? 1 : Number.POSITIVE_INFINITY) : Number(values.count);
const sum = { seeds: 0, acknowledged: 0, lost: 0, crashes: 0 };
let failures = 0;
const startedAt = performance.now();

for (let i = 0; i < count && (failures === 0 || values["keep-going"]); i++) {
  if (until !== undefined && performance.now() > until) break;
  for (const world of worlds) {
    const run = WORLDS[world];
    if (run === undefined) throw new Error(`There is no world "${world}"; there are ${Object.keys(WORLDS).join(", ")}`);
    const seed = first + i;
    try {
      const report = await run(seed);
      sum.seeds++;
      sum.acknowledged += report.acknowledged;
      sum.lost += report.lost;
      sum.crashes += report.crashes;
      if (values.hashes) console.log(`${world} ${seed} ${report.hash}`);
      if (values.trace) console.log(report.trace.join("\n"));
    } catch (error) {
      const { message, stack, trace } = error as Error & { trace?: readonly string[] };
      if (values.trace) console.log(`${(trace ?? []).join("\n")}\n${stack}`);
      console.log(`FAILED ${message.split("\n")[0]}; repeat: npm run sim -- --world ${world} --seed ${seed} --trace`);
      failures++;
    }
  }
}
console.log(
  `${sum.seeds} seeds, ${sum.crashes} crashes, ${sum.acknowledged} messages acknowledged, ${sum.lost} lost as they may be, ` +
    `${((performance.now() - startedAt) / 1000).toFixed(0)} s`,
);
process.exitCode = failures > 0 ? 1 : 0;
