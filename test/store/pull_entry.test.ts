/** How a pull begins: what the queue had when it was asked may be gone when there is room to read it. */
import { describe, expect, test } from "bun:test";
import { AnswerRoom } from "../../core/store/answer_room.ts";
import type { CommitLog } from "../../core/store/commit_log.ts";
import type { LogicQueue } from "../../core/store/logic_queue.ts";
import { leadOf, nothing, PullEntry } from "../../core/store/pull_entry.ts";
import type { ReadAhead } from "../../core/store/read_ahead.ts";
import { Scratch } from "../../core/store/scratch.ts";

const ROOM_BYTES = 1_000_000;
const UNIT_BYTES = 20;

/** A queue of which nothing is in memory. */
class ColdQueue {
  readonly unitBytes = UNIT_BYTES;
  readonly maxOffset: number = 100;
  minOffset = 0;
  recoveredOffset = 0;
  readonly reads: [from: number, count: number][] = [];

  knowsAlive(): boolean {
    return true;
  }

  readNow(): undefined {
    return undefined;
  }

  async readLater(from: number, count: number): Promise<Uint8Array> {
    this.reads.push([from, count]);
    return new Uint8Array(count * UNIT_BYTES);
  }
}

/** A pull of ten units from `offset` on, and the bytes of units that it was shown. */
function pull(entry: PullEntry, cold: ColdQueue, offset: number) {
  const shown: number[] = [];
  const scratch = new Scratch(1_000);
  const result = entry.enter(cold as unknown as LogicQueue, offset, undefined, (queue, room) => {
    const lead = leadOf(queue, offset);
    return entry.units(queue, { from: offset - lead, count: 10 + lead, scratch }, room, (units) => {
      shown.push(units.length);
      return { ...nothing("FOUND", offset + 10, queue.minOffset, queue.maxOffset), messageCount: 10 };
    });
  });
  return { result, shown };
}

function start() {
  const room = new AnswerRoom(ROOM_BYTES);
  const ahead = { inTurn: <T>(read: () => Promise<T>) => read() };
  const entry = new PullEntry({ minOffset: 0 } as CommitLog, ahead as unknown as ReadAhead, room);
  return { room, entry, queue: new ColdQueue() };
}

describe("how a pull begins", () => {
  test("with units that are read, the one in front with them where recovery may have left holes", async () => {
    const { entry, queue } = start();
    expect(await pull(entry, queue, 50).result).toMatchObject({ status: "FOUND", nextBeginOffset: 60 });
    queue.recoveredOffset = 80;
    const second = pull(entry, queue, 50);
    await second.result;
    expect([queue.reads, second.shown]).toEqual([
      [
        [50, 10],
        [49, 11],
      ],
      [11 * UNIT_BYTES],
    ]);
  });

  test("an offset that expires while its pull stands in line is too small, and nothing is read", async () => {
    const { room, entry, queue } = start();
    expect(room.take(ROOM_BYTES)).toBe(true);
    const { result, shown } = pull(entry, queue, 50);
    queue.minOffset = 70;
    room.give(ROOM_BYTES);
    expect(await result).toMatchObject({ status: "OFFSET_TOO_SMALL", nextBeginOffset: 70, minOffset: 70 });
    expect([queue.reads, shown, room.bytes]).toEqual([[], [], 0]);
  });

  test("one that has become the first while its pull stood in line is read without the unit in front of it", async () => {
    const { room, entry, queue } = start();
    queue.recoveredOffset = 80;
    expect(room.take(ROOM_BYTES)).toBe(true);
    const { result } = pull(entry, queue, 50);
    queue.minOffset = 50;
    room.give(ROOM_BYTES);
    expect(await result).toMatchObject({ status: "FOUND" });
    expect(queue.reads).toEqual([[50, 10]]);
  });

  test("an offset that the queue has not is told at once", () => {
    const { entry, queue } = start();
    queue.minOffset = 10;
    const found = [5, 100, 101].map((offset) => pull(entry, queue, offset).result);
    expect(found).toMatchObject([
      { status: "OFFSET_TOO_SMALL", nextBeginOffset: 10 },
      { status: "OFFSET_OVERFLOW_ONE", nextBeginOffset: 100 },
      { status: "OFFSET_OVERFLOW_BADLY", nextBeginOffset: 100 },
    ]);
    expect(entry.enter(undefined, 0, undefined, () => undefined)).toMatchObject({ status: "NO_MESSAGE_IN_QUEUE" });
  });
});
