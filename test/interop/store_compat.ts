/**
 * One data directory, by turns Apache's and ours (`java/src/edgemq/interop/StoreCompatCases.java`): what one wrote the other serves and writes on,
 * stopped in order and killed. Meanwhile the other's broker is started on the directory that is in use, and must not get it.
 *
 *     bun test/interop/store_compat.ts [--target bun,deno,node] [--sizes small,default] [--chains plain,special,pop,popMerge] [--keep]
 *
 * `small` has files of 64 KiB of log, 50 entries of a queue and 200 of an index, so that each turn crosses their ends;
 * `default` has Apache's sizes. The chain `special` (`java/src/edgemq/interop/SpecialCompatCases.java`) is of queues of batches,
 * light ones, compacted ones and extended units; `pop` (`java/src/edgemq/interop/PopCompatCases.java`) is of what was handed out
 * by POP and not acknowledged, `popMerge` the same with enablePopBufferMerge, stopped in order. The last line is `N passed, N failed, N skipped`, as in `run.ts`.
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Cluster } from "./cluster.ts";
import { type Report, runJava } from "./java_run.ts";
import { queues } from "./matrix.ts";
import { Child } from "./processes.ts";
import { differences, filesOf, type StoreFiles } from "./store_files.ts";
import { apacheTarget, ourTarget, type Target, type TargetName } from "./targets.ts";
import { buildJava, findToolchain, interopJavaDirectory, type Toolchain, withoutToolchain } from "./toolchain.ts";

type OurName = Exclude<TargetName, "apache">;
type Sizes = "small" | "default";

const { values: options } = parseArgs({
  options: {
    target: { type: "string", default: "bun" },
    sizes: { type: "string", default: "small" },
    chains: { type: "string", default: "plain,special,pop,popMerge" },
    keep: { type: "boolean", default: false },
  },
});

type Chain = "plain" | "special" | "pop" | "popMerge";

const plainCases = [
  "compat1_apacheWrites",
  "compat2_oursOpensItStopped",
  "compat3_apacheOpensOurs",
  "compat4_oursOpensItKilled",
  "compat5_apacheOpensOursKilled",
];

const specialCases = [
  "special1_apacheWrites",
  "special2_oursOpensItStopped",
  "special3_apacheOpensOurs",
  "special4_oursOpensItKilled",
  "special5_apacheOpensOursKilled",
];

const popCases = [
  "pop1_apacheHandsOut",
  "pop2_oursOpensItStopped",
  "pop3_apacheOpensOurs",
  "pop4_oursOpensItKilled",
  "pop5_apacheOpensOursKilled",
];

const chains: Readonly<
  Record<Chain, { readonly title: string; readonly cases: readonly string[]; readonly config?: Readonly<Record<string, string>> }>
> = {
  plain: { title: "", cases: plainCases },
  special: { title: ", special queues", cases: specialCases, config: { ...queues.brokerConfig, enableCalcFilterBitMap: "true" } },
  pop: { title: ", POP", cases: popCases },
  // over a kill what was acknowledged comes again, with Apache's broker and with ours
  popMerge: { title: ", POP with enablePopBufferMerge", cases: popCases.slice(0, 3), config: { enablePopBufferMerge: "true" } },
};

/** A broker that does not get its directory must be gone by then. */
const INTRUDER_MS_MAX = 60_000;
/** Apache writes consumerOrderInfo.json every ten seconds, ours all sooner. */
const SAVED_MS_MAX = 12_000;

const smallFiles: Readonly<Record<string, string>> = {
  mappedFileSizeCommitLog: "65536",
  mappedFileSizeConsumeQueue: "1000",
  maxHashSlotNum: "100",
  maxIndexNum: "200",
  mappedFileSizeTimerLog: "1056",
};

const totals = { passed: 0, failed: 0, skipped: 0 };

function take(title: string, report: Report): void {
  const failed = report.failure !== undefined;
  if (failed) totals.failed++;
  else totals.passed++;
  console.log(`${failed ? "✗" : "✓"} ${title} ${report.case} [${report.ms} ms]`);
  if (failed) console.log(report.failure?.split("\n").slice(0, 12).join("\n"));
}

/** One chain of turns with one of our runtimes. */
class Turns {
  readonly #cluster: Cluster;
  readonly #apache: Target;
  readonly #ours: Target;
  #logBefore: StoreFiles = new Map();

  constructor(cluster: Cluster, apache: Target, ours: Target) {
    this.#cluster = cluster;
    this.#apache = apache;
    this.#ours = ours;
  }

  /** Does what a case asks for: stopBroker, killBroker, untilSaved, startBroker:<who>[:key=value,…], intrude:<who>. */
  async serve(ask: string): Promise<void> {
    const [what = "", who = "", config = ""] = ask.split(":");
    if (what === "stopBroker") await this.#cluster.stopBroker();
    else if (what === "killBroker") await this.#cluster.killBroker();
    else if (what === "untilSaved") return this.#untilSaved();
    else if (what === "startBroker") return this.#start(this.#targetOf(who), config);
    else if (what === "intrude") return this.#intrude(this.#targetOf(who));
    else throw new Error(`unknown request "${ask}"`);
    this.#logBefore = filesOf(this.#cluster.storeDirectory, ["commitlog"]);
  }

  #targetOf(who: string): Target {
    return who === "apache" ? this.#apache : this.#ours;
  }

  async #start(target: Target, config: string): Promise<void> {
    const keys = config.split(",").flatMap((pair) => (pair === "" ? [] : [pair.split("=") as [string, string]]));
    this.#cluster.hand(target, Object.fromEntries(keys));
    await this.#cluster.startBroker();
    const changed = differences(this.#logBefore, filesOf(this.#cluster.storeDirectory, ["commitlog"]), true);
    if (changed.length > 0) throw new Error(`${target.name} changed what was written before it: ${changed.join(", ")}`);
  }

  /** Until the broker has written its offsets, and what is handed out in order, as they are now; ours writes only what changed. */
  async #untilSaved(): Promise<void> {
    const from = Date.now();
    const isOld = (name: string): boolean => {
      const file = join(this.#cluster.storeDirectory, "config", name);
      return (statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0) <= from;
    };
    while (["consumerOffset.json", "consumerOrderInfo.json"].some(isOld) && Date.now() < from + SAVED_MS_MAX) {
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  /** Starts a second broker on the directory in use: it must end by itself, say why, and leave all messages as they are. */
  async #intrude(target: Target): Promise<void> {
    const { storeDirectory, directory, brokerPid } = this.#cluster;
    const before = this.#files();
    const intruder = new Child(this.#cluster.intruder(target), join(directory, `intruder-${target.name}.log`));
    const timer = setTimeout(() => void intruder.kill(), INTRUDER_MS_MAX);
    const ended = await intruder.exited;
    clearTimeout(timer);
    const said = intruder.outputTail;
    if (typeof ended !== "number" || ended === 0) throw new Error(`the second broker ended with ${ended}:\n${said}`);
    const holder = `Cannot lock "${storeDirectory}/lock": process ${brokerPid} (java) holds it`;
    if (!said.includes(target === this.#apache ? "Lock failed, MQ already started" : holder)) {
      throw new Error(`the second broker did not say who is in its way:\n${said}`);
    }
    // The first broker goes on delivering what it delayed. The index is left out: an Apache broker deletes and makes anew its
    // newest files in the recovery that precedes its look at the lock.
    const changed = differences(before, this.#files(), true);
    if (changed.length > 0) throw new Error(`the second broker (${target.name}) changed: ${changed.join(", ")}`);
  }

  #files(): StoreFiles {
    return filesOf(this.#cluster.storeDirectory, ["commitlog", "consumequeue", "abort", "lock"]);
  }
}

async function runTurns(
  toolchain: Toolchain,
  classpaths: Record<string, string>,
  name: OurName,
  sizes: Sizes,
  chain: Chain,
): Promise<void> {
  const { title: what, cases, config } = chains[chain];
  const title = `${name} and apache, ${sizes} files${what}`;
  const apache = apacheTarget(toolchain, classpaths["apache"]!);
  const cluster = await Cluster.start({
    target: apache,
    // ours starts in a moment
    namesrvTarget: ourTarget("bun"),
    namesrvCount: 1,
    brokerConfig: {
      // open transactions stay so until the last turn, which shortens these
      transactionCheckInterval: "120000",
      transactionTimeOut: "6000",
      messageDelayLevel: "1s 4s 6s 6s 8s 1h 2h 2h 2h 2h 2h 2h 2h 2h 2h 2h 2h 2h",
      ...(sizes === "small" ? smallFiles : {}),
      ...config,
    },
  });
  const failedBefore = totals.failed;
  try {
    const turns = new Turns(cluster, apache, ourTarget(name));
    const run = { target: name, client: "5.5.0", serialize: "JSON", cases } as const;
    const serve = (ask: string): Promise<void> => turns.serve(ask);
    await runJava({ toolchain, classpaths, cluster, run, prefix: "s", kills: "0", serve }, (report) => take(title, report));
  } finally {
    const keep = options.keep && totals.failed > failedBefore;
    if (keep) console.log(`The servers' directory is left: ${cluster.directory}`);
    await cluster.close(keep);
  }
}

async function main(): Promise<void> {
  const toolchain = findToolchain();
  if (typeof toolchain === "string") {
    withoutToolchain("store compatibility", toolchain, totals);
    return;
  }
  const classpaths = buildJava(toolchain, interopJavaDirectory, ["apache", "current", "older"]);
  for (const name of options.target.split(",") as OurName[]) {
    for (const sizes of options.sizes.split(",") as Sizes[]) {
      for (const chain of options.chains.split(",") as Chain[]) {
        try {
          await runTurns(toolchain, classpaths, name, sizes, chain);
        } catch (error) {
          take(name, { case: "servers", ms: 0, failure: String(error) });
        }
      }
    }
  }
}

await main();
console.log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
process.exit(totals.failed === 0 ? 0 : 1);
