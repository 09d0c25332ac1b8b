/** Nameservers behind a host name: each of its addresses is one, and which they are is looked up again. */
import { expect, test } from "bun:test";
import { type SimRuntime, simRuntime } from "../../adapters/sim/sim.ts";
import { Admin, ClientInstance } from "../../core/client/mod.ts";
import { encodeUtf8 } from "../../wire/bytes.ts";
import { REQUESTS, type RequestName } from "../../wire/requests.ts";
import { LogBook } from "../remoting/harness.ts";
import { type FakeServer, fakeServer, frameOf } from "./fake_server.ts";
import { rejection } from "./harness.ts";

const REFRESH_MS = 120_000;

/** A client of `ns.example`, which stands for `hosts`, and can't be resolved while there is none. */
class Named {
  hosts: string[] = [];
  /** Hosts that answer nothing. */
  readonly silent = new Set<string>();
  readonly sim: SimRuntime = simRuntime();
  readonly log = new LogBook();
  client!: ClientInstance;
  server!: FakeServer;
  #asked: string[] = [];
  readonly #told: { code: number; host: string }[] = [];

  async start(): Promise<this> {
    this.server = await fakeServer(this.sim, {
      silentAt: (host) => {
        this.#asked.push(host);
        return this.silent.has(host);
      },
      onRequest: (socket, { code }) => void this.#told.push({ code, host: socket.local.host }),
      onOther: (socket, request) => {
        const known = request.code === REQUESTS.GET_KV_CONFIG.code ? { value: "v" } : { wipeTopicCount: "3", addTopicCount: "3" };
        socket.write(frameOf(request, { extFields: known }));
      },
    });
    const resolve = async (name: string) => {
      if (name !== "ns.example") return this.sim.dns.resolve(name);
      if (this.hosts.length === 0) throw new Error("the resolver is down");
      return [...this.hosts];
    };
    const namesrvAddr = this.server.address.replace("127.0.0.1", "ns.example");
    this.client = new ClientInstance({ runtime: { ...this.sim, dns: { resolve } }, log: this.log, namesrvAddr });
    return this;
  }

  /** Asks for a route. @returns the hosts that were asked, how long it took, and what it failed with */
  async route(): Promise<{ asked: string[]; seconds: number; fault: string | undefined }> {
    const startedAt = this.sim.clock.monotonic();
    this.#asked = [];
    const answered = this.client.refreshRoute("T").then(
      () => undefined,
      (each: Error) => each.message,
    );
    const fault = await this.sim.clock.resolve(answered, 60_000);
    return { asked: this.#asked, seconds: Math.round((this.sim.clock.monotonic() - startedAt) / 1_000), fault };
  }

  /** Hosts that `operation` was asked of, in the order of their names. */
  async toldOf(name: RequestName, operation: (admin: Admin) => Promise<unknown>): Promise<string[]> {
    this.#told.length = 0;
    await this.sim.clock.resolve(operation(new Admin(this.client)), 60_000);
    return this.#told.flatMap(({ code, host }) => (code === REQUESTS[name].code ? [host] : [])).sort();
  }

  async close(): Promise<void> {
    await this.sim.clock.resolve(this.client.close(), 60_000);
  }
}

test("an address that keeps silent is left for another one of its name", async () => {
  const named = await new Named().start();
  named.hosts = ["127.0.0.1", "127.0.0.2"];
  named.silent.add("127.0.0.1");
  expect(await named.route()).toEqual({ asked: ["127.0.0.1", "127.0.0.2"], seconds: 3, fault: undefined });
  expect(await named.route()).toEqual({ asked: ["127.0.0.2"], seconds: 0, fault: undefined });
  // For people it keeps its name.
  expect(named.client.nameServerAddresses).toEqual([expect.stringMatching(/^ns\.example:\d+$/)]);
  await named.close();
});

test("names are resolved again, and the connection to an address that is gone is closed", async () => {
  const named = await new Named().start();
  named.hosts = ["127.0.0.2"];
  await named.route();
  named.hosts = ["127.0.0.3"];
  await named.sim.clock.advance(REFRESH_MS);
  expect((await named.route()).asked).toEqual(["127.0.0.3"]);
  await named.sim.clock.advance(11_000);
  expect(named.server.connectedAt()).toContain("127.0.0.3");
  expect(named.server.connectedAt()).not.toContain("127.0.0.2");
  await named.close();
});

test("what a name stood for stays while it can't be resolved", async () => {
  const named = await new Named().start();
  named.hosts = ["127.0.0.1", "127.0.0.2"];
  await named.route();
  named.hosts = [];
  await named.sim.clock.advance(REFRESH_MS);
  expect(named.log.lines).toContain("WARN the name of a nameserver was not resolved; the known addresses stay");
  named.silent.add("127.0.0.1");
  expect(await named.route()).toMatchObject({ asked: ["127.0.0.1", "127.0.0.2"], fault: undefined });
  await named.close();
});

test("a name whose addresses do not answer is resolved in the same call", async () => {
  const named = await new Named().start();
  named.hosts = ["127.0.0.1"];
  await named.route();
  named.silent.add("127.0.0.1");
  named.hosts = ["127.0.0.3"];
  expect(await named.route()).toMatchObject({ asked: ["127.0.0.1", "127.0.0.3"], fault: undefined });
  await named.close();
});

test("a name that can't be resolved is told as such, and resolved by the next call", async () => {
  const named = await new Named().start();
  expect((await named.route()).fault).toMatch(/ns\.example:\d+: the name can't be resolved \(the resolver is down\)/);
  named.hosts = ["127.0.0.2"];
  expect(await named.route()).toMatchObject({ asked: ["127.0.0.2"], fault: undefined });
  await named.close();
});

const WRITES: readonly (readonly [RequestName, (admin: Admin, address: string) => Promise<unknown>])[] = [
  ["PUT_KV_CONFIG", ({ nameServers }) => nameServers.createAndUpdateKvConfig("N", "k", "v")],
  ["PUT_KV_CONFIG", ({ nameServers }) => nameServers.createOrUpdateOrderConf("T", "b:4", true)],
  ["PUT_KV_CONFIG", ({ nameServers }) => nameServers.createOrUpdateOrderConf("T", "b:4", false)],
  ["DELETE_KV_CONFIG", ({ nameServers }) => nameServers.deleteKvConfig("N", "k")],
  ["UPDATE_NAMESRV_CONFIG", ({ nameServers }) => nameServers.updateNameServerConfig({ key: "value" })],
  ["UPDATE_NAMESRV_CONFIG", ({ nameServers }, address) => nameServers.updateNameServerConfig({ key: "value" }, [address])],
  ["WIPE_WRITE_PERM_OF_BROKER", ({ nameServers }, address) => nameServers.wipeWritePermOfBroker(address, "b")],
  ["ADD_WRITE_PERM_OF_BROKER", ({ nameServers }, address) => nameServers.addWritePermOfBroker(address, "b")],
  ["DELETE_TOPIC_IN_NAMESRV", ({ topics }) => topics.deleteTopicInNameServer(undefined, "T")],
];

test("what changes something is told to all addresses of a name, as they are now, and what is read is asked of one", async () => {
  const named = await new Named().start();
  const [address] = named.client.nameServerAddresses as [string];
  named.hosts = ["127.0.0.1", "127.0.0.2"];
  await named.route();
  for (const [name, write] of WRITES) {
    named.hosts = ["127.0.0.1", "127.0.0.2"];
    expect([name, await named.toldOf(name, (admin) => write(admin, address))]).toEqual([name, named.hosts]);
    named.hosts = ["127.0.0.2", "127.0.0.3"];
    expect([name, await named.toldOf(name, (admin) => write(admin, address))]).toEqual([name, named.hosts]);
  }
  named.hosts = [];
  const [name, write] = WRITES[0]!;
  expect(await named.toldOf(name, (admin) => write(admin, address))).toEqual(["127.0.0.2", "127.0.0.3"]);
  named.hosts = ["127.0.0.2", "127.0.0.3"];
  expect(await named.toldOf("GET_KV_CONFIG", ({ nameServers }) => nameServers.getKVConfig("N", "k"))).toHaveLength(1);
  expect(await named.toldOf("GET_NAMESRV_CONFIG", ({ nameServers }) => nameServers.getNameServerConfig())).toHaveLength(1);
  await named.close();
});

test("a change that one address of a name does not take fails, and names it", async () => {
  const named = await new Named().start();
  named.hosts = ["127.0.0.1", "10.0.0.9"];
  const { nameServers } = new Admin(named.client);
  const fault = await named.sim.clock.resolve(rejection(nameServers.createAndUpdateKvConfig("N", "k", "v")), 60_000);
  expect(fault.message).toContain("10.0.0.9");
  await named.close();
});

test("addresses of the family in which nobody listens count for nothing beside those of the other", async () => {
  const named = await new Named().start();
  named.hosts = ["127.0.0.1", "::1"];
  const put = ({ nameServers }: Admin) => nameServers.createAndUpdateKvConfig("N", "k", "v");
  expect(await named.toldOf("PUT_KV_CONFIG", put)).toEqual(["127.0.0.1"]);
  named.hosts = ["::1", "::2"];
  const fault = await named.sim.clock.resolve(rejection(put(new Admin(named.client))), 60_000);
  expect([fault.kind, fault.message]).toEqual(["unreachable", expect.stringContaining("::1")]);
  await named.close();
});

test("nameservers that an end point lists are told as well, when it was not asked before", async () => {
  const named = await new Named().start();
  const { sim } = named;
  const body = encodeUtf8(named.server.address);
  const httpClient = { request: async () => ({ status: 200, headers: new Map(), body }) };
  const client = new ClientInstance({ runtime: { ...sim, httpClient }, namesrvDomain: "list.example" });
  const { nameServers } = new Admin(client);
  const told = await named.toldOf("PUT_KV_CONFIG", () => nameServers.createAndUpdateKvConfig("N", "k", "v"));
  expect(told).toEqual(["127.0.0.1"]);
  await sim.clock.resolve(client.close(), 60_000);
  await named.close();
});
