/** How bodies are compressed: which kinds there are, and which bits of sysFlag name them. */
import { SYS_FLAG_COMPRESSION_TYPE_MASK } from "../../wire/message.ts";
import type { Compression } from "../runtime.ts";
import { MQClientError } from "./errors.ts";

export type CompressType = "ZLIB" | "LZ4" | "ZSTD";

/** `MessageSysFlag`. 0 is the zlib of clients that know no other. */
export const COMPRESS_TYPE_FLAGS: Readonly<Record<CompressType, number>> = { LZ4: 0x100, ZSTD: 0x200, ZLIB: 0x300 };

export interface BodyCompressor {
  readonly flag: number;
  /** To be awaited before `compress`, where it is there: what compresses is being loaded. Rejects when that fails. */
  readonly ready?: Promise<void> | undefined;
  readonly compress: (bytes: Uint8Array) => Uint8Array;
}

/** From the least to the most. LZ4 has none. */
const LEVELS: Readonly<Partial<Record<CompressType, readonly [least: number, most: number]>>> = { ZLIB: [0, 9], ZSTD: [1, 22] };

/** @param level of `LEVELS`. @throws MQClientError kind invalid for another, and where the runtime can't */
export function bodyCompressor(compression: Compression, type: CompressType, level: number): BodyCompressor {
  const flag = COMPRESS_TYPE_FLAGS[type];
  const levels = LEVELS[type];
  if (levels !== undefined && !(Number.isInteger(level) && level >= levels[0] && level <= levels[1])) {
    throw new MQClientError("invalid", `compressLevel ${level} can't be used: ${type} has ${levels.join(" to ")}`);
  }
  if (type === "ZLIB") return { flag, compress: (bytes) => compression.deflate(bytes, level) };
  if (type === "LZ4") return new Lz4Compressor(compression);
  const { writeZstd } = compression;
  if (writeZstd !== undefined) return { flag, compress: (bytes) => writeZstd(bytes, level) };
  throw new MQClientError("invalid", "compressType ZSTD needs Bun, Deno, or Node from 22.15 on: take LZ4 or ZLIB");
}

class Lz4Compressor implements BodyCompressor {
  readonly flag = COMPRESS_TYPE_FLAGS.LZ4;
  ready: Promise<void> | undefined;
  #write: ((bytes: Uint8Array) => Uint8Array) | undefined;

  constructor(compression: Compression) {
    this.ready = compression.lz4Writer().then((write) => {
      this.#write = write;
      this.ready = undefined;
    });
    // Who sends is told; nobody may ever send.
    this.ready.catch(() => {});
  }

  compress(bytes: Uint8Array): Uint8Array {
    if (this.#write === undefined) throw new MQClientError("invalid", "Cannot compress with LZ4: its library is not loaded yet");
    return this.#write(bytes);
  }
}

/** @throws when the bytes are not what `sysFlag` says, or become more than `bytesMax` */
export function decompressed(sysFlag: number, body: Uint8Array, compression: Compression, bytesMax: number): Uint8Array {
  const type = sysFlag & SYS_FLAG_COMPRESSION_TYPE_MASK;
  if (type === 0 || type === COMPRESS_TYPE_FLAGS.ZLIB) return compression.inflate(body, bytesMax);
  if (type === COMPRESS_TYPE_FLAGS.LZ4) return compression.readLz4(body, bytesMax);
  if (type === COMPRESS_TYPE_FLAGS.ZSTD) return compression.readZstd(body, bytesMax);
  throw new Error(`the body is compressed with type ${type >> 8}, which this client does not know`);
}
