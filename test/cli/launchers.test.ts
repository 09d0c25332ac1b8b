/** The commands as users type them: npm scripts, `bun run`, Deno tasks with no more permissions than they name. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { Command } from "../interop/processes.ts";
import { projectDirectory } from "../interop/toolchain.ts";
import { hostRuntime } from "../support/host_runtime.ts";
import { ended, outputMatch, portOf, READY_MS, stopped, Workshop } from "./server_processes.ts";

setDefaultTimeout(2 * READY_MS);

let shop: Workshop;
beforeEach(() => {
  shop = new Workshop();
});
afterEach(() => shop.close());

const installed = (name: string): string => `${projectDirectory}/node_modules/.bin/${name}`;

/** From the project's root. */
const typed = (program: string, ...args: readonly string[]): Command => ({ program, args, cwd: projectDirectory });

const WAYS: readonly (readonly [string, (command: string, ...args: readonly string[]) => Command])[] = [
  ["npm run", (command, ...args) => typed("npm", "run", "-s", command, "--", ...args)],
  ["npm run node:", (command, ...args) => typed("npm", "run", "-s", `node:${command}`, "--", ...args)],
  ["bun run", (command, ...args) => typed(installed("bun"), "run", command, ...args)],
  ["deno task", (command, ...args) => typed(installed("deno"), "task", command, ...args)],
];

/** What the tools ask: a stand-alone server with a certificate of its own, which speaks without TLS as well. */
let asked: { readonly shop: Workshop; readonly nameserver: string; readonly certificate: string };
beforeAll(async () => {
  const own = new Workshop();
  const { tls, clock } = await hostRuntime();
  const identity = await tls!.selfSigned("server", clock.now());
  const certificate = own.file("server.pem", identity.certificate);
  const keyPath = own.file("server.key", identity.key);
  const keys = `tls.test.mode.enable=false\ntls.server.certPath=${certificate}\ntls.server.keyPath=${keyPath}\n`;
  own.file("data/broker.conf", keys);
  own.file("data/namesrv/namesrv.properties", keys);
  const server = own.start("bun", "standalone", ["--data", own.path("data"), "--namesrv-port", "0", "--broker-port", "0"]);
  asked = { shop: own, nameserver: `127.0.0.1:${await portOf(server, "Nameserver")}`, certificate };
  await outputMatch(server, /The broker.*boot success.*\n/);
});
afterAll(() => asked.shop.close());

describe.each([...WAYS])("by %s", (_way, command) => {
  test("mqnamesrv and mqbroker start from their files; SIGTERM reaches them and comes back as exit code 0", async () => {
    const namesrvConf = shop.file(
      "namesrv.conf",
      `listenPort=0\nbindAddress=127.0.0.1\nkvConfigPath=${shop.path("kvConfig.json")}\n`,
    );
    const namesrv = shop.run(command("mqnamesrv", "-c", namesrvConf));
    const [, port] = await outputMatch(namesrv, /The Name Server boot success.*:(\d+)\n/);
    const conf = `brokerName=b\nlistenPort=0\nbindAddress=127.0.0.1\nstorePathRootDir=${shop.path("store")}\n`;
    const broker = shop.run(command("mqbroker", "-c", shop.file("broker.conf", conf), "-n", `127.0.0.1:${port}`));
    await outputMatch(broker, /The broker\[b, .*boot success.*\n/);
    expect(await stopped(broker)).toBe(0);
    expect(await stopped(namesrv)).toBe(0);
    expect(broker.outputTail).toContain("broker stopped");
  });

  test("the stand-alone server starts", async () => {
    const server = shop.run(command("start", "--data", shop.path("data"), "--namesrv-port", "0", "--broker-port", "0"));
    await outputMatch(server, /The broker.*boot success.*\n/);
    expect(await portOf(server, "Broker")).toBeGreaterThan(0);
    expect(await stopped(server)).toBe(0);
  });

  test("doctor and mqadmin reach a server, plainly and by the certificate that JAVA_OPT names", async () => {
    const { nameserver, certificate } = asked;
    const settings = shop.file("tls.properties", `tls.client.trustCertPath=${certificate}\n`);
    const verified = `-Dtls.enable=true -Dtls.test.mode.enable=false -Dtls.client.authServer=true -Dtls.config.file=${settings}`;
    const other = verified.replace(settings, shop.file("none.properties", "tls.client.trustCertPath=/nowhere/ca.pem\n"));
    const ran = (name: string, args: readonly string[], JAVA_OPT: string) =>
      ended(shop.run({ ...command(name, ...args), env: { JAVA_OPT, ROCKETMQ_HOME: "", NAMESRV_ADDR: "" } }));
    for (const javaOpt of ["", verified]) {
      const found = await ran("doctor", [nameserver], javaOpt);
      expect(found.output).toContain("A client here reaches every broker.");
      expect(found.code).toBe(0);
      const listed = await ran("mqadmin", ["clusterList", "-n", nameserver], javaOpt);
      expect(listed.output).toContain("broker-a");
      expect(listed.code).toBe(0);
    }
    for (const [name, args] of [["doctor", [nameserver]] as const, ["mqadmin", ["clusterList", "-n", nameserver]] as const]) {
      const refused = await ran(name, args, other);
      expect(refused.output).toContain("tls.client.trustCertPath=/nowhere/ca.pem can't be used: there is no such file");
      expect(refused.code).not.toBe(0);
    }
  });

  test("a start that fails is exit code 1", async () => {
    const { code, output } = await ended(shop.run(command("mqbroker", "-c", shop.path("none.conf"))));
    expect(output).toContain("there is no such file");
    expect(code).toBe(1);
  });
});
