/**
 * Pieces of a header in ASCII: texts that are written again and again, numbers, and texts that need no escapes. What
 * `reply_writer.ts` and the replies that write their own fields have in common.
 */
import { readInt32 } from "./bytes.ts";
import { NO_BODY } from "./remoting_command.ts";

export const QUOTE = 0x22;
export const COMMA = 0x2c;

/** Bytes that are copied often: four at a time, so that what they end with, up to three zeros, lies behind them. */
export interface Words {
  readonly words: Int32Array;
  /** Bytes. */
  readonly length: number;
}

/** Where what was copied ends. */
export function copy(target: DataView, at: number, { words, length }: Words): number {
  for (let i = 0; i < words.length; i++) target.setInt32(at + 4 * i, words[i] as number);
  return at + length;
}

/** `text[from, to)`: printable ASCII that JSON writes as it is; -1 when it has anything else. */
export function writePlain(target: Uint8Array, at: number, text: string, from = 0, to = text.length): number {
  const shift = at - from;
  for (let i = from; i < to; i++) {
    const char = text.charCodeAt(i);
    if (char < 0x20 || char > 0x7e || char === QUOTE || char === 0x5c) return -1;
    target[shift + i] = char;
  }
  return shift + to;
}

/** `value`: an integer from 0 on. */
export function writeDecimal(target: Uint8Array, at: number, value: number): number {
  let high = at;
  let rest = value;
  if (value > 0x7fff_ffff) {
    // Nine digits at a time: within 31 bits the engines divide integers.
    const upper = Math.floor(value / 1_000_000_000);
    rest = value - upper * 1_000_000_000;
    high = writeDecimal(target, at, upper);
    for (let i = high + 8; i >= high; i--) {
      const next = (rest / 10) | 0;
      target[i] = 48 + rest - next * 10;
      rest = next;
    }
    return high + 9;
  }
  let digits = 1;
  for (let bound = 10; digits < 10 && rest >= bound; bound *= 10) digits++;
  for (let i = high + digits - 1; i >= high; i--) {
    const next = (rest / 10) | 0;
    target[i] = 48 + rest - next * 10;
    rest = next;
  }
  return high + digits;
}

const ENCODER = new TextEncoder();
export const ascii = (text: string): Words => wordsOf(ENCODER.encode(text));

export function wordsOf(bytes: Uint8Array): Words {
  const words = new Int32Array(Math.ceil(bytes.length / 4));
  // What is beyond the end reads as 0.
  for (let i = 0; i < words.length; i++) words[i] = readInt32(bytes, 4 * i);
  return { words, length: bytes.length };
}

export const NONE: Words = wordsOf(NO_BODY);

/** A name of a ROCKETMQ field, behind its length. */
export function rocketmqName(name: string): Uint8Array {
  const bytes = ENCODER.encode(name);
  return Uint8Array.of(bytes.length >>> 8, bytes.length, ...bytes);
}
