/** Simulated time: order, stalls, and equal runs for equal seeds. */
import { describe, expect, test } from "bun:test";
import { simRuntime, simWorld } from "../../adapters/sim/sim.ts";

describe("simulated time", () => {
  test("stands still until it is moved, while I/O runs by itself", async () => {
    const { clock, files } = simRuntime();
    const fired: string[] = [];
    clock.setTimeout(() => fired.push("timer"), 1);
    const file = files.open("/f", { create: true });
    await file.write(new Uint8Array(10), 0);
    await file.dataSync();
    await clock.settle();
    expect(fired).toEqual([]);
    await clock.advance(1);
    expect(fired).toEqual(["timer"]);
  });

  test("fires timers at their times, equal ones in the order of setting, also those set meanwhile", async () => {
    const { clock } = simRuntime();
    const fired: string[] = [];
    const note = (name: string) => fired.push(`${name} at ${clock.monotonic()}`);
    clock.setTimeout(() => note("b"), 10);
    clock.setTimeout(() => note("c"), 10);
    clock.setTimeout(() => {
      note("a");
      clock.setTimeout(() => note("set by a"), 3);
    }, 5);
    clock.setTimeout(() => note("too late"), 21);
    await clock.advance(20);
    expect(fired).toEqual(["a at 5", "set by a at 8", "b at 10", "c at 10"]);
    expect(clock.monotonic()).toBe(20);
  });

  test("lets promises settle between two timers", async () => {
    const { clock } = simRuntime();
    const seen: string[] = [];
    const someMicrotasksLater = async () => {
      await Promise.resolve();
      await Promise.resolve();
      seen.push("a, some microtasks later");
    };
    clock.setTimeout(() => void someMicrotasksLater(), 1);
    clock.setTimeout(() => seen.push("b"), 1);
    await clock.advance(1);
    expect(seen).toEqual(["a, some microtasks later", "b"]);
  });

  test("runs an hour of a timer each second in no time", async () => {
    const { clock } = simRuntime();
    let count = 0;
    const timer = clock.setInterval(() => count++, 1_000);
    await clock.advance(3_600_000);
    expect(count).toBe(3_600);
    timer.cancel();
    await clock.advance(10_000);
    expect(count).toBe(3_600);
  });

  test("until stops as soon as the condition holds, and says when it never does", async () => {
    const { clock } = simRuntime();
    let count = 0;
    clock.setInterval(() => count++, 100);
    await clock.until(() => count === 7);
    expect(clock.monotonic()).toBe(700);
    await expect(clock.until(() => count < 0, 1_000)).rejects.toThrow("does not hold after 1000 ms");
  });

  test("resolve hands over the result, or the error, of a promise that needs time", async () => {
    const { clock } = simRuntime();
    const later = new Promise<string>((resolve) => void clock.setTimeout(() => resolve("done"), 5_000));
    expect(await clock.resolve(later)).toBe("done");
    const failing = new Promise<string>((_, reject) => void clock.setTimeout(() => reject(new Error("no")), 5_000));
    await expect(clock.resolve(failing)).rejects.toThrow("no");
  });

  test("the wall clock jumps, the monotonic one and the timers do not", async () => {
    const { clock } = simRuntime({ epochMs: 1_000_000 });
    let fired = false;
    clock.setTimeout(() => {
      fired = true;
    }, 100);
    clock.jump(-500_000);
    expect(clock.now()).toBe(500_000);
    await clock.advance(99);
    expect(fired).toBe(false);
    await clock.advance(1);
    expect(fired).toBe(true);
    expect(clock.now()).toBe(500_100);
    expect(clock.monotonic()).toBe(100);
  });

  test("a synchronous call on a slow disk stalls the world", () => {
    const { clock, files } = simRuntime({ disk: { writeMs: [7, 7], syncMs: [20, 20] } });
    const file = files.open("/f", { create: true });
    file.writeSync(new Uint8Array(1), 0);
    expect(clock.monotonic()).toBe(7);
    file.dataSyncSync();
    expect(clock.monotonic()).toBe(27);
  });

  test("an asynchronous one settles when its time has come, and holds up nobody", async () => {
    const { clock, files } = simRuntime({ disk: { syncMs: [20, 20] } });
    const file = files.open("/f", { create: true });
    const syncing = file.dataSync().then(() => clock.monotonic());
    let ticks = 0;
    clock.setInterval(() => ticks++, 5);
    await clock.advance(30);
    expect(await syncing).toBe(20);
    expect(ticks).toBe(6);
  });

  test("equal seeds give equal runs, others do not", async () => {
    const run = async (seed: number) => {
      const sim = simRuntime({ seed, network: { delayMs: [1, 50], fragment: 0.5 }, disk: { syncMs: [1, 9] } });
      const trace: string[] = [];
      await sim.net.listen({ host: "127.0.0.1", port: 7 }, (socket) => ({
        data: (chunk) => void trace.push(`${sim.clock.monotonic()} ${chunk.length}`),
        closed: () => socket.destroy(),
      }));
      const nothing = { data() {}, closed() {} };
      const socket = await sim.clock.resolve(sim.net.connect({ host: "127.0.0.1", port: 7, timeoutMs: 100 }, nothing));
      const file = sim.files.open("/f", { create: true });
      for (let i = 0; i < 20; i++) {
        socket.write(sim.random.bytes(1 + sim.random.below(1_000)));
        void file.dataSync().then(() => trace.push(`${sim.clock.monotonic()} synced`));
        await sim.clock.advance(10);
      }
      return trace.join("\n");
    };
    const first = await run(42);
    expect(first.length).toBeGreaterThan(500);
    expect(await run(42)).toBe(first);
    expect(await run(43)).not.toBe(first);
  });

  test("the processes of a world share its time; a killed one hears nothing any more", async () => {
    const world = simWorld();
    const [a, b] = [world.process(), world.process()];
    const heard: string[] = [];
    a.clock.setInterval(() => heard.push("a"), 10);
    b.clock.setTimeout(() => heard.push("b"), 25);
    a.clock.afterTurn(() => heard.push("a after the turn"));
    const again = a.crash("kill");
    again.clock.setTimeout(() => heard.push("a again"), 15);
    await world.clock.advance(30);
    expect(heard).toEqual(["a again", "b"]);
    expect(again.clock.monotonic()).toBe(30);
  });
});

test("shuffling leaves to dice which event of a turn comes first, the same for the same seed", async () => {
  const order = async (seed: number): Promise<number[]> => {
    const world = simWorld({ seed });
    world.time.shuffle = 0.5;
    const { files } = world.process();
    const file = files.open("/f", { create: true });
    const done: number[] = [];
    for (let i = 0; i < 20; i++) void file.write(Uint8Array.of(i), 0).then(() => done.push(i));
    await world.clock.settle();
    return done;
  };
  const inOrder = Array.from({ length: 20 }, (_, i) => i);
  expect(await order(1)).not.toEqual(inOrder);
  expect(await order(1)).toEqual(await order(1));
  expect(await order(2)).not.toEqual(await order(1));
  expect((await order(2)).sort((a, b) => a - b)).toEqual(inOrder);
});
