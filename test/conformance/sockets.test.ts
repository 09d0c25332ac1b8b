/** What every adapter's sockets do. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { Listener, Socket } from "../../core/runtime.ts";
import { ADAPTERS, type Started, testOn } from "./adapters.ts";
import { bytesOf, connectedPair, deferred, endpointText, expectSame, type Pair, pattern, Recorder } from "./peers.ts";

describe.each(ADAPTERS.map((adapter) => [adapter.name, adapter] as const))("sockets of %s", (_name, adapter) => {
  const conforms = testOn(adapter);
  let it: Started;
  let pairs: Pair[];

  beforeEach(() => {
    it = adapter.start();
    pairs = [];
  });

  afterEach(async () => {
    for (const pair of pairs) await pair.close();
    it.stop();
  });

  async function pair(host?: string): Promise<Pair> {
    const made = await connectedPair(it.runtime.net, it.wait, host);
    pairs.push(made);
    return made;
  }

  describe("data", () => {
    test.each([1, 2, 1023, 4096, 65_535, 65_536, 65_537, 1_000_003])("%d bytes arrive whole, both ways", async (length) => {
      const { client, server } = await pair();
      const sent = pattern(length);
      server.seen.onData = (chunk) => server.socket.write(chunk);
      client.socket.write(sent);
      await it.wait(client.seen.whenReceived(length));
      expectSame(client.seen.bytes(), sent);
      expect(server.seen.receivedBytes).toBe(length);
    });

    conforms("ten thousand small writes keep their order", async () => {
      const { client, server } = await pair();
      const expected = new Uint32Array(10_000).map((_, i) => i);
      for (const number of expected) client.socket.write(new Uint8Array(Uint32Array.of(number).buffer));
      await it.wait(server.seen.whenReceived(40_000));
      expect(new Uint32Array(server.seen.bytes().slice().buffer)).toEqual(expected);
    });

    conforms("a buffer can be used again when write has returned", async () => {
      const { client, server } = await pair();
      const buffer = pattern(8_000_000);
      const sent = buffer.slice();
      client.socket.write(buffer);
      buffer.fill(0);
      await it.wait(server.seen.whenReceived(sent.length));
      expectSame(server.seen.bytes(), sent);
    });

    conforms("what a peer sends faster than it is read is there whole, and Bun gives each 128 KiB a turn", async () => {
      const { client, server } = await pair();
      const sent = pattern(8_000_000);
      let [inTurn, longestTurn] = [0, 0];
      server.seen.onData = (chunk) => {
        if (inTurn === 0) it.runtime.clock.afterTurn(() => (inTurn = 0));
        inTurn += chunk.length;
        longestTurn = Math.max(longestTurn, inTurn);
      };
      client.socket.write(sent);
      await it.wait(server.seen.whenReceived(sent.length));
      expectSame(server.seen.bytes(), sent);
      // The others read less at once, perhaps several times a turn.
      if (adapter.name === "bun") expect(longestTurn).toBeLessThanOrEqual(128 * 1024);
    });

    conforms("who destroys a connection in the middle of what it said hears no more of it", async () => {
      const { client, server } = await pair();
      let calls = 0;
      server.seen.onData = () => {
        calls++;
        server.socket.destroy();
      };
      client.socket.write(pattern(2_000_000));
      await it.wait(server.seen.whenClosed());
      expect([calls, server.seen.events]).toEqual([1, ["data", "closed"]]);
    });

    conforms("what is written while accepting arrives", async () => {
      const listener = await it.runtime.net.listen({ host: "127.0.0.1", port: 0 }, (socket) => {
        socket.write(bytesOf("welcome"));
        socket.end();
        return new Recorder();
      });
      const seen = new Recorder();
      const options = { host: "127.0.0.1", port: listener.address.port, timeoutMs: 5_000 };
      const socket = await it.wait(it.runtime.net.connect(options, seen));
      await it.wait(seen.whenEnded());
      expect(seen.text()).toBe("welcome");
      socket.destroy();
      await listener.close();
    });
  });

  describe("back-pressure", () => {
    conforms(
      "a reader that stops leaves the bytes with the writer, and loses none",
      async () => {
        const { client, server } = await pair();
        server.socket.pause();
        const sent = pattern(20_000_000);
        for (let at = 0; at < sent.length; at += 1_000_000) client.socket.write(sent.subarray(at, at + 1_000_000));
        // Loopback buffers of a kernel hold some megabytes at most.
        expect(client.socket.bufferedBytes).toBeGreaterThan(10_000_000);
        expect(client.socket.bufferedBytes).toBeLessThanOrEqual(sent.length);
        expect(client.seen.events).toEqual([]);
        server.socket.resume();
        await it.wait(
          Promise.all([server.seen.whenReceived(sent.length), client.seen.when(() => client.seen.events.length > 0)]),
        );
        expect(client.seen.events).toEqual(["drained"]);
        expect(client.socket.bufferedBytes).toBe(0);
        expectSame(server.seen.bytes(), sent);
      },
      20_000,
    );

    conforms("a write that the kernel takes at once drains nothing", async () => {
      const { client, server } = await pair();
      client.socket.write(bytesOf("small"));
      await it.wait(server.seen.whenReceived(5));
      server.socket.write(bytesOf("reply"));
      await it.wait(client.seen.whenReceived(5));
      expect(client.seen.events).toEqual(["data"]);
    });

    conforms("however little is left with the writer, it is told when that has gone", async () => {
      const { client, server } = await pair();
      server.socket.pause();
      let sentBytes = 0;
      // In small pieces, so that no more than one of them is left.
      for (const piece = pattern(1_000); client.socket.bufferedBytes === 0; sentBytes += piece.length) client.socket.write(piece);
      const told = client.seen.when(() => client.seen.events.includes("drained"));
      server.socket.resume();
      await it.wait(Promise.all([told, server.seen.whenReceived(sentBytes)]));
      expect(client.socket.bufferedBytes).toBe(0);
    });

    conforms("a paused socket gets at most what was read already, and all of it after resume", async () => {
      const { client, server } = await pair();
      const sent = pattern(4_000_000);
      server.seen.onData = () => {
        server.socket.pause();
        server.seen.onData = undefined;
      };
      client.socket.write(sent);
      await it.wait(server.seen.whenReceived(1));
      // Another connection goes through all the stages that the paused one would.
      const other = await pair();
      other.client.socket.write(bytesOf("x"));
      await it.wait(other.server.seen.whenReceived(1));
      expect(server.seen.receivedBytes).toBeLessThan(1_100_000);
      server.socket.resume();
      await it.wait(server.seen.whenReceived(sent.length));
      expectSame(server.seen.bytes(), sent);
    });

    conforms("end sends first what is still queued", async () => {
      const { client, server } = await pair();
      server.socket.pause();
      const sent = pattern(16_000_000);
      client.socket.write(sent);
      client.socket.end();
      client.socket.write(bytesOf("after the end"));
      server.socket.resume();
      await it.wait(server.seen.whenEnded());
      expect(server.seen.receivedBytes).toBe(sent.length);
      expectSame(server.seen.bytes(), sent);
    });
  });

  describe("closing", () => {
    conforms("the client ends, the server goes on sending, then ends", async () => {
      const { client, server } = await pair();
      client.socket.write(bytesOf("question"));
      client.socket.end();
      await it.wait(server.seen.whenEnded());
      expect(server.seen.text()).toBe("question");
      const answer = pattern(3_000_000);
      server.socket.write(answer);
      await it.wait(client.seen.whenReceived(answer.length));
      server.socket.end();
      await it.wait(Promise.all([client.seen.whenClosed(), server.seen.whenClosed()]));
      expect(server.seen.undrained()).toEqual(["data", "ended", "closed"]);
      expect(client.seen.undrained()).toEqual(["data", "ended", "closed"]);
      expect([client.seen.fault, server.seen.fault]).toEqual([undefined, undefined]);
    });

    conforms("the server ends, the client goes on sending, then ends", async () => {
      const { client, server } = await pair();
      server.socket.end();
      await it.wait(client.seen.whenEnded());
      client.socket.write(bytesOf("still here"));
      await it.wait(server.seen.whenReceived(10));
      client.socket.end();
      await it.wait(Promise.all([client.seen.whenClosed(), server.seen.whenClosed()]));
      expect(server.seen.undrained()).toEqual(["data", "ended", "closed"]);
      expect(client.seen.undrained()).toEqual(["ended", "closed"]);
      expect([client.seen.fault, server.seen.fault]).toEqual([undefined, undefined]);
    });

    conforms("without an ended callback our side ends too", async () => {
      const closed = deferred<unknown>();
      const listener = await it.runtime.net.listen({ host: "127.0.0.1", port: 0 }, (socket) => ({
        data: (chunk) => socket.write(chunk),
        closed: (fault) => closed.resolve(fault),
      }));
      const seen = new Recorder();
      const options = { host: "127.0.0.1", port: listener.address.port, timeoutMs: 5_000 };
      const socket = await it.wait(it.runtime.net.connect(options, seen));
      socket.write(bytesOf("echo"));
      socket.end();
      await it.wait(seen.whenClosed());
      expect(seen.text()).toBe("echo");
      expect(seen.fault).toBeUndefined();
      expect(await it.wait(closed.promise)).toBeUndefined();
      await listener.close();
    });

    conforms("destroy closes both sides, once, and is silent afterwards", async () => {
      const { client, server } = await pair();
      client.socket.write(bytesOf("x"));
      await it.wait(server.seen.whenReceived(1));
      client.socket.destroy();
      client.socket.destroy();
      client.socket.write(bytesOf("nobody sends this"));
      client.socket.end();
      await it.wait(client.seen.whenClosed());
      await it.wait(server.seen.whenEnded());
      server.socket.end();
      await it.wait(server.seen.whenClosed());
      expect(server.seen.text()).toBe("x");
      expect([client.seen.closedCount, server.seen.closedCount]).toEqual([1, 1]);
      expect(client.socket.bufferedBytes).toBe(0);
    });

    conforms("destroy drops what is queued", async () => {
      const { client, server } = await pair();
      server.socket.pause();
      client.socket.write(pattern(20_000_000));
      expect(client.socket.bufferedBytes).toBeGreaterThan(0);
      client.socket.destroy();
      await it.wait(client.seen.whenClosed());
      server.socket.resume();
      await it.wait(server.seen.when(() => server.seen.closedCount > 0 || server.seen.events.includes("ended")));
      expect(server.seen.receivedBytes).toBeLessThan(20_000_000);
      expect(client.seen.events).not.toContain("drained");
    });

    conforms("a destroy in the middle of a chunk stops the data", async () => {
      const { client, server } = await pair();
      server.seen.onData = () => server.socket.destroy();
      client.socket.write(pattern(8_000_000));
      await it.wait(server.seen.whenClosed());
      const receivedBytes = server.seen.receivedBytes;
      await it.wait(client.seen.when(() => client.seen.events.length > 0));
      expect(server.seen.receivedBytes).toBe(receivedBytes);
      expect(server.seen.closedCount).toBe(1);
    });

    conforms("who goes on writing to a peer that is gone learns it by a fault", async () => {
      const { client, server } = await pair();
      server.socket.pause();
      client.socket.write(pattern(8_000_000));
      server.socket.destroy();
      client.socket.write(pattern(8_000_000));
      await it.wait(client.seen.whenClosed());
      expect(client.seen.closedCount).toBe(1);
      expect(client.seen.fault?.code).toMatch(/^(ECONNRESET|EPIPE)$/);
      expect(client.seen.fault?.message).toContain("127.0.0.1");
    });
  });

  describe("addresses", () => {
    const rows = [
      ["127.0.0.1", "127.0.0.1"],
      ["::1", "::1"],
      ["0.0.0.0", "127.0.0.1"],
      ["::", "127.0.0.1"],
    ] as const;
    for (const [host, seen] of rows) {
      conforms(`on ${host} both sides see each other as ${seen}`, async () => {
        const { client, server, listener } = await pair(host);
        expect(listener.address.host).toBe(host);
        expect(listener.address.port).toBeGreaterThan(0);
        expect(endpointText(client.socket.remote)).toBe(`${seen} ${listener.address.port}`);
        expect(endpointText(server.socket.local)).toBe(`${seen} ${listener.address.port}`);
        expect(client.socket.local.host).toBe(seen);
        expect(endpointText(server.socket.remote)).toBe(endpointText(client.socket.local));
      });
    }

    conforms("they can be read when the socket is closed", async () => {
      const made = await pair();
      const { client, server } = made;
      const before = [client.socket.local, client.socket.remote, server.socket.local, server.socket.remote].map(endpointText);
      await made.close();
      const after = [client.socket.local, client.socket.remote, server.socket.local, server.socket.remote].map(endpointText);
      expect(after).toEqual(before);
    });
  });

  describe("listening and connecting", () => {
    const ignore = () => new Recorder();

    conforms("a taken port is EADDRINUSE", async () => {
      const { listener } = await pair();
      const second = it.runtime.net.listen({ host: "127.0.0.1", port: listener.address.port }, ignore);
      const fault = await it.wait(second).then(undefined, (error: unknown) => error);
      expect(fault).toMatchObject({ code: "EADDRINUSE" });
      expect((fault as Error).message).toContain(`port ${listener.address.port}`);
    });

    conforms("an address of another machine is EADDRNOTAVAIL", async () => {
      const fault = await it.wait(it.runtime.net.listen({ host: "192.0.2.1", port: 0 }, ignore)).catch((error: unknown) => error);
      expect(fault).toMatchObject({ code: "EADDRNOTAVAIL" });
    });

    conforms("where nobody listens a connect is refused", async () => {
      const listener = await it.runtime.net.listen({ host: "127.0.0.1", port: 0 }, ignore);
      const { port } = listener.address;
      await listener.close();
      const connecting = it.runtime.net.connect({ host: "127.0.0.1", port, timeoutMs: 5_000 }, new Recorder());
      const fault = await it.wait(connecting).catch((error: unknown) => error);
      expect(fault).toMatchObject({ code: "ECONNREFUSED" });
      expect((fault as Error).message).toContain(`127.0.0.1 port ${port}`);
    });

    conforms("closing a listener leaves the accepted sockets alone, and the port is free again", async () => {
      const { client, server, listener } = await pair();
      await listener.close();
      client.socket.write(bytesOf("still"));
      await it.wait(server.seen.whenReceived(5));
      const again = await it.runtime.net.listen({ host: "127.0.0.1", port: listener.address.port }, ignore);
      expect(again.address.port).toBe(listener.address.port);
      await again.close();
    });
  });

  conforms(
    "a thousand connections at once",
    async () => {
      const echoed: Socket[] = [];
      const listener: Listener = await it.runtime.net.listen({ host: "127.0.0.1", port: 0 }, (socket) => {
        echoed.push(socket);
        return { data: (chunk) => socket.write(chunk), closed: () => {} };
      });
      const clients = await it.wait(
        Promise.all(
          Array.from({ length: 1000 }, async (_, i) => {
            const seen = new Recorder();
            const options = { host: "127.0.0.1", port: listener.address.port, timeoutMs: 20_000 };
            const socket = await it.runtime.net.connect(options, seen);
            socket.write(bytesOf(`client ${i}`));
            return { socket, seen, text: `client ${i}` };
          }),
        ),
      );
      await it.wait(Promise.all(clients.map(({ seen, text }) => seen.whenReceived(text.length))));
      expect(clients.filter(({ seen, text }) => seen.text() !== text)).toEqual([]);
      expect(echoed.length).toBe(1000);
      for (const { socket } of clients) socket.end();
      await it.wait(Promise.all(clients.map(({ seen }) => seen.whenClosed())));
      expect(clients.filter(({ seen }) => seen.fault !== undefined)).toEqual([]);
      await listener.close();
    },
    30_000,
  );
});
