/**
 * The body of SEND_BATCH_MESSAGE, and of a stored inner batch: entries one after another.
 *
 * ```
 * int32 totalSize   int32 magic (0)   int32 bodyCrc (0)   int32 flag
 * int32 bodyLength  body   int16 propertiesLength  properties
 * ```
 * Magic and CRC are not looked at, as in Apache.
 */
import { decodeUtf8, encodeUtf8, readInt32, readUint16, writeInt16, writeInt32 } from "./bytes.ts";
import { WireError } from "./errors.ts";
import { PROPERTIES_BYTES_MAX } from "./message.ts";

/** An entry without body and properties. */
const ENTRY_BYTES_MIN = 22;

export interface BatchEntry {
  readonly flag: number;
  /** A view into the batch. */
  readonly body: Uint8Array;
  /** Text of `properties.ts`. */
  readonly properties: string;
}

/**
 * @throws WireError when an entry's size or a length in it is not what the bytes hold, or there are more than `entriesMax`
 *   entries. The shortest entry has 22 bytes, so a batch of n bytes never has more than n / 22.
 */
export function decodeBatch(bytes: Uint8Array, entriesMax = Number.MAX_SAFE_INTEGER): BatchEntry[] {
  const entries: BatchEntry[] = [];
  let at = 0;
  while (at < bytes.length) {
    if (entries.length === entriesMax) throw new WireError(`the batch has more than ${entriesMax} entries`);
    const left = bytes.length - at;
    const size = left < ENTRY_BYTES_MIN ? -1 : readInt32(bytes, at);
    if (size < ENTRY_BYTES_MIN || size > left) {
      throw new WireError(
        `batch entry ${entries.length} at byte ${at}: size ${size < 0 && left < ENTRY_BYTES_MIN ? "(cut off)" : size} is outside ${ENTRY_BYTES_MIN}..${left}`,
      );
    }
    const bodyBytes = readInt32(bytes, at + 16);
    if (bodyBytes < 0 || bodyBytes > size - ENTRY_BYTES_MIN) {
      throw new WireError(
        `batch entry ${entries.length} at byte ${at}: body length ${bodyBytes} is outside 0..${size - ENTRY_BYTES_MIN}`,
      );
    }
    const propertiesAt = at + ENTRY_BYTES_MIN + bodyBytes;
    const propertiesBytes = readUint16(bytes, propertiesAt - 2);
    if (propertiesBytes > PROPERTIES_BYTES_MAX || propertiesAt + propertiesBytes !== at + size) {
      throw new WireError(
        `batch entry ${entries.length} at byte ${at}: properties length ${propertiesBytes} is not the ${at + size - propertiesAt} bytes left`,
      );
    }
    entries.push({
      flag: readInt32(bytes, at + 12),
      body: bytes.subarray(at + 20, at + 20 + bodyBytes),
      properties: decodeUtf8(bytes.subarray(propertiesAt, propertiesAt + propertiesBytes)),
    });
    at += size;
  }
  return entries;
}

/** @throws WireError when an entry's properties have more than 32767 bytes. */
export function encodeBatch(entries: readonly BatchEntry[]): Uint8Array {
  const properties = entries.map((entry) => encodeUtf8(entry.properties));
  const sizes = entries.map((entry, i) => ENTRY_BYTES_MIN + entry.body.length + (properties[i] as Uint8Array).length);
  const bytes = new Uint8Array(sizes.reduce((sum, size) => sum + size, 0));
  let at = 0;
  for (const [i, entry] of entries.entries()) {
    const text = properties[i] as Uint8Array;
    if (text.length > PROPERTIES_BYTES_MAX) {
      throw new WireError(`batch entry ${i}: the properties have ${text.length} bytes; ${PROPERTIES_BYTES_MAX} fit`);
    }
    writeInt32(bytes, at, sizes[i] as number);
    writeInt32(bytes, at + 12, entry.flag);
    writeInt32(bytes, at + 16, entry.body.length);
    bytes.set(entry.body, at + 20);
    writeInt16(bytes, at + 20 + entry.body.length, text.length);
    bytes.set(text, at + ENTRY_BYTES_MIN + entry.body.length);
    at += sizes[i] as number;
  }
  return bytes;
}
