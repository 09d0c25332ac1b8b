/** What gives popped messages back: where it begins, how far it is, and what can't hold it up. */
import { describe, expect, test } from "bun:test";
import type { BrokerSettingsInput } from "../../core/broker/options.ts";
import { Pop, type Popped } from "./pop_harness.ts";

describe("how far the revive topic is done", () => {
  const oneQueue: BrokerSettingsInput = { reviveQueueNum: 1 };
  const queue = { topic: "rmq_sys_REVIVE_LOG_DefaultCluster", queueId: 0 };
  const doneUpTo = (pop: Pop): number => pop.harness.broker.offsets.query("CID_RMQ_SYS_REVIVE_GROUP", queue.topic, 0);

  test("is the offset of the last record that is done, as in Apache", async () => {
    const pop = await Pop.open(1, oneQueue);
    await pop.fill(1);
    await pop.clock.advance(5_000);
    // Were it 0, Apache would begin at the second record.
    expect(doneUpTo(pop)).toBe(-1);
    await pop.pop({ invisibleTime: 5_000 });
    await pop.clock.advance(20_000);
    expect(pop.harness.broker.store.maxOffset(queue)).toBe(1);
    expect(doneUpTo(pop)).toBe(0);
    await pop.close();
  });

  test("what is done is not given back again after a restart, and nothing behind it is passed over", async () => {
    const before = await Pop.open(1, oneQueue);
    await before.fill(2);
    await before.pop({ maxMsgNums: 1, invisibleTime: 5_000 });
    await before.clock.advance(20_000);
    // One of the topic, and what was given back.
    const both = await before.pop({ invisibleTime: 30_000 });
    expect(both.texts).toEqual(["m1", "m0"]);
    await before.ack(both.acks[1]);
    await before.close();
    const after = await Pop.open(1, oneQueue, before.harness.runtime);
    await after.clock.advance(100_000);
    expect((await after.pop()).texts).toEqual(["m1"]);
    await after.close();
  });

  test("what was acknowledged does not come again, however far behind the reader begins", async () => {
    const before = await Pop.open(1, oneQueue);
    // More than it looks at before it judges for the first time: the acknowledgements come behind all of these.
    const count = 3_000;
    await before.fill(count + 1);
    const popped: Popped[] = [];
    for (let n = 0; n < count; n++) popped.push(await before.pop({ maxMsgNums: 1 }));
    for (const { acks } of popped) await before.ack(acks[0]);
    expect((await before.pop({ maxMsgNums: 1 })).texts).toEqual([`m${count}`]);
    await before.close();
    await before.clock.advance(600_000);
    // The timer has delivered all of it when the reader looks.
    const after = await Pop.open(1, { ...oneQueue, reviveInterval: 60_000 }, before.harness.runtime);
    await after.clock.advance(120_000);
    expect(after.harness.broker.store.maxOffset(queue)).toBe(2 * count + 1);
    expect((await after.pop()).texts).toEqual([`m${count}`]);
    expect(doneUpTo(after)).toBe(2 * count);
    await after.close();
  });

  test("a message that its properties fill comes again with them, and holds up no other", async () => {
    const pop = await Pop.open(1, oneQueue);
    const sendOf = (bytes: number) => pop.harness.sendRaw({ properties: `k\u0001${"x".repeat(bytes)}\u0002` });
    let bytes = 32_760;
    while ((await sendOf(bytes).catch(() => -1)) !== 0) bytes--;
    await pop.fill(1);
    expect((await pop.pop({ invisibleTime: 5_000 })).texts).toEqual(["raw", "m0"]);
    await pop.clock.advance(20_000);
    const again = await pop.pop();
    expect(again.texts).toEqual(["raw", "m0"]);
    expect(again.messages.map(({ reconsumeTimes }) => reconsumeTimes)).toEqual([1, 1]);
    // Where POP_CK has no room a client makes it from the offsets of the answer, by the topic that it finds.
    expect(again.messages.map(({ topic }) => topic)).toEqual(["%RETRY%G_T", "T"]);
    for (const ack of again.acks) await pop.ack(ack);
    await pop.clock.advance(120_000);
    expect((await pop.pop()).code).toBe(210);
    await pop.close();
  });

  test("a message that can never be given back is named, and holds up no other", async () => {
    const before = await Pop.open(1, oneQueue);
    await before.harness.send("T", 0, "x".repeat(5_000));
    await before.fill(1);
    await before.pop({ invisibleTime: 5_000 });
    await before.close();
    const after = await Pop.open(1, { ...oneQueue, maxMessageSize: 1_000 }, before.harness.runtime);
    await after.clock.advance(20_000);
    expect((await after.pop()).texts).toEqual(["m0"]);
    expect(doneUpTo(after)).toBe(0);
    const [line, ...more] = after.harness.log.of("error");
    expect(line?.message).toContain("can't be given back to its group");
    expect(line?.fields).toMatchObject({ topic: "T", queueId: 0, group: "G", offset: 0 });
    expect(more).toEqual([]);
    await after.close();
  });

  test.each([
    ["of more messages than a check point has", { body: '{"t":"T","c":"G","n":2000000000}' }, "2000000000 messages"],
    ["of a group with no legal name", { body: '{"t":"T","c":"a/b","n":1}' }, "a/b"],
    ["without a topic", { body: '{"c":"G","n":1}' }, "its topic has 0 characters"],
    ["of a queue below 0", { body: '{"t":"T","c":"G","n":1,"q":-1}' }, "queue -1"],
    ["whose time is over in 285,000 years", { body: '{"t":"T","c":"G","n":1,"pt":9000000000000000}' }, "after it surfaced"],
    ["that is no JSON", { body: "{" }, ""],
    ["with a time that no reader can hold", { bornTimestamp: 2 ** 60 }, "born timestamp"],
  ])("a record that anybody sent there, %s, is named and passed over", async (_name, sent, why) => {
    const pop = await Pop.open(1, oneQueue);
    await pop.fill(1);
    expect(await pop.harness.sendRaw({ topic: queue.topic, properties: "TAGS\u0001ck\u0002", ...sent })).toBe(0);
    await pop.pop({ invisibleTime: 5_000 });
    await pop.clock.advance(20_000);
    expect((await pop.pop()).texts).toEqual(["m0"]);
    expect(doneUpTo(pop)).toBe(1);
    const [line, ...more] = pop.harness.log.of("error");
    expect(line?.message).toContain("is passed over");
    expect(line?.fields["why"]).toContain(why);
    expect(more).toEqual([]);
    await pop.close();
  });

  test("records that come in the place of some that a crash took are read", async () => {
    const before = await Pop.open(1, oneQueue);
    await before.fill(2);
    before.harness.broker.offsets.commit("CID_RMQ_SYS_REVIVE_GROUP", queue.topic, 0, 7);
    await before.close();
    const after = await Pop.open(1, oneQueue, before.harness.runtime);
    expect((await after.pop({ invisibleTime: 5_000 })).texts).toEqual(["m0", "m1"]);
    await after.clock.advance(20_000);
    expect((await after.pop()).texts).toEqual(["m0", "m1"]);
    expect(doneUpTo(after)).toBe(0);
    await after.close();
  });
});
