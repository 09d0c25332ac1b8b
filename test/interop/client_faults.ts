/**
 * Our client while things go wrong in earnest: servers that are killed, answers that are cut, kept and garbled, refused
 * credentials, TLS, and a consumer that is killed itself; on the three runtimes, against our broker and Apache's.
 *
 *     bun test/interop/client_faults.ts [--target bun,apache] [--runtime bun,deno,node] [--only words] [--keep]
 *
 * The stories (`client_fault_cases.ts`) run in a process of the runtime, one after the other, and ask this one for what is to be
 * done to the servers. `--only` runs those whose name contains that text. The last line is `N passed, N failed, N skipped`.
 */
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { ClientInstance, Producer, PushConsumer } from "../../core/client/mod.ts";
import { hostRuntime } from "../support/host_runtime.ts";
import { aclFaultCases, faultCases, Story, tlsFaultCases } from "./client_fault_cases.ts";
import { Cluster, type ClusterOptions } from "./cluster.ts";
import { acl } from "./matrix.ts";
import { Child } from "./processes.ts";
import { apacheTarget, ourTarget, runtimeCommand, type Target, type TargetName } from "./targets.ts";
import { buildJava, findToolchain, interopJavaDirectory, withoutToolchain } from "./toolchain.ts";

type Ours = Exclude<TargetName, "apache">;

const { values: options } = parseArgs({
  options: {
    target: { type: "string", default: "bun,apache" },
    runtime: { type: "string", default: "bun,deno,node" },
    only: { type: "string", default: "" },
    keep: { type: "boolean", default: false },
    /** In a process that the driver started: list, nameserver, port of the broker, directory and suffix, joined by `|`. */
    run: { type: "string" },
    /** The same, that consumes until it is killed: nameserver, topic, group. */
    consume: { type: "string" },
  },
});
const THIS_FILE = "test/interop/client_faults.ts";
const STORY_MS = 150_000;
const LISTS = { plain: faultCases, acl: aclFaultCases, tls: tlsFaultCases } as const;
type ListName = keyof typeof LISTS;
const PLAIN_ACL = {
  "conf/plain_acl.yml": "accounts:\n- accessKey: rocketmq-root\n  secretKey: the-secret-of-root\n  admin: true\n",
};
const RESTART = "a consumer's process is killed, and goes on where it was when it is started again";
const totals = { passed: 0, failed: 0, skipped: 0 };

// ------------------------------------------------------------------------------------------ in a process of the runtime

/** Prints `story|name|ms|fault` for each, and `ask|what` where the driver has something to do; its answer is a line. */
async function runStories([list, namesrvAddr, brokerPort, directory, suffix]: [ListName, string, string, string, string]) {
  const runtime = await hostRuntime();
  const answers: (() => void)[] = [];
  createInterface({ input: process.stdin }).on("line", () => answers.shift()?.());
  const ask = (what: string) =>
    new Promise<void>((resolve) => {
      answers.push(resolve);
      console.log(`ask|${what}`);
    });
  const context = { runtime, namesrvAddr, brokerPort: Number(brokerPort), directory, suffix, ask };
  for (const [index, [name, tell]] of Object.entries(LISTS[list]).entries()) {
    if (!name.includes(options.only)) continue;
    const story = new Story(context, index);
    const startedAt = Date.now();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`not over after ${STORY_MS} ms`)), STORY_MS);
    });
    const fault = await Promise.race([tell(story), late]).then(
      () => "",
      (error: Error) => error.message.replaceAll(/[|\n]/g, " "),
    );
    clearTimeout(timer);
    await story.close();
    console.log(`story|${name}|${Date.now() - startedAt}|${fault}`);
  }
  process.exit(0);
}

/** Prints `seen|text` for each message. */
async function consume([namesrvAddr, topic, consumerGroup]: [string, string, string]): Promise<void> {
  const consumer = new PushConsumer(new ClientInstance({ runtime: await hostRuntime(), namesrvAddr }), {
    consumerGroup,
    subscription: { [topic]: "*" },
    consumeFromWhere: "CONSUME_FROM_FIRST_OFFSET",
    persistConsumerOffsetInterval: 500,
  });
  await consumer.start((message) => console.log(`seen|${message.text()}`));
}

// -------------------------------------------------------------------------------------------------------- the driver

async function drive(): Promise<void> {
  const runtimes = options.runtime.split(",") as Ours[];
  const toolchain = options.target.split(",").includes("apache") ? findToolchain() : undefined;
  for (const name of options.target.split(",") as TargetName[]) {
    if (name === "apache" && typeof toolchain !== "object") {
      withoutToolchain("faults of the client, apache", toolchain ?? "none", totals);
      continue;
    }
    const target =
      name === "apache" && typeof toolchain === "object"
        ? apacheTarget(toolchain, buildJava(toolchain, interopJavaDirectory, ["apache"])["apache"] as string)
        : ourTarget(name as Ours);
    await withCluster("plain", target, {}, runtimes);
    await withCluster("tls", target, { tls: true }, runtimes);
    if (name === "apache") continue;
    await withCluster("acl", target, { brokerConfig: acl.brokerConfig }, runtimes, "ACL 2.0");
    await withCluster("acl", target, { brokerConfig: { aclEnable: "true" }, brokerFiles: PLAIN_ACL }, runtimes, "ACL 1.0");
  }
  console.log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
  process.exit(totals.failed === 0 ? 0 : 1);
}

async function withCluster(
  list: ListName,
  target: Target,
  more: Partial<ClusterOptions>,
  runtimes: readonly Ours[],
  what: string = list,
): Promise<void> {
  const stories = Object.keys(LISTS[list]).filter((name) => name.includes(options.only));
  const restarts = list === "plain" && RESTART.includes(options.only);
  if (stories.length === 0 && !restarts) return;
  const before = totals.failed;
  const cluster = await Cluster.start({ target, namesrvCount: 1, ...more });
  try {
    for (const runtime of runtimes) {
      const title = `${runtime} client, ${target.name}, ${what}`;
      if (stories.length > 0) await tellStories(cluster, list, runtime, title, stories);
      if (restarts) await restartConsumer(cluster, runtime, title);
    }
  } finally {
    const keep = options.keep && totals.failed > before;
    if (keep) console.log(`The servers' directory is left: ${cluster.directory}`);
    await cluster.close(keep);
  }
}

async function tellStories(cluster: Cluster, list: ListName, runtime: Ours, title: string, stories: readonly string[]) {
  const told = new Set<string>();
  const place = [list, cluster.namesrvAddrOf(0), String(cluster.brokerPort), cluster.directory, runtime].join("|");
  const command = runtimeCommand(runtime, THIS_FILE, ["--run", place, "--only", options.only]);
  const child: Child = new Child(command, join(cluster.directory, `${runtime}.log`), (line) => {
    const [mark, name = "", ms, fault] = line.split("|");
    if (mark === "ask") void serve(cluster, name).finally(() => child.writeLine("done"));
    if (mark !== "story") return;
    told.add(name);
    report(`${title}: ${name}`, Number(ms), fault);
  });
  await child.exited;
  for (const name of stories)
    if (!told.has(name)) report(`${title}: ${name}`, 0, `never told:\n${child.outputTail.slice(-1_000)}`);
  // What a story left stopped.
  await cluster.startStopped();
}

async function serve(cluster: Cluster, what: string): Promise<void> {
  if (what === "stopNamesrv") await cluster.stopNamesrv(0);
  else if (what === "startNamesrv") await cluster.startNamesrv(0);
  else if (what === "killBroker") await cluster.killBroker();
  else if (what === "startBroker") await cluster.startBroker();
  else throw new Error(`unknown request "${what}"`);
}

async function restartConsumer(cluster: Cluster, runtime: Ours, title: string): Promise<void> {
  const startedAt = Date.now();
  const [topic, group] = [`Restart-${runtime}`, `restart-${runtime}`];
  const client = new ClientInstance({ runtime: await hostRuntime(), namesrvAddr: cluster.namesrvAddrOf(0) });
  const producer = new Producer(client, { producerGroup: "restart", sendMsgTimeout: 20_000 });
  const children: Child[] = [];
  /** A life of the consumer, and what it has seen. */
  const live = (): { seen: string[]; child: Child } => {
    const seen: string[] = [];
    const command = runtimeCommand(runtime, THIS_FILE, ["--consume", [cluster.namesrvAddrOf(0), topic, group].join("|")]);
    const child = new Child(command, join(cluster.directory, `${runtime}-consumer.log`), (line) => {
      if (line.startsWith("seen|")) seen.push(line.slice(5));
    });
    children.push(child);
    return { seen, child };
  };
  const send = async (from: number, to: number) => {
    for (let i = from; i < to; i++) await producer.send({ topic, body: `${i}` });
  };
  let fault = "";
  try {
    await send(0, 40);
    const first = live();
    const story = new Story(
      {
        runtime: await hostRuntime(),
        namesrvAddr: cluster.namesrvAddrOf(0),
        brokerPort: cluster.brokerPort,
        directory: cluster.directory,
        suffix: "",
        ask: () => Promise.resolve(),
      },
      0,
    );
    const stored = () => story.committed(topic, group);
    await until("the first life has seen and stored 40", async () => first.seen.length >= 40 && (await stored()) === 40);
    // It dies under load.
    const sending = send(40, 400);
    await until("it has seen some more", () => first.seen.length >= 60);
    await first.child.kill();
    await sending;
    const second = live();
    const all = () => new Set([...first.seen, ...second.seen]);
    await until("both lives together have seen all", () => all().size === 400);
    const again = second.seen.filter((text) => Number(text) < 40);
    if (again.length > 0) fault = `seen again, though stored: ${again.join(" ")}`;
    await story.close();
  } catch (error) {
    fault = `${(error as Error).message}\n${children.map((child) => child.outputTail.slice(-300)).join("\n")}`;
  }
  for (const child of children) if (!child.ended) await child.kill();
  await client.close();
  report(`${title}: ${RESTART}`, Date.now() - startedAt, fault);
}

async function until(what: string, is: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!(await is())) {
    if (Date.now() > deadline) throw new Error(`not within a minute: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function report(title: string, ms: number, fault: string | undefined): void {
  const passed = fault === undefined || fault === "";
  totals[passed ? "passed" : "failed"]++;
  console.log(`${passed ? "✓" : "✗"} ${title} [${ms} ms]${passed ? "" : `\n  ${fault}`}`);
}

if (options.run !== undefined) await runStories(options.run.split("|") as [ListName, string, string, string, string]);
else if (options.consume !== undefined) await consume(options.consume.split("|") as [string, string, string]);
else await drive();
