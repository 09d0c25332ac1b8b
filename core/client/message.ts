/**
 * Messages as a program writes and reads them. Field names are those of the Java client; a body is bytes, and text and JSON
 * have helpers. `toProperties` and `MessageExt` are the only places that know how fields become properties and back.
 */
import { decodeUtf8, encodeUtf8 } from "../../wire/bytes.ts";
import { hostPortText } from "../../wire/host.ts";
import { SYS_FLAG_COMPRESSED } from "../../wire/message.ts";
import { MessageConst } from "../../wire/message_const.ts";
import { encodeMessageId } from "../../wire/message_id.ts";
import type { StoredMessage } from "../../wire/message_reader.ts";
import { RETRY_PREFIX } from "../../wire/mix_all.ts";
import { addProperty, parseProperties, propertyOf } from "../../wire/properties.ts";
import type { Compression } from "../runtime.ts";
import { decompressed } from "./body_compression.ts";
import { MQClientError } from "./errors.ts";

/** What a producer sends. */
export interface Message {
  readonly topic: string;
  /** Text is sent as UTF-8. Not empty: remoting can't carry an empty body. */
  readonly body: Uint8Array | string;
  readonly tags?: string | undefined;
  /** Each is indexed; none may contain a space. */
  readonly keys?: string | readonly string[] | undefined;
  /** The user's int32. */
  readonly flag?: number | undefined;
  /** False: the answer need not wait for a synchronous flush or for slaves (default true). */
  readonly waitStoreMsgOK?: boolean | undefined;
  /** Level 1..18 of the broker's messageDelayLevel. One of the four kinds of delay at most. */
  readonly delayTimeLevel?: number | undefined;
  readonly delayTimeSec?: number | undefined;
  readonly delayTimeMs?: number | undefined;
  /** Delivery at this time, ms since 1970, or a Date. */
  readonly deliverTimeMs?: number | Date | undefined;
  /** The user's own, and any of `MessageConst`. */
  readonly properties?: Readonly<Record<string, string>> | undefined;
}

export const jsonBody = (value: unknown): Uint8Array => encodeUtf8(JSON.stringify(value));

export const bodyBytes = (message: Message): Uint8Array =>
  typeof message.body === "string" ? encodeUtf8(message.body) : message.body;

const WAIT_TEXT = addProperty("", MessageConst.WAIT, "true");
const WAIT_NOT_TEXT = addProperty("", MessageConst.WAIT, "false");

/**
 * The text of the properties of a message that has neither properties of its own nor a delay, as most; undefined for others. The
 * same as of `toProperties`. @throws WireError for tags or keys that no property can hold
 */
export function plainProperties(message: Message): string | undefined {
  const { properties, tags, keys, delayTimeLevel, delayTimeSec, delayTimeMs, deliverTimeMs } = message;
  if ((properties ?? delayTimeLevel ?? delayTimeSec ?? delayTimeMs ?? deliverTimeMs) !== undefined) return undefined;
  const wait = message.waitStoreMsgOK === false ? WAIT_NOT_TEXT : WAIT_TEXT;
  if (tags === undefined && keys === undefined) return wait;
  let text = tags === undefined ? "" : addProperty("", MessageConst.TAGS, tags);
  if (keys !== undefined) text = addProperty(text, MessageConst.KEYS, typeof keys === "string" ? keys : keys.join(" "));
  return text + wait;
}

/** All properties of `message`, without UNIQ_KEY. @throws MQClientError kind invalid */
export function toProperties(message: Message): Map<string, string> {
  const properties = new Map<string, string>(Object.entries(message.properties ?? {}));
  const { tags, keys, delayTimeLevel, delayTimeSec, delayTimeMs, deliverTimeMs } = message;
  if (tags !== undefined) properties.set(MessageConst.TAGS, tags);
  if (keys !== undefined) properties.set(MessageConst.KEYS, typeof keys === "string" ? keys : keys.join(" "));
  properties.set(MessageConst.WAIT, message.waitStoreMsgOK === false ? "false" : "true");
  const delays = [
    [MessageConst.DELAY, delayTimeLevel],
    [MessageConst.TIMER_DELAY_SEC, delayTimeSec],
    [MessageConst.TIMER_DELAY_MS, delayTimeMs],
    [MessageConst.TIMER_DELIVER_MS, deliverTimeMs === undefined ? undefined : Number(deliverTimeMs)],
  ] as const;
  const given = delays.filter(([, value]) => value !== undefined);
  if (given.length > 1) {
    throw new MQClientError(
      "invalid",
      `Cannot send to "${message.topic}": ${given.map(([name]) => name).join(" and ")} exclude each other`,
    );
  }
  for (const [name, value] of given) {
    if (!Number.isSafeInteger(value) || (value as number) < 0) {
      throw new MQClientError(
        "invalid",
        `Cannot send to "${message.topic}": ${name} is ${value}; a whole number from 0 on is wanted`,
      );
    }
    properties.set(name, String(value));
  }
  return properties;
}

/** An inflated body: what brokers take by default (4 MiB), times what zlib may do to it, with room. */
export const BODY_BYTES_MAX = 256 * 1024 * 1024;

/** What the bytes of one record are to a consumer. */
export class MessageExt {
  /** Where the program's client has a namespace, without it. */
  topic: string;
  readonly brokerName: string;
  /** Of a static topic the logic queue, and the offset there. */
  queueId: number;
  queueOffset: number;
  readonly commitLogOffset: number;
  readonly storeSize: number;
  readonly sysFlag: number;
  readonly flag: number;
  readonly bornTimestamp: number;
  readonly storeTimestamp: number;
  readonly bodyCRC: number;
  readonly preparedTransactionOffset: number;
  /** How often it was given back before. */
  reconsumeTimes: number;
  // What few listeners look at is made when it is asked for: it was most of the cost of a message.
  readonly #record: StoredMessage;
  readonly #compression: Compression;
  readonly #bodyBytesMax: number;
  #body: Inflated | undefined;
  #properties: ReadonlyMap<string, string> | undefined;
  /** Null: not looked for yet. */
  #receiptHandle: string | undefined | null = null;

  /**
   * @param record its body may be a view into a buffer that the caller gives away
   * @param asStored its topic is the one it lies in, also in a retry topic: for administrators
   */
  constructor(record: StoredMessage, brokerName: string, compression: Compression, bodyBytesMax: number, asStored = false) {
    this.#record = record;
    this.#compression = compression;
    this.#bodyBytesMax = bodyBytesMax;
    const { topic } = record;
    const origin =
      !asStored && topic.startsWith(RETRY_PREFIX) ? propertyOf(record.properties, MessageConst.RETRY_TOPIC) : undefined;
    this.topic = origin ?? topic;
    this.brokerName = brokerName;
    this.queueId = record.queueId;
    this.queueOffset = record.queueOffset;
    this.commitLogOffset = record.physicalOffset;
    this.storeSize = record.totalSize;
    this.sysFlag = record.sysFlag;
    this.flag = record.flag;
    this.bornTimestamp = record.bornTimestamp;
    this.storeTimestamp = record.storeTimestamp;
    this.bodyCRC = record.bodyCrc;
    this.preparedTransactionOffset = record.preparedTransactionOffset;
    this.reconsumeTimes = record.reconsumeTimes;
  }

  /** Inflated where it was compressed. May share memory with the messages of the same pull. */
  get body(): Uint8Array {
    return this.#inflated.bytes;
  }

  /** Why the body could not be inflated; `body` is as stored then. */
  get bodyFault(): string | undefined {
    // Asked of each message: of most without looking at the body.
    return (this.sysFlag & SYS_FLAG_COMPRESSED) === 0 ? undefined : this.#inflated.fault;
  }

  /** Of a popped message: what acknowledges it (POP_CK). A change of its invisible time renews it. */
  get receiptHandle(): string | undefined {
    if (this.#receiptHandle === null) this.#receiptHandle = this.#property(MessageConst.POP_CK);
    return this.#receiptHandle;
  }

  set receiptHandle(handle: string | undefined) {
    this.#receiptHandle = handle;
  }

  get properties(): ReadonlyMap<string, string> {
    this.#properties ??= parseProperties(this.#record.properties);
    return this.#properties;
  }

  /** UNIQ_KEY, or `offsetMsgId` of a message without one. */
  get msgId(): string {
    return this.#property(MessageConst.UNIQ_KEY) ?? this.offsetMsgId;
  }

  /** Store host and physical offset, as VIEW_MESSAGE_BY_ID takes them. */
  get offsetMsgId(): string {
    return encodeMessageId(this.#record.storeHost, this.#record.storePort, this.commitLogOffset);
  }

  /** `host:port` of the broker that stored it. */
  get storeHost(): string {
    return hostPortText(this.#record.storeHost, this.#record.storePort);
  }

  /** `host:port`. */
  get bornHost(): string {
    return hostPortText(this.#record.bornHost, this.#record.bornPort);
  }

  get tags(): string | undefined {
    return this.#property(MessageConst.TAGS);
  }

  get keys(): string | undefined {
    return this.#property(MessageConst.KEYS);
  }

  get transactionId(): string | undefined {
    return this.properties.get(MessageConst.TRANSACTION_ID);
  }

  #property(name: string): string | undefined {
    return this.#properties === undefined ? propertyOf(this.#record.properties, name) : this.#properties.get(name);
  }

  text(): string {
    return decodeUtf8(this.body);
  }

  /** @throws SyntaxError when the body is not JSON */
  json<T = unknown>(): T {
    return JSON.parse(this.text()) as T;
  }

  get #inflated(): Inflated {
    this.#body ??= inflated(this.#record, this.#compression, this.#bodyBytesMax);
    return this.#body;
  }
}

interface Inflated {
  readonly bytes: Uint8Array;
  readonly fault: string | undefined;
}

function inflated({ sysFlag, body }: StoredMessage, compression: Compression, bodyBytesMax: number): Inflated {
  if ((sysFlag & SYS_FLAG_COMPRESSED) === 0) return { bytes: body, fault: undefined };
  try {
    return { bytes: decompressed(sysFlag, body, compression, bodyBytesMax), fault: undefined };
  } catch (error) {
    return { bytes: body, fault: (error as Error).message };
  }
}
