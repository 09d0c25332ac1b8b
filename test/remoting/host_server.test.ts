/** What a server does on the sockets of the runtime that differs from one runtime to the next. */
import { expect, test } from "bun:test";
import type { ProcessorMap } from "../../core/remoting/processor.ts";
import { RemotingServer } from "../../core/remoting/server.ts";
import { hostRuntime } from "../support/host_runtime.ts";
import { burstOf, LogBook } from "./harness.ts";

test("what comes behind a close is not written, and told of once; the peer's turn to read is not waited for", async () => {
  const runtime = await hostRuntime();
  const log = new LogBook();
  const held: (() => void)[] = [];
  let allHeld = () => {};
  const whenHeld = new Promise<void>((resolve) => {
    allHeld = resolve;
  });
  let peer: { readonly closed: boolean; caughtUp(): Promise<void> | undefined } | undefined;
  const processors: Partial<ProcessorMap<"namesrv">> = {
    GET_KV_CONFIG: (context) => {
      peer = context.peer;
      return new Promise((resolve) => {
        held.push(() => resolve({ header: { value: "v" }, body: new Uint8Array(1_000_000) }));
        if (held.length === 60) allHeld();
      });
    },
  };
  const server = new RemotingServer({
    runtime,
    log,
    role: "namesrv",
    processors: processors as ProcessorMap<"namesrv">,
    listen: [{ host: "127.0.0.1", port: 0 }],
    writeBytesMax: 4_000_000,
  });
  const [endpoint] = await server.start();
  let gone = () => {};
  const whenGone = new Promise<void>((resolve) => {
    gone = resolve;
  });
  const socket = await runtime.net.connect(
    { host: "127.0.0.1", port: endpoint?.port as number, timeoutMs: 5000 },
    { data() {}, closed: () => gone() },
  );
  socket.pause();
  socket.write(burstOf(60));
  await whenHeld;
  const waits: (Promise<void> | undefined)[] = [];
  for (const answer of held) {
    answer();
    // Each in a turn of its own, before the event loop goes on: no runtime has told by then that the socket is closed.
    for (let i = 0; i < 10; i++) await Promise.resolve();
    waits.push(peer?.caughtUp());
  }
  expect(peer?.closed).toBe(true);
  expect(peer?.caughtUp()).toBeUndefined();
  expect(log.lines).toEqual(["WARN closing a connection whose peer stopped reading"]);
  // It was behind before it was closed, and who waited for it is told.
  expect(waits.some((wait) => wait !== undefined)).toBe(true);
  await Promise.all(waits);
  socket.resume();
  await whenGone;
  await server.stop(0);
});
