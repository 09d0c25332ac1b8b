/** A real process with a real directory, killed under load twenty times: nothing that was acknowledged is lost. */
import { expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { commandFor, HOST, hostRuntime } from "../support/host_runtime.ts";
import { openStore, SMALL, textsOf } from "./support.ts";

const SIZES = {
  ...SMALL,
  mappedFileSizeCommitLog: 64 * 1024,
  mappedFileSizeConsumeQueue: 2000,
  maxHashSlotNum: 500,
  maxIndexNum: 400,
};
const CHILD = fileURLToPath(new URL("./kill_child.ts", import.meta.url));

/** Runs the child until it has acknowledged some rounds of messages, kills it, and returns what it acknowledged last. */
function killedUnderLoad(directory: string, flushDiskType: string, first: number, rounds: number): Promise<number> {
  const [command, args] = commandFor(HOST, CHILD, directory, flushDiskType, String(first));
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let errors = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
    if (output.split("\n").length > rounds) child.kill("SIGKILL");
  });
  child.stderr.on("data", (chunk: Buffer) => {
    errors += chunk.toString();
  });
  return new Promise((resolve, reject) => {
    child.on("close", (_code, signal) => {
      const acknowledged = output.slice(0, output.lastIndexOf("\n")).split("\n").at(-1);
      if (signal === "SIGKILL" && acknowledged) resolve(Number(acknowledged));
      else reject(new Error(`the child ended by itself: ${errors}`));
    });
  });
}

test.each(["ASYNC_FLUSH", "SYNC_FLUSH"])(
  "kill -9 ten times under load, %s",
  async (flushDiskType) => {
    const runtime = await hostRuntime();
    const directory = mkdtempSync(join(tmpdir(), "edgemq-kill-"));
    try {
      let count = 0;
      for (let round = 0; round < 10; round++) {
        const acknowledged = await killedUnderLoad(directory, flushDiskType, count, 1 + round * 7);
        const store = await openStore(runtime, directory, SIZES);
        const queues = await Promise.all([0, 1, 2, 3].map((queueId) => textsOf(store, "TopicA", queueId)));
        count = queues.reduce((sum, texts) => sum + texts.length, 0);
        expect(count).toBeGreaterThanOrEqual(acknowledged);
        for (let number = 0; number < count; number++) {
          expect(queues[number % 4]?.[Math.floor(number / 4)]?.startsWith(`${number} `)).toBe(true);
        }
        for (let number = Math.max(0, count - 50); number < count; number++) {
          const { physicalOffsets } = await store.query(`TopicA#u${number}`, 4, 0, Number.MAX_SAFE_INTEGER);
          expect([number, physicalOffsets.length]).toEqual([number, 1]);
        }
        // Every other round the child finds what a crash left, not what an orderly stop made of it.
        await store.close();
        if (round % 2 === 0) runtime.files.write(`${directory}/abort`, new Uint8Array(0));
      }
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
  120_000,
);
