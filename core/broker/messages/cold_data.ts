/**
 * Cold data flow control (`coldDataFlowControlEnable`): a group that reads more old messages in five seconds than its
 * threshold waits, so that it does not take the disk from the others.
 *
 * Cold is what lies further from the end of the log than accessMessageInMemoryHotRatio of the memory; with coldDataScanEnable,
 * of that only what the system does not hold in memory all the same (`core/store/cold_data_check.ts`). A consumer that is pushed to is told SYSTEM_BUSY
 * and comes again after three seconds; one that pulls is held, and then gets one message.
 *
 * Bounds: a counter per existing group, dropped after a minute without cold reads; GROUPS_MAX thresholds; held pulls by number
 * and by bytes.
 */
import { decodeUtf8, encodeUtf8, readInt32, readInt64 } from "../../../wire/bytes.ts";
import { RECORD_AT } from "../../../wire/message.ts";
import { ResponseCode } from "../../../wire/response_code.ts";
import { PropertiesError, parseProperties } from "../../properties.ts";
import { type MaybePromise, type ProcessorMap, RemotingError } from "../../remoting/processor.ts";
import type { Clock, Log, TimerHandle } from "../../runtime.ts";
import { isSystemGroup } from "../metadata/topics_validator.ts";
import type { BrokerSettings } from "../options.ts";
import type { PullReply } from "./pull_hold.ts";

/** What is counted is counted for so long. */
const WINDOW_MS = 5_000;
const COUNTER_IDLE_MS = 60_000;
/** A held pull goes on at the first look after so long; looks are WINDOW_MS apart. */
const HOLD_MS = 3_000;
const HELD_MAX = 10_000;
const HELD_BYTES_MAX = 16 * 1024 * 1024;
/** Groups with a threshold of their own. */
const GROUPS_MAX = 10_000;
const BUSY = "This consumer group is reading cold data. It has been flow control";

interface Counter {
  /** Cold bytes of this window. */
  bytes: number;
  readonly createdAt: number;
  /** Clock.now(), as it is shown. */
  readAt: number;
}

export interface ColdPull {
  /** What it keeps in memory, roughly, beside a constant. */
  readonly bytes: number;
  /** Executes it; it is not held again. */
  readonly execute: () => MaybePromise<PullReply | undefined>;
}

interface HeldPull {
  readonly since: number;
  readonly bytes: number;
  readonly goOn: () => void;
}

type Settings = Pick<
  BrokerSettings,
  "coldDataFlowControlEnable" | "cgColdReadThreshold" | "globalColdReadThreshold" | "accessMessageInMemoryHotRatio"
>;

export interface ColdDataParts {
  readonly clock: Clock;
  readonly settings: Settings;
  readonly log: Log;
  /** Of the whole machine. */
  readonly memoryBytes: number;
  /** Physical offset of the log's end. Asked for only while the control is on. */
  readonly endOffset: () => number;
  /** `MessageStore.isOnDiskOnly`, of data that is old. */
  readonly isOnDiskOnly: (physicalOffset: number) => boolean | undefined;
}

export class ColdDataFlowControl {
  readonly #clock: Clock;
  readonly #settings: Settings;
  readonly #log: Log;
  readonly #memoryBytes: number;
  readonly #endOffset: () => number;
  readonly #isOnDiskOnly: (physicalOffset: number) => boolean | undefined;
  readonly #counters = new Map<string, Counter>();
  readonly #thresholds = new Map<string, number>();
  #allBytes = 0;
  /** Clock.monotonic() */
  #windowEnd = 0;
  #held: HeldPull[] = [];
  #heldBytes = 0;
  #looks: TimerHandle | undefined;
  #closed = false;

  constructor({ clock, settings, log, memoryBytes, endOffset, isOnDiskOnly }: ColdDataParts) {
    this.#clock = clock;
    this.#settings = settings;
    this.#log = log;
    this.#memoryBytes = memoryBytes;
    this.#endOffset = endOffset;
    this.#isOnDiskOnly = isOnDiskOnly;
  }

  /** How many bytes of these stored records are cold. */
  coldBytesOf(records: Uint8Array): number {
    const coldBefore = this.#endOffset() - (this.#memoryBytes * this.#settings.accessMessageInMemoryHotRatio) / 100;
    let bytes = 0;
    for (let at = 0; at < records.length; ) {
      const size = readInt32(records, at);
      const offset = readInt64(records, at + RECORD_AT.physicalOffset);
      if (offset < coldBefore && this.#isOnDiskOnly(offset) !== false) bytes += size;
      at += size;
    }
    return bytes;
  }

  /** The group has read its share of cold data, or all groups together theirs. */
  isLimited(group: string): boolean {
    const { coldDataFlowControlEnable, globalColdReadThreshold } = this.#settings;
    if (!coldDataFlowControlEnable || isSystemGroup(group)) return false;
    this.#turnWindow();
    const counter = this.#counters.get(group);
    if (counter === undefined) return false;
    return counter.bytes >= this.#threshold(group) || this.#allBytes >= globalColdReadThreshold;
  }

  /** The group was given these stored records. */
  count(group: string, records: Uint8Array): void {
    if (!this.#settings.coldDataFlowControlEnable || isSystemGroup(group)) return;
    const bytes = this.coldBytesOf(records);
    if (bytes === 0) return;
    this.#turnWindow();
    const now = this.#clock.now();
    let counter = this.#counters.get(group);
    if (counter === undefined) {
      counter = { bytes: 0, createdAt: now, readAt: now };
      this.#counters.set(group, counter);
    }
    counter.bytes += bytes;
    counter.readAt = now;
    this.#allBytes += bytes;
  }

  /** The refusal of a consumer that is pushed to. */
  refusal(group: string): RemotingError {
    return new RemotingError(
      ResponseCode.SYSTEM_BUSY,
      `${BUSY}: ${group} may read ${this.#threshold(group)} bytes in ${WINDOW_MS} ms (cgColdReadThreshold, or updateColdDataFlowCtrGroupConfig), all groups ${this.#settings.globalColdReadThreshold} (globalColdReadThreshold)`,
    );
  }

  /**
   * Answers later, by `execute`.
   * @throws RemotingError SYSTEM_BUSY when too much is held.
   */
  hold({ bytes, execute }: ColdPull): MaybePromise<PullReply | undefined> {
    if (this.#closed) return execute();
    if (this.#held.length >= HELD_MAX || this.#heldBytes + bytes > HELD_BYTES_MAX) {
      throw new RemotingError(
        ResponseCode.SYSTEM_BUSY,
        `${BUSY}: ${this.#held.length} pulls of cold data are held, at most ${HELD_MAX} of ${HELD_BYTES_MAX} bytes may be`,
      );
    }
    this.#heldBytes += bytes;
    return new Promise((resolve, reject) => {
      const goOn = (): void => {
        try {
          resolve(execute());
        } catch (error) {
          reject(error);
        }
      };
      this.#held.push({ since: this.#clock.monotonic(), bytes, goOn });
      this.#looks ??= this.#clock.setInterval(() => this.#look(), WINDOW_MS);
    });
  }

  /** Held pulls are answered, and none is held any more. */
  close(): void {
    this.#closed = true;
    this.#looks?.cancel();
    for (const { goOn } of this.#held.splice(0)) goOn();
  }

  /** A threshold in bytes a window, for one group. @throws RemotingError when there are too many. */
  setThreshold(group: string, bytes: number): void {
    if (!this.#thresholds.has(group) && this.#thresholds.size >= GROUPS_MAX) {
      throw new RemotingError(
        ResponseCode.SYSTEM_ERROR,
        `${GROUPS_MAX} groups have a threshold for cold data already; removeColdDataFlowCtrGroupConfig makes room`,
      );
    }
    this.#thresholds.set(group, bytes);
  }

  removeThreshold(group: string): void {
    this.#thresholds.delete(group);
  }

  /** JSON text for getColdDataFlowCtrInfo: Apache's fields in its order. */
  describe(): string {
    this.#turnWindow();
    const counters = [...this.#counters].map(([group, { bytes, createdAt, readAt }]) => [
      group,
      { coldAcc: bytes, createTimeMills: createdAt, lastColdReadTimeMills: readAt },
    ]);
    return JSON.stringify({
      runtimeTable: Object.fromEntries(counters),
      configTable: Object.fromEntries(this.#thresholds),
      cgColdReadThreshold: this.#settings.cgColdReadThreshold,
      globalColdReadThreshold: this.#settings.globalColdReadThreshold,
      globalAcc: this.#allBytes,
    });
  }

  #threshold(group: string): number {
    return this.#thresholds.get(group) ?? this.#settings.cgColdReadThreshold;
  }

  #turnWindow(): void {
    const at = this.#clock.monotonic();
    if (at < this.#windowEnd) return;
    this.#windowEnd = at + WINDOW_MS;
    this.#allBytes = 0;
    const now = this.#clock.now();
    for (const [group, counter] of this.#counters) {
      if (counter.bytes >= this.#threshold(group)) {
        this.#log.info("a group has read its share of cold data", { group, bytes: counter.bytes, limit: this.#threshold(group) });
      }
      if (now - counter.readAt >= COUNTER_IDLE_MS) this.#counters.delete(group);
      else counter.bytes = 0;
    }
  }

  #look(): void {
    const until = this.#clock.monotonic() - HOLD_MS;
    const due = this.#held.filter(({ since }) => since <= until);
    this.#held = this.#held.filter(({ since }) => since > until);
    if (this.#held.length === 0) {
      this.#looks?.cancel();
      this.#looks = undefined;
    }
    for (const { bytes, goOn } of due) {
      this.#heldBytes -= bytes;
      goOn();
    }
  }
}

type ColdDataProcessors = Pick<
  ProcessorMap<"broker">,
  "UPDATE_COLD_DATA_FLOW_CTR_CONFIG" | "REMOVE_COLD_DATA_FLOW_CTR_CONFIG" | "GET_COLD_DATA_FLOW_CTR_INFO"
>;

export function coldDataProcessors(cold: ColdDataFlowControl): ColdDataProcessors {
  return {
    UPDATE_COLD_DATA_FLOW_CTR_CONFIG(_context, { body }) {
      const changes = thresholdsOf(body);
      for (const [group, bytes] of changes) cold.setThreshold(group, bytes);
      return {};
    },
    REMOVE_COLD_DATA_FLOW_CTR_CONFIG(_context, { body }) {
      cold.removeThreshold(decodeUtf8(body));
      return {};
    },
    GET_COLD_DATA_FLOW_CTR_INFO: () => ({ body: encodeUtf8(cold.describe()) }),
  };
}

/** Lines `group=bytes`. @throws RemotingError for one that is none; Apache passes over it. */
function thresholdsOf(body: Uint8Array): [string, number][] {
  let lines: Map<string, string>;
  try {
    lines = parseProperties(body);
  } catch (error) {
    if (!(error instanceof PropertiesError)) throw error;
    throw new RemotingError(ResponseCode.SYSTEM_ERROR, `string2Properties error: ${error.message}`);
  }
  return [...lines].map(([group, text]) => {
    if (!/^\d{1,15}$/.test(text)) {
      throw new RemotingError(ResponseCode.SYSTEM_ERROR, `the threshold of ${group} is a number of bytes, not "${text}"`);
    }
    return [group, Number(text)];
  });
}
