/**
 * How long a store takes to open: after an orderly stop, and killed with so much behind its last checkpoint.
 *
 *     bun bench/open.ts [--gib 10] [--body 65536] [--killed-mib 200] [--directory /tmp/…]
 *
 * Each step is a process of its own, so that nothing is warm but the page cache; the one that is killed kills itself. What
 * it counts as read is what the store asked of the commit log, from memory or not. On Bun.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { bunRuntime } from "../adapters/bun.ts";
import { settingsWith } from "../core/config.ts";
import type { Runtime } from "../core/runtime.ts";
import { DefaultMessageStore } from "../core/store/default_message_store.ts";
import { storeOptions } from "../core/store/options.ts";
import { linesLog, message } from "../test/store/support.ts";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    gib: { type: "string", default: "10" },
    body: { type: "string", default: "65536" },
    "killed-mib": { type: "string", default: "200" },
    directory: { type: "string" },
  },
});

const MIB = 1024 * 1024;

async function opened(runtime: Runtime, directory: string): Promise<DefaultMessageStore> {
  const settings = settingsWith(storeOptions, { storePathRootDir: directory }, runtime.system);
  const store = new DefaultMessageStore(runtime, linesLog(), settings);
  await store.load();
  return store;
}

/** Appends until the log has grown by so many bytes. */
async function fill(store: DefaultMessageStore, bytes: number, bodyBytes: number): Promise<void> {
  const body = new Uint8Array(bodyBytes).fill(120);
  const end = store.stats().maxPhysicalOffset + bytes;
  for (let i = 0; store.stats().maxPhysicalOffset < end; i++) {
    const result = store.append(message({ body, queueId: i % 8, uniqKey: `7F0000010001${i.toString(16).padStart(20, "0")}` }));
    if (result.status !== "PUT_OK" || i % 64 === 63) await store.durable(store.stats().maxPhysicalOffset, false);
  }
  await store.durable(store.stats().maxPhysicalOffset, false);
}

/** What a read of a commit log file moves, counted from now on. */
function countReads(runtime: Runtime): { bytes: number; calls: number } {
  const count = { bytes: 0, calls: 0 };
  const open = runtime.files.open.bind(runtime.files);
  runtime.files.open = (path, how) => {
    const handle = open(path, how);
    if (!path.includes("/commitlog/")) return handle;
    const readSync = handle.readSync.bind(handle);
    const read = handle.read.bind(handle);
    const add = (bytes: number): void => {
      count.bytes += bytes;
      count.calls++;
    };
    handle.readSync = (target, position) => {
      add(target.length);
      return readSync(target, position);
    };
    handle.read = (target, position) => {
      add(target.length);
      return read(target, position);
    };
    return handle;
  };
  return count;
}

async function step(name: string, directory: string): Promise<void> {
  const runtime = bunRuntime();
  const reads = countReads(runtime);
  const cpu = process.cpuUsage();
  const begin = performance.now();
  const store = await opened(runtime, directory);
  const ms = performance.now() - begin;
  const used = process.cpuUsage(cpu);
  if (name === "open") {
    const { maxPhysicalOffset } = store.stats();
    console.log(
      `${(maxPhysicalOffset / 2 ** 30).toFixed(2)} GiB of log opened in ${ms.toFixed(0)} ms, ` +
        `${((used.user + used.system) / 1000).toFixed(0)} ms of CPU; ${reads.calls} reads of the log, ` +
        `${(reads.bytes / MIB).toFixed(1)} MiB; resident ${(process.memoryUsage.rss() / MIB).toFixed(0)} MiB`,
    );
  } else if (name === "fill") await fill(store, Number(options.gib) * 2 ** 30, Number(options.body));
  else {
    await fill(store, Number(options["killed-mib"]) * MIB, 1024);
    process.kill(process.pid, "SIGKILL");
  }
  await store.close();
}

function run(name: string, directory: string): void {
  const args = [import.meta.filename, name, "--directory", directory, "--gib", options.gib, "--body", options.body];
  spawnSync(process.execPath, [...args, "--killed-mib", options["killed-mib"]], { stdio: "inherit" });
}

if (positionals[0] !== undefined) await step(positionals[0], options.directory as string);
else {
  const directory = mkdtempSync(join(options.directory ?? tmpdir(), "edgemq-open-"));
  try {
    run("fill", directory);
    console.log("after an orderly stop:");
    run("open", directory);
    run("open", directory);
    console.log(`killed ${options["killed-mib"]} MiB of 1 KiB messages after its last checkpoint:`);
    run("kill", directory);
    run("open", directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}
