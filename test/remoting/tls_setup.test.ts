/** From keys and files to TLS that serves: what is refused at the start, what a change of the files does, and bad clients. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { simRuntime } from "../../adapters/sim/sim.ts";
import { settingsWith } from "../../core/config.ts";
import { namesrvOptions } from "../../core/namesrv/options.ts";
import type { RemotingClient } from "../../core/remoting/client.ts";
import { RemotingClient as Client } from "../../core/remoting/client.ts";
import type { ProcessorMap } from "../../core/remoting/processor.ts";
import { RemotingServer } from "../../core/remoting/server.ts";
import { TlsSetup } from "../../core/remoting/tls_setup.ts";
import type { Runtime, Socket, TlsIdentity } from "../../core/runtime.ts";
import { hostRuntime } from "../support/host_runtime.ts";
import { requestBytes } from "./door_frames.ts";
import { LogBook, RawPeer } from "./harness.ts";

const NOW = Date.now();
const host = await hostRuntime();
const first = await host.tls!.selfSigned("first", NOW);
const second = await host.tls!.selfSigned("second", NOW);

describe("TLS from keys and files", () => {
  let directory: string;
  let log: LogBook;
  let look: () => void;
  let runtime: Runtime;
  let setup: TlsSetup | undefined;
  let server: RemotingServer<"namesrv"> | undefined;
  let client: RemotingClient | undefined;
  let address = "";
  let callers: string[];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "edgemq-tls-"));
    log = new LogBook();
    callers = [];
    // The clock of the watch is the test's; all else is this runtime's own.
    const setInterval = (callback: () => void) => {
      look = callback;
      return { cancel() {} };
    };
    runtime = { ...host, clock: Object.assign(Object.create(host.clock), { setInterval }) };
  });
  afterEach(async () => {
    client?.stop();
    await server?.stop();
    setup?.stop();
    client = server = setup = undefined;
    rmSync(directory, { recursive: true, force: true });
  });

  const path = (name: string): string => join(directory, name);
  const write = (name: string, text: string): void => host.files.write(path(name), new TextEncoder().encode(text));
  const writeIdentity = ({ certificate, key }: TlsIdentity): void => {
    write("server.pem", certificate);
    write("server.key", key);
  };
  const files = (): Record<string, string | boolean> => ({
    "tls.test.mode.enable": false,
    "tls.server.certPath": path("server.pem"),
    "tls.server.keyPath": path("server.key"),
  });

  function made(input: Record<string, string | boolean>, on: Runtime = runtime): TlsSetup {
    const settings = settingsWith(namesrvOptions, { "tls.config.file": path("none"), ...input }, on.system);
    setup = new TlsSetup(on, log, settings);
    return setup;
  }

  async function serve(input: Record<string, string | boolean>): Promise<void> {
    const tls = made(input);
    await tls.start();
    const note = ({ peer }: { peer: { remote: { host: string } } }) => {
      callers.push(peer.remote.host);
      return {};
    };
    server = new RemotingServer({
      runtime: host,
      log,
      role: "namesrv",
      processors: { GET_KV_CONFIG: note } as unknown as ProcessorMap<"namesrv">,
      listen: [{ host: "127.0.0.1", port: 0 }],
      tls,
    });
    const [endpoint] = await server.start();
    address = `127.0.0.1:${endpoint!.port}`;
  }

  /** One call over a connection of its own that trusts `identity` only. */
  async function call(identity?: TlsIdentity): Promise<number> {
    const context = host.tls!.client(
      identity === undefined ? { verifyServer: false } : { verifyServer: true, authorities: identity.certificate },
    );
    const own = new Client({ runtime: host, log, tls: () => context });
    try {
      return (await own.invoke(address, "GET_KV_CONFIG", { namespace: "n", key: "k" }, undefined, 5000)).code;
    } finally {
      own.stop();
    }
  }

  async function raw(): Promise<RawPeer> {
    const peer = new RawPeer();
    const port = Number(address.split(":")[1]);
    peer.socket = await host.net.connect({ host: "127.0.0.1", port, timeoutMs: 5000 }, peer);
    return peer;
  }

  test("with no key set, plain clients and TLS clients are served on one port", async () => {
    await serve({});
    const plain = new Client({ runtime: host, log });
    client = plain;
    const reply = await plain.invoke(address, "GET_KV_CONFIG", { namespace: "n", key: "k" }, undefined, 5000);
    expect([reply.code, await call(), await call()]).toEqual([0, 0, 0]);
    expect(log.lines).toEqual([]);
  });

  test("a certificate made in memory is another one each time, and names nothing of this machine", async () => {
    const { certificate } = await host.tls!.selfSigned("edgemq", NOW);
    expect(new X509Certificate(certificate).subject).toBe("CN=edgemq");
    expect((await host.tls!.selfSigned("edgemq", NOW)).certificate).not.toBe(certificate);
  });

  test("a key with a password is opened by it, and by no other", async () => {
    const locked = { type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "secret" } as const;
    writeIdentity({ certificate: first.certificate, key: createPrivateKey(first.key).export(locked) as string });
    await expect(made({ ...files(), "tls.server.keyPassword": "wrong" }).start()).rejects.toThrow(
      "the private key can't be used",
    );
    await serve({ ...files(), "tls.server.keyPassword": "secret" });
    expect(await call(first)).toBe(0);
  });

  test("files are used", async () => {
    writeIdentity(first);
    await serve(files());
    expect(await call(first)).toBe(0);
    await expect(call(second)).rejects.toThrow("TLS with 127.0.0.1");
  });

  test("tls.config.file wins", async () => {
    writeIdentity(first);
    write(
      "tls.properties",
      `tls.test.mode.enable=false\ntls.server.certPath=${path("server.pem")}\ntls.server.keyPath=${path("server.key")}\n`,
    );
    await serve({ "tls.config.file": path("tls.properties"), "tls.server.certPath": path("absent.pem") });
    expect(await call(first)).toBe(0);
  });

  test("new files are taken by connections that come then; one file alone changes nothing", async () => {
    writeIdentity(first);
    await serve(files());
    write("server.pem", `${second.certificate}\n`);
    look();
    look();
    expect(log.lines).toEqual([
      "ERROR cannot use the TLS certificates that are new; the old ones stay, and these are tried again",
    ]);
    expect(await call(first)).toBe(0);
    write("server.key", `${second.key}\n`);
    look();
    expect(await call(second)).toBe(0);
    await expect(call(first)).rejects.toThrow("TLS with 127.0.0.1");
  });

  test.each([
    ["a file that is not there", {}, "there is no such file"],
    ["only one of the two", { "tls.server.keyPath": "" }, "only one of them is set"],
  ] as const)("the start is refused for %s", async (_name, change, reason) => {
    await expect(made({ ...files(), ...change }).start()).rejects.toThrow(reason);
  });

  test("the start is refused for a key that belongs to another certificate", async () => {
    writeIdentity({ certificate: first.certificate, key: second.key });
    await expect(made(files()).start()).rejects.toThrow("does not belong to the certificate");
  });

  test("the start is refused for TLS only without a certificate, and without TLS in the runtime", async () => {
    const enforcing = { "tls.server.mode": "enforcing" };
    await expect(made({ ...enforcing, "tls.test.mode.enable": false }).start()).rejects.toThrow("no certificate for TLS clients");
    await expect(made(enforcing, simRuntime()).start()).rejects.toThrow("the runtime sim has no TLS");
    await made({}, simRuntime()).start();
  });

  test.each([
    [{}, false],
    [{ "tls.server.mode": "enforcing" }, true],
    [{ "tls.server.mode": "enforcing", "tls.enable": "false" }, false],
    [{ "tls.enable": "true" }, true],
    [{ useTLS: true }, true],
  ] as const)("own connections with %p: TLS %p", (input, expected) => {
    expect(made({ ...input }).clientEnabled).toBe(expected);
  });

  test("a PROXY header stands before TLS", async () => {
    await serve({});
    const context = host.tls!.client({ verifyServer: false });
    const peer = await raw();
    peer.socket.write(new TextEncoder().encode("PROXY TCP4 203.0.113.7 198.51.100.1 56324 10911\r\n"));
    const inside = new RawPeer();
    const secure = await new Promise<Socket>((resolve, reject) => {
      const handler = context.wrap(peer.socket, {
        established(socket) {
          resolve(socket);
          return inside;
        },
        failed: reject,
      });
      peer.data = (chunk) => handler.data(chunk);
    });
    const answered = new Promise<void>((resolve) => {
      const take = inside.data.bind(inside);
      inside.data = (chunk) => {
        take(chunk);
        resolve();
      };
    });
    secure.write(requestBytes());
    await answered;
    expect(callers).toEqual(["203.0.113.7"]);
    secure.destroy();
  });

  test("a thousand half handshakes hold up nobody", async () => {
    await serve({});
    expect(await call()).toBe(0);
    const peers = await Promise.all(Array.from({ length: 1000 }, () => raw()));
    for (const peer of peers) peer.socket.write(Uint8Array.of(0x16, 3, 1, 1, 0, 1));
    expect([await call(), await call()]).toEqual([0, 0]);
    expect(server!.connectionCount).toBeLessThanOrEqual(1003);
    for (const peer of peers) peer.socket.destroy();
  });
});
