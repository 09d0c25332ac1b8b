/**
 * The lock of a data directory, by the C library. Bun and Deno call it through their own FFI, Node through the addon
 * `fs-native-extensions`, which makes the same system calls, so all three exclude each other.
 *
 * Linux: an "open file description" lock by `fcntl`. It belongs to the opened file, so it goes with the process (also on
 * `kill -9`), a second lock inside one process is refused, and it collides with the POSIX locks that Java's `FileChannel.
 * tryLock` takes: a live Apache broker on the same directory is noticed, and notices us.
 * macOS and the BSDs: `flock`, which collides with `fcntl` locks there.
 */
import process from "node:process";
import { Fault } from "../shared/fault.ts";

/** What the FFI of a runtime has to provide. Both answer -1 on failure. */
export interface LockCalls {
  fcntl(fd: number, command: number, argument: Uint8Array): number;
  flock(fd: number, operation: number): number;
}

/** GNU, musl (by its loader's name, then by processor), macOS. */
export const LIBC_NAMES: readonly string[] =
  process.platform === "darwin"
    ? ["libSystem.B.dylib"]
    : ["libc.so.6", `libc.musl-${process.arch === "arm64" ? "aarch64" : "x86_64"}.so.1`, "libc.so", "libc.so.7"];

const F_OFD_GETLK = 36;
const F_OFD_SETLK = 37;
const F_WRLCK = 1;
const F_UNLCK = 2;
const LOCK_EX_NB = 2 | 4;

/** False when somebody else holds the lock. */
export function tryLockWith(calls: LockCalls, fd: number): boolean {
  if (process.platform !== "linux") return calls.flock(fd, LOCK_EX_NB) === 0;
  if (calls.fcntl(fd, F_OFD_SETLK, wholeFile()) === 0) return true;
  // errno cannot be read reliably through FFI, so the kernel is asked who is in the way.
  const holder = wholeFile();
  if (calls.fcntl(fd, F_OFD_GETLK, holder) === 0 && new Int16Array(holder.buffer)[0] !== F_UNLCK) return false;
  // Released in between, or a file system without locks (some network and FUSE mounts).
  if (calls.fcntl(fd, F_OFD_SETLK, wholeFile()) === 0) return true;
  throw new Fault("ENOLCK", "the file system gives no lock: put the data on a local disk");
}

/** Opens the first C library that `open` can. */
export function firstLibrary<T>(open: (name: string) => T, hint: string): T {
  const reasons: string[] = [];
  for (const name of LIBC_NAMES) {
    try {
      return open(name);
    } catch (error) {
      reasons.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new Fault("ENOLCK", `the C library cannot be called (${reasons.join("; ")}). ${hint}`);
}

/**
 * `struct flock` of 64-bit Linux, for the whole file (start 0, length 0):
 * l_type i16 | l_whence i16 | 4 unused | l_start i64 | l_len i64 | l_pid i32 (0 for this kind of lock) | 4 unused
 */
function wholeFile(): Uint8Array {
  const struct = new Int16Array(16);
  struct[0] = F_WRLCK;
  return new Uint8Array(struct.buffer);
}
