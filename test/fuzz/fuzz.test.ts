/**
 * Every target with its seeds, then with mutations of them, and now and then with bytes at random.
 *
 * `FUZZ_CASES` sets the cases per target (default 1500), `FUZZ_SEED` another stream of dice, `FUZZ_TARGET` one target.
 */
import { describe, expect, test } from "bun:test";
import process from "node:process";
import { hexOf } from "../wire/golden.ts";
import { mutate } from "./mutate.ts";
import { Dice } from "./random.ts";
import { seedsOf } from "./seeds.ts";
import { type FuzzTarget, TARGETS } from "./targets.ts";

const CASES = Number(process.env["FUZZ_CASES"] ?? 1500);
const SEED = Number(process.env["FUZZ_SEED"] ?? 20_261_121);
const ONLY = process.env["FUZZ_TARGET"];

/** No case takes this long, not even beside seven other processes: what does is time without bound. */
const CASE_MS_MAX = 5000;

/** Undefined when the target handled the case; otherwise what went wrong. */
function faultOf(target: FuzzTarget, bytes: Uint8Array): string | undefined {
  const before = performance.now();
  try {
    target.run(bytes);
  } catch (error) {
    if (!target.errors.some((each) => error instanceof each))
      return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  const took = performance.now() - before;
  return took > CASE_MS_MAX ? `took ${took} ms` : undefined;
}

for (const target of TARGETS.filter(({ name }) => ONLY === undefined || name === ONLY)) {
  describe(target.name, () => {
    const seeds = seedsOf(target.name);

    test("has seeds, and handles them", () => {
      expect(seeds.length).toBeGreaterThan(0);
      for (const { proves, bytes } of seeds)
        expect({ proves, fault: faultOf(target, bytes) }).toEqual({ proves, fault: undefined });
    });

    test(`handles ${CASES} cases`, () => {
      const dice = new Dice(SEED);
      for (let i = 0; i < CASES; i++) {
        const bytes = dice.once(20) ? dice.bytes(dice.below(300)) : mutate(dice.pick(seeds).bytes, dice.pick(seeds).bytes, dice);
        const fault = faultOf(target, bytes);
        // Built only on failure: the hex is the line for the seed file.
        if (fault !== undefined) expect({ target: target.name, case: i, hex: hexOf(bytes), fault }).toBeUndefined();
      }
    });
  });
}
