/**
 * How every pull begins: is its offset in the queue, and the units from there on, at once or when there is room to wait for
 * them.
 */
import type { AnswerRoom, Asker, RoomOfOne, Tried } from "./answer_room.ts";
import type { CommitLog } from "./commit_log.ts";
import { AHEAD_BYTES } from "./consume_queue.ts";
import type { LogicQueue } from "./logic_queue.ts";
import type { GetResult, GetStatus } from "./message_store.ts";
import type { ReadAhead } from "./read_ahead.ts";
import type { Scratch } from "./scratch.ts";

const NOTHING = new Uint8Array(0);

/** For the units of one pull: twice what a tag filter looks at by default (maxFilterMessageSize). */
export const UNITS_BYTES_MAX = 32 * 1024;

export type Found = GetResult | Promise<GetResult>;

/** Units that are asked for. */
interface UnitSpan {
  readonly from: number;
  /** The queue may have fewer. */
  readonly count: number;
  /** Where units go that are here. */
  readonly scratch: Scratch;
}

export class PullEntry {
  readonly #commitLog: CommitLog;
  readonly #ahead: ReadAhead;
  readonly #room: AnswerRoom;

  constructor(commitLog: CommitLog, ahead: ReadAhead, room: AnswerRoom) {
    this.#commitLog = commitLog;
    this.#ahead = ahead;
    this.#room = room;
  }

  /** What `attempt` finds in a queue that has `offset`; it is made again when it needs room that was not there. */
  enter(
    queue: LogicQueue | undefined,
    offset: number,
    asker: Asker | undefined,
    attempt: (queue: LogicQueue, room: RoomOfOne) => Tried<GetResult>,
  ): Found {
    if (queue === undefined) return nothing("NO_MESSAGE_IN_QUEUE", 0, -1, 0);
    const unknown = this.#correct(queue, offset);
    if (unknown !== undefined) return unknown.then(() => this.enter(queue, offset, asker, attempt));
    const outside = outsideOf(queue, offset);
    if (outside !== undefined) return outside;
    // Asked again each time: what it stands in line for may expire.
    const found = this.#room.attend(asker, (room) => outsideOf(queue, offset) ?? attempt(queue, room));
    if (!(found instanceof Promise)) return found;
    // Who is gone is told that nothing was found, and where to go on.
    return found.then((result) => result ?? nothing("NO_MATCHED_MESSAGE", offset, queue.minOffset, queue.maxOffset));
  }

  /**
   * What `look` finds in units; those of the scratch are there until the end of the turn.
   * @returns undefined when they must be waited for and there is no room
   */
  units(
    queue: LogicQueue,
    { from, count, scratch }: UnitSpan,
    room: RoomOfOne,
    look: (units: Uint8Array) => Tried<GetResult>,
  ): Tried<GetResult> {
    const here = queue.readNow(from, count, scratch);
    if (here !== undefined) return look(here);
    if (!room.has(count * queue.unitBytes + AHEAD_BYTES)) return undefined;
    return queue.readLater(from, count, (read) => this.#ahead.inTurn(read)).then(look);
  }

  /** What must be awaited before it is known whether the message at `offset` is expired; undefined when it is known. */
  #correct(queue: LogicQueue, offset: number): Promise<void> | undefined {
    const { minOffset: logBegin } = this.#commitLog;
    if (queue.knowsAlive(offset, logBegin)) return undefined;
    return queue.correctMinOffsetLater(logBegin, (read) => this.#ahead.inTurn(read));
  }
}

/** The answer for an offset that is not in the queue. */
function outsideOf({ minOffset, maxOffset }: LogicQueue, offset: number): GetResult | undefined {
  if (maxOffset === 0) return nothing("NO_MESSAGE_IN_QUEUE", 0, -1, 0);
  if (offset < minOffset) return nothing("OFFSET_TOO_SMALL", minOffset, minOffset, maxOffset);
  if (offset === maxOffset) return nothing("OFFSET_OVERFLOW_ONE", offset, minOffset, maxOffset);
  if (offset > maxOffset) return nothing("OFFSET_OVERFLOW_BADLY", maxOffset, minOffset, maxOffset);
  return undefined;
}

/** Units before that of `offset` that are read with it: recovery may have left holes, and the one in front tells of the first. */
export const leadOf = ({ minOffset, recoveredOffset }: LogicQueue, offset: number): 0 | 1 =>
  offset > minOffset && offset < recoveredOffset ? 1 : 0;

export function nothing(status: GetStatus, nextBeginOffset: number, minOffset: number, maxOffset: number): GetResult {
  return { status, nextBeginOffset, minOffset, maxOffset, body: NOTHING, messageCount: 0, suggestSlave: false };
}
