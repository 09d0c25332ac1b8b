/**
 * Stored records that are read where they lie (`message.ts` has the layout). A consumer is handed many more messages than parts
 * of them that it looks at: lengths are checked for all, texts, hosts and the body are made when they are asked for.
 */
import { readInt32, readSafeInt64 } from "./bytes.ts";
import { readHost } from "./host.ts";
import { RECORD_AT } from "./message.ts";
import { layoutOf, type RecordLayout, recordBody, recordProperties, recordTopic, type StoredMessage } from "./message_reader.ts";

/** The topic of the record before: those of one pull are of one topic, and comparing costs a tenth of decoding. */
class LastTopic {
  #text = "";
  #bytes: Uint8Array = new Uint8Array(0);

  of(bytes: Uint8Array, layout: RecordLayout): string {
    const { topicAt, topicBytes } = layout;
    const last = this.#bytes;
    let i = last.length === topicBytes ? 0 : -1;
    while (i >= 0 && i < topicBytes) i = last[i] === bytes[topicAt + i] ? i + 1 : -1;
    if (i < 0) {
      this.#bytes = bytes.slice(topicAt, topicAt + topicBytes);
      this.#text = recordTopic(bytes, layout);
    }
    return this.#text;
  }
}

/** One record in `bytes`, which must not change as long as the view is used. */
export class RecordView implements StoredMessage {
  readonly #bytes: Uint8Array;
  readonly #layout: RecordLayout;
  readonly #topics: LastTopic;
  readonly queueOffset: number;
  readonly physicalOffset: number;

  /** @throws WireError when a length, the magic or an offset is not what the layout says */
  constructor(bytes: Uint8Array, at = 0, topics: LastTopic = new LastTopic()) {
    this.#bytes = bytes;
    this.#layout = layoutOf(bytes, at);
    this.#topics = topics;
    this.queueOffset = readSafeInt64(bytes, at + RECORD_AT.queueOffset, "queue offset");
    this.physicalOffset = readSafeInt64(bytes, at + RECORD_AT.physicalOffset, "physical offset");
  }

  get totalSize(): number {
    return this.#layout.size;
  }

  get magic(): number {
    return this.#int32(RECORD_AT.magic);
  }

  get bodyCrc(): number {
    return this.#int32(RECORD_AT.bodyCrc);
  }

  get queueId(): number {
    return this.#int32(RECORD_AT.queueId);
  }

  get flag(): number {
    return this.#int32(RECORD_AT.flag);
  }

  get sysFlag(): number {
    return this.#int32(RECORD_AT.sysFlag);
  }

  /** @throws WireError beyond 2^53, as the other int64 */
  get bornTimestamp(): number {
    return readSafeInt64(this.#bytes, this.#layout.at + RECORD_AT.bornTimestamp, "born timestamp");
  }

  get bornHost(): string {
    return readHost(this.#bytes, this.#layout.bornHostAt, this.#layout.bornAddressBytes);
  }

  get bornPort(): number {
    return readInt32(this.#bytes, this.#layout.bornHostAt + this.#layout.bornAddressBytes);
  }

  get storeTimestamp(): number {
    return readSafeInt64(this.#bytes, this.#layout.storeHostAt - 8, "store timestamp");
  }

  get storeHost(): string {
    return readHost(this.#bytes, this.#layout.storeHostAt, this.#layout.storeAddressBytes);
  }

  get storePort(): number {
    return readInt32(this.#bytes, this.#layout.storeHostAt + this.#layout.storeAddressBytes);
  }

  get reconsumeTimes(): number {
    return readInt32(this.#bytes, this.#layout.bodyAt - 16);
  }

  get preparedTransactionOffset(): number {
    return readSafeInt64(this.#bytes, this.#layout.bodyAt - 12, "prepared transaction offset");
  }

  get body(): Uint8Array {
    return recordBody(this.#bytes, this.#layout);
  }

  get topic(): string {
    return this.#topics.of(this.#bytes, this.#layout);
  }

  get properties(): string {
    return recordProperties(this.#bytes, this.#layout);
  }

  #int32(at: number): number {
    return readInt32(this.#bytes, this.#layout.at + at);
  }
}

/**
 * Views of the records that follow each other, as a pull returns them.
 * @throws WireError as `RecordView`; also when bytes are left over
 */
export function viewRecords(bytes: Uint8Array): RecordView[] {
  const views: RecordView[] = [];
  const topics = new LastTopic();
  for (let at = 0; at < bytes.length; ) {
    const view = new RecordView(bytes, at, topics);
    views.push(view);
    at += view.totalSize;
  }
  return views;
}
