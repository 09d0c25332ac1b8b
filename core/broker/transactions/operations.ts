/**
 * Operation messages: which half messages are over. One record of RMQ_SYS_TRANS_OP_HALF_TOPIC holds the queue offsets of
 * many, each followed by a comma, under the tag `d`.
 *
 * Apache gathers them for up to three seconds (transactionOpBatchInterval); a crash in that time lets a committed message be
 * checked back and committed again. Here they are stored at the end of the turn that ended the transaction, so in one write
 * with the final message; under load one record still carries all of a turn, up to transactionOpMsgMaxSize.
 */
import { decodeUtf8, encodeUtf8 } from "../../../wire/bytes.ts";
import { tagsCode } from "../../../wire/java_hash.ts";
import { MessageConst } from "../../../wire/message_const.ts";
import { decodeRecords, type StoredMessage } from "../../../wire/message_reader.ts";
import { formatProperties, propertyOf } from "../../../wire/properties.ts";
import type { GetResult, MessageInput } from "../../store/message_store.ts";
import { ownMessage } from "../messages/renewed.ts";
import { UniqKeyMaker } from "../messages/send_uniq_key.ts";
import { TRANS_OP_HALF_TOPIC } from "../metadata/topics_validator.ts";
import type { BrokerParts } from "../parts.ts";
import { HALF_QUEUE } from "./half_message.ts";

const REMOVE_TAG = "d";
/** Records of the operation queue read at once. */
const PORTION = { messagesMax: 32, bytesMax: 512 * 1024 };

type Parts = Pick<BrokerParts, "runtime" | "log" | "settings" | "store">;

/** Stores who is over. */
export class OperationWriter {
  readonly #parts: Parts;
  /** Born and store host of the records: that of the half message that ended last. */
  #host = { host: "127.0.0.1", port: 0 };
  readonly #uniqKeys: UniqKeyMaker;
  /** Half queue offsets that are over and not stored yet. */
  #over: number[] = [];
  #scheduled = false;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#uniqKeys = new UniqKeyMaker(parts.runtime);
  }

  /** The half message is over. */
  over(half: StoredMessage): void {
    this.#over.push(half.queueOffset);
    this.#host = { host: half.storeHost, port: half.storePort };
    if (this.#scheduled) return;
    this.#scheduled = true;
    void Promise.resolve().then(() => this.flush());
  }

  /** Stores what is gathered. What the store refuses now waits for the next call: until then it may be checked back. */
  flush(): void {
    this.#scheduled = false;
    const { settings, store, log } = this.#parts;
    const waiting = this.#over;
    this.#over = [];
    for (let from = 0; from < waiting.length; ) {
      let text = "";
      let to = from;
      while (to < waiting.length && text.length < settings.transactionOpMsgMaxSize) text += `${waiting[to++]},`;
      const receipt = store.append(this.#message(text));
      if (receipt.status !== "PUT_OK") {
        log.warn("ended transactions can't be noted now; they may be checked back again", {
          count: waiting.length - from,
          reason: receipt.reason,
        });
        this.#over = waiting.slice(from);
        return;
      }
      from = to;
    }
  }

  #message(text: string): MessageInput {
    const own = {
      topic: TRANS_OP_HALF_TOPIC,
      queueId: HALF_QUEUE,
      bornTimestamp: this.#parts.runtime.clock.now(),
      body: encodeUtf8(text),
      properties: formatProperties([
        [MessageConst.TAGS, REMOVE_TAG],
        [MessageConst.WAIT, "true"],
        [MessageConst.UNIQ_KEY, this.#uniqKeys.next()],
      ]),
      tagsCode: tagsCode(REMOVE_TAG),
    };
    return ownMessage(own, this.#host);
  }
}

/** One walk over the operation queue, as far as somebody asks. */
export class OperationReader {
  readonly #parts: Parts;
  /** Half messages before this one are of no interest any more. */
  readonly #halfFrom: number;
  /** Half queue offset -> offset of the operation that says it is over. */
  readonly #over = new Map<number, number>();
  /** Operation offset -> half messages it names that were not met yet. */
  readonly #open = new Map<number, number>();
  #done: number;
  #next: number;
  #exhausted = false;

  /** @param from offset of the first operation that is not done. */
  constructor(parts: Parts, from: number, halfFrom: number) {
    this.#parts = parts;
    this.#halfFrom = halfFrom;
    this.#next = from;
    this.#done = from;
  }

  /** Half messages known to be over and not met yet. */
  get size(): number {
    return this.#over.size;
  }

  /** Whether the half message at this queue offset is over; asked once for each. Reads on until it is found or all is read. */
  async take(queueOffset: number): Promise<boolean> {
    while (!this.#over.has(queueOffset) && !this.#exhausted) await this.#readOn();
    return this.takeKnown(queueOffset);
  }

  /** The same, of what was read so far. */
  takeKnown(queueOffset: number): boolean {
    const operation = this.#over.get(queueOffset);
    if (operation === undefined) return false;
    this.#over.delete(queueOffset);
    const open = (this.#open.get(operation) as number) - 1;
    if (open > 0) this.#open.set(operation, open);
    else this.#open.delete(operation);
    return true;
  }

  /** Offset of the first operation that names a half message not met yet, or that was not read. */
  get progress(): number {
    while (this.#done < this.#next && !this.#open.has(this.#done)) this.#done++;
    return this.#done;
  }

  async #readOn(): Promise<void> {
    const found: GetResult = await this.#parts.store.get(
      { topic: TRANS_OP_HALF_TOPIC, queueId: HALF_QUEUE },
      this.#next,
      PORTION,
      undefined,
    );
    if (found.status !== "FOUND" && found.nextBeginOffset <= this.#next) {
      this.#exhausted = true;
      return;
    }
    for (const operation of decodeRecords(found.body)) this.#note(operation);
    this.#next = found.nextBeginOffset;
  }

  #note(operation: StoredMessage): void {
    if (propertyOf(operation.properties, MessageConst.TAGS) !== REMOVE_TAG) {
      this.#parts.log.warn("a record of the operation queue has an unknown tag and is passed over", {
        topic: TRANS_OP_HALF_TOPIC,
        offset: operation.queueOffset,
      });
      return;
    }
    let open = 0;
    for (const part of decodeUtf8(operation.body).split(",")) {
      const offset = Number(part);
      if (part === "" || !Number.isSafeInteger(offset) || offset < this.#halfFrom || this.#over.has(offset)) continue;
      this.#over.set(offset, operation.queueOffset);
      open++;
    }
    if (open > 0) this.#open.set(operation.queueOffset, open);
  }
}
