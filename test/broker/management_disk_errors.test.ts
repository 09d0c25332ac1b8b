/** Files of configuration that can't be written: what is refused, what goes on, and that nothing of it is lost for good. */
import { expect, test } from "bun:test";
import { ResponseCode } from "../../wire/response_code.ts";
import { BrokerHarness, topicHeader } from "./management_harness.ts";
import { pullHeader } from "./messages_harness.ts";

test.each(["ENOSPC", "EIO", "EROFS"])(
  "%s on files of configuration: messages pass, changes are refused with the path",
  async (code) => {
    const harness = await BrokerHarness.start();
    await harness.call("UPDATE_AND_CREATE_TOPIC", topicHeader("Known"));
    await harness.send("Known", 0, "before");
    harness.runtime.disk.fail({ operation: "write", code, path: (path) => path.includes("/config/") });

    const refused = await harness.refused("UPDATE_AND_CREATE_TOPIC", topicHeader("New"));
    expect(refused.code).toBe(ResponseCode.SYSTEM_ERROR);
    expect(refused.remark).toMatch(new RegExp(`topics.json.*${code}`));
    expect(harness.broker.topics.find("New")).toBeUndefined();
    // A topic that its first message would make is one as well; one that is there takes messages.
    await expect(harness.send("Unmade", 0, "no")).rejects.toThrow(code);
    await harness.send("Known", 0, "while");
    // A group on its first pull, and offsets: in memory until the file can be written.
    const pulled = await harness.call("PULL_MESSAGE", pullHeader({ topic: "Known", consumerGroup: "G" }));
    expect([pulled.code ?? 0, pulled.header?.nextBeginOffset]).toEqual([ResponseCode.SUCCESS, 2]);
    harness.broker.offsets.commit("G", "Known", 0, 2);
    await harness.runtime.clock.advance(30_000);
    expect(harness.log.of("error").some(({ message }) => message.includes("cannot save consumer offsets"))).toBe(true);

    harness.runtime.disk.restore();
    await harness.call("UPDATE_AND_CREATE_TOPIC", topicHeader("New"));
    await harness.send("Unmade", 0, "yes");
    await harness.runtime.clock.advance(6_000);
    const killed = await BrokerHarness.start({ runtime: harness.runtime.crash("kill") });
    expect(killed.broker.offsets.query("G", "Known", 0)).toBe(2);
    expect(["Known", "New", "Unmade"].map((topic) => killed.broker.topics.find(topic)?.topicName)).toEqual([
      "Known",
      "New",
      "Unmade",
    ]);
    expect(killed.broker.store.maxOffset({ topic: "Known", queueId: 0 })).toBe(2);
    await killed.broker.stop();
  },
);

test("the disk fills while the broker stops: it stops, and the next start has all that was acknowledged", async () => {
  const harness = await BrokerHarness.start();
  for (let i = 0; i < 50; i++) await harness.send("T", 0, `${i}`);
  harness.broker.offsets.commit("G", "T", 0, 7);
  for (const operation of ["write", "open", "truncate"] as const) harness.runtime.disk.fail({ operation, code: "ENOSPC" });
  await harness.runtime.clock.resolve(harness.broker.stop());
  harness.runtime.disk.restore();
  const again = await BrokerHarness.start({ runtime: harness.runtime });
  expect(again.broker.store.maxOffset({ topic: "T", queueId: 0 })).toBe(50);
  await again.broker.stop();
});
