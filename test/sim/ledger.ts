/**
 * What a simulation remembers of every message it handed to a store: where the store said it stands, and what it promised.
 * The ledger is the other half of each check; it knows nothing of files.
 */
import { must } from "./failure.ts";

export interface Entry {
  /** Counted from 0 over the whole run; the body begins with it. */
  readonly id: number;
  readonly topic: string;
  readonly queueId: number;
  /** Half messages are in no queue. */
  readonly inQueue: boolean;
  readonly queueOffset: number;
  readonly physicalOffset: number;
  readonly endOffset: number;
  readonly storeTimestamp: number;
  readonly body: string;
  /** Shared by many messages. */
  readonly key: string;
}

export class Ledger {
  /** By id; those the store holds or may hold. */
  readonly entries = new Map<number, Entry>();
  /** Refused after they were appended: they may come back only where a disk refused to clear them as well. */
  readonly refused = new Map<number, Entry>();
  /** Written, and then the sync failed: the sender was told, and nobody sees it until the next start judges it. */
  readonly hidden = new Set<number>();
  /** What was acknowledged ends here: after `kill -9` the log reaches at least so far. */
  writtenFloor = 0;
  /** What was acknowledged as flushed ends here: after a power cut the log reaches at least so far. */
  flushedFloor = 0;
  /** The floor that held at the last start. */
  floorAtStart = 0;
  /**
   * Everything before it has expired. A power cut may undo the removal of some of the files and not of others, so messages
   * may be back in the log, and whether queues and index know them is left open.
   */
  expiredBelow = 0;
  /** Log offsets of messages that were lost in holes: the index may have been on the disk before them, and name them still. */
  readonly holePlaces = new Set<number>();
  readonly #holes = new Set<string>();
  ackCount = 0;
  lostCount = 0;

  add(entry: Entry): void {
    this.#holes.delete(`queue ${entry.topic} ${entry.queueId} ${entry.queueOffset}`);
    this.entries.set(entry.id, entry);
  }

  acknowledged(entry: Entry, flushed: boolean): void {
    must(this.entries.has(entry.id), () => `message ${entry.id} is acknowledged after it was refused or lost`);
    this.ackCount++;
    this.writtenFloor = Math.max(this.writtenFloor, entry.endOffset);
    if (flushed) this.flushedFloor = Math.max(this.flushedFloor, entry.endOffset);
  }

  /** Appended, and taken back by the store. */
  takenBack(entry: Entry): void {
    if (this.entries.delete(entry.id)) this.refused.set(entry.id, entry);
  }

  /** A power cut took it and left what stands behind it: its queue offset is a hole, until it is given again. */
  lostInHole(entry: Entry): void {
    this.entries.delete(entry.id);
    this.lostCount++;
    this.holePlaces.add(entry.physicalOffset);
    if (entry.inQueue) this.#holes.add(`queue ${entry.topic} ${entry.queueId} ${entry.queueOffset}`);
  }

  isHole(queue: string, queueOffset: number): boolean {
    return this.#holes.has(`${queue} ${queueOffset}`);
  }

  /** A start found the log ending at `end`: what lies behind is gone, and must have been allowed to go. */
  restarted(end: number, how: "orderly" | "kill" | "power"): void {
    const floor = how === "power" ? this.flushedFloor : this.writtenFloor;
    this.floorAtStart = floor;
    this.hidden.clear();
    must(end >= floor, () => `after ${how} the log ends at ${end}, but messages up to ${floor} were acknowledged`);
    for (const entry of [...this.entries.values()]) {
      if (entry.endOffset <= end) continue;
      this.entries.delete(entry.id);
      this.lostCount++;
    }
    // What is there now was read back, so it is in the page cache at least; after the others it is on the disk.
    this.writtenFloor = end;
    if (how !== "kill") this.flushedFloor = end;
  }
}
