/** zlib from `node:zlib`, LZ4 and ZSTD. Compressed sizes differ a little between runtimes; what was deflated inflates alike on all. */
import type { Compression } from "../../core/runtime.ts";
import { builtin } from "./builtin.ts";
import { Fault, faultOf } from "./fault.ts";
import { lz4Writer, readLz4Frame } from "./lz4.ts";
import { readZstd, zstdWriter } from "./zstd.ts";

export const hostCompression: Compression = {
  deflate(bytes, level) {
    return builtin("node:zlib").deflateSync(bytes, { level });
  },

  /** `EMSGSIZE` beyond the bound; `EBADMSG` for bytes that are not zlib's. */
  inflate(bytes, bytesMax) {
    try {
      // maxOutputLength 0 is refused by the runtimes, so an empty result is bounded by 1 and looked at below.
      const inflated = builtin("node:zlib").inflateSync(bytes, { maxOutputLength: Math.max(1, bytesMax) });
      if (inflated.length <= bytesMax) return inflated;
    } catch (error) {
      const tried = `Cannot inflate ${bytes.length} bytes`;
      const code = faultOf(error, tried).code;
      if (code !== "ERR_BUFFER_TOO_LARGE") throw new Fault("EBADMSG", `${tried}: ${String(error)}`, error);
    }
    throw new Fault("EMSGSIZE", `Cannot inflate ${bytes.length} bytes: the result is larger than ${bytesMax} bytes`);
  },

  lz4Writer,
  readLz4: readLz4Frame,
  get writeZstd() {
    return zstdWriter();
  },
  readZstd,
};
