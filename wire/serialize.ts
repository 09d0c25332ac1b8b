/**
 * RemotingCommand <-> frame, with both header serializations.
 *
 * JSON: `{"code":14,"extFields":{…},"flag":0,"language":"JAVA","opaque":0,"remark":…,"serializeTypeCurrentRPC":"JSON","version":513}`,
 * keys in this order, absent ones left out.
 *
 * ROCKETMQ:
 * ```
 * int16 code  int8 language  int16 version  int32 opaque  int32 flag
 * int32 remarkLength  remark   int32 extLength  ( int16 keyLength  key  int32 valueLength  value )*
 * ```
 * `code` has 16 bits, so the 2000xx codes need JSON. A value of length 0 reads as absent, as in Java.
 */
import type { ByteWriter } from "./byte_writer.ts";
import { readInt32 } from "./bytes.ts";
import { WireError } from "./errors.ts";
import { FRAME_PREFIX_BYTES } from "./frame.ts";
import {
  type ExtFields,
  LANGUAGE_OTHER,
  LANGUAGES,
  NO_BODY,
  type RemotingCommand,
  SERIALIZE_JSON,
  SERIALIZE_NAMES,
  SERIALIZE_ROCKETMQ,
} from "./remoting_command.ts";

/** Binary header without remark and fields. */
const ROCKETMQ_FIXED_BYTES = 21;

/**
 * Longest header taken. The largest that a client has reason to send holds 32767 bytes of properties, six characters each
 * in JSON: 200 KB. Without a bound of its own a header fills the whole frame, and a million fields stall everybody.
 */
export const HEADER_BYTES_MAX = 1024 * 1024;
/** The length of a header has 24 bits of the mark; the serialize type has the others. */
export const HEADER_LENGTH_MAX = 0xff_ffff;

/** Most fields taken from a ROCKETMQ header, where 6 bytes make one; Apache's largest header has 20. */
export const EXT_FIELDS_MAX = 1024;

/**
 * Decodes one whole frame, `bytes[from, to)`, length field included. `body` is a view into it.
 * @throws WireError on a header length beyond the frame or `HEADER_BYTES_MAX`, an unknown type, broken JSON, a length beyond
 *   the header, more fields than `EXT_FIELDS_MAX`.
 */
export function decodeCommand(bytes: Uint8Array, from = 0, to = bytes.length): RemotingCommand {
  if (to - from < FRAME_PREFIX_BYTES) throw new WireError(`a frame of ${to - from} bytes has no header mark`);
  const mark = readInt32(bytes, from + 4);
  const type = mark >>> 24;
  const headerLength = mark & HEADER_LENGTH_MAX;
  const headerAt = from + FRAME_PREFIX_BYTES;
  const headerEnd = headerAt + headerLength;
  if (headerEnd > to) {
    throw new WireError(`header length ${headerLength} is beyond the frame's ${to - headerAt} bytes`);
  }
  if (headerLength > HEADER_BYTES_MAX) throw new WireError(`header length ${headerLength} is above ${HEADER_BYTES_MAX}`);
  const header = bytes.subarray(headerAt, headerEnd);
  const body = headerEnd === to ? NO_BODY : bytes.subarray(headerEnd, to);
  if (type === SERIALIZE_JSON) return decodeJson(header, body);
  if (type === SERIALIZE_ROCKETMQ) return decodeRocketmq(header, body);
  throw new WireError(`serialize type ${type} is neither JSON (0) nor ROCKETMQ (1)`);
}

/**
 * Appends `command` as one frame, with the serialization it names; a code that int16 can't hold goes out as JSON, which
 * every receiver tells by the frame's own type byte.
 * @throws WireError when the header or a field name does not fit its length; `into` is as it was before then.
 */
export function encodeCommand(command: RemotingCommand, into: ByteWriter): void {
  const { code } = command;
  const type = code === (code << 16) >> 16 ? command.serializeType : SERIALIZE_JSON;
  const start = into.skip(FRAME_PREFIX_BYTES);
  try {
    if (type === SERIALIZE_JSON) into.utf8(jsonHeader(command));
    else encodeRocketmq(command, into);
    const headerLength = into.length - start - FRAME_PREFIX_BYTES;
    if (headerLength > HEADER_LENGTH_MAX) throw new WireError(`a header of ${headerLength} bytes does not fit its 24-bit length`);
    into.raw(command.body);
    into.int32At(start, into.length - start - 4);
    into.int32At(start + 4, (type << 24) | headerLength);
  } catch (error) {
    into.length = start;
    throw error;
  }
}

// ------------------------------------------------------------------------------------------------------------- JSON

function jsonHeader(command: RemotingCommand): string {
  const { extFields, remark } = command;
  return (
    `{"code":${command.code}` +
    (extFields === undefined ? "" : `,"extFields":${JSON.stringify(extFields)}`) +
    `,"flag":${command.flag},"language":"${LANGUAGES[command.language] ?? "OTHER"}","opaque":${command.opaque}` +
    (remark === undefined ? "" : `,"remark":${JSON.stringify(remark)}`) +
    `,"serializeTypeCurrentRPC":"${SERIALIZE_NAMES[SERIALIZE_JSON]}","version":${command.version}}`
  );
}

function decodeJson(header: Uint8Array, body: Uint8Array): RemotingCommand {
  let value: unknown;
  try {
    value = JSON.parse(DECODER.decode(header));
  } catch (cause) {
    throw new WireError(`the JSON header can't be parsed: ${(cause as Error).message}`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new WireError("the JSON header is not an object");
  const fields = value as Record<string, unknown>;
  return {
    code: int32(fields.code, "code"),
    language: languageCode(fields.language),
    version: int32(fields.version, "version"),
    opaque: int32(fields.opaque, "opaque"),
    flag: int32(fields.flag, "flag"),
    remark: typeof fields.remark === "string" ? fields.remark : undefined,
    extFields: textFields(fields.extFields),
    body,
    serializeType: SERIALIZE_JSON,
  };
}

function int32(value: unknown, field: string): number {
  if (value === undefined || value === null) return 0;
  const number = typeof value === "string" && value !== "" ? Number(value) : value;
  if (typeof number === "number" && number === (number | 0)) return number;
  throw new WireError(`the JSON header's ${field} is ${JSON.stringify(value)?.slice(0, 40)}, not an int32`);
}

/** Clients send the name; fastjson also takes the ordinal. Unknown ones read as OTHER. */
function languageCode(value: unknown): number {
  if (value === "JAVA") return 0;
  const code = typeof value === "number" ? value : LANGUAGES.indexOf(value as (typeof LANGUAGES)[number]);
  return LANGUAGES[code] === undefined ? LANGUAGE_OTHER : code;
}

/** Values that a client wrote as numbers or booleans become the text they stand for; null ones are left out. */
function textFields(value: unknown): ExtFields | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "object" || Array.isArray(value)) throw new WireError("the JSON header's extFields is not an object");
  const fields = value as Record<string, unknown>;
  for (const key in fields) {
    const field = fields[key];
    if (typeof field === "string") continue;
    fields[key] =
      field === null ? undefined : typeof field === "object" ? JSON.stringify(field) : String(field as number | boolean);
  }
  return fields as ExtFields;
}

// --------------------------------------------------------------------------------------------------------- ROCKETMQ

function encodeRocketmq(command: RemotingCommand, into: ByteWriter): void {
  into.int16(command.code);
  into.int8(command.language);
  into.int16(command.version);
  into.int32(command.opaque);
  into.int32(command.flag);
  const remarkAt = into.skip(4);
  into.int32At(remarkAt, command.remark === undefined ? 0 : into.utf8(command.remark));
  const extAt = into.skip(4);
  const { extFields } = command;
  if (extFields !== undefined) {
    for (const key in extFields) {
      const value = extFields[key];
      if (value === undefined) continue;
      const keyAt = into.skip(2);
      const keyLength = into.utf8(key);
      if (keyLength > 0x7fff) throw new WireError(`the field name ${key.slice(0, 40)}… has ${keyLength} bytes; 32767 fit`);
      into.int16At(keyAt, keyLength);
      const valueAt = into.skip(4);
      into.int32At(valueAt, into.utf8(value));
    }
  }
  into.int32At(extAt, into.length - extAt - 4);
}

function decodeRocketmq(header: Uint8Array, body: Uint8Array): RemotingCommand {
  if (header.length < ROCKETMQ_FIXED_BYTES)
    throw new WireError(`a ROCKETMQ header of ${header.length} bytes is shorter than ${ROCKETMQ_FIXED_BYTES}`);
  const view = new DataView(header.buffer, header.byteOffset, header.length);
  const remarkLength = view.getInt32(13);
  const extAt = 17 + checkedLength(remarkLength, header.length - ROCKETMQ_FIXED_BYTES, "remark");
  const extLength = view.getInt32(extAt);
  const extEnd = extAt + 4 + checkedLength(extLength, header.length - extAt - 4, "extFields");
  const language = view.getUint8(2);
  return {
    code: view.getInt16(0),
    language: language < LANGUAGES.length ? language : LANGUAGE_OTHER,
    version: view.getInt16(3),
    opaque: view.getInt32(5),
    flag: view.getInt32(9),
    remark: remarkLength === 0 ? undefined : DECODER.decode(header.subarray(17, extAt)),
    extFields: extLength === 0 ? undefined : decodeFields(header, view, extAt + 4, extEnd),
    body,
    serializeType: SERIALIZE_ROCKETMQ,
  };
}

function decodeFields(header: Uint8Array, view: DataView, from: number, end: number): ExtFields {
  const fields: ExtFields = {};
  let at = from;
  for (let count = 1; at < end; count++) {
    if (count > EXT_FIELDS_MAX) throw new WireError(`the ROCKETMQ header has more than ${EXT_FIELDS_MAX} fields`);
    const keyEnd = at + 2 + checkedLength(at + 2 > end ? -1 : view.getInt16(at), end - at - 6, "field name");
    const key = DECODER.decode(header.subarray(at + 2, keyEnd));
    const valueLength = checkedLength(view.getInt32(keyEnd), end - keyEnd - 4, "field value");
    at = keyEnd + 4 + valueLength;
    if (valueLength > 0) fields[key] = DECODER.decode(header.subarray(keyEnd + 4, at));
  }
  return fields;
}

function checkedLength(length: number, left: number, of: string): number {
  if (length >= 0 && length <= left) return length;
  throw new WireError(`the ROCKETMQ header's ${of} length ${length} is outside 0..${Math.max(0, left)}`);
}

/** `ignoreBOM`: a leading U+FEFF belongs to the text, as in Java. */
const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });
