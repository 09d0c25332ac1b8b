/** Files that go: by age, by a full disk, by hand; and what readers get afterwards. */
import { describe, expect, test } from "bun:test";
import { type SimOptions, type SimRuntime, simRuntime } from "../../adapters/sim/sim.ts";
import type { DefaultMessageStore } from "../../core/store/default_message_store.ts";
import type { StoreSettingsInput } from "../../core/store/options.ts";
import { message, openStore, pull, put, putNow, refusalOf, SMALL, textsOf } from "./support.ts";

const COUNT = 70;
const HOUR = 3_600_000;
/** 00:00 UTC. */
const MIDNIGHT = Date.UTC(2026, 0, 1);
const QUEUE = { topic: "TopicA", queueId: 0 };

async function filled(
  input: StoreSettingsInput = {},
  options: SimOptions = {},
): Promise<{ runtime: SimRuntime; store: DefaultMessageStore }> {
  const runtime = simRuntime({ epochMs: MIDNIGHT, ...options });
  const store = await openStore(runtime, "/store", { ...SMALL, fileReservedTime: 2, ...input });
  for (let i = 0; i < COUNT; i++) put(store, { text: `${i} ${"x".repeat(150)}`, keys: `k${i}`, uniqKey: `u${i}` });
  put(store, { topic: "Quiet", text: "one" });
  await store.durable(store.stats().maxPhysicalOffset, true);
  return { runtime, store };
}

/** Files of the log, without one that is made ahead. */
const files = (runtime: SimRuntime, store: DefaultMessageStore): number =>
  runtime.files.list("/store/commitlog").filter((name) => Number(name) <= store.stats().maxPhysicalOffset).length;

describe("expiry", () => {
  test("files older than fileReservedTime go in the hour of deleteWhen, the last one stays", async () => {
    const { runtime, store } = await filled({ deleteWhen: "04" });
    const all = files(runtime, store);
    expect(all).toBeGreaterThan(3);
    await runtime.clock.advance(3.9 * HOUR);
    expect(files(runtime, store)).toBe(all);
    await runtime.clock.advance(0.2 * HOUR);
    expect(files(runtime, store)).toBe(1);
    expect(store.stats().minPhysicalOffset).toBe((all - 1) * 4096);

    const min = store.minOffset(QUEUE);
    expect(min).toBeGreaterThan(30);
    expect(await pull(store, 0)).toMatchObject({
      status: "OFFSET_TOO_SMALL",
      nextBeginOffset: min,
      minOffset: min,
      maxOffset: COUNT,
    });
    expect((await textsOf(store)).map((text) => Number(text.split(" ")[0]))[0]).toBe(min);
    // Queue and index files follow: 10 units a file, so what is left begins within the file of the smallest offset.
    const [first] = runtime.files.list("/store/consumequeue/TopicA/0");
    expect(Number(first)).toBe(Math.floor(min / 10) * 200);
    expect((await store.query("TopicA#u69", 1, 0, Number.MAX_SAFE_INTEGER)).physicalOffsets).toHaveLength(1);
    expect(await store.storeTimeAt(QUEUE, 0)).toBe(-1);
    expect(await store.earliestStoreTime(QUEUE)).toBe(MIDNIGHT);
    await store.close();

    const again = await openStore(runtime, "/store", SMALL);
    expect(again.minOffset(QUEUE)).toBe(min);
    expect((await putNow(again, { text: "more" })).queueOffset).toBe(COUNT);
    await again.close();
  });

  test("the local hour counts", async () => {
    const { runtime, store } = await filled({ deleteWhen: "04" }, { utcOffsetMinutes: 90 });
    await runtime.clock.advance(2.6 * HOUR);
    expect(files(runtime, store)).toBe(1);
    await store.close();
  });

  test("by hand: what has expired goes at any hour, nothing else", async () => {
    const { runtime, store } = await filled();
    expect(await runtime.clock.resolve(store.deleteExpiredCommitLogs())).toBe(0);
    await runtime.clock.advance(2.5 * HOUR);
    const all = files(runtime, store);
    expect(all).toBeGreaterThan(3);
    expect(await runtime.clock.resolve(store.deleteExpiredCommitLogs())).toBe(Math.min(10, all - 1));
    store.cleanExpiredConsumeQueues();
    await store.close();
  });

  test("a crash after expiry: the consume queues begin where the log does", async () => {
    const { runtime, store } = await filled();
    await runtime.clock.advance(2.5 * HOUR);
    await runtime.clock.resolve(store.deleteExpiredCommitLogs());
    const min = store.minOffset(QUEUE);
    const killed = runtime.crash("kill");
    killed.files.removeTree("/store/consumequeue");
    killed.files.removeTree("/store/index");
    killed.files.remove("/store/checkpoint");
    const again = await openStore(killed, "/store", SMALL);
    expect(again.minOffset(QUEUE)).toBe(min);
    expect(again.maxOffset(QUEUE)).toBe(COUNT);
    expect((await textsOf(again)).length).toBe(COUNT - min);
    // Units before the start are blank, as Apache fills them.
    const [first] = killed.files.list("/store/consumequeue/TopicA/0");
    expect(Number(first)).toBe(Math.floor(min / 10) * 200);
    await again.close();
  });
});

describe("a disk that fills up", () => {
  const fullTo = (runtime: SimRuntime, percent: number): void => {
    const { totalBytes, freeBytes } = runtime.disk.space();
    runtime.disk.faults.capacityBytes = Math.floor(((totalBytes - freeBytes) * 100) / percent / 4096) * 4096;
  };

  test("above the warning ratio messages are refused with percentage and key, and old files go until there is space", async () => {
    const { runtime, store } = await filled();
    fullTo(runtime, 95);
    const all = files(runtime, store);
    await runtime.clock.advance(10_050);
    const refusal = refusalOf(store.append(message()));
    expect(refusal.status).toBe("SERVICE_NOT_AVAILABLE");
    expect(refusal.reason).toMatch(/storePathCommitLog is \d+ % full and diskSpaceWarningLevelRatio is 90/);
    expect(store.stats().commitLogDiskPercent).toBeGreaterThan(90);
    await runtime.clock.advance(20_000);
    expect(files(runtime, store)).toBeLessThan(all);
    expect(store.writeRefusal()).toBeUndefined();
    await putNow(store, { text: "again" });
    // The simulated disk has so few pages that the last checkpoint would not fit either.
    runtime.disk.faults.capacityBytes = 2 ** 40;
    await store.close();
  });

  test("without cleanFileForciblyEnable nothing goes before its time", async () => {
    const { runtime, store } = await filled({ cleanFileForciblyEnable: false });
    fullTo(runtime, 95);
    const all = files(runtime, store);
    await runtime.clock.advance(60_000);
    expect(files(runtime, store)).toBe(all);
    runtime.disk.faults.capacityBytes = 2 ** 40;
    await runtime.clock.advance(10_000);
    expect(store.writeRefusal()).toBeUndefined();
    await store.close();
  });
});
