/** The store under the simulator: fixed seeds, the same on every runtime. `npm run sim` runs on from there. */
import { describe, expect, test } from "bun:test";
import { runStoreSim } from "./store_sim.ts";

/** Fixed: what they found once stays found. More of them: `npm run sim -- --world store --seed 1000 --hours 1`. */
const SEEDS = 50;
const SEEDS_A_TEST = 10;

describe.each([
  { calm: true, name: "a store that crashes at any step keeps its promises" },
  { calm: false, name: "and with errors of the disk, misreads, a full disk and a clock that jumps" },
])("$name", ({ calm }) => {
  for (let from = 1; from <= SEEDS; from += SEEDS_A_TEST) {
    test(`seeds ${from} to ${from + SEEDS_A_TEST - 1}`, async () => {
      let acknowledged = 0;
      for (let seed = from; seed < from + SEEDS_A_TEST; seed++) acknowledged += (await runStoreSim({ seed, calm })).acknowledged;
      expect(acknowledged).toBeGreaterThan(0);
    }, 60_000);
  }
});
