/**
 * The simulator: a world with one time and one network, machines with a disk, and processes (`Runtime`s) on them. Equal
 * seeds give equal runs. All faults are off by default, so that the same parts, driven by the host's clock, are the
 * in-memory runtime (`memory.ts`).
 *
 *     const sim = simRuntime({ seed: 7 });
 *     const store = new Store(sim, …);              // I/O runs by itself, time stands still
 *     await sim.clock.advance(30_000);              // timers fire in order
 *     const restarted = sim.crash("power");         // the same disk, without what was not synced
 *
 * Several processes: `const world = simWorld({ seed }); const a = world.process(); const b = world.process({ addresses:
 * ["10.0.0.2"] })`. Processes made without addresses share one machine, one disk and one loopback; each set of addresses
 * is a machine of its own. What the network and the disk can do to them is said in `network.ts` and `disk.ts`.
 */
import type { NetworkInterface, Runtime, System } from "../../core/runtime.ts";
import { hostDigest } from "../shared/digest.ts";
import { simCompression } from "./compression.ts";
import { type DiskFaults, SimDisk } from "./disk.ts";
import { SimFiles } from "./files.ts";
import type { SimInode } from "./inode.ts";
import { SimNet, SimNetwork } from "./network.ts";
import type { Machine, NetworkFaults } from "./network_faults.ts";
import { Prng } from "./prng.ts";
import { SimClock, SimTime } from "./time.ts";

export interface SimWorldOptions {
  /** Any safe integer; default 1. A failing run prints its seed, and the seed is the run. */
  readonly seed?: number;
  /** Wall clock at the start, ms since 1970; default 2026-01-01T00:00:00Z. */
  readonly epochMs?: number;
  readonly network?: Partial<NetworkFaults>;
  /** Host names that resolve, beside `localhost`. */
  readonly names?: Readonly<Record<string, readonly string[]>>;
}

export interface SimProcessOptions {
  /** Makes a machine of its own with these IP literals. Default: the world's common machine, 10.0.0.1. */
  readonly addresses?: readonly string[];
  readonly disk?: Partial<DiskFaults>;
  readonly hostName?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly utcOffsetMinutes?: number;
}

export interface SimWorld {
  readonly seed: number;
  readonly clock: SimClock;
  /** The scheduler, for `shuffle` and `beforeEvent`. */
  readonly time: SimTime;
  readonly network: SimNetwork;
  /** Starts a process. */
  process(options?: SimProcessOptions): SimRuntime;
}

export interface SimRuntime extends Runtime {
  readonly name: "sim";
  readonly clock: SimClock;
  readonly net: SimNet;
  readonly files: SimFiles;
  readonly network: SimNetwork;
  readonly disk: SimDisk;
  /**
   * Ends the process on the spot, as `kill -9` ("kill") or a power cut ("power") would, and starts another on the same
   * machine and disk. A power cut takes all processes of the machine with it. Promises of the dead process never settle.
   */
  crash(kind: "kill" | "power"): SimRuntime;
}

export type SimOptions = SimWorldOptions & SimProcessOptions;

/** A world with one process. */
export function simRuntime(options: SimOptions = {}): SimRuntime {
  return simWorld(options).process(options);
}

/** A machine with what its processes share. */
interface Host extends Machine {
  readonly disk: SimDisk;
  readonly locks: Set<SimInode>;
  readonly running: Set<{ kill(silently: boolean): void }>;
  /** Times that the power was lost. */
  powerCuts: number;
}

const FIRST_PID = 1000;
/** The dice of time; those of the others are counted from 0. */
const TIME_STREAM = -1;

export function simWorld(options: SimWorldOptions = {}): SimWorld {
  const seed = options.seed ?? 1;
  const time = new SimTime(options.epochMs ?? Date.UTC(2026, 0, 1), new Prng(seed, TIME_STREAM));
  const names = new Map<string, readonly string[]>([["localhost", ["127.0.0.1"]], ...Object.entries(options.names ?? {})]);
  // Every user of dice has a stream of its own: one more throw in the network does not change what the disk does.
  let streams = 0;
  const stream = () => new Prng(seed, streams++);
  const network = new SimNetwork(time, stream(), options.network ?? {}, names);
  let pids = FIRST_PID;
  let common: Host | undefined;

  const newHost = (addresses: readonly string[], disk: Partial<DiskFaults>): Host => ({
    addresses,
    disk: new SimDisk(time, stream(), disk, true),
    locks: new Set(),
    running: new Set(),
    powerCuts: 0,
  });

  const start = (host: Host, process: SimProcessOptions): SimRuntime => {
    const clock = new SimClock(time);
    const net = new SimNet(network, host);
    const files = new SimFiles(host.disk, host.locks);
    const running = {
      kill(silently: boolean) {
        host.running.delete(running);
        clock.kill();
        net.kill(silently);
        files.kill();
      },
    };
    host.running.add(running);
    return {
      name: "sim",
      clock,
      net,
      files,
      network,
      disk: host.disk,
      random: stream(),
      digest: hostDigest,
      compression: simCompression,
      system: simSystem(host, pids++, process),
      dns: { resolve: async (name) => [...network.resolve(name)] },
      crash(kind) {
        if (kind === "kill") {
          running.kill(false);
        } else {
          for (const other of [...host.running]) other.kill(true);
          host.disk.losePower();
          host.powerCuts++;
        }
        return start(host, process);
      },
    };
  };

  return {
    seed,
    clock: new SimClock(time),
    time,
    network,
    process(process = {}) {
      if (process.addresses !== undefined) return start(newHost(process.addresses, process.disk ?? {}), process);
      common ??= newHost(["10.0.0.1"], process.disk ?? {});
      return start(common, process);
    },
  };
}

function simSystem(machine: Host, pid: number, options: SimProcessOptions): System {
  return {
    pid,
    hostName: () => options.hostName ?? "sim",
    interfaces: () => simInterfaces(machine),
    memory: () => ({ totalBytes: 8 * 2 ** 30, residentBytes: 64 * 2 ** 20 }),
    cpuCount: () => 2,
    environment: (name) => options.environment?.[name],
    homeDirectory: () => "/home",
    utcOffsetMinutes: () => options.utcOffsetMinutes ?? 0,
    bootId: () => `boot ${machine.powerCuts}`,
  };
}

export function simInterfaces({ addresses }: Machine): NetworkInterface[] {
  const family = (host: string) => (host.includes(":") ? 6 : 4);
  return [
    { name: "lo", host: "127.0.0.1", family: 4, loopback: true },
    { name: "lo", host: "::1", family: 6, loopback: true },
    ...addresses.map((host, i) => ({ name: `eth${i}`, host, family: family(host), loopback: false }) as const),
  ];
}
