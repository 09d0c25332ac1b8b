/**
 * Room for answers that wait for the disk. Who waits holds the memory of its answer, so only so many bytes wait at once; the
 * others stand in line with nothing but their request, which the lane's bound (pullThreadPoolQueueCapacity) counts. (Who reads
 * several queues for one answer, as POP does, or several portions of one, `portion_scan.ts`, keeps what it has so far.)
 *
 * Whoever gets room is asked first whether it still wants it: what a peer asked for that has gone since is not read, and one
 * that has not read what it was sent before waits, without room, until it has.
 */
import { Deferred } from "./deferred.ts";

/** Who asked; a `Peer` is one. */
export interface Asker {
  readonly closed: boolean;
  /** Settles when it has read what it was sent, or is gone; undefined when it is not behind. Never rejects. */
  caughtUp(): Promise<void> | undefined;
}

/** What an attempt finds; undefined when it needs room that is not there. */
export type Tried<R> = R | undefined | Promise<R | undefined>;

type Attempt<R> = (room: RoomOfOne) => Tried<R>;

export class AnswerRoom {
  readonly #bytesMax: number;
  readonly #line: { readonly bytes: number; readonly turn: Deferred<void> }[] = [];
  #bytes = 0;

  /** @param bytesMax of all answers that wait; one that is larger waits alone */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Bytes taken. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * What `attempt` finds. Before it waits for the disk it asks for room; told that there is none it gives back
   * what it holds and returns undefined, and is made again when there is.
   * @returns undefined when `asker` is gone by then
   */
  attend<R>(asker: Asker | undefined, attempt: Attempt<R>): R | Promise<R | undefined> {
    const room = new RoomOfOne(this);
    let found: Tried<R>;
    try {
      found = attempt(room);
    } catch (error) {
      room.giveBack();
      throw error;
    }
    if (found === undefined) {
      room.giveBack();
      return this.#standInLine(asker, attempt, room);
    }
    return found instanceof Promise ? this.#attendLater(asker, attempt, room, found) : found;
  }

  async #attendLater<R>(
    asker: Asker | undefined,
    attempt: Attempt<R>,
    room: RoomOfOne,
    first: Promise<R | undefined>,
  ): Promise<R | undefined> {
    const found = await holding(room, () => first);
    return room.refused === 0 ? found : this.#standInLine(asker, attempt, room);
  }

  async #standInLine<R>(asker: Asker | undefined, attempt: Attempt<R>, room: RoomOfOne): Promise<R | undefined> {
    while (await this.#wait(asker, room)) {
      const found = await holding(room, () => attempt(room));
      if (room.refused === 0) return found;
    }
    return undefined;
  }

  /** Until there is what `room` was refused; false, without it, when `asker` is gone by then. */
  async #wait(asker: Asker | undefined, room: RoomOfOne): Promise<boolean> {
    const bytes = room.refused;
    for (;;) {
      if (!this.take(bytes)) {
        const turn = new Deferred<void>();
        this.#line.push({ bytes, turn });
        await turn.promise;
      }
      room.hold(bytes);
      const behind = asker?.closed === true ? undefined : asker?.caughtUp();
      if (behind === undefined && asker?.closed !== true) return true;
      room.giveBack();
      if (behind === undefined) return false;
      await behind;
    }
  }

  /** Nobody overtakes the line. */
  take(bytes: number): boolean {
    if (this.#line.length > 0 || !this.#fits(bytes)) return false;
    this.#bytes += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#bytes -= bytes;
    for (let first = this.#line[0]; first !== undefined && this.#fits(first.bytes); first = this.#line[0]) {
      this.#line.shift();
      this.#bytes += first.bytes;
      first.turn.resolve();
    }
  }

  #fits(bytes: number): boolean {
    return this.#bytes === 0 || this.#bytes + bytes <= this.#bytesMax;
  }
}

/** What `read` finds; the room is given back then. */
async function holding<T>(room: RoomOfOne, read: () => T | Promise<T>): Promise<T> {
  try {
    return await read();
  } finally {
    room.giveBack();
  }
}

/** The part of the room that one answer has. */
export class RoomOfOne {
  readonly #all: AnswerRoom;
  #held = 0;
  /** All that it asked for when it was refused; 0 when it was not. */
  refused = 0;

  constructor(all: AnswerRoom) {
    this.#all = all;
  }

  /** True when there is room for so many bytes, what it has already being part of them. */
  has(bytes: number): boolean {
    if (bytes <= this.#held) return true;
    if (!this.#all.take(bytes - this.#held)) {
      this.refused = bytes;
      return false;
    }
    this.#held = bytes;
    return true;
  }

  /** What it stood in line for. */
  hold(bytes: number): void {
    this.#held = bytes;
    this.refused = 0;
  }

  giveBack(): void {
    const held = this.#held;
    this.#held = 0;
    if (held > 0) this.#all.give(held);
  }
}
