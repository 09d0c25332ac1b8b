/** The fault model of the simulated network, sentence by sentence. */
import { describe, expect, test } from "bun:test";
import type { NetworkFaults } from "../../adapters/sim/network_faults.ts";
import { type SimRuntime, simRuntime, simWorld } from "../../adapters/sim/sim.ts";
import { bytesOf, connectedPair, type Pair, pattern, Recorder } from "../conformance/peers.ts";

const at = { host: "10.0.0.2", port: 9876, timeoutMs: 3_000 };

function pairOf(sim: SimRuntime): Promise<Pair> {
  return connectedPair(sim.net, (promise) => sim.clock.resolve(promise));
}

function withFaults(network: Partial<NetworkFaults>, seed = 1): SimRuntime {
  return simRuntime({ seed, network });
}

/** A world of two machines, with a listener on the second that records. */
async function twoMachines() {
  const world = simWorld();
  const here = world.process({ addresses: ["10.0.0.1"] });
  const there = world.process({ addresses: ["10.0.0.2"] });
  const accepted: Recorder[] = [];
  await there.net.listen({ host: "0.0.0.0", port: at.port }, () => {
    const seen = new Recorder();
    accepted.push(seen);
    return seen;
  });
  return { world, here, there, accepted };
}

describe("the simulated network", () => {
  test("cuts chunks in pieces that arrive one by one, in order", async () => {
    const sim = withFaults({ fragment: 0.9 });
    const { client, server } = await pairOf(sim);
    const sent = pattern(1_000);
    client.socket.write(sent);
    await sim.clock.settle();
    expect(server.seen.chunks.length).toBeGreaterThan(4);
    expect(server.seen.bytes()).toEqual(sent);
  });

  test("delays chunks, and lets none overtake another", async () => {
    const sim = withFaults({ delayMs: [5, 50] });
    const { client, server } = await pairOf(sim);
    const began = sim.clock.monotonic();
    for (let i = 0; i < 100; i++) client.socket.write(Uint8Array.of(i));
    await sim.clock.settle();
    expect(server.seen.receivedBytes).toBe(0);
    await sim.clock.until(() => server.seen.receivedBytes === 100);
    expect(sim.clock.monotonic() - began).toBeGreaterThan(5);
    expect([...server.seen.bytes()]).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });

  test("drops chunks and sends them again: late, in order, and other connections overtake them", async () => {
    const sim = withFaults({ drop: 0.3 }, 3);
    const first = await pairOf(sim);
    const began = sim.clock.monotonic();
    for (let i = 0; i < 100; i++) first.client.socket.write(Uint8Array.of(i));
    await sim.clock.settle();
    expect(first.server.seen.receivedBytes).toBeLessThan(100);
    sim.network.faults.drop = 0;
    const second = await pairOf(sim);
    second.client.socket.write(bytesOf("overtakes"));
    await sim.clock.settle();
    expect(second.server.seen.receivedBytes).toBe(9);
    await sim.clock.until(() => first.server.seen.receivedBytes === 100);
    expect(sim.clock.monotonic() - began).toBeGreaterThanOrEqual(200);
    expect([...first.server.seen.bytes()]).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });

  test("leaves a connection half-open: nothing passes any more, and nobody is told", async () => {
    const sim = withFaults({ silence: 1 });
    const { client, server } = await pairOf(sim);
    client.socket.write(bytesOf("lost"));
    await sim.clock.advance(60_000);
    sim.network.faults.silence = 0;
    server.socket.write(bytesOf("lost as well"));
    server.socket.destroy();
    await sim.clock.advance(60_000);
    expect([client.seen.receivedBytes, server.seen.receivedBytes, client.seen.closedCount]).toEqual([0, 0, 0]);
  });

  test("breaks a connection: both sides get ECONNRESET, the rest is lost", async () => {
    const sim = withFaults({ reset: 0.1 }, 7);
    const { client, server } = await pairOf(sim);
    for (let i = 0; i < 200; i++) client.socket.write(Uint8Array.of(i));
    await sim.clock.resolve(Promise.all([client.seen.whenClosed(), server.seen.whenClosed()]));
    expect([client.seen.fault?.code, server.seen.fault?.code]).toEqual(["ECONNRESET", "ECONNRESET"]);
    expect(server.seen.receivedBytes).toBeLessThan(200);
  });

  test("refuses by chance", async () => {
    const sim = withFaults({ refuse: 1 });
    await expect(pairOf(sim)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  test("overwrites a chunk that the handler has let go", async () => {
    const sim = withFaults({ poisonChunks: true });
    const { client, server } = await pairOf(sim);
    let kept: Uint8Array | undefined;
    server.seen.onData = (chunk) => {
      kept = chunk;
    };
    client.socket.write(bytesOf("abc"));
    await sim.clock.settle();
    expect(server.seen.text()).toBe("abc");
    expect([...kept!]).toEqual([0xdd, 0xdd, 0xdd]);
  });

  test("a small window lets the sender feel a reader that stops", async () => {
    const sim = withFaults({ windowBytes: 100 });
    const { client, server } = await pairOf(sim);
    server.socket.pause();
    client.socket.write(pattern(1_000));
    await sim.clock.settle();
    expect(client.socket.bufferedBytes).toBe(900);
    server.socket.resume();
    await sim.clock.settle();
    expect(client.socket.bufferedBytes).toBe(0);
    expect(server.seen.bytes()).toEqual(pattern(1_000));
    expect(client.seen.events).toEqual(["drained"]);
  });

  test("an address that nobody has lets the connect time out", async () => {
    const { here } = await twoMachines();
    const began = here.clock.monotonic();
    const connecting = here.net.connect({ ...at, host: "10.9.9.9" }, new Recorder());
    await expect(here.clock.resolve(connecting)).rejects.toMatchObject({ code: "ETIMEDOUT" });
    expect(here.clock.monotonic() - began).toBe(3_000);
  });

  test("a partition holds chunks back and swallows connects, until it is healed", async () => {
    const { here, there, accepted, world } = await twoMachines();
    const socket = await here.net.connect(at, new Recorder());
    world.network.partition(here.net.machine, there.net.machine);
    socket.write(bytesOf("held"));
    const connecting = here.net.connect(at, new Recorder());
    await expect(here.clock.resolve(connecting)).rejects.toMatchObject({ code: "ETIMEDOUT" });
    expect(accepted[0]!.text()).toBe("");
    world.network.heal();
    await world.clock.settle();
    expect(accepted[0]!.text()).toBe("held");
    await here.net.connect(at, new Recorder());
  });

  test("machines have their own addresses and loopback", async () => {
    const { here, there } = await twoMachines();
    const seen = new Recorder();
    const socket = await here.net.connect(at, seen);
    expect([socket.local.host, socket.remote.host]).toEqual(["10.0.0.1", "10.0.0.2"]);
    await expect(here.net.connect({ ...at, host: "127.0.0.1" }, new Recorder())).rejects.toMatchObject({ code: "ECONNREFUSED" });
    await there.net.connect({ ...at, host: "127.0.0.1" }, new Recorder());
    expect(there.system.interfaces().map(({ host }) => host)).toEqual(["127.0.0.1", "::1", "10.0.0.2"]);
  });

  test("names resolve as the world says", async () => {
    const world = simWorld({ names: { "mq.example.com": ["10.0.0.1"] } });
    const sim = world.process();
    expect(await sim.dns.resolve("mq.example.com")).toEqual(["10.0.0.1"]);
    await sim.net.listen({ host: "0.0.0.0", port: 1 }, () => new Recorder());
    const socket = await sim.net.connect({ host: "mq.example.com", port: 1, timeoutMs: 100 }, new Recorder());
    expect(socket.remote).toEqual({ host: "10.0.0.1", port: 1 });
    const unknown = sim.net.connect({ host: "other.example.com", port: 1, timeoutMs: 100 }, new Recorder());
    await expect(unknown).rejects.toMatchObject({ code: "ENOTFOUND" });
  });

  test("kill -9 resets the peers at once and frees the port; a power loss shows when they send", async () => {
    const { here, there, accepted } = await twoMachines();
    const seen = new Recorder();
    await here.net.connect(at, seen);
    const again = there.crash("kill");
    await here.clock.resolve(seen.whenClosed());
    expect(seen.fault?.code).toBe("ECONNRESET");
    expect(accepted[0]!.closedCount).toBe(0);

    await again.net.listen({ host: "0.0.0.0", port: at.port }, () => new Recorder());
    const second = new Recorder();
    const socket = await here.net.connect(at, second);
    again.crash("power");
    await here.clock.advance(60_000);
    expect(second.closedCount).toBe(0);
    socket.write(bytesOf("are you there?"));
    await here.clock.resolve(second.whenClosed());
    expect(second.fault?.code).toBe("ECONNRESET");
  });
});
