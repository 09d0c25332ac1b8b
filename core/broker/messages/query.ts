/** QUERY_MESSAGE by key and by unique key, VIEW_MESSAGE_BY_ID: records of the log, as they are stored. */
import { FRAME_BYTES_MAX_DEFAULT } from "../../../wire/frame.ts";
import type { QueryMessageRequestHeader } from "../../../wire/headers/pull.ts";
import { MessageConst } from "../../../wire/message_const.ts";
import { layoutOf, recordProperties, recordTopic } from "../../../wire/message_reader.ts";
import { propertyOf } from "../../../wire/properties.ts";
import { ResponseCode } from "../../../wire/response_code.ts";
import { type ProcessorMap, RemotingError, type RequestContext, type TypedReply } from "../../remoting/processor.ts";
import { AnswerRoom } from "../../store/answer_room.ts";
import type { BrokerParts } from "../parts.ts";

type IndexType = "K" | "U" | "T";

/** Room for the header in a response of the largest size. */
const HEADER_BYTES_MAX = 64 * 1024;
/** Of queries under way, each of which may be answered with a frame of the largest size. */
const QUERY_BYTES_MAX = 4 * FRAME_BYTES_MAX_DEFAULT;
/** Set by clients that look for the id they made. */
const UNIQUE_KEY_QUERY = "_UNIQUE_KEY_QUERY";

export function queryProcessors(
  parts: Pick<BrokerParts, "store" | "settings">,
): Pick<ProcessorMap<"broker">, "QUERY_MESSAGE" | "VIEW_MESSAGE_BY_ID"> {
  const queries = new AnswerRoom(QUERY_BYTES_MAX);
  return {
    QUERY_MESSAGE: async (context, { header }) =>
      queries.attend(context.peer, (room) =>
        room.has(FRAME_BYTES_MAX_DEFAULT) ? queryMessage(parts, context, header) : undefined,
      ),
    VIEW_MESSAGE_BY_ID: async ({ peer }, { header }) => {
      const record = await parts.store.recordAt(header.offset, peer);
      if (record === undefined) {
        throw new RemotingError(ResponseCode.SYSTEM_ERROR, `can not find message by the offset, ${header.offset}`);
      }
      return { body: record };
    },
  };
}

async function queryMessage(
  { store, settings }: Pick<BrokerParts, "store" | "settings">,
  context: RequestContext,
  header: QueryMessageRequestHeader,
): Promise<TypedReply<"QUERY_MESSAGE">> {
  const { topic, key } = header;
  const byUniqueKey = context.extFields[UNIQUE_KEY_QUERY]?.toLowerCase() === "true";
  const type: IndexType = byUniqueKey ? "U" : header.indexType === "U" || header.indexType === "T" ? header.indexType : "K";
  const wanted = byUniqueKey ? settings.defaultQueryMaxNum : header.maxNum;
  const maxNum = Math.max(0, Math.min(wanted, settings.maxMsgsNumBatch));
  const keyText = type === "T" ? `${topic}#T#${key}` : `${topic}#${key}`;
  const found = await store.query(keyText, maxNum, header.beginTimestamp, header.endTimestamp);
  const records: Uint8Array[] = [];
  let bytes = 0;
  for (const offset of [...found.physicalOffsets].sort((a, b) => a - b)) {
    const record = await store.recordAt(offset);
    if (record === undefined || !hasKey(record, topic, key, type)) continue;
    if (bytes + record.length > FRAME_BYTES_MAX_DEFAULT - HEADER_BYTES_MAX) break;
    records.push(record);
    bytes += record.length;
  }
  const reply = {
    indexLastUpdateTimestamp: found.indexLastUpdateTimestamp,
    indexLastUpdatePhyoffset: found.indexLastUpdatePhyoffset,
  };
  if (records.length === 0) {
    return {
      code: ResponseCode.QUERY_NOT_FOUND,
      remark: "can not find message, maybe time range not correct",
      header: reply,
    };
  }
  return { header: reply, body: joined(records, bytes) };
}

/** The index knows hashes only. */
function hasKey(record: Uint8Array, topic: string, key: string, type: IndexType): boolean {
  const layout = layoutOf(record);
  if (recordTopic(record, layout) !== topic) return false;
  const properties = recordProperties(record, layout);
  if (type === "T") return propertyOf(properties, MessageConst.TAGS) === key;
  if (propertyOf(properties, MessageConst.UNIQ_KEY) === key) return true;
  return propertyOf(properties, MessageConst.KEYS)?.split(" ").includes(key) === true;
}

function joined(parts: readonly Uint8Array[], bytes: number): Uint8Array {
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
