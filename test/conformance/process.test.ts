/** What shows in a process of its own only. */

import { expect, test } from "bun:test";
import { spawn, spawnSync } from "node:child_process";
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
    const child = spawn("sh", ["-c", 'ulimit -n 100; exec "$@"', "sh", command, ...args], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const exited = once(child, "exit");
    try {
      const [line] = (await once(child.stdout, "data")) as [{ toString(): string }];
      const options = { host: "127.0.0.1", port: Number(line.toString()), timeoutMs: 5_000 };
      const crowd = await Promise.all(
        Array.from({ length: 120 }, async () => {
          const seen = new Recorder();
          const socket = await net.connect(options, seen);
          socket.write(bytesOf("x"));
          return { socket, seen };
        }),
      );
      await Promise.race(crowd.map(({ seen }) => seen.whenReceived(1)));
      for (const { socket } of crowd) socket.destroy();
      await Promise.all(crowd.map(({ seen }) => seen.whenClosed()));

      const seen = new Recorder();
      const socket = await net.connect(options, seen);
      socket.write(bytesOf("still there?"));
      await seen.whenReceived(12);
      expect(seen.text()).toBe("still there?");
      socket.destroy();
    } finally {
      child.kill("SIGKILL");
      await exited;
    }
  },
  30_000,
);
