/** The page cache on Bun, through `bun:ffi`. */
import { dlopen, FFIType, ptr } from "bun:ffi";
import type { PageCache } from "../shared/files.ts";
import { type PageCacheCalls, pageCacheWith } from "./linux.ts";

export const bunPageCache = (): PageCache => pageCacheWith(open);

const { i32, i64_fast: i64, u64_fast: u64 } = FFIType;

function open(name: string): PageCacheCalls {
  const { symbols } = dlopen(name, {
    preadv2: { args: [i32, FFIType.ptr, i32, i64, i32], returns: i64 },
    mmap: { args: [u64, u64, i32, i32, i32, i64], returns: i64 },
    munmap: { args: [u64, u64], returns: i32 },
    mincore: { args: [u64, u64, FFIType.ptr], returns: i32 },
    getpagesize: { args: [], returns: i32 },
  });
  return {
    preadv2: (fd, vectors, count, position, flags) => Number(symbols.preadv2(fd, vectors, count, position, flags)),
    addressOf: (bytes) => BigInt(ptr(bytes)),
    mmap: (length, protection, flags, fd, position) => Number(symbols.mmap(0, length, protection, flags, fd, position)),
    munmap: (address, length) => symbols.munmap(address, length),
    mincore: (address, length, pages) => symbols.mincore(address, length, pages),
    getpagesize: () => symbols.getpagesize(),
  };
}
