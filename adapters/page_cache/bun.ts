/** Reads of the page cache on Bun, through `bun:ffi`. */
import { dlopen, FFIType, ptr } from "bun:ffi";
import type { ReadCached } from "../shared/files.ts";
import { type PageCacheCalls, readCachedWith } from "./linux.ts";

export const bunReadCached = (): ReadCached => readCachedWith(open);

function open(name: string): PageCacheCalls {
  const { symbols } = dlopen(name, {
    preadv2: {
      args: [FFIType.i32, FFIType.ptr, FFIType.i32, FFIType.i64_fast, FFIType.i32],
      returns: FFIType.i64_fast,
    },
  });
  return {
    preadv2: (fd, vectors, count, position, flags) => Number(symbols.preadv2(fd, vectors, count, position, flags)),
    addressOf: (bytes) => BigInt(ptr(bytes)),
  };
}
