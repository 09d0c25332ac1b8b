/**
 * ACL 1.0 of Apache's broker 5.3.2, the last to have it, and ours: the same plain_acl.yml, the same requests by the same
 * accounts, the same answers, codes and remarks; then the admin codes, by requests and by mqadmin 5.3.1, and edited files.
 *
 *     bun test/interop/acl1_compare.ts [--target bun,deno,node] [--show]
 *
 * What differs on purpose is named in `differenceOf`; anything else fails. The last line is `N passed, N failed, N skipped`.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { readPlainAclFile } from "../../core/auth/plain_acl_file.ts";
import { signCommand } from "../../core/auth/signature.ts";
import { ByteWriter } from "../../wire/byte_writer.ts";
import { encodeUtf8 } from "../../wire/bytes.ts";
import { FrameSplitter } from "../../wire/frame.ts";
import { type ExtFields, LANGUAGE_OTHER, NO_BODY, type RemotingCommand, SERIALIZE_JSON } from "../../wire/remoting_command.ts";
import { REQUESTS } from "../../wire/requests.ts";
import { decodeCommand, encodeCommand } from "../../wire/serialize.ts";
import { VERSION_CURRENT } from "../../wire/version.ts";
import { hostRuntime } from "../support/host_runtime.ts";
import {
  type Account,
  ADMIN,
  type Ask,
  type Asker,
  CHANGES,
  EVERY_ASK,
  EXTRA_ACL,
  JOE,
  MQADMIN,
  ORDINARY,
  PERMISSION_ASKS,
  PLAIN_ACL,
  STRICTER,
  whiteKey,
} from "./acl1/cases.ts";
import { Child, freePorts } from "./processes.ts";
import { apacheTarget, ourTarget, type Target, type TargetName } from "./targets.ts";
import { buildJava, findToolchain, projectDirectory, type Toolchain } from "./toolchain.ts";

const { values: options } = parseArgs({
  options: { target: { type: "string", default: "bun" }, show: { type: "boolean", default: false } },
});
const ANSWER_MS = 3_000;
const READY_MS = 60_000;
/** Both look every 5 s. */
const RELOAD_MS = 15_000;

const totals = { passed: 0, failed: 0, skipped: 0 };
const { digest } = await hostRuntime();

/** A broker with ACL 1.0 and a home of its own. */
class Broker {
  readonly name: string;
  readonly home: string;
  readonly address: string;
  readonly #port: number;
  readonly #child: Child;
  #socket: Promise<Socket> | undefined;
  readonly #waiting = new Map<number, (reply: RemotingCommand) => void>();
  #opaque = 0;

  private constructor(name: string, home: string, port: number, child: Child) {
    this.name = name;
    this.home = home;
    this.#port = port;
    this.address = `127.0.0.1:${port}`;
    this.#child = child;
  }

  static async start(name: string, target: Target, directory: string): Promise<Broker> {
    const home = join(directory, name);
    mkdirSync(join(home, "conf/acl"), { recursive: true });
    writeFileSync(join(home, "conf/plain_acl.yml"), PLAIN_ACL);
    writeFileSync(join(home, "conf/acl/extra.yml"), EXTRA_ACL);
    writeFileSync(join(home, "conf/tools.yml"), `accessKey: ${ADMIN.accessKey}\nsecretKey: ${ADMIN.secretKey}\n`);
    const port = (await freePorts(4)) + 2;
    const config = {
      ...{ brokerClusterName: "DefaultCluster", brokerName: "broker-a", brokerId: "0", brokerIP1: "127.0.0.1" },
      ...{ listenPort: String(port), storePathRootDir: join(home, "store"), autoCreateTopicEnable: "true" },
      ...{ aclEnable: "true", mappedFileSizeCommitLog: "1048576", enablePropertyFilter: "true", recallMessageEnable: "true" },
    };
    const file = join(home, "broker.conf");
    writeFileSync(
      file,
      Object.entries(config)
        .map(([key, value]) => `${key}=${value}\n`)
        .join(""),
    );
    const child = new Child(target.broker(file, home), join(home, "output.log"));
    await child.waitForOutput("] boot success", READY_MS);
    return new Broker(name, home, port, child);
  }

  /** What the files of accounts say, without what differs from run to run. */
  get files(): string {
    return ["plain_acl.yml", "acl/extra.yml"]
      .map((name) => readPlainAclFile(readFileSync(join(this.home, "conf", name))))
      .flatMap(({ accounts, dataVersion, globalWhiteRemoteAddresses: white }) => [...accounts, dataVersion?.counter, white])
      .map((part) => JSON.stringify(part))
      .join("\n");
  }

  /** What was printed or answered, without what is this broker's own. */
  plain(text: string): string {
    return text.replaceAll(this.address, "{address}").replaceAll(this.home, "{home}");
  }

  /** `code remark` of the answer. */
  async ask({ name, fields, body = NO_BODY }: Ask, asker: Asker): Promise<string> {
    const opaque = ++this.#opaque;
    const command: RemotingCommand = {
      ...{ code: REQUESTS[name].code, language: LANGUAGE_OTHER, version: VERSION_CURRENT, opaque, flag: 0, remark: undefined },
      ...{
        extFields: this.#filled(fields),
        body: typeof body === "string" ? encodeUtf8(body) : body,
        serializeType: SERIALIZE_JSON,
      },
    };
    const { account, unsigned, version } = asker;
    if (version !== undefined) command.version = version;
    if (account !== undefined) signCommand(digest, account.accessKey, encodeUtf8(account.secretKey), command);
    if (unsigned !== undefined) command.extFields = { ...command.extFields, AccessKey: unsigned };
    this.#socket ??= this.#connect();
    const socket = await this.#socket;
    const writer = new ByteWriter();
    encodeCommand(command, writer);
    const answered = new Promise<string>((resolve) => {
      const timer = setTimeout(() => resolve("no answer"), ANSWER_MS);
      this.#waiting.set(opaque, ({ code, remark }) => {
        clearTimeout(timer);
        resolve(`${code} ${remark ?? ""}`);
      });
    });
    socket.write(writer.bytes.slice(0, writer.length));
    return answered;
  }

  #filled(fields: ExtFields): ExtFields {
    const given = Object.entries(fields).filter(([, value]) => value !== undefined);
    return Object.fromEntries(given.map(([name, value]) => [name, value?.replace("{home}", this.home)]));
  }

  #connect(): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const splitter = new FrameSplitter();
      const socket = connect(this.#port, "127.0.0.1", () => resolve(socket));
      socket.on("error", reject);
      socket.on("close", () => {
        this.#socket = undefined;
      });
      socket.on("data", (chunk: Uint8Array) =>
        splitter.push(new Uint8Array(chunk), (bytes, from, to) => {
          const reply = decodeCommand(bytes.slice(from, to));
          const taken = this.#waiting.get(reply.opaque);
          // Requests of the broker to its client are not answered.
          if ((reply.flag & 1) === 0 || taken === undefined) return;
          this.#waiting.delete(reply.opaque);
          taken(reply);
        }),
      );
    });
  }

  async stop(): Promise<void> {
    (await this.#socket)?.destroy();
    await this.#child.kill();
  }
}

const EXCEPTION = "1 org.apache.rocketmq.acl.common.AclException: ";
const isRefusal = (answer: string): boolean => answer.startsWith(EXCEPTION);

/** What is compared: a refusal's words without Java's stack frame; of what was let in only that it was. */
function essence(answer: string): string {
  if (!isRefusal(answer)) return "let in";
  return answer.slice(EXCEPTION.length).replace(/, org\.apache\.rocketmq\.[\w.$]+\([^)]*\)$/, "");
}

const NOT_SIGNED = /^(No accessKey is configured|No acl config for .*|Check signature failed( for accessKey=.*)?)$/;

/** Why the outcomes may differ; undefined: they may not. */
function differenceOf({ name }: Ask, apache: string, ours: string): string | undefined {
  // Ours does not say which part was wrong.
  if (NOT_SIGNED.test(apache) && ours === "Check signature failed") return "words";
  // Which of several permissions is missed first is the order of a hash map.
  if ([apache, ours].every((words) => /^No (default )?permission for/.test(words))) return "order";
  if (apache !== "let in") return undefined;
  if (STRICTER[name] === "cluster" && ours.startsWith("Need admin permission")) return "for admins";
  if (STRICTER[name] === "named" && /^No (default )?permission for/.test(ours)) return "permission";
  return undefined;
}

function take(title: string, failure: string | undefined): void {
  totals[failure === undefined ? "passed" : "failed"]++;
  if (failure !== undefined || options.show)
    console.log(`${failure === undefined ? "✓" : "✗"} ${title}${failure ? `\n  ${failure}` : ""}`);
}

/** The same requests to both. */
async function compare(
  what: string,
  apache: Broker,
  ours: Broker,
  asks: readonly Ask[],
  askers: readonly Asker[],
): Promise<void> {
  let differing = 0;
  const findings: string[] = [];
  for (const asker of askers) {
    for (const ask of asks) {
      const [theirs, our] = (await Promise.all([apache.ask(ask, asker), ours.ask(ask, asker)])).map(essence) as [string, string];
      if (options.show) console.log(`  ${asker.title}: ${ask.name} ${ask.title}: ${theirs} | ${our}`);
      if (theirs === our) continue;
      differing++;
      if (differenceOf(ask, theirs, our) !== undefined) continue;
      findings.push(`${asker.title}: ${ask.name} ${ask.title}: Apache: ${theirs}; ours: ${our}`);
    }
  }
  console.log(
    `  ${what}: ${asks.length * askers.length} requests, ${differing} answered otherwise, ${findings.length} of them not on purpose`,
  );
  take(what, findings.length === 0 ? undefined : findings.slice(0, 40).join("\n  "));
}

const AS_ADMIN: Asker = { title: "an admin", account: ADMIN };
const signing = (accounts: readonly { accessKey: string; secretKey: string }[]): Asker[] =>
  accounts.map((account) => ({ title: account.accessKey, account }));

async function suite(toolchain: Toolchain, classpath: string, apache: Broker, ours: Broker): Promise<void> {
  const both = (what: string, asks: readonly Ask[], askers: readonly Asker[]) => compare(what, apache, ours, asks, askers);
  await both("permissions", PERMISSION_ASKS, signing(ORDINARY));
  await both("every code, by accounts without rights", EVERY_ASK, signing([JOE]));
  await both("who is not let in", PERMISSION_ASKS.slice(0, 3), [
    { title: "nobody" },
    { title: "an unknown key", account: { accessKey: "nobody-here", secretKey: "any-secret" } },
    { title: "a wrong secret", account: { ...JOE, secretKey: "wrong-secret" } },
    { title: "no signature", unsigned: JOE.accessKey },
    { title: "an admin with a wrong secret", account: { ...ADMIN, secretKey: "wrong-secret" } },
  ]);
  const whites = Array.from(PLAIN_ACL.matchAll(/white-address-\d+/g), (_, index) => ({
    title: whiteKey(index),
    unsigned: whiteKey(index),
  }));
  await both("white addresses of accounts", PERMISSION_ASKS.slice(0, 1), whites);
  const query = PERMISSION_ASKS.find(({ name }) => name === "QUERY_MESSAGE") as Ask;
  const fields = { ...query.fields, _UNIQUE_KEY_QUERY: "true", SecurityToken: "a token", extra: "é标\u{1f600}" };
  await both(
    "what is signed, by clients old and new",
    [{ ...query, fields }],
    [
      { title: "new", account: JOE },
      { title: "old", account: JOE, version: 1 },
    ],
  );
  await changes(apache, ours);
  await reloads(apache, ours);
  // By now both have read what was changed.
  const changed = [
    { accessKey: "new-user-1", secretKey: "new-secret-1" },
    { accessKey: "new-user-2", secretKey: "new-secret-1" },
  ];
  await both("permissions after the changes", PERMISSION_ASKS, signing([...changed, JOE]));
  await byMqadmin(toolchain, classpath, apache, ours);
  await handsOver(apache, ours);
  const everybody = { globalWhiteAddrs: "127.0.0.*", aclFileFullPath: "" };
  for (const broker of [apache, ours])
    await broker.ask({ name: "UPDATE_GLOBAL_WHITE_ADDRS_CONFIG", title: "", fields: everybody }, AS_ADMIN);
  await new Promise((resolve) => setTimeout(resolve, 6_000));
  await both("white addresses for all", PERMISSION_ASKS.slice(0, 3), [{ title: "nobody" }]);
}

/** One after the other, by an admin. */
async function changes(apache: Broker, ours: Broker): Promise<void> {
  const findings: string[] = [];
  for (const ask of CHANGES) {
    const [theirs, our] = (await Promise.all(
      [apache, ours].map(async (broker) => broker.plain(await broker.ask(ask, AS_ADMIN))),
    )) as [string, string];
    if (options.show) console.log(`  ${ask.name} ${ask.title}: ${theirs} | ${our}`);
    // Ours never repeats a secret.
    if (theirs.replace(/ secretKey=\S+/, " secretKey=***") !== our)
      findings.push(`${ask.name} ${ask.title}: Apache: ${theirs}; ours: ${our}`);
  }
  take("the admin codes", findings.length === 0 ? undefined : findings.join("\n  "));
  sameFiles("the files that admin codes wrote", apache, ours);
}

function sameFiles(what: string, apache: Broker, ours: Broker): void {
  if (options.show) console.log(apache.files);
  take(what, apache.files === ours.files ? undefined : `Apache:\n${apache.files}\nours:\n${ours.files}`);
}

/** Both let an account in that was written into a new file. */
async function reloads(apache: Broker, ours: Broker): Promise<void> {
  const account = { accessKey: "put-by-hand", secretKey: "put-by-hand" };
  for (const broker of [apache, ours]) {
    const text = "accounts:\n- {accessKey: put-by-hand, secretKey: put-by-hand, defaultTopicPerm: PUB}\n";
    writeFileSync(join(broker.home, "conf/acl/more.yaml"), text);
  }
  for (const broker of [apache, ours]) {
    const answer = await untilLetIn(broker, account);
    take(`${broker.name} reads a new file within ${RELOAD_MS} ms`, answer === "let in" ? undefined : answer);
  }
}

/** Apache's tool, against either: one JVM for all commands. */
async function byMqadmin(toolchain: Toolchain, classpath: string, apache: Broker, ours: Broker): Promise<void> {
  const jvm = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", `-Drocketmq.home.dir=${ours.home}`, `-Duser.home=${ours.home}`];
  const args = [...jvm, "-cp", classpath, join(projectDirectory, "test/interop/mqadmin/MqadminDriver.java")];
  let answered = (_line: string): void => {};
  const child = new Child({ program: toolchain.java, args }, join(ours.home, "mqadmin.log"), (line) => {
    if (line.startsWith("@")) answered(line.slice(1));
  });
  const run = async (words: string, broker: Broker): Promise<string> => {
    const ended = child.exited.then(() => `{"out":"","err":${JSON.stringify(child.outputTail.slice(-2_000))}}`);
    const answer = new Promise<string>((resolve) => {
      answered = resolve;
    });
    child.writeLine(JSON.stringify(words.replace("{address}", broker.address).split(" ")));
    const { out, err } = JSON.parse(await Promise.race([answer, ended])) as { out: string; err: string };
    // Where Java found it is of no interest.
    return broker.plain(`${out}${err}`.replace(/^\t.*\n/gm, "").trim());
  };
  try {
    for (const words of MQADMIN) {
      const theirs = await run(words, apache);
      const our = await run(words, ours);
      if (options.show) console.log(`  ${words}\n${theirs}\n|\n${our}`);
      // Apache 5.3.2 leaves out of its answer what its own mqadmin reads.
      const isVersion = words.startsWith("clusterAclConfigVersion");
      const isShown = theirs.includes("NullPointerException") && /\{home\}\/conf\/plain_acl\.yml +\d+ /.test(our);
      take(`mqadmin ${words}`, (isVersion ? isShown : theirs === our) ? undefined : `Apache:\n${theirs}\nours:\n${our}`);
    }
  } finally {
    await child.kill();
  }
  sameFiles("the files that mqadmin wrote", apache, ours);
}

/** Apache's broker reads what ours wrote. */
async function handsOver(apache: Broker, ours: Broker): Promise<void> {
  const fields = { accessKey: "written-by-ours", secretKey: "0x1F_yes:no #", admin: "false", defaultTopicPerm: "PUB" };
  await ours.ask({ name: "UPDATE_AND_CREATE_ACL_CONFIG", title: "", fields }, AS_ADMIN);
  writeFileSync(join(apache.home, "conf/plain_acl.yml"), readFileSync(join(ours.home, "conf/plain_acl.yml")));
  const account = { accessKey: fields.accessKey, secretKey: fields.secretKey };
  const answer = await untilLetIn(apache, account);
  take("Apache reads the file that ours wrote", answer === "let in" ? undefined : answer);
}

async function untilLetIn(broker: Broker, account: Account): Promise<string> {
  const until = Date.now() + RELOAD_MS;
  for (;;) {
    const answer = essence(await broker.ask(PERMISSION_ASKS[0] as Ask, { title: "", account }));
    if (answer === "let in" || Date.now() > until) return answer;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

async function main(): Promise<void> {
  const toolchain = findToolchain();
  if (typeof toolchain === "string") return skip(toolchain);
  const classpaths = built(toolchain);
  if (typeof classpaths === "string") return skip(classpaths);
  for (const name of options.target.split(",") as Exclude<TargetName, "apache">[]) {
    const directory = mkdtempSync(join(tmpdir(), `edgemq-acl1-${name}-`));
    const brokers: Broker[] = [];
    try {
      brokers.push(await Broker.start("apache", apacheTarget(toolchain, classpaths["broker"]!), directory));
      brokers.push(await Broker.start(name, ourTarget(name), directory));
      console.log(`== ${name} and Apache 5.3.2`);
      await suite(toolchain, classpaths["tools"]!, brokers[0]!, brokers[1]!);
    } catch (error) {
      take(name, String((error as Error).stack));
    } finally {
      for (const broker of brokers) await broker.stop();
      rmSync(directory, { recursive: true, force: true });
    }
  }
}

function skip(reason: string): void {
  totals.skipped++;
  console.log(`- ACL 1.0 beside Apache 5.3.2: skipped: ${reason}`);
}

/** Class paths of broker and tools, or why they can't be had. */
function built(toolchain: Toolchain): Record<string, string> | string {
  try {
    return buildJava(toolchain, join(projectDirectory, "test/interop/acl1"), ["broker", "tools"]);
  } catch (error) {
    return `the jars of Apache 5.3 can't be had: ${(error as Error).message.split("\n").slice(0, 3).join(" ").slice(0, 400)}`;
  }
}

await main();
console.log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
process.exit(totals.failed === 0 ? 0 : 1);
