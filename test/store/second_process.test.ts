/** A second process on a store's directory: it is told who has it, and not one byte, name or date changes. */
import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { commandFor, HOST, hostRuntime } from "../support/host_runtime.ts";
import { openStore, put, SMALL } from "./support.ts";

const CHILD = fileURLToPath(new URL("./kill_child.ts", import.meta.url));

/** Each runtime is tested against all of them once, by Bun's run; the others look at their own kind. */
const intruders = HOST === "bun" ? (["bun", "deno", "node"] as const) : ([HOST] as const);

/** Path, size, dates and bytes of all that lies there. */
function everything(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((path) => {
      const { mtimeMs, ctimeMs, ino, size } = statSync(path);
      const bytes = statSync(path).isFile() ? Buffer.from(readFileSync(path)).toString("hex") : "";
      return `${path} ${ino} ${size} ${mtimeMs} ${ctimeMs} ${bytes}`;
    });
}

test.each(intruders.map((intruder) => [intruder] as const))(
  "on %s is refused and changes nothing",
  async (intruder) => {
    const directory = mkdtempSync(join(tmpdir(), "edgemq-second-"));
    try {
      const store = await openStore(await hostRuntime(), directory, SMALL);
      // Up to the first half of a file: in the second the store would be making the next one meanwhile.
      for (let i = 0; i < 50 || store.stats().maxPhysicalOffset % 4096 >= 2048; i++) {
        put(store, { text: `${i} ${"x".repeat(100)}`, keys: `k${i}` });
      }
      await store.durable(store.stats().maxPhysicalOffset, true);
      const before = everything(directory);
      const [command, args] = commandFor(intruder, CHILD, directory, "ASYNC_FLUSH", "0");
      const { status, stderr, stdout } = spawnSync(command, args, { encoding: "utf8", timeout: 15_000 });
      expect(status).toBe(1);
      expect(stdout).toBe("");
      expect(stderr).toContain(`Cannot lock "${directory}/lock": `);
      if (process.platform === "linux") expect(stderr).toContain(`process ${process.pid} (`);
      expect(everything(directory)).toEqual(before);
      await store.close();
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
  30_000,
);
