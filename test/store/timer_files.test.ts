/** Files of the timer, byte by byte as an Apache 5.5.0 broker wrote them. */
import { describe, expect, test } from "bun:test";
import { simRuntime } from "../../adapters/sim/sim.ts";
import { TimerCheckpoint } from "../../core/store/timer/timer_checkpoint.ts";
import { TimerLog, type TimerUnit } from "../../core/store/timer/timer_log.ts";
import { TimerMetrics } from "../../core/store/timer/timer_metrics.ts";
import { TimerWheel } from "../../core/store/timer/timer_wheel.ts";

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const fromHex = (text: string): Uint8Array =>
  Uint8Array.from(text.replace(/\s/g, "").match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));

/** A message of 3 s and two of 10 min, sent in the same second to T1. */
const UNITS = [
  "00000034 ffffffffffffffff 00000001 000001a1fbc36cb8 00000bb8 00000000000007c2 00000157 00000a5d 0000000000000000",
  "00000034 ffffffffffffffff 00000001 000001a1fbc36cb8 000927c0 0000000000000919 0000015b 00000a5d 0000000000000000",
  "00000034 0000000000000034 00000001 000001a1fbc36cb8 000927c0 0000000000000a74 0000015d 00000a5d 0000000000000000",
];
const SLOTS: readonly [index: number, bytes: string][] = [
  [178_854, "000000006b00f6a6 0000000000000000 0000000000000000 00000001 00000000"],
  [179_451, "000000006b00f8fb 0000000000000034 0000000000000068 00000002 00000000"],
];
const CHECKPOINT =
  "000001a1fbc3d630 000000000000016c 0000000000000007 0000000000000007 0000000000000000 000001a1fbc3d8f8 000000000000001e";

const ENQUEUED = 1_795_225_251_000;
const unit = (previous: number, delayMs: number, physicalOffset: number, size: number): TimerUnit => ({
  previous,
  magic: 1,
  enqueueTimeMs: ENQUEUED,
  outTimeMs: ENQUEUED + delayMs,
  physicalOffset,
  size,
  topicHash: 2653,
});

describe("timer log", () => {
  test("units are written as Apache writes them", async () => {
    const { files } = simRuntime();
    const log = new TimerLog(files, "/timerlog", 104_857_600);
    log.start(0);
    expect(log.append(unit(-1, 3_000, 1986, 343))).toBe(0);
    expect(log.append(unit(-1, 600_000, 2329, 347))).toBe(52);
    expect(log.append(unit(52, 600_000, 2676, 349))).toBe(104);
    await log.sync();
    const file = files.open("/timerlog/00000000000000000000", { readOnly: true });
    const bytes = new Uint8Array(3 * 52);
    expect(file.readSync(bytes, 0)).toBe(bytes.length);
    expect(hex(bytes)).toBe(UNITS.join("").replaceAll(" ", ""));
    expect(file.size()).toBe(104_857_600);
    file.close();
  });

  test("units of Apache are read, up to the first place that holds none", async () => {
    const { files } = simRuntime();
    files.makeDirectory("/timerlog");
    const bytes = new Uint8Array(5_216);
    bytes.set(fromHex(UNITS.join("")));
    files.write("/timerlog/00000000000000000000", bytes);
    const log = new TimerLog(files, "/timerlog", 5_216);
    log.load();
    const found = [];
    for await (const units of log.unitsFrom(0)) found.push(...units);
    expect(found).toEqual([
      { position: 0, ...unit(-1, 3_000, 1986, 343) },
      { position: 52, ...unit(-1, 600_000, 2329, 347) },
      { position: 104, ...unit(52, 600_000, 2676, 349) },
    ]);
    log.close();
  });

  test("a file ends with a blank, and the next one goes on", async () => {
    const { files } = simRuntime();
    const log = new TimerLog(files, "/timerlog", 5 * 52 + 20);
    log.start(0);
    const positions = Array.from({ length: 12 }, (_, i) => log.append(unit(-1, 1_000, i, 100)));
    expect(positions.slice(4, 7)).toEqual([208, 280, 332]);
    await log.sync();
    const bytes = files.read("/timerlog/00000000000000000000") ?? new Uint8Array(0);
    expect(hex(bytes.subarray(260, 276))).toBe("00000014" + "0000000000000000" + "cbd43194");
    const again = new TimerLog(files, "/timerlog", 5 * 52 + 20);
    again.load();
    const found = [];
    for await (const units of again.unitsFrom(0)) found.push(...units.map(({ position }) => position));
    expect(found).toEqual(positions);
    expect((await again.unitBefore(280))?.position).toBe(208);
    again.start(384);
    await again.expire(5);
    expect(again.begin).toBe(280);
  });
});

describe("timer wheel", () => {
  test("slots are where Apache has them", async () => {
    const { files } = simRuntime();
    const wheel = new TimerWheel(files, "/timerwheel", 1000);
    expect(wheel.open()).toBe(false);
    wheel.put(ENQUEUED + 3_000, { firstPosition: 0, lastPosition: 0, num: 1, magic: 0 });
    wheel.put(ENQUEUED + 600_000, { firstPosition: 52, lastPosition: 104, num: 2, magic: 0 });
    await wheel.writePages(wheel.takeChanged());
    wheel.close();
    const file = files.open("/timerwheel", { readOnly: true });
    expect(file.size()).toBe(38_707_200);
    for (const [index, expected] of SLOTS) {
      const bytes = new Uint8Array(32);
      file.readSync(bytes, index * 32);
      expect(hex(bytes)).toBe(expected.replaceAll(" ", ""));
    }
    file.close();
  });

  test("a slot of another time is no slot", async () => {
    const { files } = simRuntime();
    const wheel = new TimerWheel(files, "/timerwheel", 1000);
    wheel.open();
    wheel.put(ENQUEUED, { firstPosition: 5, lastPosition: 6, num: 1, magic: 0 });
    const turn = 14 * 86_400_000;
    expect(wheel.slot(ENQUEUED + turn)).toBe(undefined);
    expect(wheel.slot(ENQUEUED)?.lastPosition).toBe(6);
    expect(await wheel.nextUsed(ENQUEUED - 5_000_000, ENQUEUED + turn)).toBe(ENQUEUED);
    expect(await wheel.nextUsed(ENQUEUED + 1_000, ENQUEUED + turn)).toBe(undefined);
    wheel.close();
  });

  test("a file of another size is not touched", () => {
    const { files } = simRuntime();
    files.write("/timerwheel", new Uint8Array(100));
    expect(() => new TimerWheel(files, "/timerwheel", 1000).open()).toThrow(
      /"\/timerwheel" has 100 bytes and must have 38707200/,
    );
  });
});

describe("timer checkpoint", () => {
  test("is Apache's, and what is behind it does not change that", async () => {
    const { files, digest } = simRuntime();
    const apache = new Uint8Array(4096);
    apache.set(fromHex(CHECKPOINT));
    files.makeDirectory("/config");
    files.write("/config/timercheck", apache);
    const checkpoint = new TimerCheckpoint(files, digest, "/config/timercheck");
    expect(checkpoint.load()).toBe(true);
    expect(checkpoint).toMatchObject({
      lastReadTimeMs: 1_795_225_278_000,
      lastTimerLogFlushPos: 364,
      lastTimerQueueOffset: 7,
      masterTimerQueueOffset: 7,
      counter: 30,
      own: undefined,
    });
    expect(hex(checkpoint.encode())).toBe(CHECKPOINT.replaceAll(" ", ""));
    const own = { deliveredPosition: 52, searchFrom: 1000, waiting: 3, precisionMs: 1000, closed: true };
    checkpoint.own = own;
    await checkpoint.save(true);
    checkpoint.close();
    expect(hex((files.read("/config/timercheck") ?? apache).subarray(0, 56))).toBe(CHECKPOINT.replaceAll(" ", ""));
    const again = new TimerCheckpoint(files, digest, "/config/timercheck");
    again.load();
    expect(again.own).toEqual(own);
    // Apache writes its part: ours does not count any more.
    const handle = files.open("/config/timercheck");
    handle.writeSync(Uint8Array.of(8), 15);
    handle.close();
    again.load();
    expect(again.own).toBe(undefined);
    expect(again.lastTimerLogFlushPos).toBe(0x108);
  });
});

test("timer metrics are one line of JSON, as Apache's", () => {
  const runtime = simRuntime({ epochMs: 1_795_225_251_000 });
  const metrics = new TimerMetrics(runtime.clock);
  metrics.add("T1", 1);
  metrics.add("T1", 1);
  const text = new TextDecoder().decode(metrics.encode());
  expect(text).toBe(
    '{"dataVersion":{"counter":2,"stateVersion":0,"timestamp":1795225251000},"timingCount":{"T1":{"count":2,"timeStamp":1795225251000}}}',
  );
  const again = new TimerMetrics(runtime.clock);
  again.decode(text);
  expect(again.count("T1")).toBe(2);
});
