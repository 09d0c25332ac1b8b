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

test("columns are Java's", () => {
  expect(format("%-5s|%5d|%.2f|%6.2f|%.3s|%%", "ab", 12, 1.005, -0.5, "abcdef")).toBe("ab   |   12|1.01| -0.50|abc|%");
  expect(prettyJson({ a: [1, { b: "x" }], c: {}, d: [], e: undefined })).toBe(
    '{\n\t"a":[\n\t\t1,\n\t\t{\n\t\t\t"b":"x"\n\t\t}\n\t],\n\t"c":{},\n\t"d":[]\n}',
  );
});
