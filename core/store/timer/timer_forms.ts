/**
 * The two forms that a message with a time of its own takes: parked in the timer topic, and put again when its time has come.
 *
 * Both add a few pairs to the properties, which many messages have in common: messages for one queue and one second, or
 * delivered in one millisecond, get the same bytes. They are made once and go to the store as `commonProperties`, so that
 * nobody takes the message's own properties apart or joins texts.
 */
import { encodeUtf8, readInt32, readInt64 } from "../../../wire/bytes.ts";
import { readHost } from "../../../wire/host.ts";
import { tagsCode } from "../../../wire/java_hash.ts";
import { RECORD_AT } from "../../../wire/message.ts";
import { MessageConst } from "../../../wire/message_const.ts";
import { layoutOf, recordBody } from "../../../wire/message_reader.ts";
import { formatProperties, PROPERTY_SEPARATOR, removeProperty, setProperty } from "../../../wire/properties.ts";
import { NO_BODY } from "../../../wire/remoting_command.ts";
import type { MessageInput } from "../message_store.ts";
import { TIMER_QUEUE, TIMER_TOPIC, type WaitingMessage } from "./timer_message.ts";

/** Suffixes of parked messages that are remembered, some 100 bytes each: a power of two. */
const SUFFIXES = 64;
const REPLACED = [MessageConst.TIMER_OUT_MS, MessageConst.REAL_TOPIC, MessageConst.REAL_QID] as const;

export interface ParkedMessage extends MessageInput {
  readonly outTimeMs: number;
  readonly realTopic: string;
}

interface ParkedSuffix {
  readonly common: Uint8Array;
  readonly topic: string;
  readonly queueId: number;
  readonly outTimeMs: number;
  readonly bytes: Uint8Array;
}

/** Makes parked messages. */
export class ParkedForm {
  /** Each in the place of its hash; another takes it over. */
  readonly #suffixes = new Array<ParkedSuffix | undefined>(SUFFIXES).fill(undefined);

  /**
   * The same message, parked until `outTimeMs` (a whole step, see `parkedUntil`).
   * @param message its properties are without TIMER_OUT_MS, REAL_TOPIC and REAL_QID, or with them: they are replaced.
   */
  of(message: MessageInput, outTimeMs: number): ParkedMessage {
    const { topic, queueId, commonProperties = NO_BODY } = message;
    let { properties } = message;
    for (const name of REPLACED) if (properties.includes(name)) properties = removeProperty(properties, name);
    if (properties !== "" && !properties.endsWith(PROPERTY_SEPARATOR)) properties += PROPERTY_SEPARATOR;
    return {
      topic: TIMER_TOPIC,
      queueId: TIMER_QUEUE.queueId,
      flag: message.flag,
      sysFlag: message.sysFlag,
      bornTimestamp: message.bornTimestamp,
      bornHost: message.bornHost,
      bornPort: message.bornPort,
      storeHost: message.storeHost,
      storePort: message.storePort,
      reconsumeTimes: message.reconsumeTimes,
      preparedTransactionOffset: message.preparedTransactionOffset,
      body: message.body,
      properties,
      commonProperties: this.#suffix(commonProperties, topic, queueId, outTimeMs),
      tagsCode: message.tagsCode,
      innerBatchSize: message.innerBatchSize,
      outTimeMs,
      realTopic: topic,
    };
  }

  /** `common`, and what says the message's time and place. */
  #suffix(common: Uint8Array, topic: string, queueId: number, outTimeMs: number): Uint8Array {
    const place = (queueId + Math.floor(outTimeMs / 1000) + topic.length) & (SUFFIXES - 1);
    const known = this.#suffixes[place];
    if (known !== undefined && known.outTimeMs === outTimeMs && known.queueId === queueId) {
      if (known.topic === topic && known.common === common) return known.bytes;
    }
    const own = encodeUtf8(
      formatProperties([
        [MessageConst.TIMER_OUT_MS, String(outTimeMs)],
        [MessageConst.REAL_TOPIC, topic],
        [MessageConst.REAL_QID, String(queueId)],
      ]),
    );
    const bytes = new Uint8Array(common.length + own.length);
    bytes.set(common);
    bytes.set(own, common.length);
    this.#suffixes[place] = { common, topic, queueId, outTimeMs, bytes };
    return bytes;
  }
}

/** Makes delivered messages, and rolled ones. */
export class DeliveredForm {
  readonly #bornHost = new HostText();
  readonly #storeHost = new HostText();
  #enqueueMs = "";
  #dequeueMs = 0;
  /** What delivering adds to the properties of a fresh message. */
  #suffix: Uint8Array = NO_BODY;

  /**
   * The message as it is put again: to its real place, or, rolled, once more into the timer topic.
   * @param enqueueMs of its unit, as text.
   */
  of(waiting: WaitingMessage, enqueueMs: string, dequeueMs: number, roll: boolean): MessageInput {
    const { record } = waiting;
    const layout = layoutOf(record);
    const { bornHostAt, bornAddressBytes, storeHostAt, storeAddressBytes } = layout;
    const storePortAt = storeHostAt + storeAddressBytes;
    const common = waiting.isFresh && !roll;
    const { properties } = waiting;
    return {
      topic: roll ? TIMER_TOPIC : waiting.realTopic,
      queueId: roll ? TIMER_QUEUE.queueId : waiting.realQueueId,
      flag: readInt32(record, RECORD_AT.flag),
      sysFlag: readInt32(record, RECORD_AT.sysFlag),
      bornTimestamp: readInt64(record, RECORD_AT.bornTimestamp),
      bornHost: this.#bornHost.at(record, bornHostAt, bornAddressBytes),
      bornPort: readInt32(record, bornHostAt + bornAddressBytes),
      storeHost: this.#storeHost.at(record, storeHostAt, storeAddressBytes),
      storePort: readInt32(record, storePortAt),
      reconsumeTimes: readInt32(record, storePortAt + 4),
      preparedTransactionOffset: 0,
      body: recordBody(record, layout),
      properties: common ? properties : deliveredProperties(waiting, properties, enqueueMs, String(dequeueMs), roll),
      commonProperties: common ? this.#suffixOf(enqueueMs, dequeueMs) : undefined,
      tagsCode: tagsCode(waiting.tags),
    };
  }

  #suffixOf(enqueueMs: string, dequeueMs: number): Uint8Array {
    if (dequeueMs === this.#dequeueMs && enqueueMs === this.#enqueueMs) return this.#suffix;
    this.#enqueueMs = enqueueMs;
    this.#dequeueMs = dequeueMs;
    this.#suffix = encodeUtf8(
      formatProperties([
        [MessageConst.TIMER_ENQUEUE_MS, enqueueMs],
        [MessageConst.TIMER_DEQUEUE_MS, String(dequeueMs)],
      ]),
    );
    return this.#suffix;
  }
}

/** Where something that delivering sets is there already, or a roll is to be counted. */
function deliveredProperties(
  { rollTimes }: WaitingMessage,
  before: string,
  enqueueMs: string,
  dequeueMs: string,
  roll: boolean,
): string {
  let properties = setProperty(before, MessageConst.TIMER_ENQUEUE_MS, enqueueMs);
  if (roll) properties = setProperty(properties, MessageConst.TIMER_ROLL_TIMES, String(rollTimes + 1));
  properties = setProperty(properties, MessageConst.TIMER_DEQUEUE_MS, dequeueMs);
  return removeProperty(properties, MessageConst.CRC32);
}

/** The text of an address that is the last one's again and again. */
class HostText {
  #address = 0;
  #text = "";

  at(record: Uint8Array, at: number, addressBytes: 4 | 16): string {
    if (addressBytes === 16) return readHost(record, at, 16);
    const address = readInt32(record, at);
    if (address !== this.#address || this.#text === "") {
      this.#address = address;
      this.#text = readHost(record, at, 4);
    }
    return this.#text;
  }
}
