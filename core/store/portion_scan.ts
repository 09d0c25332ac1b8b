/**
 * Pulls whose filter asks for more than the consume queue knows, of queues that `matching_reader.ts` does not know (compacted
 * ones, and those of batches): records are read in portions, those that do not pass are taken out, until there is enough, the
 * queue ends, or as many were looked at as one pull may.
 */
import { readInt32, readInt64 } from "../../wire/bytes.ts";
import { RECORD_AT } from "../../wire/message.ts";
import type { GetLimits, GetResult, MessageStore, QueueRef, RecordScan } from "./message_store.ts";

interface Wanted extends RecordScan {
  readonly queue: QueueRef;
  readonly limits: GetLimits;
}

/** As `MessageStore.getMatching`, by way of `get`. */
export function scanPortions(
  store: Pick<MessageStore, "get">,
  queue: QueueRef,
  offset: number,
  limits: GetLimits,
  { matches, scannedMax }: RecordScan,
): GetResult | Promise<GetResult> {
  return new Scan(store, { queue, limits, matches, scannedMax }).run(offset);
}

class Scan {
  readonly #store: Pick<MessageStore, "get">;
  readonly #wanted: Wanted;
  readonly #kept: Uint8Array[] = [];
  /** Gives back what is kept, when that is a body of the store as it came. */
  #release: (() => void) | undefined;
  #count = 0;
  #bytes = 0;
  #scanned = 0;

  constructor(store: Pick<MessageStore, "get">, wanted: Wanted) {
    this.#store = store;
    this.#wanted = wanted;
  }

  run(from: number): GetResult | Promise<GetResult> {
    const { queue, limits } = this.#wanted;
    for (let offset = from; ; ) {
      const found = this.#store.get(queue, offset, limits, undefined);
      if (found instanceof Promise) return found.then((result) => this.#take(result) ?? this.run(result.nextBeginOffset));
      const answer = this.#take(found);
      if (answer !== undefined) return answer;
      offset = found.nextBeginOffset;
    }
  }

  /** The answer, when there is nothing more to look at. */
  #take(found: GetResult): GetResult | undefined {
    if (found.status !== "FOUND") return this.#scanned === 0 ? found : this.#answer(found, found.nextBeginOffset);
    const { limits, matches, scannedMax } = this.#wanted;
    const { body } = found;
    let filled = 0;
    for (let at = 0; at < body.length; ) {
      const size = readInt32(body, at);
      if (matches(body, at)) {
        if (this.#count > 0 && (this.#count + 1 > limits.messagesMax || this.#bytes + size > limits.bytesMax)) {
          const next = readInt64(body, at + RECORD_AT.queueOffset);
          this.#keep(found, filled);
          return this.#answer(found, next);
        }
        if (filled !== at) body.copyWithin(filled, at, at + size);
        filled += size;
        this.#count++;
        this.#bytes += size;
      }
      this.#scanned++;
      at += size;
    }
    const enough = this.#count >= limits.messagesMax || this.#scanned >= scannedMax || found.nextBeginOffset >= found.maxOffset;
    this.#keep(found, filled);
    return enough ? this.#answer(found, found.nextBeginOffset) : undefined;
  }

  /**
   * The first `filled` bytes of a body. Most of it did not pass, so what did is copied, and the memory goes back at once:
   * the store's next portion uses it again, where a new buffer of its size would be zeroed first.
   */
  #keep({ body, release }: GetResult, filled: number): void {
    if (filled === body.length && this.#kept.length === 0) {
      this.#kept.push(body);
      this.#release = release;
      return;
    }
    if (filled > 0) this.#kept.push(body.slice(0, filled));
    release?.();
  }

  #answer(last: GetResult, nextBeginOffset: number): GetResult {
    const matched = this.#count > 0;
    return {
      ...last,
      status: matched ? "FOUND" : "NO_MATCHED_MESSAGE",
      nextBeginOffset,
      body: this.#body(),
      release: this.#release,
      messageCount: this.#count,
    };
  }

  #body(): Uint8Array {
    const [first, ...rest] = this.#kept;
    if (first === undefined) return new Uint8Array(0);
    if (rest.length === 0) return first;
    const body = new Uint8Array(this.#bytes);
    let at = 0;
    for (const part of this.#kept) {
      body.set(part, at);
      at += part.length;
    }
    return body;
  }
}
