/** The timer over restarts and crashes: nothing is lost, and it delivers nothing twice. */
import { describe, expect, test } from "bun:test";
import { Prng } from "../../adapters/sim/prng.ts";
import { type SimRuntime, simRuntime } from "../../adapters/sim/sim.ts";
import { TimerHarness } from "./timer_support.ts";

/** The simulator's turns are slow on some runtimes. */
const TIMEOUT_MS = 30_000;

const errors = ({ log }: TimerHarness): string[] => log.lines.filter((line) => /^error .*(timer|delayed|slot)/.test(line));

describe("restart", () => {
  test("what waits, waits on", async () => {
    const runtime = simRuntime();
    const start = runtime.clock.now();
    const first = await TimerHarness.open(runtime);
    for (let i = 0; i < 250; i++) await first.send(`m${i}`, start + 10_000 + i * 10);
    await first.send("late", start + 60_000);
    await runtime.clock.advance(11_000);
    const before = (await first.delivered()).length;
    expect(before).toBeGreaterThan(50);
    await first.close();
    const second = await TimerHarness.open(runtime);
    expect(second.timer.progress.waiting).toBe(251 - before);
    await runtime.clock.advance(60_000);
    expect((await second.delivered()).sort()).toEqual([...Array.from({ length: 250 }, (_, i) => `m${i}`), "late"].sort());
    expect(errors(second)).toEqual([]);
    await second.close();
  });

  test("what became due meanwhile comes at once, however long it took", async () => {
    const runtime = simRuntime();
    const first = await TimerHarness.open(runtime);
    const start = runtime.clock.now();
    for (const days of [0.1, 1, 1.5]) await first.send(`${days}`, start + days * 86_400_000);
    await runtime.clock.advance(2_000);
    await first.close();
    await runtime.clock.advance(40 * 86_400_000);
    const second = await TimerHarness.open(runtime);
    await runtime.clock.advance(3_000);
    expect(await second.delivered()).toEqual(["0.1", "1", "1.5"]);
    await second.close();
  });

  test("stop and start again, as the role changes", async () => {
    const runtime = simRuntime();
    const harness = await TimerHarness.open(runtime);
    await harness.send("a", runtime.clock.now() + 3_000);
    await harness.timer.stop();
    await runtime.clock.advance(10_000);
    expect(await harness.delivered()).toEqual([]);
    harness.timer.start();
    await runtime.clock.advance(2_000);
    expect(await harness.delivered()).toEqual(["a"]);
    await harness.close();
  });

  test.each(["timerwheel", "timerlog", "config/timercheck"])("without %s everything is found again", async (name) => {
    const runtime = simRuntime();
    const start = runtime.clock.now();
    const first = await TimerHarness.open(runtime);
    for (let i = 0; i < 120; i++) await first.send(`m${i}`, start + 2_000 + i * 100);
    await runtime.clock.advance(6_500);
    const before = await first.delivered();
    expect(before.length).toBeGreaterThan(20);
    await first.close();
    runtime.files.removeTree(`/store/${name}`);
    runtime.files.remove(`/store/${name}`);
    const second = await TimerHarness.open(runtime);
    await runtime.clock.advance(20_000);
    expect((await second.delivered()).sort()).toEqual(Array.from({ length: 120 }, (_, i) => `m${i}`).sort());
    await second.close();
  });

  test("another precision makes the wheel anew", async () => {
    const runtime = simRuntime();
    const start = runtime.clock.now();
    const first = await TimerHarness.open(runtime);
    await first.send("a", start + 30_000);
    await first.send("b", start + 40_000);
    await runtime.clock.advance(2_000);
    await first.close();
    const second = await TimerHarness.open(runtime, { timerPrecisionMs: 100 });
    expect(second.timer.progress.waiting).toBe(2);
    await runtime.clock.advance(36_000);
    expect(await second.delivered()).toEqual(["a"]);
    await runtime.clock.advance(6_000);
    expect(await second.delivered()).toEqual(["a", "b"]);
    await second.close();
  });
});

describe("a slot of many", () => {
  test(
    "is delivered in order, in pieces, and none is missing after a stop in the middle",
    async () => {
      const runtime = simRuntime();
      const start = runtime.clock.now();
      const first = await TimerHarness.open(runtime, { mappedFileSizeCommitLog: 16 * 1024 * 1024 });
      const names = Array.from({ length: 5_000 }, (_, i) => `m${i}`);
      await Promise.all(names.map((name) => first.send(name, start + 5_000)));
      await runtime.clock.advance(5_001);
      const again = runtime.crash("kill");
      const second = await TimerHarness.open(again, { mappedFileSizeCommitLog: 16 * 1024 * 1024 });
      await again.clock.advance(3_000);
      expect(await second.delivered()).toEqual(names);
      await second.close();
    },
    TIMEOUT_MS,
  );

  test("of which some cancel others", async () => {
    const runtime = simRuntime();
    const at = runtime.clock.now() + 5_000;
    const harness = await TimerHarness.open(runtime);
    for (let i = 0; i < 40; i++) await harness.send(`m${i}`, at);
    for (let i = 0; i < 40; i += 2) await harness.send(`c${i}`, at, 0, { cancels: `m${i}` });
    await runtime.clock.advance(6_000);
    expect(await harness.delivered()).toEqual(Array.from({ length: 20 }, (_, i) => `m${i * 2 + 1}`));
    await harness.close();
  });
});

describe("a disk that is full", () => {
  test("takes nothing that was counted as delivered", async () => {
    const runtime = simRuntime();
    const start = runtime.clock.now();
    const harness = await TimerHarness.open(runtime);
    const names = Array.from({ length: 60 }, (_, i) => `m${i}`);
    for (const [i, name] of names.entries()) await harness.send(name, start + 2_000 + (i % 3) * 1_000);
    await runtime.clock.advance(1_500);
    runtime.disk.fail({ operation: "write", code: "ENOSPC", path: (path) => path.includes("commitlog") });
    await runtime.clock.advance(6_000);
    expect(await harness.delivered()).toEqual([]);
    expect(harness.timer.progress.readTimeMs).toBeLessThanOrEqual(start + 2_000);
    runtime.disk.restore();
    await runtime.clock.advance(10_000);
    expect((await harness.delivered()).sort()).toEqual([...names].sort());
    await harness.close();
  });
});

describe("crashes", () => {
  const seeds = Array.from({ length: 6 }, (_, i) => i + 1);

  /** Sends, lets time go by and crashes, several times; then every message that was acknowledged is there once. */
  async function run(seed: number, kind: "kill" | "power"): Promise<void> {
    // After a power cut any of the pages that were not synced may be there, and any new names of files.
    const disk = { unsyncedPageKept: 0.5, unsyncedEntriesKept: 0.5 };
    let runtime: SimRuntime = simRuntime(kind === "kill" ? { seed } : { seed, disk });
    const dice = new Prng(seed, 77);
    const timerPrecisionMs = seed % 2 === 0 ? 1000 : 100;
    const timerRollWindowSlot = seed % 3 === 0 ? 8 : 172_800;
    const settings = { timerPrecisionMs, timerRollWindowSlot };
    const acknowledged = new Set<string>();
    let count = 0;
    for (let round = 0; round < 5; round++) {
      const harness = await TimerHarness.open(runtime, settings);
      const pieces = 2 + dice.below(6);
      for (let piece = 0; piece < pieces; piece++) {
        const sent: Promise<void>[] = [];
        for (let i = 0; i < 30; i++) {
          const name = `${seed}-${count++}`;
          const deliverMs = runtime.clock.now() + dice.below(dice.below(4) === 0 ? 30_000 : 3_000);
          sent.push(harness.send(name, deliverMs).then((stored) => void (stored && acknowledged.add(name))));
        }
        if (dice.below(3) > 0) await Promise.all(sent);
        await runtime.clock.advance(dice.below(1_500));
      }
      runtime = runtime.crash(kind);
    }
    const last = await TimerHarness.open(runtime, settings);
    await runtime.clock.advance(60_000);
    const delivered = await last.delivered();
    const twice = delivered.filter((name, i) => delivered.indexOf(name) !== i);
    const missing = [...acknowledged].filter((name) => !delivered.includes(name));
    expect({ seed, twice, missing }).toEqual({ seed, twice: [], missing: [] });
    // A power cut leaves torn records, which are named.
    if (kind === "kill") expect(errors(last)).toEqual([]);
    expect(last.timer.progress.waiting).toBe(0);
    expect(acknowledged.size).toBeGreaterThan(200);
    await last.close();
  }

  test.each(seeds.map((seed) => [seed]))("kill -9, seed %p", (seed) => run(seed, "kill"), TIMEOUT_MS);
  test.each(seeds.map((seed) => [seed]))("power cut, seed %p", (seed) => run(seed, "power"), TIMEOUT_MS);
});
