/** Threads of the runtime that the tests run on; the simulator has none. */
import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { threadsBy } from "../../adapters/shared/threads.ts";
import { memoryRuntime } from "../../adapters/sim/memory.ts";
import type { Thread } from "../../core/runtime.ts";
import { HOST, hostRuntime } from "../support/host_runtime.ts";
import type { Asked, Told } from "./thread_messages.ts";

const host = await hostRuntime();
const { threads } = host;
const MODULE = new URL("./thread_module.ts", import.meta.url);

/** A thread with what it said so far. */
class Spoken {
  readonly thread: Thread;
  readonly told: Told[] = [];
  readonly faults: Error[] = [];
  #wake: (() => void) | undefined;

  constructor(module: URL, by = threads) {
    if (by === undefined) throw new Error(`${HOST} has no threads`);
    this.thread = by.start(module, {
      message: (message) => {
        this.told.push(message as Told);
        this.#wake?.();
      },
      failed: (fault) => {
        this.faults.push(fault);
        this.#wake?.();
      },
    });
  }

  ask(asked: Asked, transfer: ArrayBuffer[] = []): void {
    this.thread.post(asked, transfer);
  }

  /** Settles when it has said so much: nothing else can end the wait, so the test's own limit bounds it. */
  async until(told: number, faults: number): Promise<void> {
    // An unref'd thread keeps no process alive, and a test that waits for it does not either.
    const alive = setInterval(() => undefined, 1_000);
    try {
      while (this.told.length < told || this.faults.length < faults) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      clearInterval(alive);
    }
  }
}

describe(`threads of ${HOST}`, () => {
  let spoken: Spoken | undefined;
  afterEach(async () => {
    await spoken?.thread.stop();
    spoken = undefined;
  });

  test("a thread reads files, takes messages in order, and buffers move there and back", async () => {
    const directory = mkdtempSync(join(tmpdir(), "edgemq-threads-"));
    try {
      const path = join(directory, "file");
      writeFileSync(path, "0123456789");
      spoken = new Spoken(MODULE);
      const buffers = [new ArrayBuffer(4), new ArrayBuffer(4), new ArrayBuffer(4)];
      for (const [i, buffer] of buffers.entries()) spoken.ask({ kind: "read", path, position: 4 * i, buffer }, [buffer]);
      expect(buffers.map(({ byteLength }) => byteLength)).toEqual([0, 0, 0]);
      await spoken.until(3, 0);
      const read = spoken.told.map(({ taken, bytes, buffer }) => [taken, new TextDecoder().decode(buffer.slice(0, bytes))]);
      expect(read).toEqual([
        [1, "0123"],
        [2, "4567"],
        [3, "89"],
      ]);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  test("what is thrown there is told once, and what is posted afterwards is dropped", async () => {
    spoken = new Spoken(MODULE);
    spoken.ask({ kind: "throw" });
    await spoken.until(0, 1);
    spoken.ask({ kind: "throw" });
    await spoken.thread.stop();
    expect(spoken.faults.map(({ message }) => message)).toEqual([expect.stringContaining("thrown on the thread")]);
  });

  test("a module that is not there is told", async () => {
    spoken = new Spoken(new URL("./no_such_module.ts", import.meta.url));
    await spoken.until(0, 1);
    expect(spoken.faults[0]?.message).toContain("no_such_module");
  });

  test("one that can't be made is told, not thrown", async () => {
    const none = threadsBy(() => {
      throw new Error("no memory for a thread");
    });
    spoken = new Spoken(MODULE, none);
    spoken.ask({ kind: "throw" });
    await spoken.until(0, 1);
    expect(spoken.faults.map(({ message }) => message)).toEqual(["no memory for a thread"]);
  });

  test("one that never returns is ended", async () => {
    spoken = new Spoken(MODULE);
    spoken.ask({ kind: "spin" });
    await spoken.thread.stop();
    expect(spoken.faults).toEqual([]);
  });
});

test("the simulator has none", () => {
  expect(memoryRuntime(host).threads).toBeUndefined();
});
