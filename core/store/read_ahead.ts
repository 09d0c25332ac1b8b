/**
 * Old parts of the log, read in large pieces off the event loop and kept for a moment.
 *
 * Consumers that are behind read the queues of one topic side by side: each pull wants every n-th record of the same stretch
 * of the log. With eight queues a read of just that stretch would move eight bytes for each one delivered; with the piece
 * kept, the next seven pulls find it here. A piece begins close before the first byte that was asked for, so that what lies
 * together comes with one read; where one piece ends the next begins. Pieces hold only bytes that are written, and those
 * never change.
 *
 * Everything that a pull fetches from the disk, here or in a consume queue, goes through `inTurn`: a bound on reads in flight,
 * in the order of asking. Who waits is a pull that was admitted, so pullThreadPoolQueueCapacity bounds the line.
 */
import type { CommitLog } from "./commit_log.ts";
import { Deferred } from "./deferred.ts";
import type { StoreSettings } from "./settings.ts";

const PIECE_BYTES = 512 * 1024;
/** Pieces kept: 4 MiB, and up to 8 MiB when pieces are read that were dropped a moment ago. */
const PIECES_FIRST = 8;
const PIECES_MAX = 16;
/** Dropped pieces that are remembered. */
const DROPPED_MAX = 64;
/** Stretches of a piece's size of which it is remembered how many single records were read there. */
const STRETCHES_MAX = 128;
/** Single records, wherever from, after which the next one brings its piece: that costs about as much as six of them. */
const SINGLES_MAX = 7;
/** The same where neither waits for the disk: 1.4 us for a record, 33 us for a piece. */
const SINGLES_CACHED_MAX = 24;
/** Where pieces begin: a consumer a little behind another finds its piece. */
const ALIGN_BYTES = 64 * 1024;
/** A record that is longer is read by itself, straight to where it is wanted. */
const RECORD_BYTES_MAX = 256 * 1024;
/**
 * Reads in flight. The runtimes' thread pools have four threads: with one sync of a consume queue there is always one left
 * for the log.
 */
export const READS_AT_ONCE = 2;

/** Log bytes without a gap. */
export interface Stretch {
  readonly bytes: Uint8Array;
  /** Log offset of byte 0. */
  readonly base: number;
  /** Bytes of the log that are there. */
  readonly length: number;
}

interface Piece {
  readonly bytes: Uint8Array;
  /** Log offset of byte 0. */
  readonly base: number;
  /** Bytes that are there; fewer than all at the end of the log. */
  length: number;
}

export class ReadAhead {
  readonly #commitLog: CommitLog;
  readonly #settings: Pick<StoreSettings, "dataReadAheadEnable">;
  /** The least recently loaded first. */
  readonly #pieces: Piece[] = [];
  /** Pieces to come, by their base. */
  readonly #loading = new Map<number, Promise<void>>();
  readonly #free: Uint8Array[] = [];
  #piecesMax = PIECES_FIRST;
  /** Bases of pieces that were dropped, the latest last. */
  readonly #dropped: number[] = [];
  /** Single records read, by stretch, the newest stretch last. */
  readonly #singles = new Map<number, number>();
  #inFlight = 0;
  readonly #line: Deferred<void>[] = [];

  constructor(commitLog: CommitLog, settings: Pick<StoreSettings, "dataReadAheadEnable">) {
    this.#commitLog = commitLog;
    this.#settings = settings;
  }

  /** True when records at both log offsets are close enough to be read at once. */
  static isNear(a: number, b: number): boolean {
    return Math.abs(b - a) < PIECE_BYTES / 2;
  }

  /** Runs `read` when fewer than `READS_AT_ONCE` are in flight. @throws what `read` throws */
  async inTurn<T>(read: () => Promise<T>): Promise<T> {
    if (this.#inFlight >= READS_AT_ONCE) {
      const turn = new Deferred<void>();
      this.#line.push(turn);
      await turn.promise;
    } else this.#inFlight++;
    try {
      return await read();
    } finally {
      // The place goes from hand to hand.
      const next = this.#line.shift();
      if (next === undefined) this.#inFlight--;
      else next.resolve();
    }
  }

  /** Copies log bytes that are here; false when some are not. */
  copy(target: Uint8Array, offset: number): boolean {
    for (let done = 0; done < target.length; ) {
      const piece = this.#pieceAt(offset + done);
      if (piece === undefined) return false;
      const from = offset + done - piece.base;
      const count = Math.min(target.length - done, piece.length - from);
      target.set(piece.bytes.subarray(from, from + count), done);
      done += count;
    }
    return true;
  }

  /** Where log bytes lie that are here in one piece, until the end of this turn. */
  stretch(offset: number, bytes: number): Stretch | undefined {
    const piece = this.#pieceAt(offset);
    return piece !== undefined && offset - piece.base + bytes <= piece.length ? piece : undefined;
  }

  /**
   * As `read`, when that waits for no disk: what is here, or what the system has in memory, is fetched at once. False when
   * it is not, or gone: `read` tells.
   */
  readNow(target: Uint8Array, offset: number, near: boolean): boolean {
    if (this.copy(target, offset)) return true;
    if (this.#isWorthPiece(target.length, offset, near, SINGLES_CACHED_MAX)) {
      return this.#loadNow(offset, target.length) && this.copy(target, offset);
    }
    if (!this.#commitLog.readCached(target, offset)) return false;
    this.#noteSingle(offset);
    return true;
  }

  /** As `stretch`, with the piece fetched when it is worth that and waits for no disk. */
  stretchNow(offset: number, bytes: number, near: boolean): Stretch | undefined {
    const here = this.stretch(offset, bytes);
    if (here !== undefined || !this.#isWorthPiece(bytes, offset, near, SINGLES_CACHED_MAX)) return here;
    return this.#loadNow(offset, bytes) ? this.stretch(offset, bytes) : undefined;
  }

  /**
   * Reads one record into `target`, with what surrounds it in the log when others of the same pull are `near`, or when
   * several were read there just now: of a thousand queues that are read side by side each wants a record of every piece.
   * @returns false when it is gone
   */
  async read(target: Uint8Array, offset: number, near: boolean): Promise<boolean> {
    const isOnItsWay = target.length <= RECORD_BYTES_MAX && this.#loadingAt(offset) !== undefined;
    if (isOnItsWay || this.#isWorthPiece(target.length, offset, near, SINGLES_MAX)) {
      await this.#load(offset, target.length);
      if (this.copy(target, offset)) return true;
    }
    this.#noteSingle(offset);
    // While it waited for its turn a piece may have come.
    return this.inTurn(async () => this.copy(target, offset) || this.#commitLog.read(target, offset));
  }

  /** Fetches pieces until `[offset, offset + bytes)` is here; what can't be had is not here afterwards. @throws RuntimeFault */
  async #load(offset: number, bytes: number): Promise<void> {
    for (let at = offset; at < offset + bytes; ) {
      const piece = this.#pieceAt(at);
      if (piece !== undefined) {
        at = piece.base + piece.length;
        continue;
      }
      let loading = this.#loadingAt(at);
      if (loading === undefined) {
        const base = this.#baseFor(at);
        loading = this.inTurn(() => this.#loadPiece(base)).finally(() => this.#loading.delete(base));
        this.#loading.set(base, loading);
      }
      await loading;
      // Gone, at the end of the log, or dropped again: it is read by itself.
      if (this.#pieceAt(at) === undefined) return;
    }
  }

  async #loadPiece(base: number): Promise<void> {
    const length = this.#lengthFrom(base);
    if (length <= 0) return;
    const bytes = this.#roomFor(base);
    if (await this.#commitLog.read(length === PIECE_BYTES ? bytes : bytes.subarray(0, length), base)) {
      this.#pieces.push({ bytes, base, length });
    } else this.#free.push(bytes);
  }

  /** As `#load`, when that waits for no disk. */
  #loadNow(offset: number, bytes: number): boolean {
    for (let at = offset; at < offset + bytes; ) {
      const piece = this.#pieceAt(at);
      if (piece !== undefined) {
        at = piece.base + piece.length;
        continue;
      }
      // What is on its way need not be fetched twice.
      if (this.#loadingAt(at) !== undefined) return false;
      const base = this.#baseFor(at);
      const length = this.#lengthFrom(base);
      if (base + length <= at) return false;
      const room = this.#roomFor(base);
      if (!this.#commitLog.readCached(length === PIECE_BYTES ? room : room.subarray(0, length), base)) {
        this.#free.push(room);
        return false;
      }
      this.#pieces.push({ bytes: room, base, length });
    }
    return true;
  }

  /** Where the piece begins that is to hold `offset`. One that began before the log does would have a hole. */
  #baseFor(offset: number): number {
    return Math.max(offset - (offset % ALIGN_BYTES), this.#commitLog.minOffset);
  }

  /** How long a piece from `base` on is: to where another begins, or what is written ends, at most. */
  #lengthFrom(base: number): number {
    const old = this.#pieces.findIndex((piece) => piece.base === base);
    if (old >= 0) this.#drop(old);
    this.#singles.delete(Math.floor(base / PIECE_BYTES));
    let end = Math.min(base + PIECE_BYTES, this.#commitLog.writtenOffset);
    for (const piece of this.#pieces) if (piece.base > base && piece.base < end) end = piece.base;
    return end - base;
  }

  /** Memory for the piece that begins at `base`; there are more of them from when one is read again that was just dropped. */
  #roomFor(base: number): Uint8Array {
    if (this.#dropped.includes(base)) this.#piecesMax = Math.min(this.#piecesMax + 4, PIECES_MAX);
    while (this.#pieces.length >= this.#piecesMax) this.#drop(0);
    return this.#free.pop() ?? new Uint8Array(PIECE_BYTES);
  }

  #isWorthPiece(bytes: number, offset: number, near: boolean, singlesMax: number): boolean {
    if (!this.#settings.dataReadAheadEnable) this.#forget();
    if (bytes > RECORD_BYTES_MAX || !this.#settings.dataReadAheadEnable) return false;
    return near || (this.#singles.get(Math.floor(offset / PIECE_BYTES)) ?? 0) >= singlesMax;
  }

  /** Nothing is read ahead any more: what was is given up, with its memory. */
  #forget(): void {
    this.#pieces.length = 0;
    this.#free.length = 0;
    this.#singles.clear();
    this.#piecesMax = PIECES_FIRST;
  }

  /** A single record was read at `offset`. */
  #noteSingle(offset: number): void {
    const stretch = Math.floor(offset / PIECE_BYTES);
    this.#singles.set(stretch, (this.#singles.get(stretch) ?? 0) + 1);
    if (this.#singles.size > STRETCHES_MAX) {
      const [oldest] = this.#singles.keys();
      this.#singles.delete(oldest as number);
    }
  }

  #loadingAt(offset: number): Promise<void> | undefined {
    for (const [base, loading] of this.#loading) if (offset >= base && offset < base + PIECE_BYTES) return loading;
    return undefined;
  }

  #pieceAt(offset: number): Piece | undefined {
    // The newest first: it reaches furthest where two overlap.
    for (let i = this.#pieces.length - 1; i >= 0; i--) {
      const piece = this.#pieces[i] as Piece;
      if (offset >= piece.base && offset < piece.base + piece.length) return piece;
    }
    return undefined;
  }

  #drop(index: number): void {
    const [piece] = this.#pieces.splice(index, 1);
    if (piece === undefined) return;
    this.#free.push(piece.bytes);
    this.#dropped.push(piece.base);
    if (this.#dropped.length > DROPPED_MAX) this.#dropped.shift();
  }
}
