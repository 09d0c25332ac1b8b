/** Committed offsets and a power cut: found by the simulation (broker seeds 3, 6, 9). */
import { expect, test } from "bun:test";
import { simRuntime } from "../../adapters/sim/sim.ts";
import { BrokerHarness } from "./management_harness.ts";

test("offsets outlive a power cut once flushConsumerOffsetInterval has passed, also in a directory that is new", async () => {
  const runtime = simRuntime();
  const settings = { flushConsumerOffsetInterval: 1000 };
  const harness = await BrokerHarness.start({ runtime, settings });
  const commit = (commitOffset: number) =>
    harness.call("UPDATE_CONSUMER_OFFSET", { consumerGroup: "G", topic: "TopicA", queueId: 0, commitOffset });
  harness.broker.groups.findOrCreate("G");
  await harness.send("TopicA", 0, "a");
  await commit(1);
  await runtime.clock.advance(1100);
  await commit(2);
  const again = await BrokerHarness.start({ runtime: runtime.crash("power"), settings });
  expect(again.broker.offsets.query("G", "TopicA", 0)).toBe(1);
  await again.broker.stop();
});
