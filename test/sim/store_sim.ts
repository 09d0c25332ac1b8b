/**
 * One seed, one life story of a store: it is opened, written to, read, disturbed and ended in every way there is (in order, by
 * kill -9, by a power cut, at any single operation on the disk), again and again on the same disk. After each start, and
 * before each orderly stop, `store_check.ts` compares what is there with what was promised (`ledger.ts`).
 *
 * The seed decides everything: settings, faults, load, the moments of the crashes, and in which order the simulator lets
 * things happen. Equal seeds give equal traces on every runtime.
 */
import type { DiskFailure, DiskOperation } from "../../adapters/sim/disk.ts";
import { Prng } from "../../adapters/sim/prng.ts";
import { type SimRuntime, type SimWorld, simWorld } from "../../adapters/sim/sim.ts";
import type { Log, Runtime, RuntimeFault } from "../../core/runtime.ts";
import { DefaultMessageStore } from "../../core/store/default_message_store.ts";
import type { GetResult, MessageInput, MessageStore, PutReceipt, QueueRef, StoreStats } from "../../core/store/message_store.ts";
import type { StoreSettings, StoreSettingsInput } from "../../core/store/options.ts";
import { decodeRecords } from "../../wire/message_reader.ts";
import { linesLog, message, settingsOf } from "../store/support.ts";
import { must, mustEqual, SimFailure } from "./failure.ts";
import { type Entry, Ledger } from "./ledger.ts";
import { checkPull, checkRecord, checkStore, crcHolds, idOf, queueName } from "./store_check.ts";
import { Trace } from "./trace.ts";

export interface StoreSimOptions {
  readonly seed: number;
  /** Times the store is opened; default 6. */
  readonly lives?: number;
  /** Steps of a life at most; default 60. */
  readonly steps?: number;
  /** Crashes only: no errors of the disk, no misreads, no full disk, no jumps of the clock. */
  readonly calm?: boolean;
  /** Stands between the simulator and the store: where a mutation of the tests breaks a promise on purpose. */
  readonly runtime?: (runtime: SimRuntime) => Runtime;
  readonly makeStore?: (runtime: Runtime, log: Log, settings: StoreSettings) => MessageStore;
}

export interface SimReport {
  readonly hash: string;
  readonly trace: readonly string[];
  readonly acknowledged: number;
  readonly lost: number;
  readonly crashes: number;
}

type End = "orderly" | "kill" | "power";

const DIRECTORY = "/store";
/** Waiting longer than this, in simulated ms, means that something hangs. */
const HANG_MS = 600_000;
/** TAIL_BYTES_MAX of the commit log. */
const TAIL_BYTES_MAX = 16 * 1024 * 1024;
const PATHS = ["/commitlog/", "/consumequeue/", "/index/", "/checkpoint"];

/** Runs the seed. @throws SimFailure, with the seed in front, when a promise is broken */
export async function runStoreSim(options: StoreSimOptions): Promise<SimReport> {
  const sim = new StoreSim(options);
  try {
    await sim.run();
  } catch (error) {
    const { message: text, stack } = error as Error;
    throw Object.assign(new SimFailure(`store seed ${options.seed}: ${text}`), {
      trace: sim.trace.last,
      stack: error instanceof SimFailure ? text : stack,
    });
  }
  return sim.report();
}

class StoreSim {
  readonly trace = new Trace();
  readonly #options: StoreSimOptions;
  readonly #dice: Prng;
  readonly #world: SimWorld;
  readonly #ledger = new Ledger();
  readonly #input: StoreSettingsInput;
  readonly #flushed: boolean;
  /** Which kinds of trouble this seed has. */
  readonly #troubles: { readonly errors: boolean; readonly misreads: boolean; readonly full: boolean; readonly clock: boolean };
  #runtime: SimRuntime;
  /** Counts lives; what a dead one still says is not heard. */
  #life = 0;
  #ended: End | undefined;
  /** Disk operations until the crash that this life is to end with. */
  #fuse = Number.POSITIVE_INFINITY;
  #fuseKind: "kill" | "power" = "kill";
  #nextId = 0;
  #crashes = 0;
  /** An error was injected in this life, so calls may fail. */
  #disturbed = false;
  /** A disk that fails may not let go of what was refused. */
  #mayBeBack = false;

  constructor(options: StoreSimOptions) {
    this.#options = options;
    const { seed } = options;
    const dice = new Prng(seed, 1000);
    this.#dice = dice;
    this.#world = simWorld({ seed });
    this.#world.time.shuffle = this.#pick([0, 0.2, 0.8]);
    this.#flushed = dice.chance(0.5);
    this.#input = {
      flushDiskType: this.#flushed ? "SYNC_FLUSH" : "ASYNC_FLUSH",
      mappedFileSizeCommitLog: this.#pick([4096, 8192, 32_768]),
      mappedFileSizeConsumeQueue: this.#pick([200, 1000, 20_000]),
      ...this.#pick([
        { maxHashSlotNum: 7, maxIndexNum: 20 },
        { maxHashSlotNum: 100, maxIndexNum: 400 },
      ]),
      flushConsumeQueueThoroughInterval: this.#pick([50, 2000, 60_000]),
      flushIntervalCommitLog: this.#pick([10, 500]),
      ...(dice.chance(0.4) ? { enabledAppendPropCRC: true, forceVerifyPropCRC: true } : {}),
    };
    const trouble = (p: number): boolean => dice.chance(p) && options.calm !== true;
    this.#troubles = { errors: trouble(0.4), misreads: trouble(0.3), full: trouble(0.2), clock: trouble(0.3) };
    const kept = this.#pick([0, 0.5, 1, 0.9]);
    this.#runtime = this.#world.process({
      disk: {
        unsyncedPageKept: kept,
        unsyncedEntriesKept: this.#pick([0, 0.5, 1]),
        readMs: this.#pick([[0, 0] as const, [0, 0] as const, [0, 3] as const]),
        writeMs: this.#pick([[0, 0] as const, [0, 0] as const, [0, 9] as const]),
        syncMs: this.#pick([[0, 0] as const, [1, 5] as const, [0, 40] as const]),
        misreads: (path) => path.includes("/commitlog/"),
        cachedReads: this.#pick([0, 0.5, 1]),
      },
    });
    this.#observe();
  }

  report(): SimReport {
    const { hash, last } = this.trace;
    const { ackCount, lostCount } = this.#ledger;
    return { hash, trace: last, acknowledged: ackCount, lost: lostCount, crashes: this.#crashes };
  }

  async run(): Promise<void> {
    const { lives = 6 } = this.#options;
    let before: End = "orderly";
    for (let life = 0; life < lives; life++) before = await this.#live(before, life === lives - 1);
  }

  // --------------------------------------------------------------------------------------------------------- one life

  async #live(before: End, last: boolean): Promise<End> {
    this.#life++;
    this.#ended = undefined;
    this.#disturbed = false;
    this.trace.add(`life ${this.#life} after ${before} at ${this.#world.clock.monotonic()}`);
    this.#calm();
    const dice = this.#dice;
    // Now and then the power goes while the store is being opened.
    if (dice.chance(0.15)) this.#lightFuse(60);
    const store = await this.#open();
    if (store === undefined) return this.#worse(before);
    this.#fuse = Number.POSITIVE_INFINITY;
    const { maxPhysicalOffset } = store.stats();
    this.trace.add(`opened: the log ends at ${maxPhysicalOffset}`);
    this.#ledger.restarted(maxPhysicalOffset, before);
    await this.#check(store, true);
    this.#mayBeBack = false;
    if (!last && dice.chance(0.6)) this.#lightFuse(400);
    const { steps = 60 } = this.#options;
    if (this.#troubles.misreads) this.#runtime.disk.faults.shortRead = 0.1;
    for (let step = dice.below(steps); step >= 0 && this.#ended === undefined; step--) {
      await this.#step(store).catch((error: Error) => {
        // What a dead process did in its last moment is of no interest.
        if (this.#ended === undefined) throw error;
      });
    }
    if (this.#ended === undefined && (last || dice.chance(0.4))) return this.#close(store);
    if (this.#ended === undefined) this.#crash(dice.chance(0.5) ? "kill" : "power");
    return this.#ended ?? "kill";
  }

  /** A crash while the store recovers from another one. */
  #worse(before: End): End {
    return before === "power" || this.#ended === "power" ? "power" : "kill";
  }

  async #open(): Promise<MessageStore | undefined> {
    const runtime = this.#options.runtime?.(this.#runtime) ?? this.#runtime;
    const make =
      this.#options.makeStore ?? ((on: Runtime, log: Log, settings: StoreSettings) => new DefaultMessageStore(on, log, settings));
    const log = linesLog();
    const store = make(runtime, log, settingsOf(runtime, DIRECTORY, this.#input));
    const opened = await this.#outcome(store.load());
    for (const line of log.lines) this.trace.add(line);
    if (this.#ended !== undefined) return undefined;
    if (opened.error !== undefined) throw new SimFailure(`the store does not open: ${opened.error.message}`);
    return store;
  }

  async #close(store: MessageStore): Promise<End> {
    this.#calm();
    const dice = this.#dice;
    if (dice.chance(0.3)) this.#lightFuse(40);
    const closed = await this.#outcome(store.close());
    if (this.#ended !== undefined) return this.#ended;
    this.trace.add(`closed: ${closed.error?.message ?? "in order"}`);
    must(closed.error === undefined || this.#disturbed, () => `the store does not close: ${closed.error?.message}`);
    this.#fuse = Number.POSITIVE_INFINITY;
    if (closed.error !== undefined) this.#crash("kill");
    else {
      this.#ledger.flushedFloor = this.#ledger.writtenFloor;
      if (dice.chance(0.3)) this.#crash("power");
    }
    return this.#ended ?? "orderly";
  }

  async #step(store: MessageStore): Promise<void> {
    const { clock } = this.#world;
    const dice = this.#dice;
    const choice = dice.below(100);
    if (choice < 45) for (let count = this.#pick([1, 1, 2, 5]); count > 0; count--) this.#send(store);
    else if (choice < 50) this.#sendBatch(store);
    else if (choice < 62) await this.#pull(store);
    else if (choice < 66) await this.#query(store);
    else if (choice < 90) await this.#advance(this.#pick([0, 0, 1, 5, 20, 600]));
    else if (choice < 93) await this.#advance(70_000);
    else if (choice < 96) this.#trouble();
    else if (choice < 97) await this.#expire(store);
    else if (choice < 98) await this.#restAndCheck(store);
    else if (this.#troubles.clock) clock.jump(dice.below(7_200_000) - 3_600_000);
    if (this.#ended === undefined) this.#checkBounds(store);
  }

  /** Lets time pass, and with it what was begun. */
  async #advance(ms: number): Promise<void> {
    await this.#world.clock.advance(ms);
  }

  // ---------------------------------------------------------------------------------------------------------- the load

  /** @param batch the queue of a batch, whose messages are plain ones */
  #message(batch?: QueueRef): {
    entry: Pick<Entry, "id" | "topic" | "queueId" | "body" | "key" | "inQueue">;
    input: MessageInput;
  } {
    const dice = this.#dice;
    const id = this.#nextId++;
    const delayed = batch === undefined && dice.chance(0.05);
    const inQueue = delayed || batch !== undefined || !dice.chance(0.05);
    const topic = batch?.topic ?? (delayed ? "SCHEDULE_TOPIC_XXXX" : `Topic${dice.below(3)}`);
    const queueId = batch?.queueId ?? dice.below(3);
    const body = `m${id}:${"abcdefghij".repeat(dice.below(this.#pick([2, 8, 60])))}`;
    const key = `k${dice.below(5)}`;
    const input = message({
      topic,
      queueId,
      text: body,
      keys: key,
      uniqKey: `u${id}`,
      ...(inQueue ? {} : { sysFlag: 0x4 }),
      ...(delayed ? { deliverDelayMs: 1000 } : {}),
    });
    return { entry: { id, topic, queueId, body, key, inQueue }, input };
  }

  #send(store: MessageStore): void {
    const { entry, input } = this.#message();
    const receipt = store.append(input);
    const place = receipt.status === "PUT_OK" ? ` at ${receipt.physicalOffset}` : "";
    this.trace.add(`append ${entry.id} to ${queueName(entry)}: ${receipt.status}${place}`);
    if (receipt.status === "PUT_OK") this.#sent(store, entry, receipt);
    else must(this.#mayRefuse(), () => `message ${entry.id} is refused on a good disk: ${receipt.reason}`);
  }

  #sendBatch(store: MessageStore): void {
    const topic = `Topic${this.#dice.below(3)}`;
    const queueId = this.#dice.below(3);
    const parts = Array.from({ length: 1 + this.#dice.below(4) }, () => this.#message({ topic, queueId }));
    const inputs = parts.map(({ input }) => input);
    const receipts = store.appendBatch(inputs);
    this.trace.add(`append a batch of ${parts.length}: ${Array.isArray(receipts) ? "PUT_OK" : receipts.status}`);
    if (Array.isArray(receipts)) for (const [i, receipt] of receipts.entries()) this.#sent(store, parts[i]!.entry, receipt);
    else must(this.#mayRefuse(), () => `a batch is refused on a good disk: ${receipts.reason}`);
  }

  #mayRefuse(): boolean {
    return this.#ended !== undefined || this.#disturbed || this.#runtime.disk.faults.writeMs[1] > 0;
  }

  #sent(
    store: MessageStore,
    parts: Omit<Entry, "physicalOffset" | "queueOffset" | "endOffset" | "storeTimestamp">,
    receipt: PutReceipt,
  ): void {
    const { physicalOffset, queueOffset, endOffset, storeTimestamp } = receipt;
    const entry: Entry = { ...parts, physicalOffset, queueOffset, endOffset, storeTimestamp };
    this.#ledger.add(entry);
    const life = this.#life;
    const settled = (text: string, then: () => void): void => {
      // A dead broker's answer never leaves it.
      if (life !== this.#life || this.#ended !== undefined) return;
      this.trace.add(`message ${entry.id} ${text}`);
      then();
    };
    store.durable(endOffset, this.#flushed).then(
      (inTime) => settled(`acknowledged ${inTime}`, () => this.#ledger.acknowledged(entry, this.#flushed && inTime)),
      (error: Error) =>
        settled(`failed: ${error.message}`, () => {
          must(this.#disturbed, () => `message ${entry.id} fails on a good disk: ${error.message}`);
          // After a failed sync it is in the log all the same; after a failed write it must be gone.
          if (this.#stats(store).writtenOffset < endOffset || !this.#isAt(store, entry)) this.#ledger.takenBack(entry);
          else this.#ledger.hidden.add(entry.id);
        }),
    );
  }

  /** Is a refused message still where it was appended? A later one may stand there by now. */
  #isAt(store: MessageStore, entry: Entry): boolean {
    const others = [...this.#ledger.entries.values()].filter(({ physicalOffset }) => physicalOffset === entry.physicalOffset);
    return others.length === 1 && this.#stats(store).writtenOffset >= entry.endOffset;
  }

  // ------------------------------------------------------------------------------------------------------------- reads

  /** Undefined when a bad disk does not tell. Nothing may be awaited between this and the pull: more would arrive. */
  #boundsOf(store: MessageStore, queue: { topic: string; queueId: number }): readonly [min: number, max: number] | undefined {
    try {
      return [store.minOffset(queue), store.maxOffset(queue)];
    } catch (error) {
      must(this.#disturbed, () => `no bounds of a queue on a good disk: ${(error as Error).message}`);
      return undefined;
    }
  }

  async #pull(store: MessageStore): Promise<void> {
    const queue = { topic: `Topic${this.#dice.below(3)}`, queueId: this.#dice.below(3) };
    const name = `queue ${queue.topic} ${queue.queueId}`;
    const { disk } = this.#runtime;
    disk.faults.bitFlip =
      this.#troubles.misreads && this.#input.enabledAppendPropCRC === true && this.#dice.chance(0.3) ? 0.3 : 0;
    const bounds = this.#boundsOf(store, queue);
    if (bounds === undefined) return;
    const [min, max] = bounds;
    const offset = Math.max(0, min) + this.#dice.below(Math.max(1, max - min) + 1);
    const writtenBefore = this.#stats(store).writtenOffset;
    const flips = disk.faults.bitFlip > 0;
    const pulled = await this.#outcome<GetResult>(
      (async () => store.get(queue, offset, { messagesMax: 1 + this.#dice.below(40), bytesMax: 1 << 20 }, undefined))(),
    );
    disk.faults.bitFlip = 0;
    if (this.#ended !== undefined) return;
    if (pulled.error !== undefined) {
      must(this.#disturbed, () => `${name}: a pull at ${offset} fails on a good disk: ${pulled.error?.message}`);
      return;
    }
    const result = pulled.value!;
    this.trace.add(`pull ${name} at ${offset}: ${result.status} ${result.messageCount}`);
    if (min < 0 || max === 0) mustEqual(result.status, "NO_MESSAGE_IN_QUEUE", `${name}: a pull without messages`);
    else if (offset === max) mustEqual(result.status, "OFFSET_OVERFLOW_ONE", `${name}: a pull at the end`);
    if (flips) {
      // A wrong bit of the disk must be told by the CRCs; which of them a client checks is its own affair.
      if (result.messageCount === 0 || !crcHolds(result.body, this.#runtime)) return;
    } else if (offset < max)
      must(result.status === "FOUND" || this.#disturbed, () => `${name}: pull at ${offset} of ${min}..${max}: ${result.status}`);
    if (result.status !== "FOUND") return;
    if (!flips && !this.#disturbed) checkPull(result, offset, name, this.#ledger);
    for (const record of decodeRecords(result.body)) {
      const entry = this.#ledger.entries.get(idOf(record));
      if (entry === undefined) throw new SimFailure(`${name}: message ${idOf(record)} is pulled and was never stored`);
      checkRecord(record, entry);
      must(
        entry.endOffset <= Math.max(writtenBefore, this.#stats(store).writtenOffset),
        () => `${name}: message ${entry.id} is pulled before it is written`,
      );
    }
  }

  async #query(store: MessageStore): Promise<void> {
    const text = `Topic${this.#dice.below(3)}#k${this.#dice.below(5)}`;
    const found = await this.#outcome(store.query(text, 32, 0, Number.MAX_SAFE_INTEGER));
    if (this.#ended !== undefined || found.value === undefined) return;
    const { physicalOffsets } = found.value;
    this.trace.add(`query ${text}: ${physicalOffsets.length}`);
    const offsets = new Map([...this.#ledger.entries.values()].map((entry) => [entry.physicalOffset, entry]));
    const { minPhysicalOffset } = this.#stats(store);
    physicalOffsets.forEach((offset, i) => {
      must(
        i === 0 || offset < physicalOffsets[i - 1]!,
        () => `index: "${text}" is not newest first: ${physicalOffsets.join(" ")}`,
      );
      const entry = offsets.get(offset);
      if (offset < minPhysicalOffset || this.#ledger.holePlaces.has(offset)) return;
      must(
        entry !== undefined && `${entry.topic}#${entry.key}` === text,
        () => `index: "${text}" at ${offset} is no such message`,
      );
    });
  }

  /** Lets everything come to rest without faults, then checks all of it. */
  async #restAndCheck(store: MessageStore): Promise<void> {
    this.#calm();
    await this.#advance(2000);
    // On a good disk the index catches up by itself.
    if (this.#ended === undefined) await this.#check(store, true);
  }

  async #check(store: MessageStore, indexIsComplete: boolean): Promise<void> {
    const { shortRead } = this.#runtime.disk.faults;
    this.#runtime.disk.faults.shortRead = 0;
    const checked = await this.#outcome(
      checkStore(store, this.#ledger, {
        indexIsComplete,
        wait: (promise) => promise,
        runtime: this.#runtime,
        mayBeBack: this.#mayBeBack,
      }),
    );
    this.#runtime.disk.faults.shortRead = shortRead;
    if (checked.error !== undefined && this.#ended === undefined) throw checked.error;
  }

  #checkBounds(store: MessageStore): void {
    const { tailBufferBytes, flushedOffset, writtenOffset, maxPhysicalOffset } = this.#stats(store);
    must(tailBufferBytes <= TAIL_BYTES_MAX, () => `${tailBufferBytes} bytes wait in the tail buffer`);
    must(
      flushedOffset <= writtenOffset && writtenOffset <= maxPhysicalOffset,
      () => `flushed ${flushedOffset} ≤ written ${writtenOffset} ≤ end ${maxPhysicalOffset} does not hold`,
    );
  }

  // ------------------------------------------------------------------------------------------------------------ trouble

  #trouble(): void {
    const dice = this.#dice;
    const { disk } = this.#runtime;
    if (this.#troubles.full && dice.chance(0.5)) {
      this.#disturbed = true;
      const { totalBytes, freeBytes } = disk.space();
      disk.faults.capacityBytes = totalBytes - freeBytes + 4096 * dice.below(20);
      this.trace.add(`the disk has ${disk.space().freeBytes} bytes left`);
      return;
    }
    if (!this.#troubles.errors) return;
    this.#disturbed = true;
    const operation = this.#pick<DiskOperation>(["write", "write", "sync", "read", "truncate", "open"]);
    const code = operation === "sync" || operation === "read" || dice.chance(0.5) ? "EIO" : "ENOSPC";
    const part = this.#pick(PATHS);
    const failure: DiskFailure = { operation, code, path: (path) => path.includes(part), times: 1 + dice.below(3) };
    if (code === "EIO") this.#mayBeBack = true;
    this.trace.add(`${code} on ${operation} of ${part}, ${failure.times} times`);
    disk.fail(failure);
  }

  /** Old files go when their time has come. */
  async #expire(store: MessageStore): Promise<void> {
    if (this.#dice.chance(0.5)) await this.#advance(73 * 3_600_000);
    const before = this.#stats(store).minPhysicalOffset;
    const removed = await this.#outcome(store.deleteExpiredCommitLogs());
    if (this.#ended !== undefined) return;
    const { minPhysicalOffset } = this.#stats(store);
    must(minPhysicalOffset >= before, () => `the smallest offset goes back from ${before} to ${minPhysicalOffset}`);
    this.trace.add(`expired ${removed.value} files: the log begins at ${minPhysicalOffset}`);
    this.#ledger.expiredBelow = Math.max(this.#ledger.expiredBelow, minPhysicalOffset);
    const now = this.#world.clock.now();
    for (const entry of [...this.#ledger.entries.values()]) {
      // What went before, in an earlier life perhaps, may have gone because the disk was full.
      if (entry.physicalOffset >= minPhysicalOffset || entry.physicalOffset < before) continue;
      must(
        this.#disturbed || this.#troubles.clock || now - entry.storeTimestamp >= 72 * 3_600_000,
        () => `message ${entry.id} expires after ${now - entry.storeTimestamp} ms`,
      );
    }
  }

  #calm(): void {
    const { disk } = this.#runtime;
    disk.restore();
    disk.faults.capacityBytes = 2 ** 40;
    disk.faults.shortRead = 0;
    disk.faults.bitFlip = 0;
  }

  /** The process ends before one of the next `operationsMax` disk operations. */
  #lightFuse(operationsMax: number): void {
    this.#fuse = this.#dice.below(operationsMax);
    this.#fuseKind = this.#dice.chance(0.5) ? "kill" : "power";
  }

  #observe(): void {
    this.#runtime.disk.beforeOperation = (operation, path, position, bytes) => {
      this.trace.add(`${operation} ${path} ${position} ${bytes}`);
      if (this.#fuse-- <= 0) this.#crash(this.#fuseKind);
    };
  }

  #crash(kind: "kill" | "power"): void {
    this.#fuse = Number.POSITIVE_INFINITY;
    this.#ended = kind;
    this.#crashes++;
    this.trace.add(`crash: ${kind} at ${this.#world.clock.monotonic()}`);
    this.#runtime = this.#runtime.crash(kind);
  }

  // -------------------------------------------------------------------------------------------------------------- tools

  /** It looks at the first record of the log: not what an armed fault is meant for. */
  #stats(store: MessageStore): StoreStats {
    return this.#runtime.disk.sparing(() => store.stats());
  }

  /** Moves time until the promise settles, or the process that made it is dead. */
  async #outcome<T>(promise: Promise<T>): Promise<{ value?: T; error?: RuntimeFault }> {
    let settled: { value?: T; error?: RuntimeFault } | undefined;
    promise.then(
      (value) => {
        settled = { value };
      },
      (error: RuntimeFault) => {
        settled = { error };
      },
    );
    await this.#world.clock.until(() => settled !== undefined || this.#ended !== undefined, HANG_MS);
    return settled ?? {};
  }

  #pick<T>(items: readonly T[]): T {
    return items[this.#dice.below(items.length)]!;
  }
}
