/**
 * offsetMsgId: the store host and the physical offset of a message, as upper-case hex text.
 *
 * ```
 * IPv4: ip(4) port(4) physicalOffset(8) = 32 characters     IPv6: ip(16) port(4) physicalOffset(8) = 56 characters
 * ```
 * Clients dial the host inside it (VIEW_MESSAGE_BY_ID, CONSUMER_SEND_MSG_BACK).
 */
import { readInt32, readSafeInt64, writeInt64 } from "./bytes.ts";
import { WireError } from "./errors.ts";
import { HOST_V6_BYTES, readHost, writeHost } from "./host.ts";

export const MESSAGE_ID_V4_CHARS = 32;
export const MESSAGE_ID_V6_CHARS = 56;

export interface MessageId {
  readonly host: string;
  readonly port: number;
  readonly physicalOffset: number;
}

/** Two digits of every byte. */
const HEX_BYTES: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0").toUpperCase());

/**
 * Makes ids; keeps the hex of the last host, since a broker makes nearly all with the same one, and of the offset's upper
 * bytes, which stay the same for 64 KiB of log. A twentieth of the cost of making an id whole.
 */
export class MessageIdEncoder {
  #host = "";
  #port = -1;
  #hostHex = "";
  #upper = -1;
  #prefix = "";

  /** @throws WireError when `host` is not an IP literal or `port` is outside 0..65535. */
  encode(host: string, port: number, physicalOffset: number): string {
    if (host !== this.#host || port !== this.#port) {
      this.#hostHex = hostHex(host, port);
      this.#host = host;
      this.#port = port;
      this.#upper = -1;
    }
    if (physicalOffset < 0) return this.#hostHex + int64Hex(physicalOffset);
    const upper = Math.floor(physicalOffset / 0x1_0000);
    if (upper !== this.#upper) {
      this.#upper = upper;
      this.#prefix = (this.#hostHex + int64Hex(physicalOffset)).slice(0, -4);
    }
    const lower = physicalOffset - upper * 0x1_0000;
    return this.#prefix + (HEX_BYTES[lower >>> 8] as string) + (HEX_BYTES[lower & 0xff] as string);
  }

  /** The same as ASCII at `at`, without a text; returns where it ends. */
  write(target: Uint8Array, at: number, host: string, port: number, physicalOffset: number): number {
    const upper = Math.floor(physicalOffset / 0x1_0000);
    if (host !== this.#host || port !== this.#port || upper !== this.#upper) this.encode(host, port, physicalOffset);
    const prefix = this.#prefix;
    const { length } = prefix;
    for (let i = 0; i < length; i++) target[at + i] = prefix.charCodeAt(i);
    const lower = physicalOffset - upper * 0x1_0000;
    const lowerAt = at + length;
    target[lowerAt] = DIGITS[lower >>> 12] as number;
    target[lowerAt + 1] = DIGITS[(lower >>> 8) & 15] as number;
    target[lowerAt + 2] = DIGITS[(lower >>> 4) & 15] as number;
    target[lowerAt + 3] = DIGITS[lower & 15] as number;
    return lowerAt + 4;
  }
}

/** Digits as ASCII. */
const DIGITS: Uint8Array = Uint8Array.from("0123456789ABCDEF", (digit) => digit.charCodeAt(0));

/** One id. `MessageIdEncoder` is faster for many. */
export const encodeMessageId = (host: string, port: number, physicalOffset: number): string =>
  hostHex(host, port) + int64Hex(physicalOffset);

/**
 * Reads an offsetMsgId; hex digits of either case.
 * @throws WireError when the length is neither 32 nor 56, a character is not hex, or the offset is negative or beyond 2^53.
 */
export function decodeMessageId(text: string): MessageId {
  if (text.length !== MESSAGE_ID_V4_CHARS && text.length !== MESSAGE_ID_V6_CHARS) {
    throw new WireError(`message id "${text.slice(0, 60)}" has ${text.length} characters; 32 (IPv4) or 56 (IPv6) are allowed`);
  }
  if (!HEX.test(text)) throw new WireError(`message id "${text}" is not hex`);
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
  const addressBytes = text.length === MESSAGE_ID_V4_CHARS ? 4 : 16;
  const physicalOffset = readSafeInt64(bytes, addressBytes + 4, "offset of the message id");
  const port = readInt32(bytes, addressBytes);
  if (physicalOffset < 0) throw new WireError(`message id "${text}" has the negative offset ${physicalOffset}`);
  if (port < 0 || port > 65_535) throw new WireError(`message id "${text}" has port ${port}, outside 0..65535`);
  return { host: readHost(bytes, 0, addressBytes), port, physicalOffset };
}

const HEX = /^[0-9A-Fa-f]*$/;

function hostHex(host: string, port: number): string {
  const bytes = new Uint8Array(HOST_V6_BYTES);
  return upperHex(bytes.subarray(0, writeHost(bytes, 0, host, port)));
}

/** Two halves through toString(16): a third of the cost of going byte by byte. */
function int64Hex(value: number): string {
  if (value >= 0) {
    const high = Math.floor(value / 0x1_0000_0000);
    const low = value - high * 0x1_0000_0000;
    return (high.toString(16).padStart(8, "0") + low.toString(16).padStart(8, "0")).toUpperCase();
  }
  const bytes = new Uint8Array(8);
  writeInt64(bytes, 0, value);
  return upperHex(bytes);
}

function upperHex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += (byte < 16 ? "0" : "") + byte.toString(16);
  return text.toUpperCase();
}
