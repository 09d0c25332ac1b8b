/**
 * What the store found to be lost: stretches of the log without a record, queue offsets whose message is gone, records that
 * can't be read. Each is named in the log, the first ones by themselves; all are counted.
 */
import type { Log, LogFields } from "../runtime.ts";

/** Lines of one kind; what comes after is only counted, as a disk that fails can have a million bad places. */
const LINES_MAX = 100;

/**
 * The log is the truth, and a queue that is not there is made again from it. Not done on the way of a pull: which record the
 * unit stood for only a search of the log between its neighbours tells.
 */
const UNIT_MEND =
  "if the commit log is whole, stop the broker in order, move the queue's directory below consumequeue/ away, and start it: " +
  "the queue is made again from the log";

export class Losses {
  /** Stretches of the log that held no record, with good ones behind them, found since the start. */
  stretchCount = 0;
  stretchBytes = 0;
  /** Queue offsets that became holes since the start. */
  queueOffsetCount = 0;
  /** Records that a reader left out, since their bytes are none. One that is read again counts again. */
  unreadableCount = 0;
  readonly #log: Log;
  readonly #lines = { stretches: 0, holes: 0, unreadable: 0 };

  constructor(log: Log) {
    this.#log = log;
  }

  /** `[from, to)` of the log holds no record. */
  stretch(from: number, to: number, why: string): void {
    this.stretchCount++;
    this.stretchBytes += to - from;
    this.#line(
      "stretches",
      "a stretch of the commit log is lost; the messages behind it are kept, where Apache would cut the log",
      {
        from,
        to,
        bytes: to - from,
        why,
      },
    );
  }

  /** The messages of queue offsets `[from, to)` are gone. @param physicalOffset where the next record of the queue begins */
  holes(topic: string, queueId: number, from: number, to: number, physicalOffset: number): void {
    this.queueOffsetCount += to - from;
    this.#line("holes", "messages of a queue are lost; pulls step over their offsets", {
      topic,
      queueId,
      from,
      to: to - 1,
      count: to - from,
      physicalOffset,
    });
  }

  /** A reader found no record, or a broken one, where a queue says that there is one. */
  unreadable(physicalOffset: number, size: number): void {
    this.unreadableCount++;
    this.#line("unreadable", "a consume queue points at something that is no message; it is passed over", {
      offset: physicalOffset,
      size,
      mend: UNIT_MEND,
    });
  }

  #line(kind: "stretches" | "holes" | "unreadable", message: string, fields: LogFields): void {
    if (++this.#lines[kind] > LINES_MAX) return;
    if (this.#lines[kind] === LINES_MAX) this.#log.error(`${message} (the last line of its kind; more are only counted)`, fields);
    else this.#log.error(message, fields);
  }
}
