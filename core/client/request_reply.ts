/**
 * Request and reply over two messages: a request names who waits (REPLY_TO_CLIENT) and which request it is (CORRELATION_ID);
 * the reply goes to the broker, which hands it to that client over the connection of one of its producers.
 */
import type { ReplyMessageRequestHeader } from "../../wire/headers/send.ts";
import { MessageConst } from "../../wire/message_const.ts";
import type { StoredMessage } from "../../wire/message_reader.ts";
import { propertyOf } from "../../wire/properties.ts";
import { splitAddress } from "../remoting/client.ts";
import type { Runtime } from "../runtime.ts";
import { MQClientError } from "./errors.ts";
import { BODY_BYTES_MAX, type Message, MessageExt } from "./message.ts";

/** Requests that wait for their reply, of one producer. */
const WAITING_MAX = 10_000;
/** What a consumer adds to a topic's cluster. */
const REPLY_TOPIC_POSTFIX = "REPLY_TOPIC";
/** Value of MSG_TYPE. */
export const MSG_TYPE_REPLY = "reply";

/** The message that answers `request`. @throws MQClientError kind invalid when `request` asks for no reply */
export function createReplyMessage(request: MessageExt, answer: Omit<Message, "topic">): Message {
  const { CLUSTER, CORRELATION_ID, REPLY_TO_CLIENT, TTL, MSG_TYPE } = MessageConst;
  const cluster = request.properties.get(CLUSTER);
  const correlationId = request.properties.get(CORRELATION_ID);
  const replyTo = request.properties.get(REPLY_TO_CLIENT);
  if (cluster === undefined || correlationId === undefined || replyTo === undefined) {
    throw new MQClientError("invalid", `Cannot reply to message ${request.msgId}: it asks for no reply (Producer.request does)`);
  }
  return {
    ...answer,
    topic: `${cluster}_${REPLY_TOPIC_POSTFIX}`,
    properties: {
      ...answer.properties,
      [MSG_TYPE]: MSG_TYPE_REPLY,
      [CORRELATION_ID]: correlationId,
      [REPLY_TO_CLIENT]: replyTo,
      [TTL]: request.properties.get(TTL) ?? "",
    },
  };
}

/** The requests of one producer that wait for their reply. */
export class WaitingRequests {
  readonly #runtime: Runtime;
  readonly #waiting = new Map<string, (reply: MessageExt | undefined) => void>();

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /**
   * `request` as it is to be sent, and the promise of its reply, which never rejects; undefined after `end`.
   * @throws MQClientError kind overloaded
   */
  expect(
    request: Message,
    clientId: string,
    timeoutMs: number,
  ): { message: Message; correlationId: string; reply: Promise<MessageExt | undefined> } {
    if (this.#waiting.size >= WAITING_MAX) {
      throw new MQClientError("overloaded", `Cannot request from "${request.topic}": ${WAITING_MAX} requests wait for a reply`);
    }
    const correlationId = uuid(this.#runtime.random.bytes(16));
    const { CORRELATION_ID, REPLY_TO_CLIENT, TTL } = MessageConst;
    const properties = {
      ...request.properties,
      [CORRELATION_ID]: correlationId,
      [REPLY_TO_CLIENT]: clientId,
      [TTL]: String(timeoutMs),
    };
    const reply = new Promise<MessageExt | undefined>((resolve) => this.#waiting.set(correlationId, resolve));
    return { message: { ...request, properties }, correlationId, reply };
  }

  forget(correlationId: string): void {
    this.#waiting.delete(correlationId);
  }

  /** No reply comes any more: brokers were told that the producer left. */
  end(): void {
    for (const resolve of this.#waiting.values()) resolve(undefined);
    this.#waiting.clear();
  }

  /** @param body the callee's to keep. @returns false when nobody waits for it */
  take(header: ReplyMessageRequestHeader, body: Uint8Array): boolean {
    const correlationId = propertyOf(header.properties ?? "", MessageConst.CORRELATION_ID);
    const resolve = correlationId === undefined ? undefined : this.#waiting.get(correlationId);
    if (correlationId === undefined || resolve === undefined) return false;
    this.#waiting.delete(correlationId);
    resolve(new MessageExt(recordOf(header, body), header.bname ?? "", this.#runtime.compression, BODY_BYTES_MAX));
    return true;
  }
}

/** A reply is pushed, not read from a log: it has no place there. */
function recordOf(header: ReplyMessageRequestHeader, body: Uint8Array): StoredMessage {
  const born = splitAddress(header.bornHost);
  const store = splitAddress(header.storeHost);
  return {
    totalSize: 0,
    magic: 0,
    bodyCrc: 0,
    queueId: header.queueId,
    flag: header.flag,
    queueOffset: 0,
    physicalOffset: 0,
    sysFlag: header.sysFlag,
    bornTimestamp: header.bornTimestamp,
    storeTimestamp: header.storeTimestamp,
    topic: header.topic,
    bornHost: born.host,
    bornPort: born.port,
    storeHost: store.host,
    storePort: store.port,
    reconsumeTimes: header.reconsumeTimes ?? 0,
    preparedTransactionOffset: 0,
    body,
    properties: header.properties ?? "",
  };
}

/** Version 4, as Java's. */
function uuid(bytes: Uint8Array): string {
  const hex = [...bytes].map((byte, i) =>
    (i === 6 ? (byte & 0x0f) | 0x40 : i === 8 ? (byte & 0x3f) | 0x80 : byte).toString(16).padStart(2, "0"),
  );
  return [hex.slice(0, 4), hex.slice(4, 6), hex.slice(6, 8), hex.slice(8, 10), hex.slice(10)]
    .map((part) => part.join(""))
    .join("-");
}
