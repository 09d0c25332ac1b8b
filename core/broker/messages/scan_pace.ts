/**
 * How much of a queue one pull with a filter looks at. Where few messages pass, most of what a pull costs is the way there and
 * back; but a client rests (Java's 50 ms by default) when the messages it holds lie more than consumeConcurrentlyMaxSpan offsets
 * apart, 2,000 in Java and 1,000 in Go, which it does not tell. So it is tried: a group whose clients come back at once gets
 * more at a time, and one whose client rested less, for a while.
 */
import type { Clock } from "../../runtime.ts";

/** Times as much as usual. */
const TIMES_MAX = 8;
/** Answers in a row after which the clients were back at once, before there is more. */
const QUICK_ROW = 16;
/** A client that is back later has rested. */
const REST_MS = 30;
/** After a rest nothing more is tried for so long. */
const CAREFUL_MS = 60_000;
/** Groups and their topics; beyond, the one that came first begins anew. */
const READERS_MAX = 1_000;

/** Who pulls what. */
export interface PullOf {
  readonly group: string;
  readonly topic: string;
  readonly queueId: number;
  /** The connection. */
  readonly peer: object;
}

interface Answered {
  readonly peer: object;
  readonly at: number;
  readonly times: number;
  readonly isCut: boolean;
}

interface Reader {
  times: number;
  quick: number;
  carefulUntil: number;
  /** The last by queue, until its client pulls again. */
  readonly answered: Map<number, Answered>;
}

export class ScanPace {
  readonly #clock: Pick<Clock, "monotonic">;
  /** By group and topic, which have no blanks; the first that came first. */
  readonly #readers = new Map<string, Reader>();

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
  }

  /** A pull came. @returns how many times as much as usual it may look at: 1, 2, 4 or 8 */
  asked({ group, topic, queueId, peer }: PullOf): number {
    const reader = this.#reader(group, topic);
    const last = reader.answered.get(queueId);
    if (last === undefined || last.peer !== peer) return reader.times;
    reader.answered.delete(queueId);
    const now = this.#clock.monotonic();
    if (now - last.at >= REST_MS) this.#rested(reader, last.times, now);
    else if (last.isCut && last.times === reader.times) this.#cameBack(reader, now);
    return reader.times;
  }

  /**
   * It was answered, and had looked at as much as usual at least: other answers say nothing.
   * @param times what `asked` said of it @param isCut it had looked at all it might
   */
  answered({ group, topic, queueId, peer }: PullOf, times: number, isCut: boolean): void {
    this.#reader(group, topic).answered.set(queueId, { peer, at: this.#clock.monotonic(), times, isCut });
  }

  /** With all its queues, perhaps: those that were answered with as much do not count once more. */
  #rested(reader: Reader, times: number, now: number): void {
    reader.quick = 0;
    if (times === 1 || times !== reader.times) return;
    reader.times = times / 2;
    reader.carefulUntil = now + CAREFUL_MS;
  }

  #cameBack(reader: Reader, now: number): void {
    if (reader.times === TIMES_MAX || now < reader.carefulUntil || ++reader.quick < QUICK_ROW) return;
    reader.quick = 0;
    reader.times *= 2;
  }

  #reader(group: string, topic: string): Reader {
    const key = `${group} ${topic}`;
    const known = this.#readers.get(key);
    if (known !== undefined) return known;
    const [oldest] = this.#readers.keys();
    if (this.#readers.size >= READERS_MAX && oldest !== undefined) this.#readers.delete(oldest);
    const reader: Reader = { times: 1, quick: 0, carefulUntil: 0, answered: new Map() };
    this.#readers.set(key, reader);
    return reader;
  }
}
