/** Big-endian integers at fixed places of a Uint8Array, for codecs that know their layout. */
import { WireError } from "./errors.ts";

export function readInt32(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number)
  );
}

export function readUint32(bytes: Uint8Array, at: number): number {
  return readInt32(bytes, at) >>> 0;
}

export function readUint16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

/** An int64 as a number; exact between ±2^53, rounded beyond. `readSafeInt64` refuses what is beyond. */
export function readInt64(bytes: Uint8Array, at: number): number {
  return readInt32(bytes, at) * 0x1_0000_0000 + readUint32(bytes, at + 4);
}

/** @throws WireError naming `field` when the int64 is beyond ±2^53. */
export function readSafeInt64(bytes: Uint8Array, at: number, field: string): number {
  const value = readInt64(bytes, at);
  if (Number.isSafeInteger(value)) return value;
  throw new WireError(`${field} at byte ${at} is ${value}, beyond ±2^53`);
}

export function writeInt32(target: Uint8Array, at: number, value: number): void {
  target[at] = value >>> 24;
  target[at + 1] = value >>> 16;
  target[at + 2] = value >>> 8;
  target[at + 3] = value;
}

export function writeInt16(target: Uint8Array, at: number, value: number): void {
  target[at] = value >>> 8;
  target[at + 1] = value;
}

/** `value`: a safe integer. */
export function writeInt64(target: Uint8Array, at: number, value: number): void {
  const high = Math.floor(value / 0x1_0000_0000);
  writeInt32(target, at, high);
  writeInt32(target, at + 4, value - high * 0x1_0000_0000);
}

/** Longest text that is tried character by character: below it a loop beats the encoder's call. */
const ASCII_LOOP_MAX = 128;

/**
 * Writes `text` as UTF-8 at `at`; returns the bytes written.
 * @throws WireError when `target` ends before the text does.
 */
export function writeUtf8(target: Uint8Array, at: number, text: string): number {
  const { length } = text;
  if (length <= ASCII_LOOP_MAX && at + length <= target.length) {
    let i = 0;
    while (i < length) {
      const char = text.charCodeAt(i);
      if (char > 0x7f) break;
      target[at + i++] = char;
    }
    if (i === length) return length;
  }
  const { read, written } = ENCODER.encodeInto(text, target.subarray(at));
  if (read < length) throw new WireError(`a text of ${length} characters does not fit into ${target.length - at} bytes`);
  return written;
}

/** Bytes of `text` in UTF-8; a lone surrogate counts as the U+FFFD that encoders write for it. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (char <= 0x7f) continue;
    if (char <= 0x7ff) bytes += 1;
    else {
      bytes += 2;
      // A pair is two units and four bytes; everything else up here is one unit and three bytes.
      if (char >= 0xd800 && char < 0xdc00) {
        const next = text.charCodeAt(i + 1);
        if (next >= 0xdc00 && next < 0xe000) i++;
      }
    }
  }
  return bytes;
}

/** `bytes` as text; what is not UTF-8 becomes U+FFFD, as in Java. */
export const decodeUtf8 = (bytes: Uint8Array): string => DECODER.decode(bytes);

/** `text` as new bytes. */
export const encodeUtf8 = (text: string): Uint8Array => ENCODER.encode(text);

/** The same text in memory of its own, to be kept for long: one that was cut out of another keeps all of that in memory. */
export const ownText = (text: string): string => decodeUtf8(encodeUtf8(text));

const ENCODER = new TextEncoder();
/** `ignoreBOM`: a leading U+FEFF belongs to the text, as in Java. */
const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });
