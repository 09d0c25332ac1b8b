/**
 * JSON as RocketMQ's bodies and config files have it: standard JSON, and the habits of fastjson.
 *
 * - Integer keys are bare: `{0:"10.0.0.1:10911"}`.
 * - Maps keyed by an object carry it in key position: `{{"brokerName":"b","queueId":0,"topic":"t"}:5}`.
 * - int64 values are numbers, beyond 2^53 too.
 * - Old clients also write trailing commas, single quotes and bare names.
 *
 * This file is the way in (`parseJson`); `json_parser.ts` reads what JSON.parse refuses or would round, `json_value.ts` has
 * the values, `json_writer.ts` is the way out, `body.ts` turns values into typed bodies.
 */
import { decodeUtf8 } from "./bytes.ts";
import { WireError } from "./errors.ts";
import { JsonParser } from "./json_parser.ts";
import type { JsonValue } from "./json_value.ts";

export { JsonDouble, JsonLine, JsonMap, type JsonObject, type JsonValue } from "./json_value.ts";

/** Deepest nesting that our own parser follows; RocketMQ's own bodies stay below 12. */
export const JSON_DEPTH_MAX = 64;

/** Longest text taken: four of the largest frames, and more than any config file seen. */
export const JSON_CHARS_MAX = 64 * 1024 * 1024;

/** Digits that may be beyond 2^53, which JSON.parse would round. */
const LONG_DIGITS = /\d{16}/;

/**
 * Standard text goes through JSON.parse; what that refuses, or would round, through our own parser.
 * @throws WireError naming the character, what was expected there and what stands there; or the limit that is exceeded.
 */
export function parseJson(text: string): JsonValue {
  if (text.length > JSON_CHARS_MAX) throw new WireError(`JSON of ${text.length} characters; ${JSON_CHARS_MAX} are allowed`);
  if (!LONG_DIGITS.test(text)) {
    try {
      return JSON.parse(text) as JsonValue;
    } catch {
      // Not standard JSON. Our own parser reads it, or says what is wrong in the same words on every runtime.
    }
  }
  return new JsonParser(text, JSON_DEPTH_MAX).parse();
}

/** UTF-8 bytes of a body. @throws WireError as `parseJson`. */
export const parseJsonBytes = (bytes: Uint8Array): JsonValue => parseJson(decodeUtf8(bytes));
