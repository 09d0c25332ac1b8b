/** The kernel's lock on Deno, through `Deno.dlopen`. */
import type { TryLock } from "../shared/files.ts";
import { firstLibrary, type LockCalls, tryLockWith } from "./libc.ts";

/** The part of Deno's global that is used here; its own types are not on npm. */
interface DenoFfi {
  dlopen(
    name: string,
    symbols: Record<string, { parameters: readonly string[]; result: string }>,
  ): {
    symbols: {
      fcntl(fd: number, command: number, argument: Uint8Array): number;
      flock(fd: number, operation: number): number;
    };
  };
}

/** Opens the C library at the first lock, so that a program without a data directory needs no permission for it. */
export function denoTryLock(): TryLock {
  let calls: LockCalls | undefined;
  return (fd) => {
    calls ??= firstLibrary(open, "Deno needs --allow-ffi to lock the data directory.");
    return tryLockWith(calls, fd);
  };
}

function open(name: string): LockCalls {
  const { Deno } = globalThis as unknown as { Deno: DenoFfi };
  const { symbols } = Deno.dlopen(name, {
    fcntl: { parameters: ["i32", "i32", "buffer"], result: "i32" },
    flock: { parameters: ["i32", "i32"], result: "i32" },
  });
  return {
    fcntl: (fd, command, argument) => symbols.fcntl(fd, command, argument),
    flock: (fd, operation) => symbols.flock(fd, operation),
  };
}
