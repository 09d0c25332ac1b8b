/** Stores that Apache keeps in RocksDB are refused before anything is touched; the trees are those of a real broker. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { type SimRuntime, simRuntime } from "../../adapters/sim/sim.ts";
import { brokerOptions } from "../../core/broker/options.ts";
import { ConfigError, loadSettings } from "../../core/config.ts";
import type { StoreSettingsInput } from "../../core/store/options.ts";
import { openStore, SMALL } from "./support.ts";

const ROOT = "/store";

/** Files by the keys of the broker that made them. */
const TREES = new Map(
  readFileSync(new URL("../golden/rocksdb_trees.txt", import.meta.url), "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const [keys = "", files = ""] = line.split("\t");
      return [keys, files.split(" ")] as const;
    }),
);

function runtimeWith(paths: readonly string[]): SimRuntime {
  const runtime = simRuntime();
  for (const path of paths) {
    const full = `${ROOT}/${path}`;
    runtime.files.makeDirectory(full.slice(0, full.lastIndexOf("/")));
    runtime.files.write(full, new Uint8Array(1));
  }
  return runtime;
}

/** Every path below the root with its size. */
function treeOf(runtime: SimRuntime, path = ROOT): string[] {
  return runtime.files.list(path).flatMap((name) => {
    const at = `${path}/${name}`;
    const stat = runtime.files.stat(at);
    return stat?.kind === "directory" ? [at, ...treeOf(runtime, at)] : [`${at} ${stat?.size}`];
  });
}

async function refusalOf(runtime: SimRuntime, input: StoreSettingsInput = {}): Promise<string> {
  try {
    await openStore(runtime, ROOT, { ...SMALL, ...input });
  } catch (error) {
    return (error as Error).message;
  }
  return "opened";
}

const treeFor = (keys: string): readonly string[] => {
  const tree = TREES.get(keys);
  if (tree === undefined) throw new Error(`no tree for ${keys}`);
  return tree;
};

describe("a store in RocksDB form", () => {
  test("storeType=defaultRocksDB: queues and configuration are named, with both ways to export", async () => {
    const runtime = runtimeWith(treeFor("storeType=defaultRocksDB"));
    const before = treeOf(runtime);
    expect(await refusalOf(runtime)).toBe(
      'Cannot open the store "/store": it is in RocksDB form (consumequeue, config/topics, config/subscriptionGroups, ' +
        "config/consumerOffsets), which is not read here. With its Apache broker running, `mqadmin rocksDBConfigToJson -n " +
        '<nameserver> -c <cluster>` writes topics.json, subscriptionGroup.json and consumerOffset.json into "/store/config". ' +
        "With it stopped, so does `mqadmin rocksDBConfigToJson -p /store/config -t topics -e /store/config/topics.json`, and " +
        "the same with -t subscriptionGroups, -e …/subscriptionGroup.json, and with -t consumerOffsets, -e …/consumerOffset.json. " +
        "Then stop that broker in order, move consumequeue, config/topics, config/subscriptionGroups, config/consumerOffsets out " +
        "of the directory, and start with storeType=default and configManagerVersion=v1: the consume queues are made again from " +
        "the commit log",
    );
    expect(treeOf(runtime)).toEqual(before);
  });

  test("one database for all configuration, queues apart", async () => {
    const runtime = runtimeWith(
      treeFor("storeType=defaultRocksDB useSeparateStorePathForRocksdbCQ=true useSingleRocksDBForAllConfigs=true"),
    );
    const refusal = await refusalOf(runtime);
    expect(refusal).toContain("(consumequeue_rocksdb, config/metadata)");
    expect(refusal).toContain("mqadmin rocksDBConfigToJson -n");
    // The tool finds that database only through the broker.
    expect(refusal).not.toContain(" -p ");
  });

  test("configManagerVersion=v2: the command that exports it, and what none exports", async () => {
    const refusal = await refusalOf(runtimeWith(treeFor("configManagerVersion=v2")));
    expect(refusal).toContain("(config/rdb)");
    expect(refusal).toContain("mqadmin exportMetadata -n <nameserver> -c <cluster> -f <directory>");
    expect(refusal).toContain("no command exports consumer offsets");
    expect(refusal).not.toContain("consume queues are made again");
  });

  test("is none when everything is in files: rocksdbstore is always there", async () => {
    const files = treeFor("-").filter((path) => path.startsWith("rocksdbstore/"));
    expect(files).toContain("rocksdbstore/CURRENT");
    expect(await refusalOf(runtimeWith(files))).toBe("opened");
  });

  test("is none when RocksDB has but a copy of the queues", async () => {
    const runtime = runtimeWith(["consumequeue_rocksdb/CURRENT"]);
    const queue = "/store/consumequeue/T1/0/00000000000000000000";
    runtime.files.makeDirectory("/store/consumequeue/T1/0");
    runtime.files.write(queue, new Uint8Array(200));
    expect(await refusalOf(runtime)).toBe("opened");
    expect(await refusalOf(runtimeWith(["consumequeue_rocksdb/CURRENT"]))).toContain("(consumequeue_rocksdb)");
  });

  test.each([
    ["timerRocksDBEnable", "mqadmin switchTimerEngine -b <broker> -e F"],
    ["transRocksDBEnable", "transRocksDBEnable=false"],
  ])("by the key %s", async (key, remedy) => {
    const refusal = await refusalOf(simRuntime(), { [key]: true });
    expect(refusal).toContain(`${key}=true`);
    expect(refusal).toContain(remedy);
  });

  test.each([
    ["storeType", "defaultRocksDB"],
    ["configManagerVersion", "v2"],
  ])("by the key %s, before the directory is looked at", (key, value) => {
    let problem = "";
    try {
      loadSettings(brokerOptions, new Map([[key, value]]), new Map(), simRuntime().system);
    } catch (error) {
      problem = error instanceof ConfigError ? error.problems.join() : String(error);
    }
    expect(problem).toContain(key);
    expect(problem).toContain("mqadmin");
  });
});
