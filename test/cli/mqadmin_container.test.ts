/** addBroker and removeBroker at a broker container, which answers as Apache's did: its own bytes, once recorded. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import type { RemotingCommand } from "../../wire/remoting_command.ts";
import { decodeCommand } from "../../wire/serialize.ts";
import { fakeServer } from "../client/fake_server.ts";
import { hostRuntime } from "../support/host_runtime.ts";
import { mqadmin } from "./mqadmin_harness.ts";

const ROWS = readFileSync(new URL("./golden/container.txt", import.meta.url), "utf8")
  .trimEnd()
  .split("\n")
  .filter((line) => !line.startsWith("#"))
  .map((line) => line.split("\t") as [words: string, request: string, reply: string, printed: string]);

const bytesOf = (hex: string): Uint8Array => Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));

test("what Apache's mqadmin sends to a container and prints, ours sends and prints", async () => {
  let reply: Uint8Array = new Uint8Array();
  const asked: RemotingCommand[] = [];
  const container = await fakeServer(await hostRuntime(), {
    onOther: (socket, request) => {
      asked.push(request);
      // Recorded of a first call, as this one is: its opaque is 0.
      expect(request.opaque).toBe(0);
      socket.write(reply);
    },
  });
  expect(ROWS.length).toBe(5);
  for (const [words, requestHex, replyHex, printed] of ROWS) {
    reply = bytesOf(replyHex);
    const theirs = decodeCommand(bytesOf(requestHex));
    const filled = (text: string) => text.replaceAll("{addr}", container.address);
    const { code, out, err } = await mqadmin(filled(words).split(" "));
    const [ours] = asked.splice(0);
    expect([ours?.code, ours?.extFields]).toEqual([theirs.code, theirs.extFields]);
    const failure = /^CODE: (\d+) {2}DESC: (.*)$/.exec(printed);
    if (failure === null) {
      expect([code, out, err]).toEqual([0, `${filled(printed)}\n`, ""]);
    } else {
      expect([code, out]).toEqual([2, ""]);
      expect(err).toContain(`${container.address} answered`);
      expect(err).toContain(`(${failure[1]}), "${failure[2]}"`);
    }
  }
  await container.close();
});
