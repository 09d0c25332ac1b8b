/** Zeros ahead of the log's end: they are there, cost no message, and leave no trace. */
import { describe, expect, test } from "bun:test";
import { type SimRuntime, simRuntime } from "../../adapters/sim/sim.ts";
import type { DefaultMessageStore } from "../../core/store/default_message_store.ts";
import { PIECE_BYTES } from "../../core/store/primed_pages.ts";
import { UnsyncedMark } from "../../core/store/unsynced_mark.ts";
import { propertyOf } from "../../wire/properties.ts";
import { bytesOf, linesLog, openStore, pull, put, putNow, textsOf } from "./support.ts";
import { type Watch, watched } from "./watched_files.ts";

/** Zeros over the last byte of a record take a piece of it. */
const TAG = "Tag";
const FIRST = "/store/commitlog/00000000000000000000";
const text = (i: number): string => `${i} ${"x".repeat(4_000)}`;
const texts = (count: number): string[] => Array.from({ length: count }, (_, i) => text(i));
const endOf = (store: DefaultMessageStore): number => store.stats().maxPhysicalOffset;
const allocated = (runtime: SimRuntime, path = FIRST): number => runtime.files.stat(path)?.allocatedBytes ?? 0;
const pages = (bytes: number): number => Math.ceil(bytes / 4096) * 4096;

/** Messages one behind the other, each in a turn of its own. */
async function fill(store: DefaultMessageStore, count: number, from = 0): Promise<void> {
  for (let i = from; i < from + count; i++) await putNow(store, { text: text(i), tags: TAG });
}

/** Messages from the first on whose last bytes are there. */
async function tagged(store: DefaultMessageStore): Promise<number> {
  for (let count = 0; ; ) {
    const { messages } = await pull(store, count);
    const whole = messages.findIndex(({ properties }) => propertyOf(properties, "TAGS") !== TAG);
    if (whole >= 0 || messages.length === 0) return count + Math.max(0, whole);
    count += messages.length;
  }
}

const logWrites = ({ calls }: Watch) => calls.filter(({ call, path }) => call === "writeSync" && path.includes("/commitlog/"));
const logReadBytes = ({ calls }: Watch): number =>
  calls
    .filter(({ call, path }) => call.startsWith("read") && path.includes("/commitlog/"))
    .reduce((sum, { bytes }) => sum + bytes, 0);

describe("zeros ahead of the end of the log", () => {
  test("begin when a piece was written, end where a piece ends, and every record is written over them", async () => {
    const { runtime, watch } = watched(simRuntime());
    const store = await openStore(runtime, "/store");
    await fill(store, 60);
    expect(logWrites(watch)).toHaveLength(60);
    expect(allocated(runtime)).toBe(pages(endOf(store)));
    await fill(store, 100, 60);
    const zeros = logWrites(watch).filter(({ bytes }) => bytes > 5_000);
    // To the end of the piece in which it began, and one more.
    expect(zeros.map(({ position, bytes }) => (position + bytes) % PIECE_BYTES)).toEqual([0, 0]);
    expect(allocated(runtime)).toBe(3 * PIECE_BYTES);
    expect(endOf(store)).toBeGreaterThan(2 * PIECE_BYTES);
    expect(await textsOf(store)).toEqual(texts(160));
    expect(await tagged(store)).toBe(160);
    // Read anew from the file, by recovery and by consumers.
    const again = await openStore(runtime.crash("kill"), "/store");
    expect(await textsOf(again)).toEqual(texts(160));
    expect(await tagged(again)).toBe(160);
    await again.close();
  });

  test("never go beyond the file, whose size need not be one of theirs", async () => {
    const runtime = simRuntime();
    const store = await openStore(runtime, "/store", { mappedFileSizeCommitLog: 300_000 });
    await fill(store, 300);
    await store.close();
    const files = runtime.files.list("/store/commitlog");
    expect(files.length).toBeGreaterThan(3);
    for (const name of files) expect(runtime.files.stat(`/store/commitlog/${name}`)?.size).toBe(300_000);
    const again = await openStore(runtime, "/store", { mappedFileSizeCommitLog: 300_000 });
    expect(await textsOf(again)).toEqual(texts(300));
    await again.close();
  });

  for (const [how, end] of [
    ["an orderly stop", (store) => store.close()],
    ["kill -9", undefined],
    ["a power cut", undefined],
  ] as [string, ((store: DefaultMessageStore) => Promise<void>) | undefined][]) {
    test(`are no reason to read the rest of a file of a gigabyte after ${how}, nor at any start behind it`, async () => {
      let runtime = simRuntime();
      const store = await openStore(runtime, "/store");
      await fill(store, 99);
      await putNow(store, { text: text(99), tags: TAG }, true);
      const at = endOf(store);
      expect(allocated(runtime)).toBe(2 * PIECE_BYTES);
      await end?.(store);
      runtime = runtime.crash(how === "kill -9" ? "kill" : "power");
      for (let start = 0; start < 3; start++) {
        const log = linesLog();
        const { runtime: next, watch } = watched(runtime);
        const again = await openStore(next, "/store", {}, log);
        expect(logReadBytes(watch)).toBeLessThan(4 * 1024 * 1024);
        expect(log.lines.filter((line) => line.includes("moved aside") || line.startsWith("error"))).toEqual([]);
        expect([endOf(again), await textsOf(again)]).toEqual([at, texts(100)]);
        await again.close();
      }
      const last = await openStore(runtime, "/store");
      await fill(last, 100, 100);
      expect(await textsOf(last)).toEqual(texts(200));
      await last.close();
    });
  }

  for (const [what, tailBytes, hasFailed] of [
    ["that take another room", () => 170_000, false],
    // Only a disk that has failed before is doubted then.
    ["that take the same room by chance, on a disk that has failed", (head) => 3 * PIECE_BYTES - pages(head), true],
  ] as [string, (head: number) => number, boolean][]) {
    test(`are told from records behind a hole ${what}`, async () => {
      const runtime = simRuntime();
      const store = await openStore(runtime, "/store");
      await fill(store, 700);
      const end = endOf(store);
      const head = 100 * (end / 700);
      const tail = end - tailBytes(head);
      const crashed = runtime.crash("kill");
      const all = bytesOf(crashed, FIRST, 0, end);
      crashed.files.remove(FIRST);
      const file = crashed.files.open(FIRST, { create: true });
      file.truncate(1024 ** 3);
      file.writeSync(all.subarray(0, head), 0);
      file.writeSync(all.subarray(tail), tail);
      file.close();
      if (hasFailed) {
        expect(allocated(crashed) % PIECE_BYTES).toBeLessThanOrEqual(8192);
        new UnsyncedMark(crashed.files, "/store").set(0);
      }
      const again = await openStore(crashed, "/store");
      expect(endOf(again)).toBe(end);
      expect((await textsOf(again)).at(-1)).toBe(text(699));
      await again.close();
    });
  }

  test("stand behind what a power cut left: what was synced is there, and writing goes on", async () => {
    const runtime = simRuntime();
    const store = await openStore(runtime, "/store", { mappedFileSizeCommitLog: 4 * 1024 * 1024 });
    await fill(store, 100);
    await putNow(store, { text: text(100) }, true);
    await fill(store, 60, 101);
    const cut = runtime.crash("power");
    const again = await openStore(cut, "/store", { mappedFileSizeCommitLog: 4 * 1024 * 1024 });
    const left = await textsOf(again);
    expect(left.length).toBeGreaterThanOrEqual(101);
    expect(left).toEqual(texts(left.length));
    await fill(again, 200, left.length);
    expect(await textsOf(again)).toEqual(texts(left.length + 200));
    await again.close();
  });

  test("for which there is no room cost no message, and one that fails leaves none behind", async () => {
    const runtime = simRuntime();
    const store = await openStore(runtime, "/store");
    await fill(store, 1);
    const bytes = endOf(store);
    const before = Math.floor(PIECE_BYTES / bytes);
    await fill(store, before - 1, 1);
    const full = { operation: "write", code: "ENOSPC", path: (path: string) => path === FIRST } as const;
    runtime.disk.fail({ ...full, times: 1 });
    await fill(store, 1, before);
    expect(allocated(runtime)).toBe(pages(endOf(store)));
    // Up to the end of the second piece nothing is tried again.
    await fill(store, before - 1, before + 1);
    const stored = 2 * before;
    runtime.disk.fail({ ...full, times: 2 });
    const refused: string[] = [];
    for (let i = 0; i < 2; i++) {
      const { endOffset } = put(store, { text: "lost" });
      await store.durable(endOffset, false).catch((error: Error) => refused.push(error.message));
      await runtime.clock.advance(1_100);
      if (refused.length > 0) break;
    }
    expect(refused).toHaveLength(1);
    await fill(store, 100, stored);
    const all = (await textsOf(store)).filter((each) => each !== "lost");
    expect(all).toEqual(texts(stored + 100));
    const again = await openStore(runtime.crash("kill"), "/store");
    expect((await textsOf(again)).filter((each) => each !== "lost")).toEqual(all);
    await again.close();
  });
});
