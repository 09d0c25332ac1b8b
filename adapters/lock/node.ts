/** The kernel's lock on Node, through the addon `fs-native-extensions` (the same system calls as in `libc.ts`). */
import { createRequire } from "node:module";
import process from "node:process";
import { Fault } from "../shared/fault.ts";
import type { TryLock } from "../shared/files.ts";

/** The part of the addon that is used here; it ships no types. */
interface LockAddon {
  /** False when somebody else holds the lock. */
  tryLock(fd: number): boolean;
}

/** Loads the addon at the first lock, so that a platform without it can still do everything in memory. */
export function nodeTryLock(): TryLock {
  let addon: LockAddon | undefined;
  return (fd) => {
    addon ??= load();
    return addon.tryLock(fd);
  };
}

function load(): LockAddon {
  try {
    return createRequire(import.meta.url)("fs-native-extensions") as LockAddon;
  } catch (error) {
    throw new Fault(
      "ENOLCK",
      `the package fs-native-extensions does not load on ${process.platform} ${process.arch} ` +
        `(${error instanceof Error ? error.message : String(error)}). Run \`npm ci\`, or use Bun or Deno.`,
      error,
    );
  }
}
