/** The frame of mqadmin: parsing, help, completion, forms of output, exit codes. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { commands } from "../../cli/mqadmin/commands.ts";
import { format, prettyJson } from "../../cli/mqadmin/format.ts";
import { parseOptions } from "../../cli/mqadmin/parse.ts";
import { findCommand } from "../../cli/mqadmin/run.ts";
import { type RocketMQ, startRocketMQ } from "../../mod.ts";
import { mqadmin } from "./mqadmin_harness.ts";

let rocketmq: RocketMQ;
let n: string;
beforeAll(async () => {
  rocketmq = await startRocketMQ({ listen: true });
  n = rocketmq.namesrvAddr as string;
});
afterAll(() => rocketmq.close());

const route = findCommand(commands, "topicRoute")!;
const optionsOf = (...words: string[]) => parseOptions(route, words).options;

describe("options are read as commons-cli reads them", () => {
  test.each([[["-t", "A"]], [["-tA"]], [["-t=A"]], [["--topic", "A"]], [["--topic=A"]], [["-topic", "A"]], [["--top", "A"]]])(
    "%j",
    (words) => {
      expect(optionsOf(...words, "-l")).toMatchObject({ topic: "A", list: true });
    },
  );

  test("values are trimmed, may be negative numbers, and may not be options", () => {
    expect(optionsOf("-t", " A ")["topic"]).toBe("A");
    expect(optionsOf("-t", "-1")["topic"]).toBe("-1");
    expect(() => optionsOf("-t", "-l")).toThrow("Missing argument for option: t");
    expect(() => optionsOf("-t")).toThrow("Missing argument for option: t");
  });

  test("what is missing or unknown is named", () => {
    expect(() => optionsOf()).toThrow("Missing required option: -t (--topic)");
    expect(() => optionsOf("-t", "A", "-z")).toThrow("unknown option '-z'");
    expect(() => optionsOf("-t", "A", "--t")).toThrow("Missing argument");
    expect(() => optionsOf("-t", "A", "--timeout", "x")).toThrow("--timeout x: allowed is");
  });
});

describe("every declaration", () => {
  test("has a name of its own, and options with letters of their own", () => {
    const names = commands.flatMap(({ name, alias }) => [name.toLowerCase(), ...(alias === undefined ? [] : [alias])]);
    expect(names.filter((name, i) => names.indexOf(name) !== i && name.toLowerCase() === name)).toEqual([]);
    for (const { options } of commands) {
      const shorts = Object.values(options).map(({ short }) => short);
      expect(new Set(shorts).size).toBe(shorts.length);
    }
  });

  test.each(commands.map((command) => [command.name, command] as const))("%s: its example can be parsed", (_name, command) => {
    const { help } = parseOptions(command, command.example.split(" "));
    expect(help).toBe(false);
  });
});

test("help shows a command's options and its example, in bold headings on a terminal only", async () => {
  const plain = await mqadmin(["help", "topicroute"]);
  expect(plain.code).toBe(0);
  expect(plain.out).toContain("-t,--topic <arg>");
  expect(plain.out).toContain(`mqadmin topicRoute ${route.example}`);
  expect(plain.out).not.toContain("\u001b");
  expect((await mqadmin(["topicRoute", "-h"], { terminal: true })).out).toContain("\u001b[1mExample:");
  expect((await mqadmin(["topicRoute", "-h"], { terminal: true, environment: { NO_COLOR: "1" } })).out).toBe(plain.out);
  const list = await mqadmin([]);
  expect(list.out.startsWith("The most commonly used mqadmin commands are:\n")).toBe(true);
  for (const { name, description } of commands) expect(list.out).toContain(format("   %-35s %s\n", name, description));
});

test("exit codes: 0 done, 1 wrong words, 2 refused, 3 nobody reached; errors name the address", async () => {
  expect(await mqadmin(["getNamesrvConfig", "-n", n])).toMatchObject({ code: 0, err: "" });
  expect(await mqadmin(["topicRout"])).toMatchObject({ code: 1, err: expect.stringContaining("Did you mean topicRoute?") });
  expect(await mqadmin(["topicRoute", "-t", "A"])).toMatchObject({ code: 1, err: expect.stringContaining("NAMESRV_ADDR") });
  const refused = await mqadmin(["topicRoute", "-t", "NoSuchTopic"], { environment: { NAMESRV_ADDR: n } });
  expect(refused).toMatchObject({ code: 2, out: "", err: expect.stringContaining(`${n} answered TOPIC_NOT_EXIST`) });
  const nobody = await mqadmin(["topicRoute", "-n", "127.0.0.1:1", "-t", "A", "--json"]);
  expect(nobody).toMatchObject({ code: 3, out: "" });
  expect((JSON.parse(nobody.err) as { error: string }).error).toContain("127.0.0.1");
});

test("a nameserver that is down is passed over", async () => {
  expect(await mqadmin(["topicRoute", "-n", `127.0.0.1:1;${n}`, "-t", "TBW102", "-l"])).toMatchObject({ code: 0 });
});

test("the name of a light queue's group is printed as it is: it is no format", async () => {
  const group = "%LMQ%light";
  const words = ["-c", "DefaultCluster", "-n", n];
  expect((await mqadmin(["updateColdDataFlowCtrGroupConfig", "-g", group, "-v", "5000", ...words])).code).toBe(0);
  const { code, out } = await mqadmin(["getColdDataFlowCtrInfo", ...words]);
  expect(code).toBe(0);
  expect(out).toContain(`"${group}":5000`);
  expect((await mqadmin(["removeColdDataFlowCtrGroupConfig", "-g", group, ...words])).code).toBe(0);
});

describe("of a cluster with a broker that is down", () => {
  let half: RocketMQ;
  const down = "127.0.0.1:1";
  beforeAll(async () => {
    half = await startRocketMQ({ listen: true });
    const client = half.client();
    const header = {
      brokerName: "broker-down",
      brokerAddr: down,
      clusterName: "DefaultCluster",
      haServerAddr: "127.0.0.1:2",
      brokerId: 0,
      heartbeatTimeoutMillis: undefined,
      enableActingMaster: undefined,
      compressed: false,
      bodyCrc32: 0,
    };
    const body = new TextEncoder().encode('{"topicConfigSerializeWrapper":{"topicConfigTable":{}},"filterServerList":[]}');
    await client.call("register", half.namesrvAddr as string, "REGISTER_BROKER", header, { body });
  });
  afterAll(() => half.close());

  const run = (...words: string[]) => mqadmin([...words, "-n", half.namesrvAddr as string, "--json"]);

  test.each(["clusterList", "brokerStatus -c DefaultCluster", "getBrokerConfig -c DefaultCluster"])(
    "%s says what the others say, as one document, names the broker, and ends with 4",
    async (words) => {
      const { code, out, err } = await run(...words.split(" "));
      expect(code).toBe(4);
      expect(JSON.stringify(JSON.parse(out))).toContain("127.0.0.1");
      const complaints = err
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as { error: string });
      expect(complaints.map(({ error }) => /127\.0\.0\.1 port 1:/.test(error))).toEqual([true]);
    },
  );

  test.each([
    "updateTopic -c DefaultCluster -t Partly",
    "updateSubGroup -c DefaultCluster -g Partly",
    "updateBrokerConfig -c DefaultCluster -k fileReservedTime -v 71",
  ])("%s says where it was done and where not", async (words) => {
    const { code, out, err } = await run(...words.split(" "));
    expect(code).toBe(4);
    expect(JSON.parse(out)).toMatchObject({
      done: [expect.stringMatching(/^127\.0\.0\.1:\d+$/)],
      failed: [{ address: down, error: expect.stringContaining("127.0.0.1 port 1:") }],
    });
    expect((JSON.parse(err) as { error: string }).error).toMatch(/^Done at .*, not at 127\.0\.0\.1:1: /);
  });

  test("where nobody answers nothing is partial", async () => {
    expect(await run("brokerStatus", "-b", down)).toMatchObject({ code: 3, out: "" });
    expect(await run("updateTopic", "-b", down, "-t", "Partly")).toMatchObject({ code: 3, out: "" });
  });
});

test("--json prints one document, --table the same as rows", async () => {
  const json = await mqadmin(["wipeWritePerm", "-n", n, "-b", "nobody", "--json"]);
  expect(JSON.parse(json.out)).toEqual([{ nameserver: n, brokerName: "nobody", topics: 0 }]);
  const table = await mqadmin(["wipeWritePerm", "-n", n, "-b", "nobody", "--table"]);
  expect(table.out).toMatch(/│ nameserver +│ brokerName +│ topics +│/);
});

test("requests are signed with the account of conf/tools.yml", async () => {
  const home = mkdtempSync(join(tmpdir(), "edgemq-tools-"));
  try {
    mkdirSync(join(home, "conf"));
    const account = { username: "root", password: "secret-of-root" };
    const protectedBroker = await startRocketMQ({
      listen: true,
      namesrv: {
        authenticationEnabled: true,
        authorizationEnabled: true,
        initAuthenticationUser: JSON.stringify(account),
        authConfigPath: "/namesrv/auth",
      },
      broker: { innerClientAuthenticationCredentials: JSON.stringify({ accessKey: "root", secretKey: account.password }) },
    });
    try {
      const words = ["getNamesrvConfig", "-n", protectedBroker.namesrvAddr as string];
      const environment = { ROCKETMQ_HOME: home };
      expect(await mqadmin(words, { environment })).toMatchObject({ code: 2 });
      writeFileSync(join(home, "conf/tools.yml"), "accessKey: root\nsecretKey: secret-of-root\n");
      expect(await mqadmin(words, { environment })).toMatchObject({ code: 0 });
      writeFileSync(join(home, "conf/tools.yml"), "accessKey: root\n");
      const incomplete = await mqadmin(words, { environment });
      expect(incomplete).toMatchObject({ code: 2, err: expect.stringContaining("conf/tools.yml is incomplete") });
    } finally {
      await protectedBroker.close();
    }
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
});

test("completion scripts know every command, and bash can read its own", async () => {
  for (const shell of ["bash", "zsh", "fish"]) {
    const { out, code } = await mqadmin(["completion", shell]);
    expect(code).toBe(0);
    for (const { name } of commands) expect(out).toContain(name);
  }
  const { out } = await mqadmin(["completion", "bash"]);
  const tried = `${out}\nCOMP_WORDS=(mqadmin topicRoute --to); COMP_CWORD=2; _mqadmin; echo "\${COMPREPLY[@]}"`;
  const bash = spawnSync("bash", ["-c", tried], { encoding: "utf8" });
  // Where there is no bash, only the text was looked at.
  if (bash.error === undefined) expect(bash.stdout).toBe("--topic\n");
  expect((await mqadmin(["completion", "tcsh"])).code).toBe(1);
});

describe("completion, typed into the shell itself", () => {
  const directory = mkdtempSync(join(tmpdir(), "edgemq-shells-"));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  const has = (shell: string) => spawnSync(shell, ["--version"]).error === undefined;

  async function script(shell: "zsh" | "fish"): Promise<string> {
    const path = join(directory, `mqadmin.${shell}`);
    writeFileSync(path, (await mqadmin(["completion", shell])).out);
    return path;
  }

  // `complete -C` says what fish would offer for a line.
  test.skipIf(!has("fish"))("fish (skipped where there is none)", async () => {
    const path = await script("fish");
    const offered = (line: string): string[] => {
      const environment = { ...process.env, HOME: directory, XDG_CONFIG_HOME: directory };
      const ran = spawnSync("fish", ["--no-config", "-c", `source ${path}; complete -C '${line}'`], {
        encoding: "utf8",
        env: environment,
      });
      expect(ran.stderr).toBe("");
      return ran.stdout
        .trimEnd()
        .split("\n")
        .map((row) => row.split("\t")[0] as string);
    };
    expect(offered("mqadmin topicRo")).toEqual(["topicRoute"]);
    expect(offered("mqadmin topicRoute --to")).toEqual(["--topic"]);
    expect(offered("mqadmin help clusterL")).toEqual(["clusterList"]);
    expect(offered("mqadmin completion z")).toEqual(["zsh"]);
  });

  // zsh completes in a terminal only: zpty makes one, and what `compadd` is given is written down.
  test.skipIf(!has("zsh"))(
    "zsh (skipped where there is none)",
    async () => {
      const capture = join(directory, "capture.zsh");
      writeFileSync(capture, zshCapture(await script("zsh")));
      const lines = ["mqadmin topicRo", "mqadmin topicRoute --to", "mqadmin help clusterL", "mqadmin completion z"];
      const environment = { ...process.env, HOME: directory, ZDOTDIR: directory };
      const { stdout } = spawnSync("zsh", ["-f", capture, ...lines], { encoding: "utf8", env: environment, timeout: 25_000 });
      expect(stdout.split("\n").filter((row) => row !== "")).toEqual(["topicRoute", "--topic", "clusterList", "zsh"]);
    },
    30_000,
  );
});

test("columns are Java's", () => {
  expect(format("%-5s|%5d|%.2f|%6.2f|%.3s|%%", "ab", 12, 1.005, -0.5, "abcdef")).toBe("ab   |   12|1.01| -0.50|abc|%");
  expect(prettyJson({ a: [1, { b: "x" }], c: {}, d: [], e: undefined })).toBe(
    '{\n\t"a":[\n\t\t1,\n\t\t{\n\t\t\t"b":"x"\n\t\t}\n\t],\n\t"c":{},\n\t"d":[]\n}',
  );
});

/** Types each argument and Tab into a zsh in a pseudo terminal, and prints what that offers. */
const zshCapture = (script: string): string => `zmodload zsh/zpty
zpty z "zsh -f -i"
zpty -w z "PROMPT= RPROMPT=; autoload -Uz compinit; compinit -u -D; source ${script}"
zpty -w z "compadd() { if [[ \\$1 == -O || \\$1 == -A || \\$1 == -D ]]; then builtin compadd \\"\\$@\\"; else local -a hits; builtin compadd -O hits \\"\\$@\\"; print -rl -- \\"<<\\$^hits>>\\" >> ${script}.hits; builtin compadd \\"\\$@\\"; fi }"
zpty -w z "print READ''Y"
zpty -r -m z line "*READY*"
for typed in "$@"; do
  : > ${script}.hits
  zpty -n -w z "$typed"$'\t'
  repeat 200; do [[ -s ${script}.hits ]] && break; sleep 0.02; done
  sleep 0.05
  sed -n 's/^<<\\(.*\\)>>$/\\1/p' ${script}.hits | sort -u
  zpty -n -w z $'\x15'
done
zpty -d z
`;
