/** `hold_lock.ts <path>`: takes the lock, says `locked` and lives until it is killed; or says why it could not. */
import process from "node:process";
import { hostRuntime } from "../support/host_runtime.ts";

const { files } = await hostRuntime();
try {
  files.lock(process.argv[2]!);
  console.log("locked");
  setInterval(() => {}, 1_000_000);
} catch (error) {
  console.log((error as { code?: unknown }).code);
}
