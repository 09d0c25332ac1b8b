/** What a server that can't start says: what was tried, why, and the key that mends it. */
import { expect, test } from "bun:test";
import { Fault } from "../../adapters/shared/fault.ts";
import { explainFailure } from "../../cli/failures.ts";

const remedies = { port: "listenPort in b.conf", directory: "storePathRootDir in b.conf", address: "bindAddress in b.conf" };

test.each([
  ["EADDRINUSE", "listenPort in b.conf"],
  ["EADDRNOTAVAIL", "bindAddress in b.conf"],
  ["EACCES", "listenPort in b.conf and storePathRootDir in b.conf"],
  ["ENOTDIR", "a directory that is there, or can be made, with storePathRootDir in b.conf"],
  ["EMFILE", "ulimit -n"],
  ["ELOCKED", "storePathRootDir in b.conf"],
  ["ENOSPC", "Free some space"],
])("%s is followed by what mends it", (code, remedy) => {
  const tried = `Cannot open "/data" (${code})`;
  const words = explainFailure(new Error("the start failed", { cause: new Fault(code, tried) }), remedies);
  expect(words).toStartWith("the start failed. ");
  expect(words).toContain(remedy);
});
