/** Reads of the page cache on Deno, through `Deno.dlopen`; without --allow-ffi nothing is found. */
import type { ReadCached } from "../shared/files.ts";
import { type PageCacheCalls, readCachedWith } from "./linux.ts";

/** The part of Deno's global that is used here; its own types are not on npm. */
interface DenoFfi {
  dlopen(
    name: string,
    symbols: Record<string, { parameters: readonly string[]; result: string }>,
  ): {
    symbols: {
      preadv2(fd: number, vectors: BigUint64Array, count: number, position: bigint, flags: number): bigint | number;
    };
  };
  readonly UnsafePointer: { of(bytes: Uint8Array): unknown; value(pointer: unknown): bigint };
}

export const denoReadCached = (): ReadCached => readCachedWith(open);

function open(name: string): PageCacheCalls {
  const { Deno } = globalThis as unknown as { Deno: DenoFfi };
  const { symbols } = Deno.dlopen(name, {
    preadv2: { parameters: ["i32", "buffer", "i32", "i64", "i32"], result: "i64" },
  });
  const { UnsafePointer } = Deno;
  return {
    preadv2: (fd, vectors, count, position, flags) => Number(symbols.preadv2(fd, vectors, count, BigInt(position), flags)),
    addressOf: (bytes) => UnsafePointer.value(UnsafePointer.of(bytes)),
  };
}
