/**
 * Light message queues (LMQ): a message whose property INNER_MULTI_DISPATCH names queues of the form `%LMQ%name` is stored
 * once and stands in the consume queue (name, 0) of each of them too. The offsets it has there are fixed with its own, and
 * are written into the record, INNER_MULTI_QUEUE_OFFSET, so that the queues can be made again from the log.
 *
 * Needs enableLmq and enableMultiDispatch. Names that are no light queues are passed over; their offset is an empty text.
 */
import { utf8Length } from "../../wire/bytes.ts";
import { MessageConst } from "../../wire/message_const.ts";
import { DLQ_PREFIX, isLmq, LMQ_QUEUE_ID, RETRY_PREFIX } from "../../wire/mix_all.ts";
import { propertyOf, setProperty } from "../../wire/properties.ts";
import type { ConsumeQueueKinds } from "./consume_queue_kinds.ts";
import { type DispatchRequest, SCHEDULE_TOPIC } from "./dispatch_request.ts";
import type { LogicQueue } from "./logic_queue.ts";
import type { MessageInput, PutRefusal } from "./message_store.ts";
import type { StoreSettings } from "./options.ts";
import { isDirectoryName } from "./put_checks.ts";

const SEPARATOR = ",";
/** Light queues of a store without enableLmqQuota: each is an object and, once written, a file. */
const LMQ_QUEUES_MAX = 1_000_000;
/** A name of a directory. */
const NAME_BYTES_MAX = 255;

const NONE: readonly DispatchRequest[] = [];

export interface AssignedOffsets {
  readonly message: MessageInput;
  readonly queues: readonly LogicQueue[];
}

export class MultiDispatch {
  readonly #settings: StoreSettings;
  readonly #queues: ConsumeQueueKinds;

  constructor(settings: StoreSettings, queues: ConsumeQueueKinds) {
    this.#settings = settings;
    this.#queues = queues;
  }

  get #on(): boolean {
    return this.#settings.enableLmq && this.#settings.enableMultiDispatch;
  }

  /**
   * Takes the next offset of every light queue that `message` names. Undefined when it names none; what could not be
   * appended is given back with `takeBack`.
   */
  assign(message: MessageInput): AssignedOffsets | PutRefusal | undefined {
    if (!this.#on || !mayDispatch(message.topic)) return undefined;
    const names = propertyOf(message.properties, MessageConst.INNER_MULTI_DISPATCH)?.trim();
    if (names === undefined || names === "") return undefined;
    const list = names.split(SEPARATOR);
    const refusal = this.#refusal(list.filter(isLmq));
    if (refusal !== undefined) return refusal;
    const queues: LogicQueue[] = [];
    const offsets: string[] = [];
    for (const name of list) {
      if (isLmq(name)) {
        const queue = this.#queues.findOrCreate(name, LMQ_QUEUE_ID);
        // A name that stands there twice is one queue.
        const known = queues.indexOf(queue);
        offsets.push(String(known < 0 ? queue.nextOffset++ : queue.nextOffset - 1));
        if (known < 0) queues.push(queue);
      } else offsets.push("");
    }
    const text = offsets.join(SEPARATOR);
    // A property without a value is none.
    if (queues.length === 0) return undefined;
    const properties = setProperty(message.properties, MessageConst.INNER_MULTI_QUEUE_OFFSET, text);
    return { message: { ...message, properties }, queues };
  }

  takeBack({ queues }: AssignedOffsets): void {
    for (const queue of queues) queue.nextOffset--;
  }

  /** What a record means to each of its light queues. */
  requestsOf(request: DispatchRequest): readonly DispatchRequest[] {
    if (!this.#on || !request.properties.includes(MessageConst.INNER_MULTI_QUEUE_OFFSET) || !mayDispatch(request.topic)) {
      return NONE;
    }
    const names = propertyOf(request.properties, MessageConst.INNER_MULTI_DISPATCH)?.trim().split(SEPARATOR) ?? [];
    const offsets = propertyOf(request.properties, MessageConst.INNER_MULTI_QUEUE_OFFSET)?.split(SEPARATOR) ?? [];
    const requests: DispatchRequest[] = [];
    for (const [i, topic] of names.entries()) {
      const offset = offsets[i] ?? "";
      if (!isLmq(topic) || !isDirectoryName(topic) || !/^\d{1,15}$/.test(offset)) continue;
      requests.push({
        ...request,
        topic,
        queueId: LMQ_QUEUE_ID,
        queueOffset: Number(offset),
        batchSize: undefined,
        queue: undefined,
      });
    }
    return requests;
  }

  #refusal(names: readonly string[]): PutRefusal | undefined {
    const { enableLmqQuota, maxLmqConsumeQueueNum } = this.#settings;
    const max = enableLmqQuota ? maxLmqConsumeQueueNum : LMQ_QUEUES_MAX;
    let count = this.#queues.lmqCount;
    for (const name of names) {
      if (!isDirectoryName(name) || utf8Length(name) > NAME_BYTES_MAX) {
        return { status: "MESSAGE_ILLEGAL", reason: `the light queue "${name.slice(0, 40)}" can't name a directory` };
      }
      if (this.#queues.find({ topic: name, queueId: LMQ_QUEUE_ID }) !== undefined) continue;
      if (++count > max) {
        const key = enableLmqQuota ? "maxLmqConsumeQueueNum" : "the bound of a store";
        return { status: "LMQ_CONSUME_QUEUE_NUM_EXCEEDED", reason: `there are ${max} light queues already, which is ${key}` };
      }
    }
    return undefined;
  }
}

/** Half messages must not be seen; retries and parked messages go where they go when they are delivered. */
function mayDispatch(topic: string): boolean {
  return !(
    topic.startsWith(RETRY_PREFIX) ||
    topic.startsWith(DLQ_PREFIX) ||
    topic.startsWith("rmq_sys_") ||
    topic.startsWith("RMQ_SYS_TRANS_") ||
    topic === SCHEDULE_TOPIC
  );
}
