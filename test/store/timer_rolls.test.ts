/** Messages beyond the timer's window, which go into the timer topic again when its end comes: a crash makes none of them two. */
import { describe, expect, test } from "bun:test";
import { type SimRuntime, simRuntime } from "../../adapters/sim/sim.ts";
import type { StoreSettingsInput } from "../../core/store/options.ts";
import { TIMER_TOPIC } from "../../core/store/timer/timer_message.ts";
import type { StoredMessage } from "../../wire/message_reader.ts";
import { propertyOf } from "../../wire/properties.ts";
import { TimerHarness } from "./timer_support.ts";

/** Eight steps of a second; the only checkpoint before the crash is that of the start. */
const SETTINGS: StoreSettingsInput = { timerRollWindowSlot: 8, timerFlushIntervalMs: 3_600_000 };
const rollsOf = ({ properties }: StoredMessage): number => Number(propertyOf(properties, "TIMER_ROLL_TIMES") ?? "0");

/** As if the page with this record had not reached the disk, and later ones had. */
function lose(runtime: SimRuntime, { physicalOffset, totalSize }: StoredMessage): void {
  const base = physicalOffset - (physicalOffset % 65_536);
  const file = runtime.files.open(`/store/commitlog/${String(base).padStart(20, "0")}`);
  file.writeSync(new Uint8Array(totalSize), physicalOffset - base);
  file.close();
}

describe("a crash after which some copies of a rolled message are there, and others are not", () => {
  /** Sends one message of 28 s, crashes `afterMs` later, takes the copies of these rolls away, and waits. */
  async function run(afterMs: number, lost: readonly number[], settings: StoreSettingsInput): Promise<string[]> {
    let runtime = simRuntime();
    const first = await TimerHarness.open(runtime, settings);
    const start = runtime.clock.now();
    await first.send("other", start + 2_000);
    await first.send("m", start + 28_000);
    await runtime.clock.advance(afterMs);
    const copies = (await first.messages(TIMER_TOPIC)).filter((message) => lost.includes(rollsOf(message)));
    expect(copies.length).toBe(lost.length);
    runtime = runtime.crash("kill");
    for (const copy of copies) lose(runtime, copy);
    const second = await TimerHarness.open(runtime, settings);
    await runtime.clock.advance(60_000);
    const delivered = await second.delivered();
    await second.close();
    return delivered;
  }

  test.each([
    { afterMs: 30_000, lost: [1] },
    { afterMs: 30_000, lost: [2] },
    { afterMs: 30_000, lost: [1, 2] },
    { afterMs: 30_000, lost: [1, 2, 3] },
    { afterMs: 20_000, lost: [1] },
    { afterMs: 26_000, lost: [1, 2] },
    { afterMs: 26_000, lost: [2] },
  ])("after $afterMs ms, without copies $lost", async ({ afterMs, lost }) => {
    expect(await run(afterMs, lost, SETTINGS)).toEqual(["other", "m"]);
    // The first unit is in the wheel by the checkpoint: it is rolled, not taken in again.
    expect(await run(afterMs, lost, { ...SETTINGS, timerFlushIntervalMs: 7_000 })).toEqual(["other", "m"]);
  });
});

test.each(["kill", "power"] as const)(
  "%s at any moment around a roll",
  async (kind) => {
    for (let afterMs = 7_000; afterMs < 11_500; afterMs += 300) {
      let runtime = simRuntime({ seed: afterMs, disk: { unsyncedPageKept: 0.5, unsyncedEntriesKept: 0.5 } });
      const settings = { timerRollWindowSlot: 8, timerFlushIntervalMs: 600 };
      const first = await TimerHarness.open(runtime, settings);
      const start = runtime.clock.now();
      const names = Array.from({ length: 12 }, (_, i) => `m${i}`);
      for (const [i, name] of names.entries()) await first.send(name, start + 8_000 + i * 500);
      await runtime.clock.advance(afterMs);
      runtime = runtime.crash(kind);
      const second = await TimerHarness.open(runtime, settings);
      await runtime.clock.advance(20_000);
      expect([afterMs, (await second.delivered()).sort()]).toEqual([afterMs, [...names].sort()]);
      await second.close();
    }
  },
  30_000,
);

describe("a clock that was put back before the start", () => {
  test("what was delivered by the later clock is not delivered again when that time comes", async () => {
    let runtime = simRuntime();
    const first = await TimerHarness.open(runtime, SETTINGS);
    await first.send("m", runtime.clock.now() + 5_000);
    await runtime.clock.advance(6_500);
    expect(await first.delivered()).toEqual(["m"]);
    runtime = runtime.crash("kill");
    runtime.clock.jump(-4_000);
    const second = await TimerHarness.open(runtime, SETTINGS);
    await runtime.clock.advance(20_000);
    expect(await second.delivered()).toEqual(["m"]);
    await second.close();
  });

  test("what is sent then is delivered, at once at the latest when its slot is over already", async () => {
    const runtime = simRuntime();
    const first = await TimerHarness.open(runtime);
    await first.send("old", runtime.clock.now() + 5_000);
    await runtime.clock.advance(20_000);
    await first.close();
    runtime.clock.jump(-10_000);
    const second = await TimerHarness.open(runtime);
    await second.send("new", runtime.clock.now() + 3_000);
    await runtime.clock.advance(30_000);
    expect(await second.delivered()).toEqual(["old", "new"]);
    await second.close();
  });
});
