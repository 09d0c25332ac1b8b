/** A wall clock that jumps makes no file old, is told once a jump, and never takes a store timestamp back. */
import { describe, expect, test } from "bun:test";
import { type SimRuntime, simRuntime } from "../../adapters/sim/sim.ts";
import type { DefaultMessageStore } from "../../core/store/default_message_store.ts";
import type { StoreSettingsInput } from "../../core/store/options.ts";
import { WallClock } from "../../core/store/wall_clock.ts";
import { type Lines, linesLog, openStore, put, putNow, SMALL } from "./support.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;
/** At any hour, files go two hours after they were written last. */
const SETTINGS: StoreSettingsInput = {
  ...SMALL,
  fileReservedTime: 2,
  deleteWhen: Array.from({ length: 24 }, (_, hour) => hour).join(";"),
};

interface Filled {
  readonly runtime: SimRuntime;
  readonly store: DefaultMessageStore;
  readonly log: Lines;
}

/** A store with some ten files of the log. */
async function filled(epochMs = Date.UTC(2026, 0, 1)): Promise<Filled> {
  const runtime = simRuntime({ epochMs });
  const log = linesLog();
  const store = await openStore(runtime, "/store", SETTINGS, log);
  await fill(store);
  return { runtime, store, log };
}

async function fill(store: DefaultMessageStore): Promise<void> {
  for (let i = 0; i < 100; i++) put(store, { text: "x".repeat(200) });
  await store.durable(store.stats().maxPhysicalOffset, true);
}

const jumpsTold = (log: Lines): number => log.lines.filter((line) => line.includes("the wall clock has jumped")).length;

describe("a jump of the wall clock", () => {
  test.each([
    ["a day forward", DAY],
    ["an hour forward, when files are nearly old enough", HOUR + 30 * 60_000],
    ["an hour back", -HOUR],
    ["back to 1970", -Date.UTC(2026, 0, 1)],
  ])("%s expires no file and is told once", async (_name, byMs) => {
    const { runtime, store, log } = await filled();
    await runtime.clock.advance(HOUR);
    runtime.clock.jump(byMs);
    await runtime.clock.advance(30 * 60_000);
    expect(store.stats().minPhysicalOffset).toBe(0);
    expect(jumpsTold(log)).toBe(1);
    await store.close();
  });

  test("forward: files go when they are really old", async () => {
    const { runtime, store } = await filled();
    await runtime.clock.advance(HOUR);
    runtime.clock.jump(30 * DAY);
    await runtime.clock.advance(HOUR - 60_000);
    expect(store.stats().minPhysicalOffset).toBe(0);
    await runtime.clock.advance(120_000);
    expect(store.stats().minPhysicalOffset).toBeGreaterThan(0);
    await store.close();
  });

  test("a device boots in 1970, writes files, and is set: they stay, also when it starts again", async () => {
    const { runtime, store } = await filled(60_000);
    await runtime.clock.advance(10 * 60_000);
    runtime.clock.jump(56 * YEAR);
    await runtime.clock.advance(HOUR);
    expect(store.stats().minPhysicalOffset).toBe(0);
    await store.close();

    // Their dates still say 1970, and this start saw no jump. A file that is dated well tells how old they are at least.
    const again = await openStore(runtime, "/store", SETTINGS);
    await fill(again);
    await runtime.clock.advance(HOUR);
    expect(again.stats().minPhysicalOffset).toBe(0);
    await fill(again);
    await runtime.clock.advance(2 * HOUR + 60_000);
    expect(again.stats().minPhysicalOffset).toBeGreaterThan(0);
    await again.close();
  });

  test("the administrator's request to delete expired files waits as well", async () => {
    const { runtime, store } = await filled();
    runtime.clock.jump(30 * DAY);
    expect(await runtime.clock.resolve(store.deleteExpiredCommitLogs())).toBe(0);
    await runtime.clock.advance(HOUR);
    expect(store.stats().minPhysicalOffset).toBe(0);
    await store.close();
  });

  test("a clock that drifts has not jumped", async () => {
    const { runtime, store, log } = await filled();
    for (let i = 0; i < 360; i++) {
      runtime.clock.jump(5);
      await runtime.clock.advance(10_000);
    }
    expect(jumpsTold(log)).toBe(0);
    await store.close();
  });

  test("search by time finds what was stored before, across it and after a start with an earlier clock", async () => {
    const { runtime, store } = await filled();
    await runtime.clock.advance(60_000);
    const last = await putNow(store, { text: "last" });
    runtime.clock.jump(-DAY);
    const behind = await putNow(store, { text: "behind" });
    expect(behind.storeTimestamp).toBe(last.storeTimestamp);
    await store.close();
    runtime.clock.jump(-DAY);
    const again = await openStore(runtime, "/store", SETTINGS);
    const later = await putNow(again, { text: "later" });
    expect(later.storeTimestamp).toBe(last.storeTimestamp);
    const queue = { topic: "TopicA", queueId: 0 };
    expect(await again.offsetByTime(queue, last.storeTimestamp, "LOWER")).toBe(last.queueOffset);
    expect(await again.offsetByTime(queue, last.storeTimestamp + 1, "LOWER")).toBe(later.queueOffset + 1);
    await again.close();
  });
});

test("many jumps are remembered as few", () => {
  const runtime = simRuntime();
  const wallClock = new WallClock(runtime.clock, linesLog(), () => 10_000);
  const dateMs = runtime.clock.now();
  for (let i = 0; i < 100; i++) {
    runtime.clock.jump(DAY);
    wallClock.look();
  }
  expect(wallClock.leastAgeMs([dateMs])).toBe(0);
  expect(wallClock.isTrusted).toBe(false);
});
