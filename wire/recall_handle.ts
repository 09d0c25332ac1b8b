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

export function encodeRecallHandle({ topic, brokerName, timestamp, messageId }: RecallHandle): string {
  const bytes = encodeUtf8(`${VERSION} ${topic} ${brokerName} ${timestamp} ${messageId}`);
  // Each delayed message that is sent gets one: letters by their codes, and one text of them all.
  const text = new Uint8Array(Math.ceil(bytes.length / 3) * 4);
  for (let i = 0, at = 0; i < bytes.length; i += 3, at += 4) {
    // Behind the end there are zeros.
    const three = ((bytes[i] as number) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    text[at] = CODES[three >> 18] as number;
    text[at + 1] = CODES[(three >> 12) & 63] as number;
    text[at + 2] = CODES[(three >> 6) & 63] as number;
    text[at + 3] = CODES[three & 63] as number;
  }
  const missing = text.length * 3 - bytes.length * 4;
  if (missing > 0) text.fill(PADDING, text.length - Math.floor(missing / 4));
  return decodeUtf8(text);
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
