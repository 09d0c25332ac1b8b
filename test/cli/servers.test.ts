import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { silentLog } from "../../adapters/shared/log.ts";
import { hostRuntime } from "../../cli/host.ts";
import { RemotingClient } from "../../core/remoting/client.ts";
import { freePorts } from "../interop/processes.ts";
import { runtimeCommand } from "../interop/targets.ts";
import { ended, ourRuntimes, outputMatch, portOf, READY_MS, stopped, Workshop } from "./server_processes.ts";

setDefaultTimeout(2 * READY_MS);

let shop: Workshop;
beforeEach(() => {
  shop = new Workshop();
});
afterEach(() => shop.close());

const FREE = ["--namesrv-port", "0", "--broker-port", "0"];

describe.each([...ourRuntimes])("on %s", (runtime) => {
  test("the stand-alone server: a line a port, Apache's ready lines, and an orderly stop", async () => {
    const server = shop.start(runtime, "standalone", ["--data", shop.path("data"), ...FREE]);
    await outputMatch(server, /The broker.*boot success.*\n/);
    const [namesrv, broker] = [await portOf(server, "Nameserver"), await portOf(server, "Broker")];
    expect(server.outputTail).toContain(`The Name Server boot success. serializeType=JSON, address 127.0.0.1:${namesrv}\n`);
    expect(server.outputTail).toContain(
      `The broker[broker-a, 127.0.0.1:${broker}] boot success. serializeType=JSON and name server is 127.0.0.1:${namesrv}\n`,
    );
    expect(server.outputTail).toContain(
      `Advertised: clients are told 127.0.0.1:${broker}: the only address listened on; brokerIP1 is not set\n`,
    );
    const asked = performance.now();
    expect(await stopped(server)).toBe(0);
    expect(performance.now() - asked).toBeLessThan(5_000);
    expect(existsSync(shop.path("data/store/lock"))).toBe(true);
    expect(existsSync(shop.path("data/store/abort"))).toBe(false);
  });

  test("on ::1: route, message id and view by id are IPv6", async () => {
    const server = shop.start(runtime, "standalone", ["--data", shop.path("data"), "--listen", "::1", ...FREE]);
    await outputMatch(server, /The broker.*boot success.*\n/);
    const [namesrv, broker] = [await portOf(server, "Nameserver"), await portOf(server, "Broker")];
    expect(server.outputTail).toContain(`The Name Server boot success. serializeType=JSON, address [::1]:${namesrv}\n`);
    const client = shop.run(runtimeCommand(runtime, "test/cli/probe_client.ts", [`[::1]:${namesrv}`, "Six"]));
    const { output } = await ended(client);
    expect(output).toContain(JSON.stringify({ told: `[::1]:${broker}`, storeHost: `[::1]:${broker}`, viewed: true }));
    expect(await stopped(server)).toBe(0);
  });

  test("mqnamesrv and mqbroker with Apache's files", async () => {
    const ports = await freePorts(5);
    const [namesrvPort, listenPort] = [ports, ports + 3];
    const namesrvConf = shop.file(
      "namesrv.conf",
      `listenPort=${namesrvPort}\nbindAddress=127.0.0.1\nkvConfigPath=${shop.path("kvConfig.json")}\n`,
    );
    const brokerConf = shop.file(
      "broker.conf",
      `brokerClusterName=DefaultCluster\nbrokerName=broker-b\nbrokerId=0\ndeleteWhen=04\nfileReservedTime=48\nbrokerRole=ASYNC_MASTER\n` +
        `flushDiskType=ASYNC_FLUSH\nlistenPort=${listenPort}\nbindAddress=127.0.0.1\nstorePathRootDir=${shop.path("store")}\n` +
        "sendMessageThreadPoolNums=128\nmyOwnKey=1\nregisterNameServerPeriod=5000\n",
    );
    const namesrv = shop.start(runtime, "mqnamesrv", ["-c", namesrvConf]);
    await namesrv.waitForOutput(`The Name Server boot success. serializeType=JSON, address 127.0.0.1:${namesrvPort}\n`, READY_MS);
    const broker = shop.start(runtime, "mqbroker", ["-c", brokerConf, "-n", `127.0.0.1:${namesrvPort}`]);
    await broker.waitForOutput(
      `The broker[broker-b, 127.0.0.1:${listenPort}] boot success. serializeType=JSON and name server is 127.0.0.1:${namesrvPort}\n`,
      READY_MS,
    );
    expect(broker.outputTail).toContain("sendMessageThreadPoolNums: accepted, has no effect: ");
    expect(broker.outputTail).toContain("myOwnKey: accepted, has no effect: not a key");
    expect(broker.outputTail).toContain("registerNameServerPeriod=5000 is outside 10000..60000: 10000 is used");
    expect(await stopped(broker)).toBe(0);
    expect(await stopped(namesrv)).toBe(0);
  });

  test("a configuration that can't be used: every key is named, exit code 1, nothing starts", async () => {
    const conf = shop.file("broker.conf", `listenPort=99999\nbrokerRole=FOO\nstorePathRootDir=${shop.path("store")}\n`);
    const { code, output } = await ended(shop.start(runtime, "mqbroker", ["-c", conf]));
    expect(code).toBe(1);
    expect(output).toContain(`${conf}: listenPort=99999 can't be used: allowed is a whole number from 0 to 65535\n`);
    expect(output).toContain(`${conf}: brokerRole=FOO can't be used: allowed is one of ASYNC_MASTER, SYNC_MASTER. `);
    expect(existsSync(shop.path("store"))).toBe(false);
  });

  test("-p prints the configuration and exits", async () => {
    const conf = shop.file("broker.conf", "fileReservedTime=48\nbrokerName=broker-b\n");
    const { code, output } = await ended(shop.start(runtime, "mqbroker", ["-p", "-c", conf], { NAMESRV_ADDR: "ns:9876" }));
    expect(code).toBe(0);
    for (const line of ["fileReservedTime=48", "brokerName=broker-b", "namesrvAddr=ns:9876", "listenPort=10911"]) {
      expect(`\n${output}`).toContain(`\n${line}\n`);
    }
  });

  test("a second server on the same directory, or on the same ports", async () => {
    const first = shop.start(runtime, "standalone", ["--data", shop.path("data"), ...FREE]);
    await outputMatch(first, /The broker.*boot success.*\n/);
    const sameDirectory = await ended(shop.start(runtime, "standalone", ["--data", shop.path("data"), ...FREE]));
    expect(sameDirectory.code).toBe(1);
    expect(sameDirectory.output).toContain(shop.path("data/store"));
    expect(sameDirectory.output).toContain("--data");
    const port = await portOf(first, "Nameserver");
    const samePort = await ended(
      shop.start(runtime, "standalone", ["--data", shop.path("other"), "--namesrv-port", String(port), "--broker-port", "0"]),
    );
    expect(samePort.code).toBe(1);
    expect(samePort.output).toContain(`Cannot listen on 127.0.0.1 port ${port}: EADDRINUSE`);
    expect(samePort.output).toContain("--namesrv-port");
    expect(await stopped(first)).toBe(0);
  });
});

describe("on bun", () => {
  test("NAMESRV_ADDR and ROCKETMQ_SERIALIZE_TYPE are read as Apache reads them, ROCKETMQ_HOME is not required", async () => {
    const conf = shop.file(
      "broker.conf",
      `brokerName=b\nlistenPort=0\nbindAddress=127.0.0.1\nstorePathRootDir=${shop.path("store")}\n`,
    );
    const environment = { NAMESRV_ADDR: "127.0.0.1:1", ROCKETMQ_SERIALIZE_TYPE: "ROCKETMQ" };
    const broker = shop.start("bun", "mqbroker", ["-c", conf], environment);
    const [line] = await outputMatch(broker, /The broker.*\n/);
    expect(line).toMatch(
      /^The broker\[b, 127\.0\.0\.1:\d+\] boot success\. serializeType=ROCKETMQ and name server is 127\.0\.0\.1:1\n$/,
    );
    expect(await stopped(broker)).toBe(0);
    const wrong = await ended(shop.start("bun", "mqbroker", ["-c", conf], { ROCKETMQ_SERIALIZE_TYPE: "XML" }));
    expect(wrong.code).toBe(1);
    expect(wrong.output).toContain("ROCKETMQ_SERIALIZE_TYPE=XML can't be used: allowed is one of JSON, ROCKETMQ");
  });

  test("a broker that writes ROCKETMQ headers registers with a nameserver that writes JSON", async () => {
    const namesrv = shop.start("bun", "mqnamesrv", [
      "-c",
      shop.file("namesrv.conf", `listenPort=0\nbindAddress=127.0.0.1\nkvConfigPath=${shop.path("kvConfig.json")}\n`),
    ]);
    const [, port] = await outputMatch(namesrv, /The Name Server boot success.*:(\d+)\n/);
    const conf = `brokerName=b\nlistenPort=0\nbindAddress=127.0.0.1\nstorePathRootDir=${shop.path("store")}\n`;
    const broker = shop.start("bun", "mqbroker", ["-c", shop.file("broker.conf", conf), "-n", `127.0.0.1:${port}`], {
      ROCKETMQ_SERIALIZE_TYPE: "ROCKETMQ",
    });
    await outputMatch(broker, /The broker.*boot success.*\n/);
    const { code, output } = await ended(shop.start("bun", "doctor", [`127.0.0.1:${port}`]));
    expect(output).toContain("and answers");
    expect(code).toBe(0);
  });

  test("run-time updates reach the file of -c, and nothing else", async () => {
    const text = `# mine\nbrokerName=b\nlistenPort=0\nbindAddress=127.0.0.1\nstorePathRootDir=${shop.path("store")}\nfileReservedTime=48\n`;
    const conf = shop.file("broker.conf", text);
    const broker = shop.start("bun", "mqbroker", ["-c", conf]);
    const port = await portOf(broker, "Broker");
    const client = new RemotingClient({ runtime: await hostRuntime(), log: silentLog });
    const update = (body: string) =>
      client.invoke(`127.0.0.1:${port}`, "UPDATE_BROKER_CONFIG", {}, new TextEncoder().encode(body), READY_MS);
    try {
      expect(await update("fileReservedTime=24\ndefaultTopicQueueNums=4\n")).toMatchObject({
        code: 0,
        remark: "stored, takes effect after a restart: defaultTopicQueueNums",
      });
      const after = text.replace("fileReservedTime=48", "fileReservedTime=24") + "defaultTopicQueueNums=4\n";
      expect(readFileSync(conf, "utf8")).toBe(after);
      expect(readFileSync(`${conf}.bak`, "utf8")).toBe(text);
      const refused = await update(`fileReservedTime=1\nstorePathRootDir=${shop.path("elsewhere")}\n`);
      expect(refused).toMatchObject({ code: 16 });
      expect(refused.remark).toContain("storePathRootDir: it can be changed only in the server's own file");
      expect(readFileSync(conf, "utf8")).toBe(after);
    } finally {
      client.stop();
    }
  });

  test("logLevel says at run time which lines are written", async () => {
    const server = shop.start("bun", "standalone", ["--data", shop.path("data"), ...FREE]);
    await outputMatch(server, /The broker.*boot success.*\n/);
    const client = new RemotingClient({ runtime: await hostRuntime(), log: silentLog });
    const set = async (level: string) => {
      const body = new TextEncoder().encode(`logLevel=${level}\n`);
      const reply = await client.invoke(
        `127.0.0.1:${await portOf(server, "Broker")}`,
        "UPDATE_BROKER_CONFIG",
        {},
        body,
        READY_MS,
      );
      return reply.code;
    };
    expect([await set("LOUD"), await set("ERROR")]).toEqual([1, 0]);
    client.stop();
    expect(await stopped(server)).toBe(0);
    // An info line, of every stop.
    expect(server.outputTail).not.toContain("stopping");
    expect(readFileSync(shop.path("data/broker.conf"), "utf8")).toContain("logLevel=ERROR");
  });

  test("SIGINT stops as SIGTERM does", async () => {
    const server = shop.start("bun", "standalone", ["--data", shop.path("data"), ...FREE]);
    await outputMatch(server, /The broker.*boot success.*\n/);
    process.kill(server.pid, "SIGINT");
    expect(await server.exited).toBe(0);
  });

  test("the stand-alone server keeps run-time updates of before in data/broker.conf, and reads them", async () => {
    shop.file("data/broker.conf", "brokerName=kept\nfileReservedTime=24\n");
    const { code, output } = await ended(shop.start("bun", "standalone", ["-p", "--data", shop.path("data")]));
    expect(code).toBe(0);
    expect(output).toContain("brokerName=kept\n");
    expect(output).toContain(`brokerConfigPath=${shop.path("data/broker.conf")}\n`);
    expect(output).toContain("bindAddress=127.0.0.1\n");
  });

  test("the stand-alone server with a file of -c keeps run-time updates there", async () => {
    const conf = shop.file("mine.conf", "brokerName=mine\n");
    const { code, output } = await ended(shop.start("bun", "standalone", ["-p", "-c", conf, "--data", shop.path("data")]));
    expect(code).toBe(0);
    expect(output).toContain("brokerName=mine\n");
    expect(output).toContain(`brokerConfigPath=${conf}\n`);
  });

  test("--listen tells the stand-alone server where", async () => {
    const server = shop.start("bun", "standalone", ["--data", shop.path("data"), "--listen", "0.0.0.0", ...FREE]);
    await outputMatch(server, /The broker\[broker-a, 0\.0\.0\.0:\d+\] boot success.*\n/);
    expect(await stopped(server)).toBe(0);
  });

  test.each([
    [
      "no such file",
      ["-c", "/no/such.conf"],
      "Cannot read the configuration file /no/such.conf: there is no such file; name another with -c",
    ],
    ["an unknown option", ["-x"], "unknown option '-x'"],
    ["an option without its value", ["-c"], "argument missing"],
    ["words that are no option", ["start"], "too many arguments"],
    ["a nameserver list that is none", ["-n", "localhost"], "namesrvAddr=localhost can't be used"],
    ["a log level that is none", ["--log-level", "loud"], "Allowed choices are error, warn, info, debug"],
  ])("%s is said, exit code 1", async (_name, args, expected) => {
    const { code, output } = await ended(shop.start("bun", "mqbroker", args));
    expect(code).toBe(1);
    expect(output).toContain(expected);
  });

  test.each(["203.0.113.7", "no-such-host.invalid"])("an address that is not here, %s, is said with the key", async (address) => {
    const conf = shop.file("broker.conf", `brokerName=b\nbindAddress=${address}\nstorePathRootDir=${shop.path("store")}\n`);
    const { code, output } = await ended(shop.start("bun", "mqbroker", ["-c", conf]));
    expect(code).toBe(1);
    expect(output).toContain(`Cannot listen on ${address} port 10911: `);
    expect(output).toContain(`This machine has no such address: choose one that it has with bindAddress in ${conf}`);
  });

  test("a directory that can't be made is said with the key", async () => {
    const conf = shop.file(
      "broker.conf",
      `brokerName=b\nlistenPort=0\nbindAddress=127.0.0.1\nstorePathRootDir=${shop.path("broker.conf")}/store\n`,
    );
    const { code, output } = await ended(shop.start("bun", "mqbroker", ["-c", conf]));
    expect(code).toBe(1);
    expect(output).toContain(`${shop.path("broker.conf")}/store`);
    expect(output).toContain("storePathRootDir");
  });

  test("-h has Apache's options", async () => {
    const { code, output } = await ended(shop.start("bun", "mqbroker", ["-h"]));
    expect(code).toBe(0);
    for (const option of [
      "-c, --configFile",
      "-n, --namesrvAddr",
      "-p, --printConfigItem",
      "-m, --printImportantConfig",
      "-h, --help",
    ]) {
      expect(output).toContain(option);
    }
  });

  test("-m prints less than -p", async () => {
    const important = await ended(shop.start("bun", "mqbroker", ["-m"]));
    expect(important.output).toContain("autoCreateTopicEnable=true\n");
    expect(important.output.split("\n").length).toBeLessThan(30);
  });
});

test("deno.json and package.json agree", () => {
  const read = (name: string) => JSON.parse(readFileSync(new URL(`../../${name}`, import.meta.url), "utf8"));
  const [deno, npm] = [read("deno.json"), read("package.json")];
  expect(deno.exports).toEqual(npm.exports);
  for (const path of Object.values<string>(npm.exports)) expect(existsSync(new URL(`../../${path}`, import.meta.url))).toBe(true);
  expect(deno.nodeModulesDir).toBe("manual");
  expect(deno.version).toBe(npm.version);
  for (const command of Object.keys(deno.tasks)) expect(Object.keys(npm.scripts)).toContain(command);
  expect(deno.imports.commander).toBe(`npm:commander@${npm.dependencies.commander}`);
});
