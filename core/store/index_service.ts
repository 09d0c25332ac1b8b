/**
 * IndexService: the index files in order of time, and which keys of a message go into them: `topic#uniqKey`, `topic#key`
 * for each of KEYS, `topic#T#tags`. The last file is being filled; those before it are full.
 *
 * An error while indexing costs no message, and leaves no gap: it is logged, nothing more is put, and the index is behind
 * from that record on. `index_catch_up.ts` puts what is missing from the log as soon as that works again; so does the next
 * start, from the last entry that is on the disk.
 */
import { hashCode } from "../../wire/java_hash.ts";
import { SYS_FLAG_TRANSACTION_MASK, SYS_FLAG_TRANSACTION_ROLLBACK } from "../../wire/message.ts";
import { MessageConst } from "../../wire/message_const.ts";
import { NAME_VALUE_SEPARATOR, PROPERTY_SEPARATOR } from "../../wire/properties.ts";
import type { Log, Runtime } from "../runtime.ts";
import { makeDirectories } from "./directories.ts";
import type { DispatchRequest } from "./dispatch_request.ts";
import { SyncFault } from "./file_queue.ts";
import { IndexFile, type IndexSizes, indexFileBytes } from "./index_file.ts";
import type { QueryResult } from "./message_store.ts";
import type { OpenFiles } from "./open_files.ts";
import type { StoreSettings } from "./options.ts";
import type { StoreCheckpoint } from "./store_checkpoint.ts";

const SPACE = 32;

export class IndexService {
  readonly #runtime: Runtime;
  readonly #log: Log;
  readonly #settings: StoreSettings;
  readonly #open: OpenFiles;
  readonly #directory: string;
  readonly #sizes: IndexSizes;
  readonly #files: IndexFile[] = [];
  /** Full, and not yet synced and sealed. */
  readonly #sealing: IndexFile[] = [];
  #newDirectories: string[] = [];
  /** Why nothing is put but by `putMissing`. */
  #fault: Error | undefined;
  #behindFrom: number | undefined;
  #onBehind: () => void = () => {};
  /** Offset up to which a record may be indexed already, wholly or in part; -1 when none is. */
  #indexedOffset = -1;
  /** Hash of `<topic>#` of the last message. */
  #topic = "";
  #topicHash = hashCode("#");
  readonly #found: KeyRanges = { uniqKeyFrom: -1, uniqKeyTo: 0, keysFrom: -1, keysTo: 0, tagsFrom: -1, tagsTo: 0 };

  constructor(runtime: Runtime, log: Log, settings: StoreSettings, open: OpenFiles) {
    this.#runtime = runtime;
    this.#log = log;
    this.#settings = settings;
    this.#open = open;
    this.#directory = `${settings.storePathRootDir}/index`;
    this.#sizes = { slotCount: settings.maxHashSlotNum, entryCountMax: settings.maxIndexNum };
  }

  /**
   * @param orderly false after a crash
   * @param syncedUntil store time up to which the checkpoint says that entries are on the disk
   * @throws Error naming the file and the keys when a size is not the configured one
   */
  load(orderly: boolean, syncedUntil: number): void {
    const { files } = this.#runtime;
    const bytes = indexFileBytes(this.#sizes);
    for (const name of files.list(this.#directory)) {
      if (!/^\d{17}$/.test(name)) continue;
      const path = `${this.#directory}/${name}`;
      const size = files.stat(path)?.size ?? 0;
      // A creation that a crash cut short: nothing in it was synced, so all of it is dispatched again.
      if (size === 0 || (size < bytes && !orderly)) {
        files.remove(path);
        continue;
      }
      if (size !== bytes) {
        throw new Error(
          `Cannot open the store: "${path}" has ${size} bytes, but maxHashSlotNum ${this.#sizes.slotCount} and maxIndexNum ` +
            `${this.#sizes.entryCountMax} make ${bytes}. Set both to what the index was written with, or move it away.`,
        );
      }
      this.#files.push(IndexFile.load(this.#open, path, this.#sizes));
    }
    if (!orderly) {
      const last = this.#files.at(-1);
      last?.returnToHeader();
      // What the process that was killed had no time to sync would be taken for synced once the next file is: also the last
      // one, which may be full, so that no new entry has it synced.
      const unsynced = this.#files.filter((file) => file.mustSyncAgain(syncedUntil));
      this.#sealing.push(...unsynced.filter((file) => file !== last));
      if (this.#files.length > 0) this.#newDirectories.push(this.#directory);
    }
    this.#indexedOffset = this.#lastIndexed();
  }

  /**
   * Where dispatch must begin so that nothing is missing: the last indexed record, or, if messages without keys have come since,
   * what the checkpoint says; the log's begin without an index.
   * @param checkpoint ignored when the index ends before it: files of it were lost
   */
  resumeFrom(logBegin: number, checkpoint: Pick<StoreCheckpoint, "indexedOffset" | "indexMsgTimestamp">): number | undefined {
    if (!this.#settings.messageIndexEnable) return undefined;
    const isThere = (this.#files.at(-1)?.endTimestamp ?? 0) >= checkpoint.indexMsgTimestamp;
    return Math.max(logBegin, this.#indexedOffset, isThere ? checkpoint.indexedOffset : 0);
  }

  get isEmpty(): boolean {
    return this.#files.every((file) => file.isEmpty);
  }

  /** The log ends at `end`: entries beyond it are wrong. Returns whether there were any: `sync` then, before the log goes on. */
  cut(end: number): boolean {
    let changed = false;
    for (;;) {
      const last = this.#files.at(-1);
      if (last === undefined || (!last.isEmpty && last.endPhyOffset < end)) break;
      if (!last.isEmpty) {
        last.cut(end);
        changed = true;
      }
      if (!last.isEmpty || this.#files.length === 1) break;
      this.#files.pop();
      last.destroy();
    }
    this.#indexedOffset = this.#lastIndexed();
    return changed;
  }

  /** Where in the log the records begin that are not put because of an error; undefined when nothing is missing. */
  get behindFrom(): number | undefined {
    return this.#behindFrom;
  }

  /** @param listener called each time the index falls behind, or further behind; at once when it has */
  onBehind(listener: () => void): void {
    this.#onBehind = listener;
    if (this.#behindFrom !== undefined) listener();
  }

  /** A record is dispatched. Never throws. */
  put(request: DispatchRequest): void {
    // Behind a gap nobody would know that there is one.
    if (this.#fault !== undefined) return;
    try {
      this.#put(request);
    } catch (error) {
      this.#log.error("cannot write the index; messages are found by no key from here on until it can be written again", {
        physicalOffset: request.physicalOffset,
        error: (error as Error).message,
      });
      this.#fallBehind(error as Error, request.physicalOffset);
    }
  }

  /**
   * The record at `behindFrom`, which moves behind it, or on to `next` without one.
   * @throws RuntimeFault when the index still can't be written; `behindFrom` stays
   */
  putMissing(request: DispatchRequest | undefined, next: number): void {
    if (request !== undefined) this.#put(request);
    this.#behindFrom = next;
  }

  /** Nothing is missing any more: from here on `put` acts again. In the turn that put the newest record dispatched. */
  caughtUp(): void {
    this.#behindFrom = undefined;
    this.#fault = undefined;
  }

  #fallBehind(error: Error, from: number | undefined): void {
    this.#fault = error;
    this.#behindFrom = from;
    if (from === undefined) return;
    // Some of its keys may be there.
    this.#indexedOffset = from;
    this.#onBehind();
  }

  /** @throws RuntimeFault */
  #put(request: DispatchRequest): void {
    if ((request.sysFlag & SYS_FLAG_TRANSACTION_MASK) === SYS_FLAG_TRANSACTION_ROLLBACK) return;
    if (request.physicalOffset < this.#indexedOffset) return;
    const { topic, properties } = request;
    if (topic !== this.#topic) {
      this.#topic = topic;
      this.#topicHash = hashOn(hashCode(topic), "#", 0, 1);
    }
    const prefix = this.#topicHash;
    const found = this.#found;
    findKeys(properties, found);
    if (found.uniqKeyFrom >= 0) this.#add(hashOn(prefix, properties, found.uniqKeyFrom, found.uniqKeyTo), request);
    if (found.keysFrom >= 0) this.#addEach(prefix, properties, found.keysFrom, found.keysTo, request);
    if (found.tagsFrom >= 0) this.#add(hashOn(hashOn(prefix, "T#", 0, 2), properties, found.tagsFrom, found.tagsTo), request);
  }

  /** @param keyText `topic#key`, or `topic#T#tag`. @param countMax at most maxMsgsNumBatch */
  async query(keyText: string, countMax: number, beginTimestamp: number, endTimestamp: number): Promise<QueryResult> {
    const physicalOffsets: number[] = [];
    const keyHash = indexHash(hashCode(keyText));
    const count = Math.min(countMax, this.#settings.maxMsgsNumBatch);
    const last = this.#files.at(-1);
    // A copy: files may come and go while the disk is read.
    for (const file of [...this.#files].reverse()) {
      if (physicalOffsets.length >= count) break;
      if (file.isEmpty || file.beginTimestamp > endTimestamp) continue;
      if (file.endTimestamp < beginTimestamp) break;
      await file.search(keyHash, count, beginTimestamp, endTimestamp, physicalOffsets);
    }
    return {
      physicalOffsets,
      indexLastUpdateTimestamp: last?.endTimestamp ?? 0,
      indexLastUpdatePhyoffset: last?.endPhyOffset ?? 0,
    };
  }

  /**
   * Puts everything indexed so far on the disk.
   * @returns store time of the last message indexed, for the checkpoint; 0 without one
   * @throws RuntimeFault when a write fails: the next call tries it again. SyncFault when a sync does: the entries that it was
   * for are given up, as a later one that succeeds would prove nothing, and the index is behind from the first of them on.
   */
  async sync(): Promise<number> {
    if (this.#fault !== undefined) throw this.#fault;
    try {
      return await this.#sync();
    } catch (error) {
      if (error instanceof SyncFault) this.#fallBehind(error, this.#giveUpUnsynced());
      throw error;
    }
  }

  /** @returns the newest record that is on the disk in an index file, where dispatch begins again; undefined when unknown */
  #giveUpUnsynced(): number | undefined {
    this.#sealing.length = 0;
    for (const file of this.#files.filter(({ isSynced }) => !isSynced)) {
      if (!file.returnToSynced()) return undefined;
      if (!file.isEmpty) continue;
      this.#files.splice(this.#files.indexOf(file), 1);
      file.destroy();
    }
    // Headers found after a crash are still to be put on the disk; the last file's is when it is followed by another.
    this.#sealing.push(...this.#files.slice(0, -1).filter(({ isSynced }) => !isSynced));
    return Math.max(0, this.#lastIndexed());
  }

  async #sync(): Promise<number> {
    // Those that fill up meanwhile too: a file on the disk stands for all before it.
    for (let file = this.#sealing[0]; file !== undefined; file = this.#sealing[0]) {
      await file.sync();
      this.#sealing.shift();
      file.seal();
    }
    const last = this.#files.at(-1);
    const syncedUntil = last?.endTimestamp ?? 0;
    if (last !== undefined) await last.sync();
    const directories = new Set(this.#newDirectories);
    for (const directory of directories) this.#runtime.files.syncDirectory(directory);
    this.#newDirectories = this.#newDirectories.filter((directory) => !directories.has(directory));
    if (this.#fault !== undefined) throw this.#fault;
    return syncedUntil;
  }

  /** Removes files all of whose messages lie before `minPhysicalOffset`; never the one being filled. */
  removeExpired(minPhysicalOffset: number): number {
    let removed = 0;
    while (this.#files.length > 1 && (this.#files[0] as IndexFile).endPhyOffset < minPhysicalOffset) {
      const first = this.#files[0] as IndexFile;
      if (this.#sealing.includes(first)) break;
      this.#files.shift();
      first.destroy();
      removed++;
    }
    return removed;
  }

  /** KEYS: each word is one key. */
  #addEach(prefix: number, text: string, keysFrom: number, keysTo: number, request: DispatchRequest): void {
    let from = keysFrom;
    for (let at = keysFrom; at <= keysTo; at++) {
      if (at < keysTo && text.charCodeAt(at) !== SPACE) continue;
      if (at > from) this.#add(hashOn(prefix, text, from, at), request);
      from = at + 1;
    }
  }

  #add(hash: number, { physicalOffset, storeTimestamp }: DispatchRequest): void {
    const keyHash = indexHash(hash);
    let file = this.#files.at(-1);
    // Only the record at the point of return may be there in part.
    if (physicalOffset === this.#indexedOffset && this.#has(keyHash, physicalOffset)) return;
    if (file === undefined || file.isFull) {
      const full = file;
      file = this.#create(full);
      if (full !== undefined) this.#sealing.push(full);
    }
    file.put(keyHash, physicalOffset, storeTimestamp);
  }

  /** The keys of one record may lie in two files. */
  #has(keyHash: number, physicalOffset: number): boolean {
    for (let i = this.#files.length - 1; i >= 0; i--) {
      const file = this.#files[i] as IndexFile;
      if (file.isEmpty) continue;
      if (file.has(keyHash, physicalOffset)) return true;
      if (file.beginPhyOffset < physicalOffset) return false;
    }
    return false;
  }

  #create(previous: IndexFile | undefined): IndexFile {
    const { files, clock } = this.#runtime;
    this.#newDirectories.push(...makeDirectories(files, this.#directory), this.#directory);
    const now = clock.now();
    let time = now + this.#runtime.system.utcOffsetMinutes(now) * 60_000;
    // Names say the order, also when the clock, or the summer time, goes back.
    if (previous !== undefined) time = Math.max(time, timeOfName(previous.file.path) + 1);
    let path = "";
    do path = `${this.#directory}/${nameOf(time++)}`;
    while (files.exists(path));
    const made = IndexFile.create(this.#open, path, this.#sizes, previous);
    this.#files.push(made);
    return made;
  }

  #lastIndexed(): number {
    for (let i = this.#files.length - 1; i >= 0; i--) {
      const file = this.#files[i] as IndexFile;
      if (!file.isEmpty) return file.endPhyOffset;
    }
    return -1;
  }
}

/** yyyyMMddHHmmssSSS of a local time, given as if it were UTC. */
const nameOf = (time: number): string => new Date(time).toISOString().replace(/\D/g, "").slice(0, 17);

/** The other way round, for a path that ends with such a name; 0 when its digits are no time. */
function timeOfName(path: string): number {
  const [, year, month, day, hour, minute, second, ms] = /(....)(..)(..)(..)(..)(..)(...)$/.exec(path) ?? [];
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}.${ms}Z`);
  return Number.isNaN(time) ? 0 : time;
}

/** Where in a property text the values to be indexed are; `From` is -1 when there is none. */
interface KeyRanges {
  uniqKeyFrom: number;
  uniqKeyTo: number;
  keysFrom: number;
  keysTo: number;
  tagsFrom: number;
  tagsTo: number;
}

const UNIQ_KEY_PAIR = MessageConst.UNIQ_KEY + NAME_VALUE_SEPARATOR;
const KEYS_PAIR = MessageConst.KEYS + NAME_VALUE_SEPARATOR;
const TAGS_PAIR = MessageConst.TAGS + NAME_VALUE_SEPARATOR;

/** One pass over the text, and no piece of it is copied: this runs for every message. */
function findKeys(text: string, found: KeyRanges): void {
  found.uniqKeyFrom = -1;
  found.keysFrom = -1;
  found.tagsFrom = -1;
  for (let at = 0; at < text.length; ) {
    const mark = text.indexOf(PROPERTY_SEPARATOR, at);
    const end = mark < 0 ? text.length : mark;
    // The first letter rules out nearly all others. An empty value is none; of a name that occurs twice the last counts.
    switch (text.charCodeAt(at)) {
      case UNIQ_KEY_PAIR.charCodeAt(0):
        if (text.startsWith(UNIQ_KEY_PAIR, at) && at + UNIQ_KEY_PAIR.length < end) {
          found.uniqKeyFrom = at + UNIQ_KEY_PAIR.length;
          found.uniqKeyTo = end;
        }
        break;
      case KEYS_PAIR.charCodeAt(0):
        if (text.startsWith(KEYS_PAIR, at) && at + KEYS_PAIR.length < end) {
          found.keysFrom = at + KEYS_PAIR.length;
          found.keysTo = end;
        }
        break;
      case TAGS_PAIR.charCodeAt(0):
        if (text.startsWith(TAGS_PAIR, at) && at + TAGS_PAIR.length < end) {
          found.tagsFrom = at + TAGS_PAIR.length;
          found.tagsTo = end;
        }
        break;
    }
    at = end + 1;
  }
}

/** Java's hash of `text[from, to)` continued from the hash of what stands before it. */
function hashOn(hash: number, text: string, from: number, to: number): number {
  let result = hash;
  for (let i = from; i < to; i++) result = (Math.imul(31, result) + text.charCodeAt(i)) | 0;
  return result;
}

/** Math.abs in Java: the smallest int has no positive one and counts as 0. */
function indexHash(hash: number): number {
  const positive = Math.abs(hash);
  return positive > 0x7fff_ffff ? 0 : positive;
}
