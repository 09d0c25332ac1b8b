/** The checkers bite: each promise that is broken on purpose is found within a fixed number of seeds. */
import { expect, test } from "bun:test";
import { SimFailure } from "./failure.ts";
import { MUTATIONS } from "./mutations.ts";
import { runStoreSim } from "./store_sim.ts";

const SEEDS_MAX = 20;

for (const { name, breaks, options } of MUTATIONS) {
  test(`${name}: ${breaks}`, async () => {
    let found: unknown;
    let seed = 0;
    while (found === undefined && seed < SEEDS_MAX) {
      await runStoreSim({ ...options, seed: ++seed, calm: true }).catch((error: unknown) => {
        found = error;
      });
    }
    expect(found).toBeInstanceOf(SimFailure);
    // One line says what broke and how it is seen again.
    expect((found as Error).message.split("\n")[0]).toContain(`store seed ${seed}: `);
    // Not the mutation itself, but the same seed without it, holds.
    await runStoreSim({ seed, calm: true });
  }, 60_000);
}
