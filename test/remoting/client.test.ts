import { describe, expect, test } from "bun:test";
import { simRuntime } from "../../adapters/sim/sim.ts";
import { RemotingClient, splitAddress } from "../../core/remoting/client.ts";
import type { Peer } from "../../core/remoting/processor.ts";
import { RemotingFault } from "../../core/remoting/processor.ts";
import type { Runtime } from "../../core/runtime.ts";
import { LogBook, RemotingHarness } from "./harness.ts";

const header = { namespace: "N", key: "K" };

const faultOf = async (promise: Promise<unknown>): Promise<RemotingFault> => {
  try {
    await promise;
  } catch (fault) {
    if (fault instanceof RemotingFault) return fault;
    throw fault;
  }
  throw new Error("expected a RemotingFault");
};

describe("RemotingClient", () => {
  test("calls at the same time share one connection and get their own answers", async () => {
    const harness = await new RemotingHarness().start({
      GET_KV_CONFIG: (_context, request) => ({
        header: { value: request.header.key },
        body: new Uint8Array([request.header.key.length]),
      }),
    });
    const client = harness.client();
    const replies = await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        client.invoke(harness.address, "GET_KV_CONFIG", { namespace: "N", key: "k".repeat(i) }, undefined, 1000),
      ),
    );
    expect(replies.map((reply) => reply.extFields?.["value"]?.length ?? 0)).toEqual(Array.from({ length: 50 }, (_, i) => i));
    // poisonChunks overwrote the chunks: the bodies are copies.
    expect(replies.map((reply) => reply.body[0])).toEqual(Array.from({ length: 50 }, (_, i) => i));
    expect(harness.server.connectionCount).toBe(1);
  });

  test("no answer within the time is a time-out that names address, request and time", async () => {
    const harness = await new RemotingHarness().start({ GET_KV_CONFIG: () => new Promise(() => {}) });
    const fault = faultOf(harness.client().invoke(harness.address, "GET_KV_CONFIG", header, undefined, 3000));
    await harness.settle();
    await harness.world.clock.advance(3001);
    expect((await fault).kind).toBe("timeout");
    expect((await fault).message).toMatch(/127\.0\.0\.1:\d+ did not answer GET_KV_CONFIG within \d+(\.\d+)? ms/);
  });

  test("calls on one connection end each at its own time, the answered ones between them at none", async () => {
    const harness = await new RemotingHarness().start({
      GET_KV_CONFIG: (_context, request) =>
        request.header.key === "answered" ? { header: { value: "v" } } : new Promise(() => {}),
    });
    const { clock } = harness.world;
    const client = harness.client();
    await client.invoke(harness.address, "GET_KV_CONFIG", { namespace: "N", key: "answered" }, undefined, 50);
    const startedAt = clock.monotonic();
    const ends: [key: string, afterMs: number][] = [];
    const call = (key: string, timeoutMs: number) =>
      client.invoke(harness.address, "GET_KV_CONFIG", { namespace: "N", key }, undefined, timeoutMs).then(
        () => ends.push([key, 0]),
        (fault: RemotingFault) => ends.push([fault.kind, Math.round(clock.monotonic() - startedAt)]),
      );
    const calls = [call("a", 3000), call("answered", 200), call("b", 1000), call("c", 2000), call("d", 1000)];
    for (let i = 0; i < 32; i++) await clock.advance(100);
    await Promise.all(calls);
    expect(ends).toEqual([
      ["answered", 0],
      ["timeout", 1000],
      ["timeout", 1000],
      ["timeout", 2000],
      ["timeout", 3000],
    ]);
  });

  test("a refused connection is a connect fault, and the next call tries again", async () => {
    const harness = await new RemotingHarness().start({ GET_KV_CONFIG: () => ({ header: { value: "v" } }) });
    const client = harness.client();
    await harness.server.stop();
    expect((await faultOf(client.invoke(harness.address, "GET_KV_CONFIG", header, undefined, 1000))).kind).toBe("connect");
    await harness.start({ GET_KV_CONFIG: () => ({ header: { value: "v" } }) });
    expect((await client.invoke(harness.address, "GET_KV_CONFIG", header, undefined, 1000)).code).toBe(0);
  });

  test("a connection that closes rejects what waits on it, and the next call opens another", async () => {
    const peers: Peer[] = [];
    const harness = await new RemotingHarness().start({
      GET_KV_CONFIG: (context) => {
        peers.push(context.peer);
        return peers.length === 1 ? new Promise(() => {}) : { header: { value: "v" } };
      },
    });
    const client = harness.client();
    const waiting = faultOf(client.invoke(harness.address, "GET_KV_CONFIG", header, undefined, 1000));
    await harness.settle();
    peers[0]?.close();
    expect((await waiting).kind).toBe("closed");
    expect((await client.invoke(harness.address, "GET_KV_CONFIG", header, undefined, 1000)).code).toBe(0);
    expect(peers[0]?.closed).toBe(true);
  });

  test("an unknown host name is a connect fault that says so", async () => {
    const harness = new RemotingHarness();
    const fault = await faultOf(harness.client().invoke("nowhere.invalid:9876", "GET_KV_CONFIG", header, undefined, 1000));
    expect(fault.kind).toBe("connect");
    expect(fault.message).toContain("nowhere.invalid:9876: the name can't be resolved");
  });

  test("a stop rejects what waits for a connection at once, and no further address is tried", async () => {
    const sim = simRuntime();
    const tried: string[] = [];
    const net: Runtime["net"] = {
      listen: (at, accept) => sim.net.listen(at, accept),
      connect: ({ host, timeoutMs }) => {
        tried.push(host);
        return new Promise((_, reject) => void sim.clock.setTimeout(() => reject(new Error("no answer")), timeoutMs));
      },
    };
    const dns = { resolve: async () => ["10.0.0.1", "10.0.0.2"] };
    const client = new RemotingClient({ runtime: { ...sim, net, dns }, log: new LogBook() });
    const calls = [
      faultOf(client.invoke("two.example:9876", "GET_KV_CONFIG", header, undefined, 30_000)),
      faultOf(client.oneway("two.example:9876", "GET_KV_CONFIG", header, undefined, 30_000)),
    ];
    await sim.clock.settle();
    const startedAt = sim.clock.monotonic();
    client.stop();
    const faults = await sim.clock.resolve(Promise.all(calls), 60_000);
    expect(faults.map(({ kind }) => kind)).toEqual(["closed", "closed"]);
    expect(sim.clock.monotonic()).toBe(startedAt);
    await sim.clock.advance(60_000);
    expect(tried).toEqual(["10.0.0.1"]);
  });

  test("a server calls a client back, and onClose tells when it is gone", async () => {
    const peers: Peer[] = [];
    let gone = 0;
    const harness = await new RemotingHarness().start({
      GET_KV_CONFIG: (context) => {
        peers.push(context.peer);
        context.peer.onClose(() => gone++);
        return { header: { value: "v" } };
      },
    });
    const client = harness.client();
    await client.invoke(harness.address, "GET_KV_CONFIG", header, undefined, 1000);
    // This client answers no requests: it says so instead of letting the server wait.
    const reply = await peers[0]?.invoke("GET_CONSUMER_RUNNING_INFO", { consumerGroup: "G", clientId: "c" }, undefined, 1000);
    expect(reply?.code).toBe(3);
    client.stop();
    await harness.settle();
    expect(gone).toBe(1);
  });
});

describe("splitAddress", () => {
  test.each([
    ["127.0.0.1:9876", "127.0.0.1", 9876],
    ["[::1]:9876", "::1", 9876],
    ["::1:9876", "::1", 9876],
    ["broker.example:65535", "broker.example", 65_535],
  ] as const)("%s", (address, host, port) => {
    expect(splitAddress(address)).toEqual({ host, port });
  });

  test.each(["", "host", ":9876", "host:", "host:0", "host:65536", "host:12x", "host:-1"])("refuses %p", (address) => {
    expect(() => splitAddress(address)).toThrow("is not host:port");
  });
});
