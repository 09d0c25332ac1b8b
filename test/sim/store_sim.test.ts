/** The store under the simulator: fixed seeds, the same on every runtime. `npm run sim` runs on from there. */
import { describe, expect, test } from "bun:test";
import { runStoreSim } from "./store_sim.ts";

/** Fixed: what they found once stays found. More of them: `npm run sim -- --world store --seed 1000 --hours 1`. */
const SEEDS = 60;
const SEEDS_A_TEST = 10;

describe("a store that crashes at any step keeps its promises", () => {
  for (let from = 1; from <= SEEDS; from += SEEDS_A_TEST) {
    test(`seeds ${from} to ${from + SEEDS_A_TEST - 1}`, async () => {
      let acknowledged = 0;
      for (let seed = from; seed < from + SEEDS_A_TEST; seed++) {
        acknowledged += (await runStoreSim({ seed, calm: true })).acknowledged;
      }
      expect(acknowledged).toBeGreaterThan(0);
    }, 60_000);
  }
});
