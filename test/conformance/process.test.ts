/** What shows in a process of its own only. */

import { afterEach, expect, test } from "bun:test";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { commandFor, HOST, hostRuntime } from "../support/host_runtime.ts";
import { bytesOf, Recorder } from "./peers.ts";

function run(script: string): { said: string; status: number | null } {
  const [command, args] = commandFor(HOST, fileURLToPath(new URL(script, import.meta.url)));
  const { stdout, status } = spawnSync(command, args, { timeout: 20_000, stdio: ["ignore", "pipe", "inherit"] });
  return { said: stdout.toString().trim(), status };
}

/** Here and not in the test, since one that runs out of time never reaches the end of its own. */
let server: ChildProcess | undefined;
afterEach(async () => {
  if (server?.kill("SIGKILL")) await once(server, "exit");
  server = undefined;
});

test("pending timers do not keep a process alive", () => {
  expect(run("pending_timers.ts")).toEqual({ said: "set", status: 0 });
}, 30_000);

test("what a socket handler throws is an uncaught error, not a fault of the connection", () => {
  expect(run("throwing_handler.ts")).toEqual({ said: "uncaught: a bug in the handler", status: 7 });
}, 30_000);

test.skipIf(process.platform === "win32")(
  "who ran out of file handles accepts again when there are some",
  async () => {
    const { net } = await hostRuntime();
    const [command, args] = commandFor(HOST, fileURLToPath(new URL("echo_server.ts", import.meta.url)));
    server = spawn("sh", ["-c", 'ulimit -n 100; exec "$@"', "sh", command, ...args], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [line] = (await once(server.stdout!, "data")) as [{ toString(): string }];
    const options = { host: "127.0.0.1", port: Number(line.toString()), timeoutMs: 5_000 };
    const echo = async (text: string) => {
      const seen = new Recorder();
      const socket = await net.connect(options, seen);
      socket.write(bytesOf(text));
      return { socket, seen };
    };

    const crowd = await Promise.all(Array.from({ length: 120 }, () => echo("x")));
    await Promise.race(crowd.map(({ seen }) => seen.whenReceived(1)));
    for (const { socket } of crowd) socket.destroy();
    await Promise.all(crowd.map(({ seen }) => seen.whenClosed()));

    // Node turns away whom it has no handle for, and may do so until it has seen that the crowd is gone.
    let heard = "";
    for (let tries = 0; heard === "" && tries < 100; tries++) {
      const { socket, seen } = await echo("still there?");
      await seen.when(() => seen.receivedBytes === 12 || seen.closedCount > 0);
      heard = seen.text();
      socket.destroy();
    }
    expect(heard).toBe("still there?");
  },
  30_000,
);
