/** A connect to a machine that does not answer: played by a stopped process whose queue of connections is full. */

import { describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import type { Socket } from "../../core/runtime.ts";
import { hostRuntime } from "../support/host_runtime.ts";
import { Recorder } from "./peers.ts";

const { net } = await hostRuntime();

// A stopped process does not accept, so the kernel drops what comes after the queue is full.
const SERVER = `const s = require("node:net").createServer();
s.listen({ host: "127.0.0.1", port: 0, backlog: 1 }, () => console.log(s.address().port));`;

describe.skipIf(process.platform !== "linux")("a connect that nobody answers", () => {
  test("is ETIMEDOUT when its time is over", async () => {
    const child = spawn("node", ["-e", SERVER], { stdio: ["ignore", "pipe", "inherit"] });
    const exited = once(child, "exit");
    const opened: Socket[] = [];
    try {
      const [line] = (await once(child.stdout, "data")) as [{ toString(): string }];
      child.kill("SIGSTOP");
      const options = { host: "127.0.0.1", port: Number(line.toString()), timeoutMs: 300 };
      let fault: unknown;
      for (let attempts = 0; attempts < 10 && fault === undefined; attempts++) {
        const connecting = net.connect(options, new Recorder());
        await connecting.then(
          (socket) => opened.push(socket),
          (error: unknown) => {
            fault = error;
          },
        );
      }
      expect(fault).toMatchObject({ code: "ETIMEDOUT" });
      expect((fault as Error).message).toContain(`port ${options.port}: no answer within 300 ms`);
    } finally {
      for (const socket of opened) socket.destroy();
      // Not child.kill: on Deno it works once.
      process.kill(child.pid!, "SIGKILL");
      await exited;
    }
  }, 20_000);
});
