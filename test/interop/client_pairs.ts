/**
 * Our client and Java's on one broker: what one sends the other consumes, and a group with a member of each splits the queues.
 *
 *     bun test/interop/client_pairs.ts [--target bun,apache] [--cases name,name]
 *
 * The last line is `N passed, N failed, N skipped`. This program runs on Bun, Deno and Node alike: what it is started with is
 * what our client runs on.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import {
  ClientInstance,
  type ClientOptions,
  type MessageExt,
  MQBrokerError,
  Producer,
  PushConsumer,
  TransactionProducer,
} from "../../core/client/mod.ts";
import type { Runtime } from "../../core/runtime.ts";
import { Collector } from "../client/harness.ts";
import { hostRuntime } from "../support/host_runtime.ts";
import { Cluster } from "./cluster.ts";
import { acl } from "./matrix.ts";
import { Child } from "./processes.ts";
import { apacheTarget, ourTarget, type TargetName } from "./targets.ts";
import {
  buildJava,
  findToolchain,
  interopJavaDirectory,
  projectDirectory,
  type Toolchain,
  withoutToolchain,
} from "./toolchain.ts";

const { values: options } = parseArgs({
  options: { target: { type: "string", default: "bun" }, cases: { type: "string", default: "" } },
});
const totals = { passed: 0, failed: 0, skipped: 0 };
const TIMEOUT_MS = 90_000;

interface Pair {
  readonly runtime: Runtime;
  readonly target: TargetName;
  readonly cluster: Cluster;
  readonly client: (options?: Partial<ClientOptions>) => ClientInstance;
  /** Runs Java's, signed as ROOT, and gives what it printed. */
  readonly mqadmin: (...args: string[]) => Promise<string>;
  /** The Java side; its lines go into the collector. */
  readonly java: (
    mode: "produce" | "consume",
    topic: string,
    group: string,
  ) => { lines: Collector<string>; stop: () => Promise<void> };
}

const cases: Readonly<Record<string, (pair: Pair) => Promise<void>>> = {
  async typeScriptProducesJavaConsumes({ client, java, runtime }) {
    const topic = "TsToJava";
    const instance = client();
    const producer = new Producer(instance, { producerGroup: "pg" });
    const fields = { topic, tags: "TagA", keys: ["key1", "key2"], properties: { color: "red" } };
    const sent = [
      await producer.send({ ...fields, body: "plain" }),
      await producer.send({ ...fields, body: "x".repeat(20_000) }),
      await new Producer(instance, { producerGroup: "lz4", compressType: "LZ4" }).send({ ...fields, body: "l".repeat(20_000) }),
      // Where this runtime has it.
      await new Producer(instance, {
        producerGroup: "zstd",
        compressType: runtime.compression.writeZstd === undefined ? "ZLIB" : "ZSTD",
      }).send({ ...fields, body: "z".repeat(20_000) }),
      await producer.send({ ...fields, body: "by key" }, { shardingKey: "a" }),
      await producer.send({ ...fields, body: "delayed", delayTimeLevel: 1 }),
      await producer.send({ ...fields, body: "timed", delayTimeMs: 1_500 }),
    ];
    const [batch] = await producer.sendBatch([
      { ...fields, body: "batch 1" },
      { ...fields, body: "batch 2" },
    ]);
    const transactions = new TransactionProducer(instance, {
      producerGroup: "tg",
      checkLocalTransaction: () => "COMMIT_MESSAGE",
    });
    const committed = await transactions.sendMessageInTransaction({ ...fields, body: "committed" }, () => "COMMIT_MESSAGE");
    const checked = await transactions.sendMessageInTransaction({ ...fields, body: "checked" }, () => "UNKNOW");
    await transactions.sendMessageInTransaction({ ...fields, body: "rolled back" }, () => "ROLLBACK_MESSAGE");
    const { lines, stop } = java("consume", topic, "java-consumes");
    const expected = new Set([...sent, committed, checked].map(({ msgId }) => msgId).concat(batch?.msgId.split(",") ?? []));
    const got = () => lines.items.filter((line) => line.startsWith("got|")).map((line) => line.split("|"));
    await until("all messages at the Java consumer", () => new Set(got().map(([, id]) => id)).size >= expected.size);
    await stop();
    same("ids", new Set(got().map(([, id]) => id)), expected);
    for (const [, , body, tags, keys, color] of got())
      same(`fields of ${body?.slice(0, 20)}`, [tags, keys, color], ["TagA", "key1 key2", "red"]);
    const bodies = new Set(got().map(([, , body]) => body));
    same(
      "bodies",
      ["x", "l", "z"].map((letter) => bodies.has(letter.repeat(20_000))),
      [true, true, true],
    );
    same(
      "rolled back",
      got().some(([, , body]) => body === "rolled back"),
      false,
    );
  },

  async javaProducesTypeScriptConsumes({ client, java }) {
    const topic = "JavaToTs";
    const { lines, stop } = java("produce", topic, "java-produces");
    await until("three sends of the Java producer", () => lines.items.filter((line) => line.startsWith("sent ")).length === 3);
    await stop();
    const seen = new Collector<MessageExt>();
    const consumer = new PushConsumer(client(), {
      consumerGroup: "ts-consumes",
      subscription: { [topic]: { sql: "color = 'red'" } },
      consumeFromWhere: "CONSUME_FROM_FIRST_OFFSET",
    });
    await consumer.start((message, context) => {
      seen.add(message);
      context.delayLevelWhenNextConsume = 1;
      if (message.text() === "retried" && message.reconsumeTimes === 0) throw new Error("the next time");
    });
    await until("all messages, one of them twice", () => seen.items.length === 4);
    const sent = lines.items.filter((line) => line.startsWith("sent ")).map((line) => line.slice(5));
    same("ids", new Set(seen.items.map(({ msgId }) => msgId)), new Set(sent));
    same("bodies", seen.items.filter((message) => message.text() === "x".repeat(20_000)).length, 1);
    same(
      "fields",
      [seen.items[0]?.tags, seen.items[0]?.keys, seen.items[0]?.properties.get("color")],
      ["TagA", "key1 key2", "red"],
    );
    same(
      "retries",
      seen.items.filter((message) => message.text() === "retried").map((message) => message.reconsumeTimes),
      [0, 1],
    );
  },

  async aGroupOfBothSplitsTheQueues({ client, java }) {
    const topic = "Shared";
    const producer = new Producer(client(), { producerGroup: "pg" });
    await producer.send({ topic, body: "first" });
    const seen = new Collector<string>();
    const consumer = new PushConsumer(client(), {
      consumerGroup: "both",
      subscription: { [topic]: "*" },
      consumeFromWhere: "CONSUME_FROM_FIRST_OFFSET",
    });
    await consumer.start((message) => seen.add(message.msgId));
    await until("the first message", () => seen.items.length === 1);
    const { lines, stop } = java("consume", topic, "both");
    const ours = () =>
      consumer.assignment
        .filter((queue) => queue.topic === topic)
        .map(({ queueId }) => queueId)
        // In the order of their coming: those that were kept stand first.
        .sort((a, b) => a - b)
        .join();
    const theirs = () => (lines.items.filter((line) => line.startsWith("queues ")).at(-1) ?? "").slice(8, -1).replaceAll(" ", "");
    await until("two queues each", () => ours().length === 3 && theirs().length === 3);
    same("queues", `${ours()},${theirs()}`.split(",").sort(), ["0", "1", "2", "3"]);
    const sent = new Set<string>();
    for (let i = 0; i < 40; i++) sent.add((await producer.send({ topic, body: `${i}` })).msgId);
    const got = () => [
      ...seen.items.slice(1),
      ...lines.items.filter((line) => line.startsWith("got|")).map((line) => line.split("|")[1] as string),
    ];
    await until("all 40 messages", () => got().length >= 40);
    same("messages, each once", [got().length, new Set(got())], [40, sent]);
    await stop();
    await until("all queues to be ours", () => ours() === "0,1,2,3");
  },
};

/** Against a broker with ACL 2.0 and a trace topic. */
const securedCases: typeof cases = {
  async signedRequestsAreServedAndTracesReadByMqadmin({ client, mqadmin, target }) {
    const topic = "Secured";
    const signed = client({ credentials: ROOT, enableTrace: true });
    const producer = new Producer(signed, { producerGroup: "traced-pg" });
    const sent = await producer.send({ topic, body: "hello", tags: "TagA", keys: "key1" });
    const transactions = new TransactionProducer(signed, {
      producerGroup: "traced-tg",
      checkLocalTransaction: () => "COMMIT_MESSAGE",
    });
    const half = await transactions.sendMessageInTransaction({ topic, body: "half" }, () => "COMMIT_MESSAGE");
    const seen = new Collector<string>();
    const consumer = new PushConsumer(signed, {
      consumerGroup: "traced-cg",
      subscription: { [topic]: "*" },
      consumeFromWhere: "CONSUME_FROM_FIRST_OFFSET",
    });
    await consumer.start((message) => seen.add(message.msgId));
    await until("both messages", () => seen.items.includes(sent.msgId) && seen.items.includes(half.msgId));
    await signed.close();

    const lines = async (id: string) => (await mqadmin("queryMsgTraceById", "-i", id)).split("\n");
    const traced = await lines(sent.msgId);
    const fields = (all: string[], kind: string) =>
      all.filter((line) => line.startsWith(`${kind} `)).map((line) => line.split(/\s+/));
    same(
      "Pub",
      fields(traced, "Pub").map(([, group, , , , , status]) => [group, status]),
      [["traced-pg", "success"]],
    );
    same(
      "Sub",
      fields(traced, "Sub").map(([, group, , , , , status]) => [group, status]),
      [["traced-cg", "success"]],
    );
    // Another JVM: for want of time not with each broker.
    if (target !== "apache") return;
    same(
      "half message",
      fields(await lines(half.msgId), "Pub").map(([, group]) => group),
      ["traced-tg"],
    );
  },

  async refusedCredentialsAreToldAsSuch({ client }) {
    const wrong = [{ ...ROOT, secretKey: "not the secret" }, { ...ROOT, accessKey: "nobody" }, undefined];
    for (const credentials of wrong) {
      const producer = new Producer(client(credentials === undefined ? {} : { credentials }), { producerGroup: "pg" });
      const fault = await producer.send({ topic: "TBW102", body: "x" }).then(
        () => undefined,
        (error: unknown) => error,
      );
      same("a refusal", fault instanceof MQBrokerError && fault.responseCode, 16);
      same("what mends it", (fault as Error).message.includes("credentials"), true);
    }
  },
};

/** The super user of the broker's configuration. */
const ROOT = { accessKey: "rocketmq-root", secretKey: "the-secret-of-root" };

/** A test waits for what happens; this looks 20 times a second, for the other side is another process. */
async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = Date.now() + TIMEOUT_MS;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`waited ${TIMEOUT_MS} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const plain = (value: unknown): string =>
  JSON.stringify(value, (_key, each: unknown) => (each instanceof Set ? [...(each as Set<string>)].sort() : each));

function same(what: string, actual: unknown, expected: unknown): void {
  if (plain(actual) !== plain(expected))
    throw new Error(`${what}: ${plain(actual).slice(0, 400)}, expected ${plain(expected).slice(0, 400)}`);
}

async function runTarget(
  name: TargetName,
  toolchain: Toolchain,
  classpath: string,
  todo: typeof cases,
  brokerConfig: Readonly<Record<string, string>>,
): Promise<void> {
  const chosen = Object.entries(todo).filter(([title]) => options.cases === "" || options.cases.split(",").includes(title));
  if (chosen.length === 0) return;
  const runtime = await hostRuntime();
  const target = name === "apache" ? apacheTarget(toolchain, classpath) : ourTarget(name);
  const cluster = await Cluster.start({ target, brokerConfig });
  try {
    for (const [title, run] of chosen) {
      const clients: ClientInstance[] = [];
      const children: Child[] = [];
      const startedAt = Date.now();
      const pair: Pair = {
        runtime,
        target: name,
        cluster,
        client: (options = {}) => {
          const client = new ClientInstance({ runtime, namesrvAddr: cluster.namesrvAddrOf(0), ...options });
          clients.push(client);
          return client;
        },
        mqadmin: async (command, ...args) => {
          const home = join(cluster.directory, "tools");
          mkdirSync(join(home, "conf"), { recursive: true });
          writeFileSync(join(home, "conf/tools.yml"), `accessKey: ${ROOT.accessKey}\nsecretKey: ${ROOT.secretKey}\n`);
          const jvm = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", `-Duser.home=${home}`, `-Drocketmq.home.dir=${home}`];
          const program = ["-cp", classpath, "org.apache.rocketmq.tools.command.MQAdminStartup", String(command)];
          const printed: string[] = [];
          const child = new Child(
            {
              program: toolchain.java,
              args: [...jvm, ...program, "-n", cluster.namesrvAddrOf(0), ...args],
              cwd: cluster.directory,
            },
            join(cluster.directory, "mqadmin.log"),
            (line) => printed.push(line),
          );
          children.push(child);
          await child.exited;
          return printed.join("\n");
        },
        java: (mode, topic, group) => {
          const lines = new Collector<string>();
          const program = join(projectDirectory, "test/interop/pair/ClientPair.java");
          const jvm = [
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Xmx256m",
            `-Duser.home=${cluster.directory}`,
            "-cp",
            classpath,
          ];
          const args = [...jvm, program, mode, cluster.namesrvAddrOf(0), topic, group];
          const child = new Child(
            { program: toolchain.java, args, cwd: cluster.directory },
            join(cluster.directory, `${title}.log`),
            lines.add,
          );
          children.push(child);
          const stop = async () => {
            if (!child.ended) child.writeLine("stop");
            await child.exited;
          };
          return { lines, stop };
        },
      };
      let failure: Error | undefined;
      try {
        await run(pair);
      } catch (error) {
        failure = error as Error;
      }
      await Promise.all(clients.map((client) => client.close()));
      for (const child of children) if (!child.ended) await child.kill();
      if (failure === undefined) totals.passed++;
      else totals.failed++;
      console.log(
        `${failure === undefined ? "✓" : "✗"} ${runtime.name} client, ${name} ${title} [${Date.now() - startedAt} ms]${failure === undefined ? "" : `\n  ${failure.message}`}`,
      );
    }
  } finally {
    await cluster.close();
  }
}

const toolchain = findToolchain();
if (typeof toolchain === "string") {
  withoutToolchain("client pairs", toolchain, totals);
} else {
  const classpath = buildJava(toolchain, interopJavaDirectory, ["apache"])["apache"] as string;
  for (const name of options.target.split(",") as TargetName[]) {
    await runTarget(name, toolchain, classpath, cases, {});
    await runTarget(name, toolchain, classpath, securedCases, { ...acl.brokerConfig, traceTopicEnable: "true" });
  }
}
console.log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
process.exit(totals.failed === 0 ? 0 : 1);
