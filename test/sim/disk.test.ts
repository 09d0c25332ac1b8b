/** The fault model of the simulated disk, sentence by sentence. */
import { describe, expect, test } from "bun:test";
import { type SimOptions, type SimRuntime, simRuntime } from "../../adapters/sim/sim.ts";

const PAGE = 4096;

/** A process with an empty directory `/d` whose entry is durable. */
function started(options: SimOptions = {}): SimRuntime {
  const sim = simRuntime(options);
  sim.files.makeDirectory("/d");
  sim.files.syncDirectory("/");
  return sim;
}

/** A file with `pages` pages of `fill`, synced with its entry. */
function durableFile(sim: SimRuntime, path: string, pages: number, fill: number): void {
  const file = sim.files.open(path, { create: true });
  file.writeSync(new Uint8Array(pages * PAGE).fill(fill), 0);
  file.dataSyncSync();
  file.close();
  sim.files.syncDirectory("/d");
}

/** The first byte of each page. */
const pagesOf = (sim: SimRuntime, path: string) => {
  const bytes = sim.files.read(path);
  if (bytes === undefined) return undefined;
  return Array.from({ length: Math.ceil(bytes.length / PAGE) }, (_, i) => bytes[i * PAGE]);
};

const codeOf = (call: () => unknown): unknown => {
  try {
    call();
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
  return "no error";
};

describe("kill -9", () => {
  test("loses nothing that was written, and frees locks and handles", () => {
    const sim = started();
    const file = sim.files.open("/d/f", { create: true });
    file.writeSync(Uint8Array.of(1, 2, 3), 0);
    sim.files.lock("/d/lock");
    const again = sim.crash("kill");
    expect([...again.files.read("/d/f")!]).toEqual([1, 2, 3]);
    again.files.lock("/d/lock").release();
    expect(codeOf(() => file.writeSync(Uint8Array.of(9), 0))).toBe("EBADF");
    expect(codeOf(() => sim.files.open("/d/f"))).toBe("EIO");
  });

  test("cuts an asynchronous write off at the end of any sector, and its promise never settles", async () => {
    const lengths = new Set<number>();
    for (let seed = 1; seed <= 30; seed++) {
      const sim = started({ seed, disk: { writeMs: [5, 5] } });
      const file = sim.files.open("/d/f", { create: true });
      let settled = false;
      void file.write(new Uint8Array(8 * 512 + 40).fill(1), 0).then(() => {
        settled = true;
      });
      const again = sim.crash("kill");
      await again.clock.advance(100);
      expect(settled).toBe(false);
      lengths.add(again.files.stat("/d/f")!.size);
    }
    expect(lengths.size).toBeGreaterThan(3);
    expect([...lengths].every((length) => length % 512 === 0 || length === 8 * 512 + 40)).toBe(true);
  });

  test("by who watches the disk comes before the operation, and cuts a synchronous write off too", () => {
    const lengths = new Set<number>();
    for (let seed = 1; seed <= 30; seed++) {
      const sim = started({ seed });
      const file = sim.files.open("/d/f", { create: true });
      let again: SimRuntime | undefined;
      sim.disk.beforeOperation = (operation, path, position, bytes) => {
        expect([operation, path, position, bytes]).toEqual(["write", "/d/f", 0, 2048]);
        sim.disk.beforeOperation = undefined;
        again = sim.crash("kill");
      };
      expect(codeOf(() => file.writeSync(new Uint8Array(2048).fill(1), 0))).toBe("EIO");
      lengths.add(again!.files.stat("/d/f")!.size);
    }
    expect([...lengths].sort((a, b) => a - b)).toEqual([0, 512, 1024, 1536]);
  });

  test("of one process leaves the lock of another on the same machine", () => {
    const sim = started();
    sim.files.lock("/d/lock");
    const again = sim.crash("kill");
    const lock = again.files.lock("/d/lock");
    expect(codeOf(() => again.files.lock("/d/lock"))).toBe("ELOCKED");
    lock.release();
  });
});

describe("a power loss", () => {
  test("keeps what a sync covered and nothing else", () => {
    const sim = started();
    durableFile(sim, "/d/f", 2, 1);
    const file = sim.files.open("/d/f");
    file.writeSync(new Uint8Array(2 * PAGE).fill(2), PAGE);
    const again = sim.crash("power");
    expect(pagesOf(again, "/d/f")).toEqual([1, 1]);
  });

  test("keeps what was written before an asynchronous sync began, not what came while it ran", async () => {
    const sim = started({ disk: { syncMs: [10, 10] } });
    durableFile(sim, "/d/f", 1, 1);
    const file = sim.files.open("/d/f");
    file.writeSync(new Uint8Array(PAGE).fill(2), 0);
    const syncing = file.dataSync();
    file.writeSync(new Uint8Array(PAGE).fill(3), PAGE);
    await sim.clock.resolve(syncing);
    expect(pagesOf(sim.crash("power"), "/d/f")).toEqual([2]);
  });

  test("during a sync keeps what was durable before", () => {
    const sim = started({ disk: { syncMs: [10, 10] } });
    durableFile(sim, "/d/f", 1, 1);
    const file = sim.files.open("/d/f");
    file.writeSync(new Uint8Array(PAGE).fill(2), 0);
    void file.dataSync();
    expect(pagesOf(sim.crash("power"), "/d/f")).toEqual([1]);
  });

  test("by chance keeps unsynced pages in any order, so a later one survives an earlier one", () => {
    const outcomes = new Set<string>();
    for (let seed = 1; seed <= 60; seed++) {
      const sim = started({ seed, disk: { unsyncedPageKept: 0.5 } });
      durableFile(sim, "/d/f", 3, 1);
      sim.files.open("/d/f").writeSync(new Uint8Array(3 * PAGE).fill(2), 0);
      outcomes.add(String(pagesOf(sim.crash("power"), "/d/f")));
    }
    expect(outcomes).toContain("1,1,2");
    expect(outcomes).toContain("2,1,1");
    expect(outcomes.size).toBe(8);
  });

  test("undoes a truncate that was not synced", () => {
    const sim = started();
    durableFile(sim, "/d/f", 3, 1);
    sim.files.open("/d/f").truncate(PAGE + 1);
    expect(pagesOf(sim.crash("power"), "/d/f")).toEqual([1, 1, 1]);
  });

  test("loses a synced file whose entry was not synced", () => {
    const sim = started();
    const file = sim.files.open("/d/f", { create: true });
    file.writeSync(Uint8Array.of(1), 0);
    file.dataSyncSync();
    expect(sim.crash("power").files.list("/d")).toEqual([]);
  });

  test("undoes renames and removals that were not synced", () => {
    const sim = started();
    durableFile(sim, "/d/a", 1, 1);
    durableFile(sim, "/d/b", 1, 2);
    durableFile(sim, "/d/c", 1, 3);
    sim.files.rename("/d/a", "/d/b");
    sim.files.remove("/d/c");
    expect(sim.files.list("/d")).toEqual(["b"]);
    const again = sim.crash("power");
    expect(again.files.list("/d")).toEqual(["a", "b", "c"]);
    expect([pagesOf(again, "/d/a"), pagesOf(again, "/d/b"), pagesOf(again, "/d/c")]).toEqual([[1], [2], [3]]);
    again.files.rename("/d/a", "/d/b");
    again.files.syncDirectory("/d");
    expect(pagesOf(again.crash("power"), "/d/b")).toEqual([1]);
  });

  test("keeps unsynced entries, when it does, from the first on", () => {
    const kept = new Set<string>();
    for (let seed = 1; seed <= 40; seed++) {
      const sim = started({ seed, disk: { unsyncedEntriesKept: 0.6 } });
      for (const name of ["a", "b", "c"]) sim.files.open(`/d/${name}`, { create: true });
      kept.add(sim.crash("power").files.list("/d").join(""));
    }
    expect([...kept].sort()).toEqual(["", "a", "ab", "abc"]);
  });

  test("takes all processes of the machine with it", async () => {
    const sim = started();
    let fired = false;
    sim.clock.setTimeout(() => {
      fired = true;
    }, 10);
    const again = sim.crash("power");
    await again.clock.advance(20);
    expect(fired).toBe(false);
  });

  test("after a sync that failed loses the pages even when a later sync succeeds, until they are written again", () => {
    const sim = started();
    durableFile(sim, "/d/f", 2, 1);
    const file = sim.files.open("/d/f");
    file.writeSync(new Uint8Array(2 * PAGE).fill(2), 0);
    sim.disk.fail({ operation: "sync", code: "EIO", times: 1 });
    expect(codeOf(() => file.dataSyncSync())).toBe("EIO");
    file.writeSync(new Uint8Array(PAGE).fill(3), 0);
    file.dataSyncSync();
    expect(pagesOf(sim.crash("power"), "/d/f")).toEqual([3, 1]);
  });
});

describe("failing calls", () => {
  test("fail as often as asked, on the paths asked for, and name what was tried", () => {
    const sim = started();
    const [f, g] = ["/d/f", "/d/g"].map((path) => sim.files.open(path, { create: true }));
    sim.disk.fail({ operation: "write", code: "ENOSPC", path: (path) => path === "/d/f", times: 2 });
    expect(codeOf(() => f!.writeSync(Uint8Array.of(1), 0))).toBe("ENOSPC");
    g!.writeSync(Uint8Array.of(1), 0);
    expect(() => f!.writeSync(Uint8Array.of(1), 0)).toThrow('Cannot write "/d/f": ENOSPC');
    f!.writeSync(Uint8Array.of(1), 0);
  });

  test("fail for good until restored, asynchronous ones too", async () => {
    const sim = started();
    const file = sim.files.open("/d/f", { create: true });
    sim.disk.fail({ operation: "sync", code: "EIO" });
    for (let i = 0; i < 3; i++) await expect(file.dataSync()).rejects.toMatchObject({ code: "EIO" });
    sim.disk.restore();
    await file.dataSync();
  });

  test("a full disk takes a part of the write, and space comes back with a removed file once it is closed", () => {
    const sim = started({ disk: { capacityBytes: 4 * PAGE } });
    const file = sim.files.open("/d/f", { create: true });
    expect(codeOf(() => file.writeSync(new Uint8Array(6 * PAGE).fill(1), 0))).toBe("ENOSPC");
    expect(file.size()).toBe(4 * PAGE);
    expect(sim.files.diskSpace("/d").freeBytes).toBe(0);
    // Pages that are there can be written again.
    file.writeSync(Uint8Array.of(5), 10);
    sim.files.remove("/d/f");
    expect(sim.files.diskSpace("/d").freeBytes).toBe(0);
    file.close();
    expect(sim.files.diskSpace("/d")).toEqual({ totalBytes: 4 * PAGE, freeBytes: 4 * PAGE, usedBytes: 0 });
  });
});

describe("misreads", () => {
  test("short ones hand over at least a byte, flips change one bit on the way, and only where they are asked for", () => {
    const sim = started({ disk: { shortRead: 0.5, misreads: (path) => path === "/d/f" } });
    for (const path of ["/d/f", "/d/g"]) durableFile(sim, path, 1, 7);
    const read = (path: string): Uint8Array => {
      const file = sim.files.open(path);
      const bytes = new Uint8Array(100);
      return bytes.subarray(0, file.readSync(bytes, 0));
    };
    const lengths = new Set(Array.from({ length: 50 }, () => read("/d/f").length));
    expect(Math.min(...lengths)).toBeGreaterThan(0);
    expect(lengths.size).toBeGreaterThan(5);
    expect(read("/d/g")).toEqual(new Uint8Array(100).fill(7));

    sim.disk.faults.shortRead = 0;
    sim.disk.faults.bitFlip = 1;
    const wrong = read("/d/f").filter((byte) => byte !== 7);
    expect(wrong.length).toBe(1);
    expect(Math.log2(wrong[0]! ^ 7) % 1).toBe(0);
    sim.disk.faults.bitFlip = 0;
    expect(read("/d/f")).toEqual(new Uint8Array(100).fill(7));
  });
});
