/** The kernel's lock on Bun, through `bun:ffi`. */
import { dlopen, FFIType } from "bun:ffi";
import type { TryLock } from "../shared/files.ts";
import { firstLibrary, type LockCalls, tryLockWith } from "./libc.ts";

/** Opens the C library at the first lock, so that a program without a data directory never does. */
export function bunTryLock(): TryLock {
  let calls: LockCalls | undefined;
  return (fd) => {
    calls ??= firstLibrary(open, "Bun's FFI is needed to lock the data directory.");
    return tryLockWith(calls, fd);
  };
}

function open(name: string): LockCalls {
  const { symbols } = dlopen(name, {
    fcntl: { args: [FFIType.i32, FFIType.i32, FFIType.ptr], returns: FFIType.i32 },
    flock: { args: [FFIType.i32, FFIType.i32], returns: FFIType.i32 },
  });
  return {
    fcntl: (fd, command, argument) => symbols.fcntl(fd, command, argument),
    flock: (fd, operation) => symbols.flock(fd, operation),
  };
}
