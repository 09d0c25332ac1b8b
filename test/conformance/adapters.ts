/**
 * The adapters under test: that of the runtime the tests run on, the simulator, and the in-memory runtime. All of them pass
 * the same suites; where one cannot, `deviations` names the test and the reason, and the test is skipped by that name.
 */

import { test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { memoryRuntime } from "../../adapters/sim/memory.ts";
import { simRuntime } from "../../adapters/sim/sim.ts";
import type { Runtime } from "../../core/runtime.ts";
import { HOST, hostRuntime } from "../support/host_runtime.ts";

export interface Adapter {
  readonly name: string;
  readonly deviations: Readonly<Record<string, string>>;
  start(): Started;
}

export interface Started {
  readonly runtime: Runtime;
  /** An empty directory. */
  readonly directory: string;
  /** Waits for a promise that may need time to pass. */
  readonly wait: <T>(promise: Promise<T>) => Promise<T>;
  readonly stop: () => void;
}

const host = await hostRuntime();

const NO_IPV6 = {
  "on ::1 both sides see each other as ::1": "this machine has no IPv6",
  "on :: both sides see each other as 127.0.0.1": "this machine has no IPv6",
};

const DENO = {
  "a write that the kernel takes at once drains nothing": "Deno's writes are all asynchronous",
};

const hasIpv6 = host.system.interfaces().some(({ host: address }) => address === "::1");

export const ADAPTERS: readonly Adapter[] = [
  { name: HOST, deviations: { ...(hasIpv6 ? {} : NO_IPV6), ...(HOST === "deno" ? DENO : {}) }, start: startHost },
  { name: "sim", deviations: {}, start: () => startSim({}) },
  {
    name: "sim with fragments, delays and stale chunks",
    deviations: {},
    start: () => startSim({ fragment: 0.3, delayMs: [0, 3], poisonChunks: true }),
  },
  { name: "memory", deviations: {}, start: startMemory },
];

/** `test`, or the skip that the adapter's deviations name. */
export function testOn(adapter: Adapter): (name: string, body: () => Promise<void> | void, timeoutMs?: number) => void {
  return (name, body, timeoutMs) => {
    const reason = adapter.deviations[name];
    if (reason === undefined) test(name, body, timeoutMs);
    else test.skip(`${name} (${reason})`, body);
  };
}

function startHost(): Started {
  const directory = mkdtempSync(join(tmpdir(), "edgemq-conformance-"));
  return {
    runtime: host,
    directory: process.platform === "win32" ? directory.replaceAll("\\", "/") : directory,
    wait: (promise) => promise,
    stop: () => rmSync(directory, { recursive: true, force: true }),
  };
}

function startSim(network: { fragment?: number; delayMs?: [number, number]; poisonChunks?: boolean }): Started {
  const runtime = simRuntime({ seed: 20260101, network });
  runtime.files.makeDirectory("/conformance");
  return {
    runtime,
    directory: "/conformance",
    wait: (promise) => runtime.clock.resolve(promise, 600_000),
    stop: () => {},
  };
}

function startMemory(): Started {
  const runtime = memoryRuntime(host);
  runtime.files.makeDirectory("/conformance");
  return { runtime, directory: "/conformance", wait: (promise) => promise, stop: () => {} };
}
