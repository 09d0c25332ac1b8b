/**
 * What the index misses after an error of its disk is put from the log, in the order of the log, as soon as the index can be
 * written again. It is tried each second; meanwhile new records are left out of the index (`IndexService.put`), so it never
 * has a gap, and a start that comes first does the same from what is on the disk.
 *
 * The log is read off the event loop, a piece at a time. What is left in the end lies in the tail buffer and is put in the turn
 * that finds it, so that a broker under load catches up too.
 */
import { BLANK_RECORD_BYTES } from "../../wire/message.ts";
import { bodyCrcHolds, layoutOf, propertyCrcHolds, readRecordMark } from "../../wire/message_reader.ts";
import type { Clock, Digest, Log, TimerHandle } from "../runtime.ts";
import type { CommitLog } from "./commit_log.ts";
import { type DispatchRequest, requestOf } from "./dispatch_request.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { IndexService } from "./index_service.ts";
import { isRecordOf } from "./record_checks.ts";

/** How long until the next try; a log whose disk was full is tried again each second as well. */
const RETRY_MS = 1000;
/** The same when no record stands where one should. */
const RETRY_MS_MAX = 60_000;
/** Of the log, read at once: some 1,000 messages, 3 ms. A record that is larger is read whole. */
const PIECE_BYTES = 256 * 1024;

export interface IndexCatchUpParts {
  readonly clock: Clock;
  readonly digest: Pick<Digest, "crc32">;
  readonly log: Log;
  readonly commitLog: CommitLog;
  readonly dispatcher: Dispatcher;
  readonly index: IndexService;
}

/** A record, or filler, and where the next one begins; `size` alone when the record does not lie in the piece as a whole. */
type Found = { readonly request: DispatchRequest | undefined; readonly next: number } | { readonly size: number };

export class IndexCatchUp {
  readonly #parts: IndexCatchUpParts;
  #timer: TimerHandle | undefined;
  #running: Promise<void> | undefined;
  #stopped = false;
  #retryMs = RETRY_MS;

  constructor(parts: IndexCatchUpParts) {
    this.#parts = parts;
  }

  /** The store is open. */
  start(): void {
    this.#parts.index.onBehind(() => this.#later());
  }

  /** Ends with the piece under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#running;
  }

  #later(): void {
    if (this.#stopped || this.#timer !== undefined || this.#running !== undefined) return;
    this.#timer = this.#parts.clock.setTimeout(() => {
      this.#timer = undefined;
      this.#running = this.#run().finally(() => {
        this.#running = undefined;
        if (this.#parts.index.behindFrom !== undefined) this.#later();
      });
    }, this.#retryMs);
  }

  /** Never rejects: what fails is tried again. */
  async #run(): Promise<void> {
    const { log, index, dispatcher } = this.#parts;
    const from = index.behindFrom;
    try {
      while (!this.#stopped && index.behindFrom !== undefined) {
        if (index.behindFrom < dispatcher.dispatchedOffset) await this.#putPiece(index.behindFrom);
        else {
          index.caughtUp();
          log.info("the index has caught up: all messages are found by their keys again", {
            from,
            to: dispatcher.dispatchedOffset,
          });
        }
      }
      this.#retryMs = RETRY_MS;
    } catch (error) {
      if (!(error instanceof NoRecord)) return;
      // The disk misread it, or a stretch is lost, which only a start passes over.
      if (this.#retryMs === RETRY_MS)
        log.error("the index stays behind, at the latest until the next start", { why: error.message });
      this.#retryMs = Math.min(RETRY_MS_MAX, this.#retryMs * 2);
    }
  }

  /** @throws RuntimeFault of the log or the index. NoRecord */
  async #putPiece(given: number): Promise<void> {
    const { commitLog, dispatcher, index } = this.#parts;
    // What expired meanwhile is looked for by nobody.
    const from = Math.max(given, commitLog.minOffset);
    const end = dispatcher.dispatchedOffset;
    const isRest = end - from <= PIECE_BYTES;
    let piece = new Uint8Array(Math.min(PIECE_BYTES, end - from));
    const read = async (): Promise<boolean> => (isRest ? commitLog.readSync(piece, from) : await commitLog.read(piece, from));
    if (!(await read())) throw new Error(`the commit log can't be read at ${from}`);
    // A sync of the index that failed meanwhile took it back further.
    if (index.behindFrom !== given) return;
    for (let at = from; at < from + piece.length; ) {
      const found = this.#find(piece, at - from, at);
      if ("size" in found) {
        if (at > from) return;
        piece = new Uint8Array(found.size);
        if (!(await commitLog.read(piece, from))) throw new NoRecord(at);
        if (index.behindFrom !== given) return;
        continue;
      }
      index.putMissing(found.request, found.next);
      at = found.next;
    }
  }

  /** @throws NoRecord, WireError */
  #find(piece: Uint8Array, at: number, offset: number): Found {
    const { fileSize } = this.#parts.commitLog.files;
    const left = piece.length - at;
    if (left < BLANK_RECORD_BYTES) return { size: Math.min(PIECE_BYTES, this.#parts.dispatcher.dispatchedOffset - offset) };
    const { kind, size } = readRecordMark(piece, at);
    const room = fileSize - (offset % fileSize);
    if (kind === "blank") return { request: undefined, next: offset + room };
    if (kind === "end" || size > room) throw new NoRecord(offset);
    if (size > left) return { size };
    if (!isRecordOf(piece, at, size, offset)) throw new NoRecord(offset);
    const layout = layoutOf(piece, at);
    const { crc32 } = this.#parts.digest;
    if (!bodyCrcHolds(piece, layout, crc32) || propertyCrcHolds(piece, layout, crc32) === false) throw new NoRecord(offset);
    // The index needs no time of delivery.
    return { request: requestOf(piece, layout, []), next: offset + size };
  }
}

/** The log holds no record where one should begin: a stretch that recovery passed over. */
class NoRecord extends Error {
  readonly offset: number;

  constructor(offset: number) {
    super(`no record begins at ${offset} of the commit log`);
    this.offset = offset;
  }
}
