/** What only a real disk and real processes show: a full disk, and the lock between processes. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { commandFor, HOST, hostRuntime } from "../support/host_runtime.ts";

const { files } = await hostRuntime();
const HOLDER = fileURLToPath(new URL("hold_lock.ts", import.meta.url));

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "edgemq-files-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const codeOf = (call: () => unknown): unknown => {
  try {
    call();
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
  return "no error";
};

describe("a full disk", () => {
  const isRootOnLinux = process.platform === "linux" && process.getuid?.() === 0;

  test.skipIf(process.platform !== "linux")("a device that is full is ENOSPC, synchronously and not", async () => {
    const file = files.open("/dev/full");
    expect(codeOf(() => file.writeSync(new Uint8Array(10), 0))).toBe("ENOSPC");
    expect(() => file.writeSync(new Uint8Array(10), 0)).toThrow('Cannot write 10 bytes at 0 to "/dev/full"');
    expect(await file.write(new Uint8Array(10), 0).catch((error: { code: string }) => error.code)).toBe("ENOSPC");
    file.close();
  });

  test.skipIf(!isRootOnLinux)("a file system that fills up is ENOSPC; what fitted stays, and removing makes room", () => {
    const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", directory]);
    if (mounted.status !== 0) return console.log("skipped: mounting is not permitted here");
    try {
      const file = files.open(`${directory}/f`, { create: true });
      file.writeSync(new Uint8Array(500_000), 0);
      expect(codeOf(() => file.writeSync(new Uint8Array(1_000_000), 500_000))).toBe("ENOSPC");
      expect(file.size()).toBeGreaterThanOrEqual(500_000);
      expect(files.diskSpace(directory).totalBytes).toBe(2 ** 20);
      expect(files.diskSpace(directory).freeBytes).toBeLessThan(100_000);
      file.truncate(0);
      file.writeSync(new Uint8Array(1_000_000), 0);
      file.close();
    } finally {
      spawnSync("umount", [directory]);
    }
  });
});

// Each runtime is tested against all of them once, by Bun's run; the others look at their own kind.
const holders = HOST === "bun" ? (["bun", "deno", "node"] as const) : ([HOST] as const);

describe("the lock of a data directory", () => {
  test.each(holders.map((holder) => [holder] as const))(
    "that a process on %s holds is ELOCKED here, and free after its kill -9",
    async (holder) => {
      const path = `${directory}/lock`;
      const [command, args] = commandFor(holder, HOLDER, path);
      const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
      const exited = once(child, "exit");
      try {
        const [said] = (await once(child.stdout, "data")) as [{ toString(): string }];
        expect(said.toString().trim()).toBe("locked");
        expect(codeOf(() => files.lock(path))).toBe("ELOCKED");
        if (process.platform === "linux") expect(() => files.lock(path)).toThrow(`process ${child.pid} (`);
      } finally {
        child.kill("SIGKILL");
        await exited;
      }
      files.lock(path).release();
    },
    20_000,
  );

  test.each(holders.map((other) => [other] as const))(
    "that we hold is ELOCKED in a process on %s",
    (other) => {
      const path = `${directory}/lock`;
      const lock = files.lock(path);
      const [command, args] = commandFor(other, HOLDER, path);
      const { stdout } = spawnSync(command, args, { stdio: ["ignore", "pipe", "inherit"] });
      expect(stdout.toString().trim()).toBe("ELOCKED");
      if (process.platform === "linux") expect(() => files.lock(path)).toThrow("this process holds it already");
      lock.release();
    },
    20_000,
  );
});
