import { describe, expect, test } from "bun:test";
import { type SimRuntime, simRuntime } from "../../adapters/sim/sim.ts";
import { ConfigFile } from "../../core/store/config_file.ts";
import { linesLog } from "./support.ts";

const PATH = "/store/config/topics.json";
const text = (runtime: SimRuntime, path: string): string | undefined => {
  const bytes = runtime.files.read(path);
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
};
const fileOf = (runtime: SimRuntime, log = linesLog()): ConfigFile => new ConfigFile(runtime.files, log, PATH);

describe("ConfigFile", () => {
  test("nothing was saved", () => {
    expect(fileOf(simRuntime()).load(JSON.parse)).toBeUndefined();
  });

  test("the content before the last save is in .bak", () => {
    const runtime = simRuntime();
    const file = fileOf(runtime);
    file.save("1");
    expect(runtime.files.exists(`${PATH}.bak`)).toBe(false);
    file.save("2");
    file.save("3");
    expect([text(runtime, PATH), text(runtime, `${PATH}.bak`)]).toEqual(["3", "2"]);
    expect(file.load(JSON.parse)).toBe(3);
  });

  test.each(["", "  \n", '{"broken'])("a file with %j: the backup is used, and the log says so", (content) => {
    const runtime = simRuntime();
    const log = linesLog();
    const file = fileOf(runtime, log);
    file.save("1");
    file.save("2");
    runtime.files.write(PATH, new TextEncoder().encode(content));
    expect(file.load(JSON.parse)).toBe(1);
    expect(log.lines).toHaveLength(1);
    expect(log.lines[0]).toContain(`${PATH}.bak`);
    // The good backup must not give way to it: a save that a crash interrupts would leave neither.
    file.save("3");
    expect([text(runtime, PATH), text(runtime, `${PATH}.bak`)]).toEqual(["3", "1"]);
    file.save("4");
    expect([text(runtime, PATH), text(runtime, `${PATH}.bak`)]).toEqual(["4", "3"]);
  });

  test("saves that fail one after the other, each leaving half a file, do not cost the backup", () => {
    const runtime = simRuntime();
    const file = fileOf(runtime);
    file.save('"old"');
    for (const half of ['"ne', '"new']) {
      runtime.disk.fail({ operation: "write", code: "ENOSPC", times: 1 });
      expect(() => file.save('"new"')).toThrow("ENOSPC");
      runtime.files.write(PATH, new TextEncoder().encode(half));
    }
    expect(fileOf(runtime).load(JSON.parse)).toBe("old");
    file.save('"newer"');
    expect([text(runtime, PATH), text(runtime, `${PATH}.bak`)]).toEqual(['"newer"', '"old"']);
  });

  test.each([true, false])(
    "empty, and the backup empty (%p) or absent: as if nothing was saved, and the log says so",
    (backup) => {
      const runtime = simRuntime();
      const log = linesLog();
      runtime.files.makeDirectory("/store/config");
      runtime.files.write(PATH, new Uint8Array(0));
      if (backup) runtime.files.write(`${PATH}.bak`, new Uint8Array(0));
      expect(fileOf(runtime, log).load(JSON.parse)).toBeUndefined();
      expect(log.lines).toHaveLength(1);
      expect(log.lines[0]).toContain(PATH);
    },
  );

  test("both are broken: the start is refused, both are named", () => {
    const runtime = simRuntime();
    const file = fileOf(runtime);
    file.save("1");
    file.save("2");
    runtime.files.write(PATH, new TextEncoder().encode("{"));
    runtime.files.write(`${PATH}.bak`, new TextEncoder().encode("["));
    expect(() => file.load(JSON.parse)).toThrow(/topics\.json" can't be read.*topics\.json\.bak" can't be read.*Mend one/s);
  });

  test.each([0, 0.5, 1])("a power cut at any time leaves the old or the new content (%d of the unsynced kept)", (kept) => {
    for (let seed = 0; seed < 20; seed++) {
      const runtime = simRuntime({ seed, disk: { unsyncedPageKept: kept, unsyncedEntriesKept: kept } });
      runtime.files.makeDirectory("/store/config");
      runtime.files.syncDirectory("/");
      runtime.files.syncDirectory("/store");
      const file = fileOf(runtime);
      file.save('"old"');
      // Cut between the steps of the second save: each of them is one call of the disk.
      const steps = ["rename", "open", "truncate", "write", "sync", "syncDirectory"] as const;
      runtime.disk.fail({ operation: steps[seed % steps.length]!, code: "EIO", times: 1 });
      expect(() => file.save('"new"')).toThrow();
      const restarted = runtime.crash("power");
      restarted.disk.restore();
      expect(["old", "new"]).toContain(fileOf(restarted).load(JSON.parse));
    }
  });
});
