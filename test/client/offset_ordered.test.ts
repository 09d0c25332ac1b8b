/** What a queue's messages are kept in, against a sorted map, in every order of coming and going. */
import { expect, test } from "bun:test";
import { simRuntime } from "../../adapters/sim/sim.ts";
import type { MessageExt } from "../../core/client/mod.ts";
import { OffsetOrdered } from "../../core/client/offset_ordered.ts";

const messageAt = (queueOffset: number) => ({ queueOffset }) as MessageExt;

test("is a map in the order of its offsets, whatever comes and goes", () => {
  const { random } = simRuntime({ seed: 7 });
  for (let round = 0; round < 10; round++) {
    const ordered = new OffsetOrdered();
    const model = new Map<number, MessageExt>();
    let next = 2 ** 35;
    // From one that leaves in order to one where all of what is there leaves in any.
    const spread = 1 + round * 12;
    for (let step = 0; step < 1_000; step++) {
      const keys = [...model.keys()].sort((a, b) => a - b);
      if (random.below(2) === 0 || keys.length === 0) {
        next += 1 + (random.below(10) === 0 ? random.below(5) : 0);
        // Now and then one that lies before others, or is there already.
        const offset = random.below(50) === 0 ? Math.max(0, next - random.below(20)) : next;
        const message = messageAt(offset);
        ordered.add(message);
        model.set(offset, message);
      } else {
        const offset = keys[random.below(Math.min(keys.length, spread))] as number;
        const left = ordered.delete(offset);
        // A matcher costs more than all of this.
        if (left !== model.get(offset) || ordered.delete(offset) !== undefined) throw new Error(`${offset} did not leave once`);
        model.delete(offset);
      }
      if (ordered.count !== model.size) throw new Error(`${ordered.count} are said to be there of ${model.size}`);
      if (step % 20 !== 0) continue;
      const sorted = [...model.keys()].sort((a, b) => a - b);
      expect(ordered.first?.queueOffset).toBe(sorted[0] as number);
      expect(ordered.peek(5).map(({ queueOffset }) => queueOffset)).toEqual(sorted.slice(0, 5));
    }
  }
});
