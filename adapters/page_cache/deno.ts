/** The page cache on Deno, through `Deno.dlopen`; without --allow-ffi nothing is found. */
import type { PageCache } from "../shared/files.ts";
import { type PageCacheCalls, pageCacheWith } from "./linux.ts";

/** The part of Deno's global that is used here; its own types are not on npm. */
interface DenoFfi {
  dlopen(
    name: string,
    symbols: Record<string, { parameters: readonly string[]; result: string }>,
  ): {
    symbols: {
      preadv2(fd: number, vectors: BigUint64Array, count: number, position: bigint, flags: number): bigint | number;
      mmap(address: bigint, length: bigint, protection: number, flags: number, fd: number, position: bigint): bigint | number;
      munmap(address: bigint, length: bigint): number;
      mincore(address: bigint, length: bigint, pages: Uint8Array): number;
      getpagesize(): number;
    };
  };
  readonly UnsafePointer: { of(bytes: Uint8Array): unknown; value(pointer: unknown): bigint };
}

export const denoPageCache = (): PageCache => pageCacheWith(open);

function open(name: string): PageCacheCalls {
  const { Deno } = globalThis as unknown as { Deno: DenoFfi };
  const { symbols } = Deno.dlopen(name, {
    preadv2: { parameters: ["i32", "buffer", "i32", "i64", "i32"], result: "i64" },
    mmap: { parameters: ["u64", "u64", "i32", "i32", "i32", "i64"], result: "i64" },
    munmap: { parameters: ["u64", "u64"], result: "i32" },
    mincore: { parameters: ["u64", "u64", "buffer"], result: "i32" },
    getpagesize: { parameters: [], result: "i32" },
  });
  const { UnsafePointer } = Deno;
  return {
    preadv2: (fd, vectors, count, position, flags) => Number(symbols.preadv2(fd, vectors, count, BigInt(position), flags)),
    addressOf: (bytes) => UnsafePointer.value(UnsafePointer.of(bytes)),
    mmap: (length, protection, flags, fd, position) =>
      Number(symbols.mmap(0n, BigInt(length), protection, flags, fd, BigInt(position))),
    munmap: (address, length) => symbols.munmap(BigInt(address), BigInt(length)),
    mincore: (address, length, pages) => symbols.mincore(BigInt(address), BigInt(length), pages),
    getpagesize: () => symbols.getpagesize(),
  };
}
