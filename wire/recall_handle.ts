/**
 * The handle with which a delayed message can be taken back: base64url (padded) of `v1 topic brokerName timestamp messageId`,
 * separated by one space. Apache's RecallMessageHandle.HandleV1.
 */
import { decodeUtf8, encodeUtf8 } from "./bytes.ts";
import { WireError } from "./errors.ts";

export interface RecallHandle {
  readonly topic: string;
  readonly brokerName: string;
  /** When it is to be delivered, ms since 1970, as text. */
  readonly timestamp: string;
  /** UNIQ_KEY of the message. */
  readonly messageId: string;
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const CODES = encodeUtf8(ALPHABET);
const PADDING = 61;
const VERSION = "v1";
/** Topic, broker name and key have 127 to 255 characters. */
const HANDLE_CHARS_MAX = 4096;
/** Ids of messages have 32 characters; a longer one is encoded by itself. */
const ID_CHARS_MAX = 64;

export function encodeRecallHandle({ topic, brokerName, timestamp, messageId }: RecallHandle): string {
  const bytes = encodeUtf8(`${VERSION} ${topic} ${brokerName} ${timestamp} ${messageId}`);
  const letters = new Uint8Array(lettersOf(bytes.length));
  writeLetters(bytes, bytes.length, letters, 0);
  return decodeUtf8(letters);
}

/**
 * Makes handles of messages that come one after another. What those of one topic and one second have in common, all but the
 * id, is encoded once.
 */
export class RecallHandles {
  #topic = "";
  #brokerName = "";
  #timestamp = -1;
  /** Begins with the letters of what is in common, and has room for those of an id. */
  #letters = new Uint8Array(0);
  #lettersInCommon = 0;
  /** Bytes in common beyond a multiple of three, and the id. */
  readonly #rest = new Uint8Array(2 + ID_CHARS_MAX);
  #restInCommon = 0;

  /** @param timestamp see `RecallHandle` */
  of(topic: string, brokerName: string, timestamp: number, messageId: string): string {
    if (timestamp !== this.#timestamp || topic !== this.#topic || brokerName !== this.#brokerName) {
      this.#begin(topic, brokerName, timestamp);
    }
    const rest = this.#rest;
    let end = this.#restInCommon;
    let isAscii = messageId.length <= ID_CHARS_MAX;
    for (let i = 0; isAscii && i < messageId.length; i++) {
      const char = messageId.charCodeAt(i);
      isAscii = char <= 0x7f;
      rest[end++] = char;
    }
    if (!isAscii) return encodeRecallHandle({ topic, brokerName, timestamp: String(timestamp), messageId });
    const lettersEnd = writeLetters(rest, end, this.#letters, this.#lettersInCommon);
    return decodeUtf8(this.#letters.subarray(0, lettersEnd));
  }

  #begin(topic: string, brokerName: string, timestamp: number): void {
    const common = encodeUtf8(`${VERSION} ${topic} ${brokerName} ${timestamp} `);
    const whole = common.length - (common.length % 3);
    this.#topic = topic;
    this.#brokerName = brokerName;
    this.#timestamp = timestamp;
    this.#letters = new Uint8Array(lettersOf(common.length + ID_CHARS_MAX));
    this.#lettersInCommon = writeLetters(common, whole, this.#letters, 0);
    this.#rest.set(common.subarray(whole));
    this.#restInCommon = common.length - whole;
  }
}

const lettersOf = (bytes: number): number => Math.ceil(bytes / 3) * 4;

/** Letters, by their codes, of the first `count` of `bytes`, padded; returns where they end. */
function writeLetters(bytes: Uint8Array, count: number, letters: Uint8Array, from: number): number {
  let at = from;
  for (let i = 0; i < count; i += 3, at += 4) {
    const left = count - i;
    const three =
      ((bytes[i] as number) << 16) | (left > 1 ? (bytes[i + 1] as number) << 8 : 0) | (left > 2 ? (bytes[i + 2] as number) : 0);
    letters[at] = CODES[three >> 18] as number;
    letters[at + 1] = CODES[(three >> 12) & 63] as number;
    letters[at + 2] = left > 1 ? (CODES[(three >> 6) & 63] as number) : PADDING;
    letters[at + 3] = left > 2 ? (CODES[three & 63] as number) : PADDING;
  }
  return at;
}

/** @throws WireError `recall handle is invalid`, Apache's words, when the text is no handle. */
export function decodeRecallHandle(handle: string): RecallHandle {
  const digits = handle.replace(/={1,2}$/, "");
  const whole = handle.length === digits.length || handle.length % 4 === 0;
  if (!whole || digits === "" || digits.length > HANDLE_CHARS_MAX || digits.length % 4 === 1) throw invalid();
  const bytes = new Uint8Array(Math.floor((digits.length * 3) / 4));
  let filled = 0;
  let bits = 0;
  let bitCount = 0;
  for (const digit of digits) {
    const value = ALPHABET.indexOf(digit);
    if (value < 0) throw invalid();
    bits = ((bits << 6) | value) & 0xffff;
    bitCount += 6;
    if (bitCount < 8) continue;
    bitCount -= 8;
    bytes[filled++] = bits >> bitCount;
  }
  const [version, topic, brokerName, timestamp, messageId] = decodeUtf8(bytes.subarray(0, filled)).split(" ");
  if (version !== VERSION || topic === undefined || brokerName === undefined) throw invalid();
  if (timestamp === undefined || messageId === undefined || messageId === "") throw invalid();
  return { topic, brokerName, timestamp, messageId };
}

const invalid = (): WireError => new WireError("recall handle is invalid");
