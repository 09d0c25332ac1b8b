/**
 * Topics whose `cleanup.policy` is COMPACTION (with enableCompaction): under `compaction/` each of their queues has a log of
 * its own, in which the newest message of each key stays for good, whatever expires in the commit log.
 *
 * Owns the logs, when they are compacted, and `position-checkpoint`, which says up to which queue offset each was. The commit
 * log and the plain consume queue stay as for any topic; what is missing here is made up from them.
 */
import { tagsCode } from "../../../wire/java_hash.ts";
import { RECORD_BYTES_MIN } from "../../../wire/message.ts";
import { MessageConst } from "../../../wire/message_const.ts";
import { decodeRecord } from "../../../wire/message_reader.ts";
import { propertyOf } from "../../../wire/properties.ts";
import type { Log, Runtime, TimerHandle } from "../../runtime.ts";
import type { AnswerRoom } from "../answer_room.ts";
import { ConfigFile } from "../config_file.ts";
import type { DispatchRequest } from "../dispatch_request.ts";
import type { LogicQueue } from "../logic_queue.ts";
import type { GetLimits, GetResult, QueueRef } from "../message_store.ts";
import type { OpenFiles } from "../open_files.ts";
import type { StoreSettings } from "../options.ts";
import { isRecordOf } from "../record_checks.ts";
import type { TopicAttributes } from "../topic_attributes.ts";
import { CompactionLog } from "./compaction_log.ts";
import { compact, finishReplacement } from "./round.ts";

/** What one dispatch makes up for, when records before it could not be written. */
const CATCH_UP_MAX = 256;
/** A round begins this long after the interval at the earliest, ms, and that much later at random. */
const DELAY_MIN_MS = 1000;

export interface CompactionParts {
  readonly runtime: Runtime;
  readonly log: Log;
  readonly settings: StoreSettings;
  /** For answers that wait for the disk. */
  readonly room: AnswerRoom;
  readonly open: OpenFiles;
  readonly attributes: TopicAttributes;
  /** The plain consume queue. */
  readonly queue: (ref: QueueRef) => LogicQueue | undefined;
  /** Reads from the commit log, at once; false when it is not there. */
  readonly readSync: (target: Uint8Array, physicalOffset: number) => boolean;
}

export class CompactionStore {
  readonly #parts: CompactionParts;
  readonly #directory: string;
  /** By topic, then by queue. */
  readonly #topics = new Map<string, Map<number, CompactionLog>>();
  readonly #positions = new Map<string, number>();
  readonly #file: ConfigFile;
  readonly #timers = new Map<CompactionLog, TimerHandle>();
  /** Rounds follow each other. */
  #rounds: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(parts: CompactionParts) {
    this.#parts = parts;
    this.#directory = `${parts.settings.storePathRootDir}/compaction`;
    this.#file = new ConfigFile(parts.runtime.files, parts.log, `${this.#directory}/position-checkpoint`);
  }

  isCompacted(topic: string): boolean {
    return this.knowsCompacted(topic) === true;
  }

  /** As `isCompacted`; undefined while there is no such topic. */
  knowsCompacted(topic: string): boolean | undefined {
    const attributes = this.#parts.attributes(topic);
    if (attributes === undefined) return undefined;
    return this.#parts.settings.enableCompaction && attributes["cleanup.policy"] === "COMPACTION";
  }

  find({ topic, queueId }: QueueRef): CompactionLog | undefined {
    return this.#topics.get(topic)?.get(queueId);
  }

  /** What a pull gets. As in Apache no filter is applied here. */
  get(ref: QueueRef, offset: number, limits: GetLimits): GetResult | Promise<GetResult> {
    const log = this.find(ref);
    // A message without a key is in the plain queue alone.
    const queueEnd = this.#parts.queue(ref)?.maxOffset ?? 0;
    if (log !== undefined) {
      const result = this.#parts.room.attend(limits.asker, (room) => log.get(offset, limits, room));
      return result instanceof Promise
        ? result.then((later) => ({ ...(later ?? log.nothing("NO_MATCHED_MESSAGE", offset)), queueEnd }))
        : { ...result, queueEnd };
    }
    return {
      queueEnd,
      status: "NO_MATCHED_LOGIC_QUEUE",
      nextBeginOffset: 0,
      minOffset: 0,
      maxOffset: 0,
      body: new Uint8Array(0),
      messageCount: 0,
      suggestSlave: false,
    };
  }

  /**
   * Finds the logs that have files.
   * @param trustedBefore records stored before this time, ms, are on the disk for sure; infinite after an orderly stop
   */
  load(trustedBefore: number): void {
    const { files } = this.#parts.runtime;
    const positions = this.#file.load(parsePositions);
    for (const [key, offset] of positions ?? []) this.#positions.set(key, offset);
    for (const topic of files.list(`${this.#directory}/compactionLog`)) {
      for (const name of files.list(`${this.#directory}/compactionLog/${topic}`)) {
        if (!/^\d{1,9}$/.test(name)) continue;
        const log = this.#findOrCreate(topic, Number(name));
        finishReplacement(files, log.directories);
        log.load(trustedBefore);
      }
    }
    // What was lost here comes again from the commit log, and has not been compacted.
    for (const [key, position] of this.#positions) {
      const at = key.lastIndexOf("_");
      const log = this.find({ topic: key.slice(0, at), queueId: Number(key.slice(at + 1)) });
      if (log === undefined) this.#positions.delete(key);
      else if (position >= log.nextOffset) this.#positions.set(key, log.nextOffset - 1);
    }
  }

  /** After recovery: copies what the consume queues know and the logs do not, and begins with the rounds. */
  async catchUp(refs: Iterable<QueueRef>): Promise<void> {
    for (const ref of refs) {
      const queue = this.#parts.queue(ref);
      if (queue === undefined || queue.maxOffset === 0) continue;
      const log = this.#findOrCreate(ref.topic, ref.queueId);
      // What a power cut took from the commit log must not stay here: its queue offsets are given again.
      log.cut(queue.maxOffset);
      const behind = queue.maxOffset - Math.max(log.nextOffset, queue.minOffset);
      if (behind > 0) {
        this.#parts.log.info("a compaction log is made up for from the commit log", { ...ref, messages: behind });
      }
      while (log.nextOffset < queue.maxOffset) {
        this.#copyUpTo(log, queue, Math.min(queue.maxOffset, Math.max(log.nextOffset, queue.minOffset) + CATCH_UP_MAX));
        await new Promise<void>((resolve) => this.#parts.runtime.clock.afterTurn(resolve));
      }
      this.#schedule(log);
    }
  }

  /** A record was dispatched. What can't be written now is made up for by a later one, or by the next start. */
  put(request: DispatchRequest): void {
    if (!this.isCompacted(request.topic)) return;
    const log = this.#findOrCreate(request.topic, request.queueId);
    const { queueOffset } = request;
    if (queueOffset < log.nextOffset) return;
    try {
      if (queueOffset > log.nextOffset) {
        const queue = this.#parts.queue(request);
        if (queue !== undefined) this.#copyUpTo(log, queue, Math.min(queueOffset, log.nextOffset + CATCH_UP_MAX));
        if (queueOffset > log.nextOffset) return;
      }
      this.#copy(log, request);
    } catch (error) {
      this.#parts.log.error("cannot write to a compaction log; it is tried again with the next message", {
        topic: log.topic,
        queueId: log.queueId,
        queueOffset,
        error: (error as Error).message,
      });
    }
    this.#schedule(log);
  }

  /** To the disk. @throws RuntimeFault */
  async sync(): Promise<void> {
    for (const logs of this.#topics.values()) for (const log of [...logs.values()]) await log.sync();
  }

  delete(topic: string): void {
    const logs = this.#topics.get(topic);
    if (logs === undefined) return;
    for (const log of logs.values()) {
      this.#timers.get(log)?.cancel();
      this.#timers.delete(log);
      this.#positions.delete(keyOf(log));
      log.destroy();
    }
    this.#topics.delete(topic);
    for (const kind of ["compactionLog", "compactionCq"])
      this.#parts.runtime.files.removeTree(`${this.#directory}/${kind}/${topic}`);
  }

  /** Ends the rounds; one that is under way is given up. */
  stop(): Promise<void> {
    this.#stopped = true;
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
    return this.#rounds;
  }

  // -------------------------------------------------------------------------------------------------------- inwards

  #findOrCreate(topic: string, queueId: number): CompactionLog {
    let logs = this.#topics.get(topic);
    if (logs === undefined) {
      logs = new Map();
      this.#topics.set(topic, logs);
    }
    let log = logs.get(queueId);
    if (log === undefined) {
      const { open, log: lines, settings, runtime } = this.#parts;
      const hotBytes = (): number => (runtime.system.memory().totalBytes * settings.accessMessageInMemoryMaxRatio) / 100;
      log = new CompactionLog({ open, log: lines, settings, hotBytes }, this.#directory, topic, queueId);
      logs.set(queueId, log);
    }
    return log;
  }

  /** Copies the messages of the consume queue before `end`; those that are not there any more are passed over. */
  #copyUpTo(log: CompactionLog, queue: LogicQueue, end: number): void {
    for (let offset = Math.max(log.nextOffset, queue.minOffset); offset < end; offset++) {
      const entry = queue.entry(offset);
      const head = entry === undefined ? undefined : this.#record(entry.physicalOffset, entry.size);
      if (head !== undefined) this.#copyRecord(log, head, offset);
      else log.nextOffset = offset + 1;
    }
    if (log.nextOffset < end) log.nextOffset = end;
  }

  #copy(log: CompactionLog, { physicalOffset, size, queueOffset, tagsCode, storeTimestamp, properties }: DispatchRequest): void {
    const record = hasKey(properties) ? this.#record(physicalOffset, size) : undefined;
    if (record !== undefined) log.put(record, { queueOffset, tagsCode, storeTimestamp });
    else log.nextOffset = queueOffset + 1;
  }

  #copyRecord(log: CompactionLog, record: Uint8Array, queueOffset: number): void {
    const message = decodeRecord(record);
    if (message.queueOffset === queueOffset && hasKey(message.properties)) {
      const tags = propertyOf(message.properties, MessageConst.TAGS);
      log.put(record, { queueOffset, tagsCode: tagsCode(tags), storeTimestamp: message.storeTimestamp });
    } else log.nextOffset = queueOffset + 1;
  }

  #record(physicalOffset: number, size: number): Uint8Array | undefined {
    if (size < RECORD_BYTES_MIN || size > this.#parts.settings.mappedFileSizeCommitLog) return undefined;
    const record = new Uint8Array(size);
    const there = this.#parts.readSync(record, physicalOffset) && isRecordOf(record, 0, size, physicalOffset);
    return there ? record : undefined;
  }

  /** A log that may have something to compact gets a round; an idle one has no timer. */
  #schedule(log: CompactionLog): void {
    if (this.#stopped || this.#timers.has(log) || log.segments.length < 2) return;
    const { runtime, settings } = this.#parts;
    const interval = settings.compactionScheduleInternal;
    const delay = interval + DELAY_MIN_MS + runtime.random.below(Math.max(1, interval));
    const timer = runtime.clock.setTimeout(() => {
      this.#timers.delete(log);
      this.#rounds = this.#rounds.then(() => this.#round(log));
    }, delay);
    this.#timers.set(log, timer);
  }

  async #round(log: CompactionLog): Promise<void> {
    if (this.#stopped || this.find(log) !== log) return;
    const { runtime, settings, log: lines } = this.#parts;
    const startedAt = runtime.clock.monotonic();
    const threads = Math.max(1, Math.min(runtime.system.cpuCount(), settings.compactionThreadNum));
    const count = (): number => log.segments.reduce((sum, segment) => sum + segment.count, 0);
    const before = count();
    try {
      const position = await compact(log, this.#positions.get(keyOf(log)) ?? -1, {
        memoryBytes: Math.floor(settings.maxOffsetMapSize / threads),
        md5: (bytes) => runtime.digest.md5(bytes),
        stopped: () => this.#stopped || this.find(log) !== log,
      });
      if (position === undefined) return;
      this.#positions.set(keyOf(log), position);
      this.#file.save(positionsText(this.#positions));
      lines.info("a topic was compacted", {
        topic: log.topic,
        queueId: log.queueId,
        messagesBefore: before,
        messages: count(),
        ms: Math.round(runtime.clock.monotonic() - startedAt),
      });
    } catch (error) {
      lines.error("a compaction failed; it is tried again", {
        topic: log.topic,
        queueId: log.queueId,
        error: (error as Error).message,
      });
      this.#schedule(log);
    }
  }
}

const hasKey = (properties: string): boolean => (propertyOf(properties, MessageConst.KEYS) ?? "").trim() !== "";

const keyOf = (log: QueueRef): string => `${log.topic}_${log.queueId}`;

/** As fastjson lays it out. */
function positionsText(positions: ReadonlyMap<string, number>): string {
  const entries = Array.from(positions, ([key, offset]) => `\t\t${JSON.stringify(key)}:${offset}`);
  const map = entries.length === 0 ? "{}" : `{\n${entries.join(",\n")}\n\t}`;
  return `{\n\t"empty":${entries.length === 0},\n\t"queueOffsetMap":${map}\n}`;
}

/** @throws Error when it is not what `positionsText` writes. */
function parsePositions(text: string): Map<string, number> {
  const { queueOffsetMap } = JSON.parse(text) as { queueOffsetMap?: Record<string, unknown> };
  const positions = new Map<string, number>();
  for (const [key, offset] of Object.entries(queueOffsetMap ?? {})) {
    if (!Number.isSafeInteger(offset)) throw new Error(`the offset of "${key}" is ${String(offset)}`);
    positions.set(key, offset as number);
  }
  return positions;
}
