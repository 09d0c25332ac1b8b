/** What every adapter's files do. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { Files } from "../../core/runtime.ts";
import { ADAPTERS, type Started } from "./adapters.ts";
import { bytesOf, expectSame, pattern } from "./peers.ts";

describe.each(ADAPTERS.map((adapter) => [adapter.name, adapter] as const))("files of %s", (_name, adapter) => {
  let it: Started;
  let files: Files;
  let at: (name: string) => string;

  beforeEach(() => {
    it = adapter.start();
    files = it.runtime.files;
    at = (name) => `${it.directory}/${name}`;
  });

  afterEach(() => it.stop());

  const codeOf = (call: () => unknown): unknown => {
    try {
      call();
    } catch (error) {
      return (error as { code?: unknown }).code;
    }
    return "no error";
  };
  const read = (name: string) => new TextDecoder().decode(files.read(at(name)));

  describe("positional I/O", () => {
    test("bytes are where they were put, whatever the order", () => {
      const file = files.open(at("f"), { create: true });
      file.writeSync(bytesOf("world"), 6);
      file.writeSync(bytesOf("hello "), 0);
      const target = new Uint8Array(5);
      expect(file.readSync(target, 3)).toBe(5);
      expect(new TextDecoder().decode(target)).toBe("lo wo");
      expect(file.size()).toBe(11);
      file.close();
    });

    test("a read is short at the end, and 0 beyond it", () => {
      const file = files.open(at("f"), { create: true });
      file.writeSync(bytesOf("abc"), 0);
      const target = new Uint8Array(10).fill(7);
      expect(file.readSync(target, 1)).toBe(2);
      expect([...target.subarray(0, 3)]).toEqual([98, 99, 7]);
      expect(file.readSync(target, 3)).toBe(0);
      expect(file.readSync(target, 1000)).toBe(0);
      file.close();
    });

    test("a read of what is in memory is the same as any other, or says that it can't be had", () => {
      const file = files.open(at("f"), { create: true });
      const content = pattern(300_000);
      file.writeSync(content, 0);
      for (const [position, length] of [
        [0, 300_000],
        [70_001, 4097],
        [299_990, 100],
        [300_000, 10],
      ] as const) {
        const target = new Uint8Array(length);
        const there = content.subarray(position, position + length);
        const got = file.readCached(target, position);
        expect([-1, there.length]).toContain(got);
        if (got > 0) expectSame(target.subarray(0, got), there);
      }
      file.close();
    });

    test("which pages of a file are in memory is told for each, or not at all", () => {
      const file = files.open(at("f"), { create: true });
      file.writeSync(pattern(300_000), 0);
      for (const [position, length] of [
        [0, 300_000],
        [65_536, 4_097],
        [131_072, 0],
      ] as const) {
        const found = file.pagesInMemory(position, length);
        if (found === undefined) continue;
        expect(65_536 % found.pageBytes).toBe(0);
        expect(found.pages.length).toBe(Math.ceil(length / found.pageBytes));
        // They were just written.
        expect(found.pages.filter((page) => (page & 1) === 0).length).toBe(0);
      }
      file.close();
    });

    test("a page that nobody wrote or read is not in memory", async () => {
      await it.wait(files.createSparse(at("s"), 1024 * 1024));
      const file = files.open(at("s"));
      file.writeSync(pattern(100), 0);
      const found = file.pagesInMemory(0, 1024 * 1024);
      if (found !== undefined) expect([found.pages[0], found.pages.at(-1)].map((page) => (page ?? 0) & 1)).toEqual([1, 0]);
      file.close();
    });

    test("a write past the end leaves zeros between", () => {
      const file = files.open(at("f"), { create: true });
      file.writeSync(bytesOf("a"), 0);
      file.writeSync(bytesOf("z"), 10_000);
      const target = new Uint8Array(10_001).fill(9);
      expect(file.readSync(target, 0)).toBe(10_001);
      expect([target[0], target[1], target[9_999], target[10_000]]).toEqual([97, 0, 0, 122]);
      file.close();
    });

    test.each([1, 4095, 4096, 4097, 3_000_000])("%d bytes at an odd place come back, by both kinds of call", async (length) => {
      const file = files.open(at("f"), { create: true });
      const sent = pattern(length);
      file.writeSync(sent, 4093);
      await it.wait(file.write(sent, 4093 + length));
      const target = new Uint8Array(length);
      expect(file.readSync(target, 4093 + length)).toBe(length);
      expectSame(target, sent);
      target.fill(0);
      expect(await it.wait(file.read(target, 4093))).toBe(length);
      expectSame(target, sent);
      file.close();
    });

    test("a view is written and filled as the view it is", () => {
      const file = files.open(at("f"), { create: true });
      file.writeSync(bytesOf("0123456789").subarray(3, 6), 0);
      const target = new Uint8Array(8);
      expect(file.readSync(target.subarray(2, 5), 0)).toBe(3);
      expect([...target]).toEqual([0, 0, 51, 52, 53, 0, 0, 0]);
      expect(file.size()).toBe(3);
      file.close();
    });

    test("asynchronous writes to different places do not disturb each other", async () => {
      const file = files.open(at("f"), { create: true });
      const parts = Array.from({ length: 50 }, (_, i) => new Uint8Array(1000).fill(i));
      await it.wait(Promise.all(parts.map((part, i) => file.write(part, i * 1000))));
      await it.wait(file.dataSync());
      const all = new Uint8Array(50_000);
      expect(file.readSync(all, 0)).toBe(50_000);
      expect(parts.every((part, i) => all[i * 1000] === part[0] && all[i * 1000 + 999] === part[0])).toBe(true);
      file.close();
    });

    test("an extension by truncate is sparse: a gigabyte costs no gigabyte", () => {
      const before = files.diskSpace(it.directory).freeBytes;
      const file = files.open(at("f"), { create: true });
      file.truncate(2 ** 30);
      file.writeSync(bytesOf("end"), 2 ** 30 - 3);
      expect(file.size()).toBe(2 ** 30);
      expect(files.stat(at("f"))?.size).toBe(2 ** 30);
      const target = new Uint8Array(3);
      expect(file.readSync(target, 2 ** 30 - 3)).toBe(3);
      expect(new TextDecoder().decode(target)).toBe("end");
      expect(file.readSync(target, 2 ** 29)).toBe(3);
      expect([...target]).toEqual([0, 0, 0]);
      // Others write to this disk too, but hardly half a gigabyte meanwhile.
      expect(before - files.diskSpace(it.directory).freeBytes).toBeLessThan(2 ** 29);
      file.close();
    });

    test("truncate cuts, and what grows again is zeros", () => {
      const file = files.open(at("f"), { create: true });
      file.writeSync(new Uint8Array(10_000).fill(1), 0);
      file.truncate(5_000);
      expect(file.size()).toBe(5_000);
      file.truncate(10_000);
      const target = new Uint8Array(10_000);
      expect(file.readSync(target, 0)).toBe(10_000);
      expect([target[4_999], target[5_000], target[9_999]]).toEqual([1, 0, 0]);
      file.close();
    });

    test("both kinds of sync succeed, also with nothing to sync", async () => {
      const file = files.open(at("f"), { create: true });
      file.dataSyncSync();
      file.writeSync(bytesOf("x"), 0);
      await it.wait(Promise.all([file.dataSync(), file.dataSync()]));
      file.dataSyncSync();
      file.close();
      files.syncDirectory(it.directory);
      await it.wait(files.syncDirectoryLater(it.directory));
    });

    test("a directory that is not there can't be synced, by either call", async () => {
      expect(codeOf(() => files.syncDirectory(at("no")))).toBe("ENOENT");
      const refused = it.wait(files.syncDirectoryLater(at("no")).then(String, (error: Error & { code?: string }) => error));
      expect(await refused).toMatchObject({ code: "ENOENT" });
    });

    test("a sparse file is made with its size; one that is there keeps its content and gets the size", async () => {
      await it.wait(files.createSparse(at("made"), 1_000_000));
      expect(files.stat(at("made"))?.size).toBe(1_000_000);
      expect([...(files.read(at("made")) ?? []).slice(-2)]).toEqual([0, 0]);
      files.write(at("made"), bytesOf("kept"));
      await it.wait(files.createSparse(at("made"), 10));
      expect(read("made")).toBe("kept\0\0\0\0\0\0");
      const refused = it.wait(files.createSparse(at("no/f"), 1).then(String, (error: Error & { code?: string }) => error));
      expect(await refused).toMatchObject({ code: "ENOENT", message: expect.stringContaining(at("no/f")) });
    });
  });

  describe("opening and closing", () => {
    test("what is not there is ENOENT, unless it is to be created in a directory that is there", () => {
      expect(codeOf(() => files.open(at("f")))).toBe("ENOENT");
      expect(codeOf(() => files.open(at("f"), { readOnly: true }))).toBe("ENOENT");
      expect(codeOf(() => files.open(at("no/f"), { create: true }))).toBe("ENOENT");
      expect(files.exists(at("f"))).toBe(false);
      files.open(at("f"), { create: true }).close();
      expect(files.exists(at("f"))).toBe(true);
    });

    test("opening with create keeps the content", () => {
      files.write(at("f"), bytesOf("kept"));
      const file = files.open(at("f"), { create: true });
      expect(file.size()).toBe(4);
      expect(file.path).toBe(at("f"));
      file.close();
    });

    test("a file opened for reading refuses writes, with its name", () => {
      files.write(at("f"), bytesOf("abc"));
      const file = files.open(at("f"), { readOnly: true });
      expect(file.readSync(new Uint8Array(3), 0)).toBe(3);
      expect(codeOf(() => file.writeSync(bytesOf("x"), 0))).toBe("EBADF");
      expect(() => file.writeSync(bytesOf("x"), 0)).toThrow(at("f"));
      expect(read("f")).toBe("abc");
      file.close();
    });

    test("after close every call is EBADF, and a second close is silent", async () => {
      const file = files.open(at("f"), { create: true });
      file.close();
      file.close();
      expect(codeOf(() => file.readSync(new Uint8Array(1), 0))).toBe("EBADF");
      expect(codeOf(() => file.writeSync(new Uint8Array(1), 0))).toBe("EBADF");
      expect(codeOf(() => file.dataSyncSync())).toBe("EBADF");
      expect(codeOf(() => file.truncate(0))).toBe("EBADF");
      expect(codeOf(() => file.size())).toBe("EBADF");
      const calls = [file.read(new Uint8Array(1), 0), file.write(new Uint8Array(1), 0), file.dataSync()];
      for (const result of await it.wait(Promise.allSettled(calls))) {
        expect(result).toMatchObject({ status: "rejected", reason: { code: "EBADF" } });
      }
    });

    test("what was under way when the file was closed is finished, in this file", async () => {
      const file = files.open(at("f"), { create: true });
      const writing = file.write(bytesOf("first"), 0);
      const syncing = file.dataSync();
      file.close();
      // Would get the number of the closed file, if it were free already.
      const other = files.open(at("g"), { create: true });
      await it.wait(Promise.all([writing, syncing]));
      expect(read("f")).toBe("first");
      expect(other.size()).toBe(0);
      other.close();
    });
  });

  describe("directories", () => {
    test("are made with all above them, and again without complaint", () => {
      files.makeDirectory(at("a/b/c"));
      files.makeDirectory(at("a/b/c"));
      expect(files.stat(at("a/b"))?.kind).toBe("directory");
      expect(files.list(at("a"))).toEqual(["b"]);
    });

    test("list names in order, and nothing for what is not there", () => {
      for (const name of ["10", "9", "b", "a"]) files.write(at(name), bytesOf(name));
      files.makeDirectory(at("c"));
      expect(files.list(it.directory)).toEqual(["10", "9", "a", "b", "c"]);
      expect(files.list(at("none"))).toEqual([]);
    });

    test("stat tells kind, size and time, and nothing for what is not there", () => {
      files.write(at("f"), bytesOf("12345"));
      const found = files.stat(at("f"));
      expect(found).toMatchObject({ kind: "file", size: 5 });
      expect(Math.abs(found!.modifiedMs - it.runtime.clock.now())).toBeLessThan(60_000);
      expect(files.stat(at("g"))).toBeUndefined();
      expect(files.stat(at("f/below"))).toBeUndefined();
    });

    test("rename moves and replaces; what is not there is ENOENT", () => {
      files.write(at("new"), bytesOf("new"));
      files.write(at("old"), bytesOf("old"));
      files.rename(at("new"), at("old"));
      expect(read("old")).toBe("new");
      expect(files.exists(at("new"))).toBe(false);
      expect(codeOf(() => files.rename(at("new"), at("x")))).toBe("ENOENT");
      expect(codeOf(() => files.rename(at("old"), at("no/x")))).toBe("ENOENT");
    });

    test("an open file lives on under its new name, and without any", () => {
      const file = files.open(at("f"), { create: true });
      file.writeSync(bytesOf("one"), 0);
      files.rename(at("f"), at("g"));
      file.writeSync(bytesOf("two"), 3);
      expect(read("g")).toBe("onetwo");
      files.remove(at("g"));
      file.writeSync(bytesOf("!"), 6);
      expect(file.size()).toBe(7);
      file.close();
    });

    test("remove and removeTree are silent when there is nothing", () => {
      files.remove(at("f"));
      files.removeTree(at("d"));
      files.makeDirectory(at("d/e"));
      files.write(at("d/e/f"), bytesOf("x"));
      files.write(at("d/g"), bytesOf("x"));
      files.removeTree(at("d"));
      expect(files.exists(at("d"))).toBe(false);
      expect(files.list(it.directory)).toEqual([]);
    });
  });

  describe("whole files", () => {
    test("write replaces all of a longer content", () => {
      files.write(at("f"), bytesOf("a long content"), { sync: true });
      files.write(at("f"), bytesOf("short"));
      expect(read("f")).toBe("short");
      files.write(at("f"), new Uint8Array(0));
      expect(files.read(at("f"))?.length).toBe(0);
    });

    test("read of what is not there is undefined; write where no directory is, is ENOENT", () => {
      expect(files.read(at("f"))).toBeUndefined();
      expect(codeOf(() => files.write(at("no/f"), bytesOf("x")))).toBe("ENOENT");
    });
  });

  describe("disk space and locks", () => {
    test("the space of a directory that is yet to be made is that of its disk", () => {
      const { totalBytes, freeBytes } = files.diskSpace(at("yet/to/be/made"));
      expect(totalBytes).toBeGreaterThan(0);
      expect(freeBytes).toBeGreaterThan(0);
      expect(freeBytes).toBeLessThanOrEqual(totalBytes);
    });

    test("a second lock is ELOCKED until the first is released; the content stays", () => {
      files.write(at("lock"), bytesOf("content"));
      const lock = files.lock(at("lock"));
      expect(codeOf(() => files.lock(at("lock")))).toBe("ELOCKED");
      expect(() => files.lock(at("lock"))).toThrow(at("lock"));
      lock.release();
      lock.release();
      const again = files.lock(at("lock"));
      expect(codeOf(() => files.lock(at("lock")))).toBe("ELOCKED");
      again.release();
      expect(read("lock")).toBe("content");
      files.lock(at("other")).release();
      expect(files.exists(at("other"))).toBe(true);
    });
  });
});
