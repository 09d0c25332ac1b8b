import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { simRuntime } from "../../adapters/sim/sim.ts";
import type { StoreSettingsInput } from "../../core/store/options.ts";
import { HOST, hostRuntime } from "../support/host_runtime.ts";
import { type Implementation, storeSuite } from "./store_suite.ts";
import { SMALL } from "./support.ts";

/** Larger than the longest record that the suite sends. */
const ROOMY: StoreSettingsInput = { ...SMALL, mappedFileSizeCommitLog: 8192 };

const host = await hostRuntime();

const onSim: Implementation["start"] = () => ({ runtime: simRuntime(), directory: "/store", stop() {} });

const onHost: Implementation["start"] = () => {
  const directory = mkdtempSync(join(tmpdir(), "edgemq-store-"));
  return { runtime: host, directory, stop: () => rmSync(directory, { recursive: true, force: true }) };
};

const implementations: Implementation[] = [
  { name: "sim disk, default file sizes", input: {}, start: onSim },
  { name: "sim disk, small files", input: ROOMY, start: onSim },
  { name: "sim disk, small files, SYNC_FLUSH", input: { ...ROOMY, flushDiskType: "SYNC_FLUSH" }, start: onSim },
  { name: "sim disk, CRC property", input: { ...ROOMY, enabledAppendPropCRC: true, forceVerifyPropCRC: true }, start: onSim },
  { name: `files on ${HOST}, default file sizes`, input: {}, start: onHost },
  { name: `files on ${HOST}, small files, SYNC_FLUSH`, input: { ...ROOMY, flushDiskType: "SYNC_FLUSH" }, start: onHost },
];

for (const implementation of implementations) storeSuite(implementation);
