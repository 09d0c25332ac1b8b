/** The commands as users type them: npm scripts, `bun run`, Deno tasks with no more permissions than they name. */
import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { Command } from "../interop/processes.ts";
import { projectDirectory } from "../interop/toolchain.ts";
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

  test("a start that fails is exit code 1", async () => {
    const { code, output } = await ended(shop.run(command("mqbroker", "-c", shop.path("none.conf"))));
    expect(output).toContain("there is no such file");
    expect(code).toBe(1);
  });
});
