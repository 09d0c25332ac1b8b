/**
 * mqadmin of Apache 5.5.0 and ours, command by command, against one running cluster: the same words in, the same lines out.
 *
 *     bun test/interop/mqadmin_compare.ts [--target bun,apache] [--only words] [--show]
 *
 * `--only` runs the cases whose words contain that text, `--show` prints what both printed. What may differ is masked by the
 * case (times, rates) or sorted (Java prints hash maps); blanks at the ends of lines and of the whole do not count. Besides,
 * every command is declared as Apache declares it: names, options, what is required. The last line is
 * `N passed, N failed, N skipped`.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { commands } from "../../cli/mqadmin/commands.ts";
import { ClientInstance, Producer, PushConsumer, type SendResult } from "../../core/client/mod.ts";
import { decodeMessageId } from "../../wire/message_id.ts";
import { mqadmin } from "../cli/mqadmin_harness.ts";
import { Collector } from "../client/harness.ts";
import { hostRuntime } from "../support/host_runtime.ts";
import { Cluster } from "./cluster.ts";
import type { CompareCase, Names } from "./mqadmin/case.ts";
import { cases } from "./mqadmin/cases.ts";
import { type ApacheDeclaration, declarationFindings } from "./mqadmin/declarations.ts";
import { Child } from "./processes.ts";
import { apacheTarget, ourTarget, runtimeCommand, type TargetName } from "./targets.ts";
import {
  buildJava,
  findToolchain,
  interopJavaDirectory,
  projectDirectory,
  type Toolchain,
  withoutToolchain,
} from "./toolchain.ts";

const { values: options } = parseArgs({
  options: {
    target: { type: "string", default: "bun" },
    only: { type: "string" },
    show: { type: "boolean", default: false },
  },
});
const totals = { passed: 0, failed: 0, skipped: 0 };

/** The JVM with Apache's tool; one command at a time. */
class ApacheMqadmin {
  readonly #child: Child;
  readonly #waiting: ((answer: unknown) => void)[] = [];

  constructor(toolchain: Toolchain, classpath: string, cluster: Cluster) {
    const jvm = [
      "-XX:+UseSerialGC",
      "-XX:TieredStopAtLevel=1",
      "-Xmx256m",
      `-Duser.home=${cluster.directory}`,
      `-Djava.io.tmpdir=${cluster.directory}`,
      "-cp",
      classpath,
    ];
    const program = join(projectDirectory, "test/interop/mqadmin/MqadminDriver.java");
    const command = { program: toolchain.java, args: [...jvm, program], cwd: cluster.directory };
    this.#child = new Child(command, join(cluster.directory, "mqadmin.log"), (line) => {
      if (line.startsWith("@")) this.#waiting.shift()?.(JSON.parse(line.slice(1)));
    });
  }

  ask(words: readonly string[]): Promise<unknown> {
    this.#child.writeLine(JSON.stringify(words));
    return Promise.race([
      new Promise((resolve) => this.#waiting.push(resolve)),
      this.#child.exited.then(() => {
        throw new Error(`Apache's mqadmin ended:\n${this.#child.outputTail.slice(-2_000)}`);
      }),
    ]);
  }

  close(): Promise<void> {
    return this.#child.kill();
  }
}

const filled = (text: string, names: Names): string => text.replace(/\{(\w+)\}/g, (all, name: string) => names[name] ?? all);

/** What of a text is compared. */
function normalised(text: string, each: CompareCase, names: Names): string {
  let masked = each.json === true ? sortedJson(JSON.parse(text) as unknown) : text.replaceAll("\r", "");
  for (const mask of each.mask ?? []) masked = masked.replace(mask.global ? mask : new RegExp(mask.source, "g"), "#");
  let lines = masked.split("\n").map((line) => line.trimEnd());
  if (each.only !== undefined) {
    const wanted = new RegExp(filled(each.only.source, names));
    lines = lines.filter((line) => wanted.test(line));
  }
  if (each.anyWords === true) lines = lines.map((line) => line.split(/\s+/).sort().join(" "));
  if (each.unordered === true) lines = lines.filter((line) => line !== "").sort();
  return lines.join("\n").trim();
}

function sortedJson(value: unknown): string {
  return JSON.stringify(value, (_key, each: unknown) =>
    typeof each === "object" && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)))
      : each,
  );
}

/** The first line that differs, of each side. */
function difference(theirs: string, ours: string): string {
  const [a, b] = [theirs.split("\n"), ours.split("\n")];
  const at = a.findIndex((line, i) => line !== b[i]);
  const i = at < 0 ? a.length : at;
  const show = (lines: string[]) =>
    lines
      .slice(i, i + 3)
      .map((line) => JSON.stringify(line))
      .join("\n      ");
  return `line ${i + 1}:\n    Apache ${show(a) || "(nothing more)"}\n    ours   ${show(b) || "(nothing more)"}`;
}

/** A topic with messages, a group that has consumed them, a producer that stays. */
async function populate(cluster: Cluster): Promise<{ names: Names; close: () => Promise<void> }> {
  const runtime = await hostRuntime();
  const prefix = "cmp";
  const topic = `${prefix}-topic`;
  const group = `${prefix}-group`;
  const namesrvAddr = cluster.namesrvAddrOf(0);
  const run = async (...words: string[]) => {
    const { code, err } = await mqadmin([...words, "-n", namesrvAddr]);
    if (code !== 0) throw new Error(`mqadmin ${words.join(" ")}: ${err}`);
  };
  await run("updateTopic", "-b", cluster.brokerAddr, "-t", topic, "-r", "2", "-w", "2");
  await run("updateSubGroup", "-b", cluster.brokerAddr, "-g", group, "-m", "true");
  const parent = `${prefix}-parent`;
  const liteGroup = `${prefix}-lite-group`;
  await run("updateTopic", "-b", cluster.brokerAddr, "-t", parent, "-a", "+message.type=LITE");
  await run("updateSubGroup", "-b", cluster.brokerAddr, "-g", liteGroup, "--attributes", `+lite.bind.topic=${parent}`);
  // Apache's broker tells its nameserver of a topic a moment after it has said that it is made.
  for (let i = 0; i < 200 && (await mqadmin(["topicRoute", "-t", topic, "-n", namesrvAddr])).code !== 0; i++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const client = new ClientInstance({ runtime, namesrvAddr, enableTrace: true });
  const producer = new Producer(client, { producerGroup: `${prefix}-producers` });
  const results: SendResult[] = [];
  for (let i = 0; i < 10; i++) {
    results.push(await producer.send({ topic, body: `message ${i}`, tags: "TagA", keys: [`key-${i}`] }));
  }
  const { msgId, offsetMsgId } = results[3] as SendResult;
  const record = await client.call("read a record", cluster.brokerAddr, "VIEW_MESSAGE_BY_ID", {
    offset: decodeMessageId(offsetMsgId).physicalOffset,
  });
  const seen = new Collector<string>();
  const consumer = new PushConsumer(client, {
    consumerGroup: group,
    subscription: { [topic]: "TagA" },
    consumeFromWhere: "CONSUME_FROM_FIRST_OFFSET",
  });
  await consumer.start((message) => seen.add(message.msgId));
  await seen.until(10);
  await client.beat();
  const files = { topicsFile: join(cluster.directory, "topics.json"), groupsFile: join(cluster.directory, "groups.json") };
  writeFileSync(files.topicsFile, JSON.stringify([{ topicName: `${prefix}-l1`, readQueueNums: 2, writeQueueNums: 2, perm: 6 }]));
  writeFileSync(files.groupsFile, JSON.stringify([{ groupName: `${prefix}-lg1`, retryMaxTimes: 3 }]));
  const recordFile = join(cluster.directory, "record");
  writeFileSync(recordFile, Buffer.concat([record.body, Buffer.alloc(64)]));
  const names = {
    msgId,
    offsetMsgId,
    recordFile,
    exports: join(cluster.directory, "exports"),
    addr: cluster.brokerAddr,
    prefix,
    topic,
    group,
    producers: `${prefix}-producers`,
    clientId: client.clientId,
    parent,
    liteGroup,
    ...files,
  };
  return { names, close: () => client.close() };
}

/** Passed when they were asked once more, with what differed at first: printed at the end, so that nobody overlooks them. */
const secondTries: string[] = [];

function report(title: string, problem: string | undefined, ms: number): void {
  if (problem === undefined) totals.passed++;
  else totals.failed++;
  console.log(`${problem === undefined ? "✓" : "✗"} ${title} [${ms} ms]${problem === undefined ? "" : `\n  ${problem}`}`);
}

async function runCase(each: CompareCase, names: Names, namesrvAddr: string, apache: ApacheMqadmin): Promise<string | undefined> {
  const first = await runOnce(each, names, namesrvAddr, apache);
  let problem = first;
  // A broker does much in its own time, between the two as well; what differs twice differs.
  for (let again = 0; problem !== undefined && again < (each.moves ? 3 : 1); again++) {
    problem = await runOnce(each, names, namesrvAddr, apache);
  }
  if (first !== undefined && problem === undefined && !each.moves) secondTries.push(`${each.words}: ${first}`);
  return problem;
}

async function runOnce(each: CompareCase, names: Names, namesrvAddr: string, apache: ApacheMqadmin): Promise<string | undefined> {
  const words = (side: "a" | "b") => [...filled(each.words, { ...names, side }).split(" "), "-n", namesrvAddr];
  const prepare = async () => {
    for (const before of each.before ?? []) {
      const { code, err } = await mqadmin([...filled(before, names).split(" "), "-n", namesrvAddr]);
      if (code !== 0) return `${before}: ${err}`;
    }
    return undefined;
  };
  const unprepared = await prepare();
  if (unprepared !== undefined) return unprepared;
  const startedAt = performance.now();
  const theirs = (await apache.ask(words("a"))) as { out: string; err: string };
  const apacheMs = performance.now() - startedAt;
  const theirFile = fileOf(each, names);
  await prepare();
  const oursAt = performance.now();
  const ours = await mqadmin(words("b"), { environment: { TMPDIR: process.cwd() } });
  if (options.show) console.log(`Apache ${apacheMs.toFixed(0)} ms, ours ${(performance.now() - oursAt).toFixed(0)} ms`);
  if (options.show)
    console.log(`--- Apache\n${theirs.out}${theirs.err.slice(0, 600)}\n--- ours (${ours.code})\n${ours.out}${ours.err}`);
  if (each.fails !== undefined) {
    if (ours.code !== each.fails || ours.err === "")
      return `ours ended with ${ours.code}, not ${each.fails}: ${ours.err}${ours.out}`;
    if (theirs.err === "" && !/error/i.test(theirs.out)) return `Apache's does not fail: ${theirs.out}`;
    return undefined;
  }
  if (ours.code !== 0) return `ours ended with ${ours.code}: ${ours.err}`;
  if (theirs.err !== "")
    return `Apache's fails: ${theirs.err
      .split("\n")
      .filter((line) => !line.startsWith("\tat "))
      .join("\n")
      .slice(0, 1_000)}`;
  const [a, b] = [normalised(theirs.out, each, names), normalised(ours.out, each, names)];
  if (a !== b) return difference(a, b);
  const [theirJson, ourJson] = [theirFile, fileOf(each, names)];
  return theirJson === ourJson ? undefined : `the files differ:\n    Apache ${theirJson}\n    ours   ${ourJson}`;
}

/** A command without an end: what each of the two prints, in a process of its own, until `until` is there. */
interface EndlessCase {
  readonly words: readonly string[];
  readonly until: RegExp;
  /** What is compared: the lines, sorted, of the text until then. */
  readonly lines: (text: string) => string[];
  readonly jvm?: (directory: string) => string[];
  /** Brings about what there is to be told. */
  readonly before?: (cluster: Cluster) => Promise<ClientInstance>;
}

const firstOf = (text: string, line: RegExp): string => line.exec(text)?.[0] ?? `no such line: ${text}`;
/** The heading, and the first row, with their numbers masked; one of the two answers quicker than the other. */
const measured = (row: RegExp) => (text: string) =>
  [/^#Cluster Name.*$/m.exec(text)?.[0] ?? "", firstOf(text, row)].map((line) =>
    line
      .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, "@")
      .replaceAll(/\d+(\.\d+)?/g, "#")
      .replaceAll(/ +/g, " ")
      .trim(),
  );

/** A group that has consumed the first message of each queue of the run's topic, and consumes no further. */
async function leaveBehind(cluster: Cluster): Promise<ClientInstance> {
  const namesrvAddr = cluster.namesrvAddrOf(0);
  const consumerGroup = "cmp-behind";
  await mqadmin(["updateSubGroup", "-g", consumerGroup, "-b", cluster.brokerAddr, "-n", namesrvAddr]);
  const client = new ClientInstance({ runtime: await hostRuntime(), namesrvAddr });
  for (const queueId of [0, 1]) {
    const header = { consumerGroup, topic: "cmp-topic", queueId, commitOffset: 1 };
    await client.call("store an offset", cluster.brokerAddr, "UPDATE_CONSUMER_OFFSET", header);
  }
  const consumer = new PushConsumer(client, { consumerGroup, subscription: { "cmp-topic": "*" } });
  await consumer.start(
    (_message, { signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
  );
  return client;
}

const ENDLESS: readonly EndlessCase[] = [
  // Java writes a row in pieces: it is there when its end is.
  { words: ["clusterRT", "-a", "5", "-i", "600"], until: /broker-a.*\n/, lines: measured(/^DefaultCluster +broker-a.*$/m) },
  {
    words: ["clusterRT", "-a", "5", "-i", "600", "-p", "true", "-m", "room"],
    until: /broker-a.*\n/,
    lines: measured(/^.*\|room\|DefaultCluster\|broker-a\|.*$/m),
  },
  // Of its first round, after 20 s. Java's writes it into its log.
  {
    words: ["startMonitoring"],
    before: leaveBehind,
    until: /=endRound\n/,
    lines: (text) => [...new Set(text.match(/^\[MONITOR\].*$/gm) ?? [`no such line: ${text}`])].sort(),
    jvm: (directory) => {
      const file = join(directory, "monitor_log.xml");
      const appender = `<appender name="out" class="ch.qos.logback.core.ConsoleAppender"><encoder><pattern>%m%n</pattern></encoder></appender>`;
      const logger = `<logger name="org.apache.rocketmq.tools.monitor" level="INFO"><appender-ref ref="out"/></logger>`;
      writeFileSync(file, `<configuration>${appender}${logger}<root level="OFF"/></configuration>`);
      return [`-Drmq.logback.configurationFile=${file}`];
    },
  },
];

async function runEndless(toolchain: Toolchain, classpath: string, cluster: Cluster): Promise<void> {
  const jvm = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", `-Duser.home=${cluster.directory}`, "-cp", classpath];
  for (const each of ENDLESS) {
    const title = each.words.join(" ");
    if (options.only !== undefined && !title.includes(options.only)) continue;
    const startedAt = Date.now();
    const behind = await each.before?.(cluster);
    const all = [...each.words, "-n", cluster.namesrvAddrOf(0)];
    const flags = [...(each.jvm?.(cluster.directory) ?? []), ...jvm];
    const theirs = { program: toolchain.java, args: [...flags, "org.apache.rocketmq.tools.command.MQAdminStartup", ...all] };
    const ours = runtimeCommand("bun", "cli/mqadmin.ts", all);
    const children = [theirs, ours].map((command) => new Child(command, join(cluster.directory, "endless.log")));
    const printed = await Promise.all(
      children.map(async (child) => {
        await child.waitForOutput(each.until, 60_000).catch(() => {});
        await child.kill();
        return each.lines(child.outputTail).join("\n");
      }),
    );
    await behind?.close();
    if (options.show) console.log(`--- Apache\n${printed[0]}\n--- ours\n${printed[1]}`);
    const [a = "", b = ""] = printed;
    const problem = a === b && !a.includes("no such line") ? undefined : difference(a, b);
    report(`mqadmin of Apache and ours: ${title}`, problem, Date.now() - startedAt);
  }
}

/** What the command wrote, to be compared. */
function fileOf({ file, mask = [] }: CompareCase, names: Names): string {
  if (file === undefined || !existsSync(filled(file, names))) return "";
  let text = sortedJson(JSON.parse(readFileSync(filled(file, names), "utf8")) as unknown);
  for (const each of mask) text = text.replace(new RegExp(each.source, "g"), "#");
  return text;
}

/** Without these Apache's broker keeps no users. */
const USERS = {
  authenticationMetadataProvider: "org.apache.rocketmq.auth.authentication.provider.LocalAuthenticationMetadataProvider",
  authorizationMetadataProvider: "org.apache.rocketmq.auth.authorization.provider.LocalAuthorizationMetadataProvider",
};

async function runTarget(name: TargetName, toolchain: Toolchain, classpaths: Readonly<Record<string, string>>): Promise<void> {
  const target = name === "apache" ? apacheTarget(toolchain, classpaths["apache"] as string) : ourTarget(name);
  const cluster = await Cluster.start({
    target,
    brokerConfig: { registerNameServerPeriod: "10000", traceTopicEnable: "true", ...USERS },
  });
  // consumerStatus writes its files below the working directory.
  process.chdir(cluster.directory);
  const apache = new ApacheMqadmin(toolchain, classpaths["current"] as string, cluster);
  try {
    const { names, close } = await populate(cluster);
    const declared = (await apache.ask([])) as ApacheDeclaration[];
    if (options.only === undefined) {
      const findings = declarationFindings(declared, commands);
      report("every command is declared as Apache's", findings.length === 0 ? undefined : findings.join("\n  "), 0);
    }
    for (const each of cases) {
      if (options.only !== undefined && !each.words.includes(options.only)) continue;
      if (each.target !== undefined && each.target !== name) continue;
      const startedAt = Date.now();
      const problem = await runCase(each, names, cluster.namesrvAddrOf(0), apache);
      report(`mqadmin of Apache and ours, ${name}: ${each.words}`, problem, Date.now() - startedAt);
    }
    // Each takes two JVMs a few seconds: in full runs only.
    if (options.target.includes("apache") || options.only !== undefined)
      await runEndless(toolchain, classpaths["current"] as string, cluster);
    await close();
  } finally {
    process.chdir(projectDirectory);
    await apache.close();
    await cluster.close();
  }
}

const toolchain = findToolchain();
if (typeof toolchain === "string") {
  withoutToolchain("mqadmin", toolchain, totals);
} else {
  const classpaths = buildJava(toolchain, interopJavaDirectory, ["apache", "current"]);
  for (const name of options.target.split(",")) await runTarget(name as TargetName, toolchain, classpaths);
}
if (secondTries.length > 0) console.log(`\nPassed at the second try:\n${secondTries.map((line) => `  ${line}`).join("\n")}`);
console.log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
process.exit(totals.failed === 0 ? 0 : 1);
