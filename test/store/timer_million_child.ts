/**
 * The process that `timer_million.test.ts` looks into: parks a million messages with a real directory, delivers those of one
 * hundredth of the time, starts again from what is on the disk, and tells what each step left, a line of JSON each.
 */
import { readFileSync } from "node:fs";
import process from "node:process";
import { setTimeout as wait } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Clock, Runtime } from "../../core/runtime.ts";
import { hostRuntime } from "../support/host_runtime.ts";
import { TimerHarness } from "./timer_support.ts";

const [directory = "", messages = "0", spanSeconds = "0"] = process.argv.slice(2);
const HOUR_MS = 3_600_000;
/** Sent before anybody waits for the page cache. */
const BATCH = 250;
/** As far as the timer may be behind the sender. */
const BEHIND_MAX = 20_000;
const SETTINGS = { mappedFileSizeCommitLog: 64 * 1024 * 1024, mappedFileSizeTimerLog: 100 * 1024 * 1024 };

const host = await hostRuntime();
/** When it is, once that is no longer what the host says. */
let stopped: number | undefined;
const clock: Clock = {
  now: () => stopped ?? host.clock.now(),
  monotonic: () => host.clock.monotonic(),
  setTimeout: (action, ms) => host.clock.setTimeout(action, ms),
  setInterval: (action, ms) => host.clock.setInterval(action, ms),
  afterTurn: (action) => host.clock.afterTurn(action),
};
const runtime: Runtime = { ...host, clock };

async function until(what: string, holds: () => boolean): Promise<void> {
  const deadline = host.clock.monotonic() + 120_000;
  while (!holds()) {
    if (host.clock.monotonic() > deadline) throw new Error(`not within two minutes: ${what}`);
    await wait(5); // the clock's timers keep no process alive
  }
}

/** Ends what nobody holds: what is left is what is kept. */
function collect(): void {
  const { Bun } = globalThis as { Bun?: { gc(force: boolean): void } };
  if (Bun === undefined) setFlagsFromString("--expose-gc");
  const gc = Bun === undefined ? (runInNewContext("gc") as () => void) : () => Bun.gc(true);
  gc();
}

/** Memory of this process that belongs to no file, KiB. */
function anonymousKib(): number {
  collect();
  return Number(/^RssAnon:\s+(\d+) kB/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]);
}

function tell(harness: TimerHarness<Runtime>, step: string): void {
  const { waiting, deliveries } = harness.timer.progress;
  const delivered = harness.store.maxOffset({ topic: "T", queueId: 0 });
  process.stdout.write(`${JSON.stringify({ step, waiting, deliveries, delivered, anonymousKib: anonymousKib() })}\n`);
}

let harness = await TimerHarness.open(runtime, SETTINGS, true, directory);
const count = Number(messages);
const first = Math.ceil(clock.now() / 1000) * 1000 + HOUR_MS;
for (let sent = 0; sent < count; ) {
  let endOffset = 0;
  for (let i = 0; i < BATCH; i++, sent++) {
    const receipt = harness.append(`m${sent}`, first + (sent % Number(spanSeconds)) * 1000);
    if (receipt.status !== "PUT_OK") throw new Error(receipt.reason);
    endOffset = receipt.endOffset;
  }
  await harness.store.durable(endOffset, false);
  if (harness.timer.enqueueBehind > BEHIND_MAX) await until("the timer keeps up", () => harness.timer.enqueueBehind < BATCH);
  if (sent % (count / 4) === 0) {
    await until("all are taken in", () => harness.timer.progress.enqueued === sent);
    tell(harness, `sent ${sent}`);
  }
}

await harness.close();
harness = await TimerHarness.open(runtime, SETTINGS, true, directory);
tell(harness, "opened");
stopped = first + (Number(spanSeconds) / 100) * 1000 - 500;
const due = count / 100;
await until("those that are due are delivered", () => harness.timer.progress.deliveries >= due);
await until("the slot is over", () => harness.timer.dequeueBehindMs === 0 && harness.timer.progress.waiting <= count - due);
// What was put back last is in its queue once it is written.
await until("all are in their queue", () => harness.store.maxOffset({ topic: "T", queueId: 0 }) >= due);
tell(harness, "delivered");
await harness.close();
