/** A broker and its clients under the simulator: fixed seeds, the same on every runtime. */
import { describe, expect, test } from "bun:test";
import { runBrokerSim } from "./broker_sim.ts";

/** More of them: `npm run sim -- --world broker --seed 1000 --hours 1`. */
const SEEDS = 60;
const SEEDS_A_TEST = 10;

describe("a broker keeps its promises to clients, whatever network, disk and crashes do", () => {
  for (let from = 1; from <= SEEDS; from += SEEDS_A_TEST) {
    test(`seeds ${from} to ${from + SEEDS_A_TEST - 1}`, async () => {
      let acknowledged = 0;
      for (let seed = from; seed < from + SEEDS_A_TEST; seed++) acknowledged += (await runBrokerSim({ seed })).acknowledged;
      expect(acknowledged).toBeGreaterThan(0);
    }, 60_000);
  }
});
