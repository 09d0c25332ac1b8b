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

const CRC: StoreSettingsInput = { enabledAppendPropCRC: true, forceVerifyPropCRC: true };

const host = await hostRuntime();

const onSim: Implementation["start"] = () => ({ runtime: simRuntime(), directory: "/store", stop() {} });

const onHost: Implementation["start"] = () => {
  const directory = mkdtempSync(join(tmpdir(), "edgemq-store-"));
  return { runtime: host, directory, stop: () => rmSync(directory, { recursive: true, force: true }) };
};

// The simulated disk is the same everywhere: once, on Bun, is enough.
const disks: { disk: string; start: Implementation["start"] }[] = [
  { disk: `files on ${HOST}`, start: onHost },
  ...(HOST === "bun" ? [{ disk: "sim disk", start: onSim }] : []),
];

/** On each disk every two settings meet: sizes with flushes, and both with the CRC property on and off. */
const settings: { name: string; input: StoreSettingsInput }[] = [
  { name: "default file sizes, ASYNC_FLUSH", input: {} },
  { name: "default file sizes, SYNC_FLUSH, CRC property", input: { flushDiskType: "SYNC_FLUSH", ...CRC } },
  { name: "small files, ASYNC_FLUSH, CRC property", input: { ...ROOMY, ...CRC } },
  { name: "small files, SYNC_FLUSH", input: { ...ROOMY, flushDiskType: "SYNC_FLUSH" } },
];

const implementations: Implementation[] = disks.flatMap(({ disk, start }) =>
  settings.map(({ name, input }) => ({ name: `${disk}, ${name}`, input, start })),
);

for (const implementation of implementations) storeSuite(implementation);
