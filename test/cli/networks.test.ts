/** The addresses that clients get, in real networks: two cards, IPv6, and a port mapping. */
import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { Child } from "../interop/processes.ts";
import { runtimeCommand } from "../interop/targets.ts";
import { cable, Namespace, whyNoNamespaces } from "./namespaces.ts";
import type { Probed } from "./probe_client.ts";
import { ended, outputMatch, READY_MS, stopped, Workshop } from "./server_processes.ts";

setDefaultTimeout(4 * READY_MS);

const reason = whyNoNamespaces();
if (reason !== undefined) console.log(`Tests in network namespaces are skipped: ${reason}`);

let shop: Workshop;
let spaces: Namespace[];
beforeEach(() => {
  shop = new Workshop();
  spaces = [];
});
afterEach(async () => {
  await shop.close();
  for (const space of spaces) space.delete();
});

function namespace(): Namespace {
  const space = new Namespace();
  spaces.push(space);
  return space;
}

async function standalone(space: Namespace, listen: string, conf = ""): Promise<Child> {
  const args = ["--data", shop.path("data"), "--listen", listen, "-c", shop.file("broker.conf", conf)];
  const server = shop.run(space.command(runtimeCommand("bun", "cli/standalone.ts", args)));
  await outputMatch(server, /The broker.*boot success.*\n/);
  return server;
}

async function probe(space: Namespace, nameserver: string, topic: string): Promise<Probed> {
  const command = runtimeCommand("bun", "test/cli/probe_client.ts", [nameserver, topic]);
  const { code, output } = await ended(shop.run(space.command(command)));
  if (code !== 0) throw new Error(output);
  return JSON.parse(output.trim().split("\n").at(-1) ?? "") as Probed;
}

function doctor(space: Namespace, nameserver: string): Promise<{ code: number | string; output: string }> {
  return ended(shop.run(space.command(runtimeCommand("bun", "cli/doctor.ts", [nameserver]))));
}

describe.skipIf(reason !== undefined)("in network namespaces", () => {
  test("two cards and IPv6: each client is told the address it came by, and views its message there", async () => {
    const [server, east, west, six] = [namespace(), namespace(), namespace(), namespace()];
    cable(server, "10.77.1.1", east, "10.77.1.2");
    cable(server, "10.77.2.1", west, "10.77.2.2");
    cable(server, "fd77::1", six, "fd77::2");
    const process = await standalone(server, "::");
    for (const [space, host, topic] of [
      [east, "10.77.1.1", "East"],
      [west, "10.77.2.1", "West"],
      [six, "[fd77::1]", "Six"],
      [server, "127.0.0.1", "Home"],
      [server, "[::1]", "HomeSix"],
    ] as const) {
      expect(await probe(space, `${host}:9876`, topic)).toEqual({
        told: `${host}:10911`,
        storeHost: `${host}:10911`,
        viewed: true,
      });
    }
    expect(process.outputTail).toContain("Advertised: clients are told the address that they reached this server on, port 10911");
    const { code, output } = await doctor(west, "10.77.2.1:9876");
    expect(output).toContain("broker broker-a id 0 is told as 10.77.2.1:10911 (cluster, route of TBW102), and answers");
    expect(code).toBe(0);
    expect(await stopped(process)).toBe(0);
  });

  test("a port mapping: a rule says what clients behind it dial, doctor says which rule", async () => {
    const [server, gateway, client] = [namespace(), namespace(), namespace()];
    cable(server, "10.77.1.1", gateway, "10.77.1.254");
    cable(gateway, "10.77.3.1", client, "10.77.3.2");
    for (const [published, inner] of [
      ["39876", "9876"],
      ["30911", "10911"],
    ] as const) {
      const relay = shop.run(
        gateway.command(runtimeCommand("bun", "test/cli/relay.ts", ["10.77.3.1", published, "10.77.1.1", inner])),
      );
      await relay.waitForOutput("relay ready", READY_MS);
    }

    const without = await standalone(server, "0.0.0.0");
    const { code, output } = await doctor(client, "10.77.3.1:39876");
    expect(code).toBe(1);
    expect(output).toContain(
      "broker broker-a id 0 is told as 10.77.1.1:10911 (cluster, route of TBW102), and can't be reached from here",
    );
    expect(output).toContain("advertisedAddresses=10.77.3.0/24=ADDRESS:PORT");
    expect(await stopped(without)).toBe(0);

    const ruled = await standalone(server, "0.0.0.0", "advertisedAddresses=10.77.1.254/32=10.77.3.1:30911\n");
    expect(ruled.outputTail).toContain(
      "Advertised: clients from 10.77.1.254/32 are told 10.77.3.1:30911: rule 1 of advertisedAddresses\n",
    );
    expect(await probe(client, "10.77.3.1:39876", "Mapped")).toEqual({
      told: "10.77.3.1:30911",
      storeHost: "10.77.3.1:30911",
      viewed: true,
    });
    expect((await doctor(client, "10.77.3.1:39876")).code).toBe(0);
    expect((await probe(server, "127.0.0.1:9876", "Inside")).told).toBe("127.0.0.1:10911");
    expect(await stopped(ruled)).toBe(0);
  });

  test("with a nameserver of its own the broker registers one address, and says that rules do not act", async () => {
    const [server, client] = [namespace(), namespace()];
    cable(server, "10.77.1.1", client, "10.77.1.2");
    const namesrvConf = shop.file("namesrv.conf", `kvConfigPath=${shop.path("kvConfig.json")}\n`);
    const brokerConf = shop.file(
      "broker.conf",
      `brokerName=b\nstorePathRootDir=${shop.path("store")}\nadvertisedAddresses=0.0.0.0/0=192.0.2.1:1\n`,
    );
    const namesrv = shop.run(server.command(runtimeCommand("bun", "cli/mqnamesrv.ts", ["-c", namesrvConf])));
    await namesrv.waitForOutput("The Name Server boot success. serializeType=JSON, address 0.0.0.0:9876\n", READY_MS);
    const broker = shop.run(server.command(runtimeCommand("bun", "cli/mqbroker.ts", ["-c", brokerConf, "-n", "127.0.0.1:9876"])));
    await broker.waitForOutput("The broker[b, 10.77.1.1:10911] boot success.", READY_MS);
    expect(broker.outputTail).toContain("Advertised: clients are told 10.77.1.1:10911: address of v");
    expect(broker.outputTail).toContain(
      "advertisedAddresses has no effect here: its rules act only with nameserver and broker in one process",
    );
    expect(await probe(client, "10.77.1.1:9876", "Apart")).toEqual({
      told: "10.77.1.1:10911",
      storeHost: "10.77.1.1:10911",
      viewed: true,
    });
    expect(await stopped(broker)).toBe(0);
    expect(await stopped(namesrv)).toBe(0);
  });
});
