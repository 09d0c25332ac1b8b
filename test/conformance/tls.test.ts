/** TLS on every adapter that has it. The simulator has none: what it carries is never encrypted, and its seeds repeat. */

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import type { Listener, RuntimeFault, Socket, Tls, TlsClientOptions, TlsIdentity, TlsServerOptions } from "../../core/runtime.ts";
import { ADAPTERS, type Started } from "./adapters.ts";
import { bytesOf, deferred, expectSame, pattern, Recorder } from "./peers.ts";

const NOW = Date.now();

interface Outcome {
  readonly socket: Socket | undefined;
  readonly seen: Recorder;
  readonly fault: RuntimeFault | undefined;
}

const SIMULATED = ["sim", "sim with fragments, delays and stale chunks", "memory"];
test.each(SIMULATED)("TLS of %s is skipped: the simulator has none, and its runtime says so", (name) => {
  const started = ADAPTERS.find((adapter) => adapter.name === name)!.start();
  expect(started.runtime.tls).toBe(undefined);
  started.stop();
});

const withTls = ADAPTERS.filter(({ name }) => !SIMULATED.includes(name));

describe.each(withTls.map((adapter) => [adapter.name, adapter] as const))("TLS of %s", (_name, adapter) => {
  let it: Started;
  let tls: Tls;
  let identity: TlsIdentity;
  let clientIdentity: TlsIdentity;
  let strangerIdentity: TlsIdentity;
  const listeners: Listener[] = [];
  const sockets: Socket[] = [];

  beforeAll(async () => {
    const { runtime, stop } = adapter.start();
    tls = runtime.tls!;
    [identity, clientIdentity, strangerIdentity] = (await Promise.all(
      ["server", "client", "stranger"].map((name) => tls.selfSigned(name, NOW)),
    )) as [TlsIdentity, TlsIdentity, TlsIdentity];
    stop();
  });
  beforeEach(() => {
    it = adapter.start();
  });
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    for (const listener of listeners.splice(0)) await listener.close();
    it.stop();
  });
  afterAll(() => {});

  /** Both ends, when the handshake is over on each or has failed. A failed client may never learn why. */
  async function pair(
    serverOptions: Partial<TlsServerOptions> = {},
    clientOptions: Partial<TlsClientOptions> = {},
  ): Promise<{ server: Promise<Outcome>; client: Promise<Outcome> }> {
    const context = tls.server({ identity, clientAuth: "none", verifyClient: false, ...serverOptions });
    const own = tls.client({ verifyServer: false, ...clientOptions });
    const server = deferred<Outcome>();
    const listener = await it.runtime.net.listen({ host: "127.0.0.1", port: 0 }, (plain) => {
      sockets.push(plain);
      return context.wrap(plain, settling(server.resolve));
    });
    listeners.push(listener);
    const client = deferred<Outcome>();
    let inner: ReturnType<typeof own.wrap> | undefined;
    const plain = await it.runtime.net.connect(
      { host: "127.0.0.1", port: listener.address.port, timeoutMs: 5000 },
      {
        data: (chunk) => inner?.data(chunk),
        drained: () => inner?.drained?.(),
        ended: () => inner?.ended?.(),
        closed: (fault) => inner?.closed(fault),
      },
    );
    sockets.push(plain);
    inner = own.wrap(plain, settling(client.resolve));
    return { server: server.promise, client: client.promise };
  }

  function settling(resolve: (outcome: Outcome) => void) {
    const seen = new Recorder();
    return {
      established(socket: Socket) {
        resolve({ socket, seen, fault: undefined });
        return seen;
      },
      failed: (fault: RuntimeFault) => resolve({ socket: undefined, seen, fault }),
    };
  }

  async function established(...options: Parameters<typeof pair>): Promise<{ server: Outcome; client: Outcome }> {
    const both = await pair(...options);
    const [server, client] = await Promise.all([both.server, both.client]);
    expect([server.fault?.message, client.fault?.message]).toEqual([undefined, undefined]);
    return { server, client };
  }

  test("a megabyte arrives whole, both ways", async () => {
    const { server, client } = await established();
    const sent = pattern(1_000_003);
    server.seen.onData = (chunk) => server.socket?.write(chunk);
    client.socket?.write(sent);
    await client.seen.whenReceived(sent.length);
    expectSame(client.seen.bytes(), sent);
  });

  test("addresses are those of the connection", async () => {
    const { server, client } = await established();
    expect(server.socket?.remote).toEqual(client.socket!.local);
    expect(client.socket?.remote).toEqual(server.socket!.local);
  });

  test("a reader that stops leaves the bytes with the writer, who is told when they have gone", async () => {
    const { server, client } = await established();
    server.socket?.pause();
    const sent = pattern(8_000_000);
    client.socket?.write(sent);
    expect(client.socket!.bufferedBytes).toBeGreaterThan(0);
    server.socket?.resume();
    await server.seen.whenReceived(sent.length);
    await client.seen.when(() => client.seen.events.includes("drained"));
    expect(client.socket?.bufferedBytes).toBe(0);
    expectSame(server.seen.bytes(), sent);
  });

  test("end sends what is queued, then both sides close, once", async () => {
    const { server, client } = await established();
    client.socket?.write(bytesOf("last words"));
    client.socket?.end();
    await server.seen.whenEnded();
    expect(server.seen.text()).toBe("last words");
    server.socket?.end();
    await Promise.all([server.seen.whenClosed(), client.seen.whenClosed()]);
    expect([server.seen.closedCount, client.seen.closedCount]).toEqual([1, 1]);
  });

  test("destroy closes both sides", async () => {
    const { server, client } = await established();
    server.socket?.destroy();
    await Promise.all([server.seen.whenClosed(), client.seen.whenClosed()]);
    expect([server.seen.closedCount, client.seen.closedCount]).toEqual([1, 1]);
  });

  test("bytes that are no handshake fail it", async () => {
    const failed = deferred<RuntimeFault>();
    const context = tls.server({ identity, clientAuth: "none", verifyClient: false });
    const listener = await it.runtime.net.listen({ host: "127.0.0.1", port: 0 }, (plain) => {
      sockets.push(plain);
      return context.wrap(plain, { established: () => new Recorder(), failed: failed.resolve });
    });
    listeners.push(listener);
    const seen = new Recorder();
    const plain = await it.runtime.net.connect({ host: "127.0.0.1", port: listener.address.port, timeoutMs: 5000 }, seen);
    sockets.push(plain);
    plain.write(bytesOf("\x16this is no handshake at all, and goes on for long enough to be told"));
    expect((await failed.promise).message).toContain("TLS with 127.0.0.1 port ");
  });

  test("a client that goes away in the handshake fails it", async () => {
    const failed = deferred<RuntimeFault>();
    const context = tls.server({ identity, clientAuth: "none", verifyClient: false });
    const listener = await it.runtime.net.listen({ host: "127.0.0.1", port: 0 }, (plain) => {
      sockets.push(plain);
      return context.wrap(plain, { established: () => new Recorder(), failed: failed.resolve });
    });
    listeners.push(listener);
    const options = { host: "127.0.0.1", port: listener.address.port, timeoutMs: 5000 };
    const plain = await it.runtime.net.connect(options, new Recorder());
    plain.write(Uint8Array.of(0x16, 3, 1));
    plain.destroy();
    expect((await failed.promise).code.length).toBeGreaterThan(0);
  });

  describe("certificates of clients", () => {
    const asked = (clientAuth: TlsServerOptions["clientAuth"], verifyClient: boolean): Partial<TlsServerOptions> => ({
      clientAuth,
      verifyClient,
      authorities: clientIdentity.certificate,
    });

    test("optional: none is fine", async () => {
      await established(asked("optional", true));
    });

    test("optional: a good one is fine", async () => {
      await established(asked("optional", true), { identity: clientIdentity });
    });

    test("optional: one of somebody else is refused", async () => {
      const { server } = await pair(asked("optional", true), { identity: strangerIdentity });
      expect((await server).fault?.message).toContain("the client's certificate is not accepted");
    });

    test("required: none is refused", async () => {
      const { server } = await pair(asked("require", true));
      expect((await server).fault?.message).toContain("shows no certificate");
    });

    test("required: a good one is fine", async () => {
      await established(asked("require", true), { identity: clientIdentity });
    });

    test("required: one of somebody else is refused", async () => {
      const { server } = await pair(asked("require", true), { identity: strangerIdentity });
      expect((await server).fault?.message).toContain("the client's certificate is not accepted");
    });

    test("required and not looked at: one of somebody else is fine", async () => {
      await established(asked("require", false), { identity: strangerIdentity });
    });

    test("with TLS 1.2 the same", async () => {
      const protocols = ["TLSv1.2"];
      await established({ ...asked("require", true), protocols }, { identity: clientIdentity });
      const { server } = await pair({ ...asked("require", true), protocols }, { identity: strangerIdentity });
      expect((await server).fault?.message).toContain("the client's certificate is not accepted");
    });
  });

  describe("certificates of servers", () => {
    test("a good one is fine, whatever its name", async () => {
      await established({}, { verifyServer: true, authorities: identity.certificate });
    });

    test("one of somebody else is refused", async () => {
      const { client } = await pair({}, { verifyServer: true, authorities: strangerIdentity.certificate });
      expect((await client).fault).not.toBe(undefined);
    });
  });

  test("remarks and blank lines in the files are passed over, and a chain is taken", async () => {
    const remarked = (text: string) => `\nBag Attributes\n    friendlyName: one\n${text}\n\n`;
    const certificate = remarked(identity.certificate) + remarked(strangerIdentity.certificate);
    const authorities = remarked(strangerIdentity.certificate) + remarked(identity.certificate);
    await established({ identity: { certificate, key: remarked(identity.key) } }, { verifyServer: true, authorities });
  });

  describe("what can't be used is refused at once", () => {
    const problem = (change: Partial<TlsIdentity>): string => {
      try {
        tls.server({ identity: { ...identity, ...change }, clientAuth: "none", verifyClient: false });
      } catch (fault) {
        return `${(fault as RuntimeFault).code} ${(fault as Error).message}`;
      }
      return "";
    };

    test("a certificate that is none", () => {
      expect(problem({ certificate: "garbage" })).toContain("EINVAL the certificate can't be used");
    });

    test("a key that is none", () => {
      expect(problem({ key: "garbage" })).toContain("EINVAL the private key can't be used");
    });

    test("a key of another certificate", () => {
      expect(problem({ key: clientIdentity.key })).toBe("EINVAL the private key does not belong to the certificate");
    });
  });
});
