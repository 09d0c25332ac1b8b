/** A client that signs its requests, speaks TLS, and asks for its nameservers; against our broker, on the runtime of the test. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { memoryRuntime } from "../../adapters/sim/memory.ts";
import { simRuntime } from "../../adapters/sim/sim.ts";
import { ClientInstance, Producer, PushConsumer, type SessionCredentials } from "../../core/client/mod.ts";
import type { HttpCall, Runtime } from "../../core/runtime.ts";
import { NameServer, namesrvOptions, type RocketMQ, settingsWith, silentLog, startRocketMQ } from "../../mod.ts";
import { hostRuntime } from "../support/host_runtime.ts";
import { rejection } from "./harness.ts";

const ADMIN = { accessKey: "admin-user", secretKey: "admin-secret" };
const auth = {
  authenticationEnabled: true,
  authorizationEnabled: true,
  initAuthenticationUser: JSON.stringify({ username: ADMIN.accessKey, password: ADMIN.secretKey }),
  innerClientAuthenticationCredentials: JSON.stringify(ADMIN),
};
const host: Runtime = await hostRuntime();

describe("credentials and TLS", () => {
  let rocketmq: RocketMQ;
  beforeAll(async () => {
    const tls = { "tls.server.mode": "enforcing" } as const;
    rocketmq = await startRocketMQ({ listen: true, runtime: host, broker: { ...auth, ...tls }, namesrv: { ...auth, ...tls } });
  });
  afterAll(() => rocketmq.close());

  const client = (credentials: SessionCredentials | (() => SessionCredentials) | undefined, tls = true) =>
    rocketmq.client({
      ...(credentials && { credentials }),
      ...(tls && { tls: { verifyServer: false } }),
      mqClientApiTimeout: 5_000,
    });
  const send = (instance: ClientInstance) =>
    new Producer(instance, { producerGroup: "pg" }).send({ topic: "T", body: "hällo", keys: "k" });

  test("signed requests over TLS are served, and a consumer's as well", async () => {
    const instance = client({ ...ADMIN, securityToken: "a token" });
    const sent = await send(instance);
    const consumer = new PushConsumer(instance, {
      consumerGroup: "cg",
      subscription: { T: "*" },
      consumeFromWhere: "CONSUME_FROM_FIRST_OFFSET",
    });
    for await (const message of consumer) {
      expect([message.msgId, message.text()]).toEqual([sent.msgId, "hällo"]);
      break;
    }
  });

  test("keys may change under way", async () => {
    let asked = 0;
    const instance = client(() => {
      asked++;
      return ADMIN;
    });
    expect((await send(instance)).sendStatus).toBe("SEND_OK");
    expect(asked).toBeGreaterThan(1);
  });

  test("refused keys say so, quote no secret, and name what mends it", async () => {
    const refusals: (readonly [SessionCredentials | undefined, RegExp])[] = [
      [{ ...ADMIN, secretKey: "not the secret" }, /signature/],
      // Who guesses names is not told which there are.
      [{ ...ADMIN, accessKey: "nobody" }, /signature/],
      [undefined, /NO_PERMISSION/],
    ];
    for (const [credentials, words] of refusals) {
      const fault = await rejection(send(client(credentials)));
      expect([fault.name, fault.responseCode]).toEqual(["MQBrokerError", 16]);
      expect(fault.message).toMatch(words);
      expect(fault.message).toInclude("credentials");
      expect(fault.message).not.toInclude("not the secret");
    }
    const blank = () => client({ accessKey: "a", secretKey: " " });
    expect(blank).toThrow("accessKey and secretKey");
  });

  test("a client without TLS, and one that trusts another authority, get no connection, and are told why", async () => {
    const plain = await rejection(send(client(ADMIN, false)));
    expect([plain.name, plain.kind]).toEqual(["MQClientError", "unreachable"]);
    const { certificate } = (await host.tls?.selfSigned("stranger", host.clock.now())) ?? { certificate: "" };
    const strange = await rejection(
      send(rocketmq.client({ credentials: ADMIN, tls: { verifyServer: true, authorities: certificate } })),
    );
    expect([strange.name, strange.kind]).toEqual(["MQClientError", "unreachable"]);
    expect(strange.message).toMatch(/certificate|TLS/i);
    expect(() => rocketmq.client({ tls: { verifyServer: true, authorities: "no PEM" } })).toThrow("tls can't be used");
    expect(() => new ClientInstance({ runtime: simRuntime(), namesrvAddr: "a:1", tls: { verifyServer: false } })).toThrow(
      "no TLS",
    );
  });
});

test("both sides show certificates, and look at the other's", async () => {
  const [server, own] = await Promise.all(["server", "client"].map((name) => host.tls!.selfSigned(name, host.clock.now())));
  const runtime: Runtime = { ...memoryRuntime(host), net: host.net, dns: host.dns, tls: host.tls! };
  const pem = (path: string, text: string) => runtime.files.write(path, new TextEncoder().encode(text));
  pem("/server.pem", server!.certificate);
  pem("/server.key", server!.key);
  pem("/clients.pem", own!.certificate);
  const settings = settingsWith(
    namesrvOptions,
    {
      kvConfigPath: "/kv.json",
      configStorePath: "/namesrv.properties",
      "tls.server.mode": "enforcing",
      "tls.test.mode.enable": false,
      "tls.server.certPath": "/server.pem",
      "tls.server.keyPath": "/server.key",
      "tls.server.need.client.auth": "require",
      "tls.server.authClient": true,
      "tls.server.trustCertPath": "/clients.pem",
    },
    runtime.system,
  );
  const nameServer = new NameServer({ runtime, log: silentLog, settings, listen: [{ host: "127.0.0.1", port: 0 }] });
  const [address] = await nameServer.start();
  const tls = { verifyServer: true, authorities: server!.certificate, identity: own! };
  const known = new ClientInstance({ runtime: host, namesrvAddr: `127.0.0.1:${address?.port}`, tls });
  const unknown = new ClientInstance({
    runtime: host,
    namesrvAddr: `127.0.0.1:${address?.port}`,
    tls: { verifyServer: true, authorities: server!.certificate },
  });
  try {
    // Answered, so served: there is no such topic.
    expect((await rejection(known.route("T"))).kind).toBe("no-route");
    expect((await rejection(unknown.route("T"))).kind).toBe("unreachable");
  } finally {
    await Promise.all([known.close(), unknown.close()]);
    await nameServer.stop();
  }
});

describe("nameservers by an HTTP end point", () => {
  /** A client whose end point answers `answers` in turn, the last one again and again. */
  async function withEndPoint(
    answers: (string | number)[],
    body: (client: ClientInstance, asked: HttpCall[], sim: ReturnType<typeof simRuntime>) => Promise<void>,
  ): Promise<void> {
    const sim = simRuntime();
    const asked: HttpCall[] = [];
    const httpClient = {
      request(call: HttpCall) {
        asked.push(call);
        const answer = answers.length > 1 ? answers.shift() : answers[0];
        const status = typeof answer === "number" ? answer : 200;
        return Promise.resolve({ status, body: new TextEncoder().encode(String(answer)) });
      },
    };
    const client = new ClientInstance({ runtime: { ...sim, httpClient }, namesrvDomain: "ns.example" });
    await body(client, asked, sim);
    await client.close();
  }

  test("are asked at first use, and again every two minutes", () =>
    withEndPoint(["127.0.0.1:1;127.0.0.2:1\n", 500, "127.0.0.3:1"], async (client, asked, sim) => {
      const tried = async () => {
        const route = rejection(client.route("T"));
        let fault: Error | undefined;
        void route.then((each) => {
          fault = each;
        });
        await sim.clock.until(() => fault !== undefined, 60_000);
        return (await route).message;
      };
      expect(await tried()).toInclude("http://ns.example:8080/rocketmq/nsaddr says 127.0.0.1:1;127.0.0.2:1");
      expect(asked.map(({ url }) => url)).toEqual(["http://ns.example:8080/rocketmq/nsaddr"]);
      await sim.clock.until(() => asked.length === 2, 130_000);
      // That answer was an error: the known list stays.
      expect(await tried()).toInclude("127.0.0.2:1");
      await sim.clock.until(() => asked.length === 3, 130_000);
      expect(await tried()).toInclude("says 127.0.0.3:1");
    }));

  test("an end point without answer is named, and what does without it", () =>
    withEndPoint([404], async (client) => {
      const fault = await rejection(client.route("T"));
      expect(fault.kind).toBe("unreachable");
      expect(fault.message).toInclude("http://ns.example:8080/rocketmq/nsaddr");
      expect(fault.message).toInclude("404");
      expect(fault.message).toInclude("namesrvAddr");
    }));

  test.each([
    ["::1", "[::1]:8080"],
    ["[::1]", "[::1]:8080"],
    ["[fd00::5]:80", "[fd00::5]:80"],
    ["10.0.0.1", "10.0.0.1:8080"],
    [" ns.example:81 ", "ns.example:81"],
  ])("namesrvDomain %p is asked at %s", async (namesrvDomain, address) => {
    const asked: string[] = [];
    const httpClient = {
      request({ url }: HttpCall) {
        asked.push(url);
        return Promise.resolve({ status: 404, body: new Uint8Array() });
      },
    };
    const client = new ClientInstance({ runtime: { ...simRuntime(), httpClient }, namesrvDomain });
    await rejection(client.route("T"));
    expect([asked, new URL(asked[0] as string).pathname]).toEqual([[`http://${address}/rocketmq/nsaddr`], "/rocketmq/nsaddr"]);
    await client.close();
  });

  test.each(["ns.example:0", "ns example", "[::1", "[::1]:x"])("namesrvDomain %p is refused", (namesrvDomain) => {
    const httpClient = { request: () => Promise.reject(new Error("not asked")) };
    const runtime = { ...simRuntime(), httpClient };
    expect(() => new ClientInstance({ runtime, namesrvDomain })).toThrow(`"${namesrvDomain}" is neither a host nor host:port`);
  });

  test("without any of the three there is no client", () => {
    expect(() => new ClientInstance({ runtime: simRuntime() })).toThrow("namesrvDomain");
    expect(() => new ClientInstance({ runtime: simRuntime(), namesrvDomain: "a" })).toThrow("has no HTTP");
  });

  test("over the real thing", async () => {
    const listener = await host.http?.serve({ host: "127.0.0.1", port: 0 }, ({ path }) => ({
      status: path === "/rocketmq/mine" ? 200 : 404,
      headers: {},
      body: "127.0.0.1:9;127.0.0.1:10",
    }));
    const port = listener?.address.port;
    const found = new ClientInstance({ runtime: host, namesrvDomain: `127.0.0.1:${port}`, namesrvDomainSubgroup: "mine" });
    try {
      expect((await rejection(found.route("T"))).message).toInclude("says 127.0.0.1:9;127.0.0.1:10");
    } finally {
      await found.close();
      await listener?.close();
    }
    const gone = host.httpClient!.request({ method: "GET", url: `http://127.0.0.1:${port}/`, timeoutMs: 3_000, bytesMax: 10 });
    expect((await rejection(gone)).message).toInclude(`Cannot GET http://127.0.0.1:${port}/: `);
  });
});
