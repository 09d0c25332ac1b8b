/**
 * A runtime wholly in memory, in real time: for brokers inside other people's unit tests. No port, no file, no thread; all
 * of it is gone with the last reference. Two runtimes talk to each other when they are made of one `memoryWorld`.
 */
import type { Runtime } from "../../core/runtime.ts";
import { SimDisk } from "./disk.ts";
import { SimFiles } from "./files.ts";
import { SimNet, SimNetwork } from "./network.ts";
import { type Machine, NO_NETWORK_FAULTS } from "./network_faults.ts";
import { Prng } from "./prng.ts";
import { realScheduler } from "./scheduler.ts";
import { simInterfaces } from "./sim.ts";

/** `host` lends its clock, dice, digests, compression and system; it is neither listened on nor written to. */
export function memoryRuntime(host: Runtime): Runtime {
  return memoryWorld(host)();
}

/** Makes runtimes that share one network, each with a disk of its own. */
export function memoryWorld(host: Runtime): () => Runtime {
  const machine: Machine = { addresses: [] };
  const scheduler = realScheduler(host.clock);
  // No fault is on: any seed will do.
  const prng = new Prng(1, 0);
  const network = new SimNetwork(scheduler, prng, NO_NETWORK_FAULTS, new Map([["localhost", ["127.0.0.1"]]]));
  return () => ({
    name: host.name,
    net: new SimNet(network, machine),
    files: new SimFiles(new SimDisk(scheduler, prng, { cachedReads: 1 }, false), new Set()),
    clock: host.clock,
    random: host.random,
    digest: host.digest,
    compression: host.compression,
    system: {
      pid: host.system.pid,
      hostName: () => host.system.hostName(),
      interfaces: () => simInterfaces(machine),
      memory: () => host.system.memory(),
      cpuCount: () => host.system.cpuCount(),
      environment: (name) => host.system.environment(name),
      homeDirectory: () => host.system.homeDirectory(),
      utcOffsetMinutes: (ms) => host.system.utcOffsetMinutes(ms),
    },
    dns: { resolve: async (name) => [...network.resolve(name)] },
  });
}
