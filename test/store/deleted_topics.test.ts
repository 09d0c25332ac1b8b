/** A topic is deleted, perhaps made anew, and a crash comes at any moment: old messages stay away, new ones are all there. */
import { describe, expect, test } from "bun:test";
import { simRuntime } from "../../adapters/sim/sim.ts";
import type { DefaultMessageStore } from "../../core/store/default_message_store.ts";
import { openStore, put, putNow, SMALL, textsOf } from "./support.ts";

const MARK = "/store/deletedTopics.json";
const gone = new Set(["TopicA"]);
const written = (store: DefaultMessageStore): Promise<boolean> => store.durable(store.stats().maxPhysicalOffset, true);

describe.each([
  { name: "default file sizes", input: {} },
  { name: "small files", input: SMALL },
])("a deleted topic, $name", ({ input }) => {
  test.each(["kill", "power"] as const)("does not come back after a %s, nor takes its successor's messages", async (how) => {
    let runtime = simRuntime();
    const store = await openStore(runtime, "/store", { ...input, flushDiskType: "SYNC_FLUSH" });
    for (let i = 0; i < 20; i++) put(store, { text: `old ${i}` });
    await written(store);
    // The checkpoint that would do instead does not get through.
    runtime.disk.fail({ operation: "open", code: "EIO", path: (path) => path.endsWith("/checkpoint") });
    store.deleteTopics(gone);
    expect(store.queues().size).toBe(0);
    for (let i = 0; i < 5; i++) expect(put(store, { text: `new ${i}` }).queueOffset).toBe(i);
    await written(store);
    runtime = runtime.crash(how);
    runtime.disk.restore();
    const again = await openStore(runtime, "/store", input);
    expect(await textsOf(again)).toEqual(["new 0", "new 1", "new 2", "new 3", "new 4"]);
    expect((await putNow(again, { text: "next" })).queueOffset).toBe(5);
    await again.close();
    // A checkpoint lies behind it now.
    expect(new TextDecoder().decode(runtime.files.read(MARK))).toBe("{}");
    const third = await openStore(runtime, "/store", input);
    expect(await textsOf(third)).toHaveLength(6);
    await third.close();
  });

  test("whose last message is the last of the log stays away after an orderly stop", async () => {
    const runtime = simRuntime();
    const store = await openStore(runtime, "/store", input);
    for (let i = 0; i < 5; i++) await putNow(store, {});
    store.deleteTopics(gone);
    await store.close();
    const again = await openStore(runtime, "/store", input);
    expect(again.queues().size).toBe(0);
    expect((await putNow(again, { text: "new" })).queueOffset).toBe(0);
    await again.close();
  });

  test("with messages that are appended and not written yet: they are gone as well", async () => {
    const runtime = simRuntime();
    const store = await openStore(runtime, "/store", input);
    put(store, { text: "old" });
    put(store, { text: "old" });
    store.deleteTopics(gone);
    expect(put(store, { text: "new" }).queueOffset).toBe(0);
    await written(store);
    expect(await textsOf(store)).toEqual(["new"]);
    await store.close();
  });

  test("a crash between the note and the removal of the queues", async () => {
    let runtime = simRuntime();
    const store = await openStore(runtime, "/store", input);
    for (let i = 0; i < 5; i++) await putNow(store, {});
    const end = store.stats().maxPhysicalOffset;
    runtime.files.write(MARK, new TextEncoder().encode(JSON.stringify({ TopicA: end })), { sync: true });
    runtime = runtime.crash("kill");
    const again = await openStore(runtime, "/store", input);
    expect(again.queues().size).toBe(0);
    await again.close();
  });

  test("a log that a power cut made shorter: what is stored there later is new", async () => {
    let runtime = simRuntime();
    const store = await openStore(runtime, "/store", input);
    for (let i = 0; i < 5; i++) await putNow(store, { topic: "TopicB", text: "x".repeat(300) });
    store.deleteTopics(gone);
    runtime = runtime.crash("power");
    const again = await openStore(runtime, "/store", input);
    expect(again.stats().maxPhysicalOffset).toBe(0);
    await putNow(again, { text: "new" });
    expect(await textsOf(again)).toEqual(["new"]);
    const third = await openStore(runtime.crash("kill"), "/store", input);
    expect(await textsOf(third)).toEqual(["new"]);
    await third.close();
  });

  test("when it can't be noted, the queues stay, and the error says so", async () => {
    const runtime = simRuntime();
    const store = await openStore(runtime, "/store", input);
    await putNow(store, {});
    runtime.disk.fail({ operation: "write", code: "ENOSPC", path: (path) => path === MARK, times: 1 });
    expect(() => store.deleteTopics(gone)).toThrow("ENOSPC");
    expect(await textsOf(store)).toEqual(["hello"]);
    store.deleteTopics(gone);
    expect(store.queues().size).toBe(0);
    await store.close();
  });
});
