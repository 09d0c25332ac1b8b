/** Nameservers behind a host name: each of its addresses is one, and which they are is looked up again. */
import { expect, test } from "bun:test";
import { type SimRuntime, simRuntime } from "../../adapters/sim/sim.ts";
import { ClientInstance } from "../../core/client/mod.ts";
import { LogBook } from "../remoting/harness.ts";
import { type FakeServer, fakeServer } from "./fake_server.ts";

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

  async start(): Promise<this> {
    this.server = await fakeServer(this.sim, {
      silentAt: (host) => {
        this.#asked.push(host);
        return this.silent.has(host);
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
