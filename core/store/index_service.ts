/**
 * IndexService: the index files in order of time, and which keys of a message go into them: `topic#uniqKey`, `topic#key`
 * for each of KEYS, `topic#T#tags`. The last file is being filled; those before it are full.
 *
 * A fault while indexing costs no message: it is logged, and the missing entries come at the next start.
 */
import { hashCode } from "../../wire/java_hash.ts";
import { SYS_FLAG_TRANSACTION_MASK, SYS_FLAG_TRANSACTION_ROLLBACK } from "../../wire/message.ts";
import { MessageConst } from "../../wire/message_const.ts";
import { propertyOf } from "../../wire/properties.ts";
import type { Log, Runtime } from "../runtime.ts";
import { makeDirectories } from "./directories.ts";
import type { DispatchRequest } from "./dispatch_request.ts";
import { IndexFile, type IndexSizes, indexFileBytes } from "./index_file.ts";
import type { QueryResult } from "./message_store.ts";
import type { OpenFiles } from "./open_files.ts";
import type { StoreSettings } from "./options.ts";

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
  #fault: Error | undefined;
  /** Offset up to which a record may be indexed already, wholly or in part; -1 when none is. */
  #indexedOffset = -1;

  constructor(runtime: Runtime, log: Log, settings: StoreSettings, open: OpenFiles) {
    this.#runtime = runtime;
    this.#log = log;
    this.#settings = settings;
    this.#open = open;
    this.#directory = `${settings.storePathRootDir}/index`;
    this.#sizes = { slotCount: settings.maxHashSlotNum, entryCountMax: settings.maxIndexNum };
  }

  /** @throws Error naming the file and the keys when a size is not the configured one */
  load(): void {
    const { files } = this.#runtime;
    const bytes = indexFileBytes(this.#sizes);
    for (const name of files.list(this.#directory)) {
      if (!/^\d{17}$/.test(name)) continue;
      const path = `${this.#directory}/${name}`;
      const size = files.stat(path)?.size ?? 0;
      if (size === 0) {
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
    this.#indexedOffset = this.#lastIndexed();
  }

  /** Where dispatch must begin so that nothing is missing: the last indexed record, or the log's begin without an index. */
  resumeFrom(logBegin: number): number | undefined {
    if (!this.#settings.messageIndexEnable) return undefined;
    return Math.max(logBegin, this.#indexedOffset);
  }

  get isEmpty(): boolean {
    return this.#files.every((file) => file.isEmpty);
  }

  /** The log ends at `end`: entries beyond it are wrong. */
  cut(end: number): void {
    for (;;) {
      const last = this.#files.at(-1);
      if (last === undefined || (!last.isEmpty && last.endPhyOffset < end)) break;
      if (!last.isEmpty) last.cut(end);
      if (!last.isEmpty || this.#files.length === 1) break;
      this.#files.pop();
      last.destroy();
    }
    this.#indexedOffset = this.#lastIndexed();
  }

  put(request: DispatchRequest): void {
    if ((request.sysFlag & SYS_FLAG_TRANSACTION_MASK) === SYS_FLAG_TRANSACTION_ROLLBACK) return;
    if (request.physicalOffset < this.#indexedOffset) return;
    const { topic, properties } = request;
    const prefix = hashOn(hashCode(topic), "#", 0, 1);
    try {
      const uniqKey = propertyOf(properties, MessageConst.UNIQ_KEY);
      if (uniqKey !== undefined) this.#add(hashOn(prefix, uniqKey, 0, uniqKey.length), request);
      const keys = propertyOf(properties, MessageConst.KEYS);
      if (keys !== undefined) this.#addEach(prefix, keys, request);
      const tags = propertyOf(properties, MessageConst.TAGS);
      if (tags !== undefined) this.#add(hashOn(hashOn(prefix, "T#", 0, 2), tags, 0, tags.length), request);
    } catch (error) {
      if (this.#fault === undefined)
        this.#log.error("cannot write the index; messages are stored without", { error: (error as Error).message });
      this.#fault = error as Error;
    }
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
   * @returns end time of the newest full file when one was finished, for the checkpoint
   * @throws RuntimeFault
   */
  async sync(): Promise<number | undefined> {
    let fullUntil: number | undefined;
    for (const file of [...this.#sealing]) {
      await file.sync();
      this.#sealing.splice(this.#sealing.indexOf(file), 1);
      file.seal();
      fullUntil = file.endTimestamp;
    }
    const last = this.#files.at(-1);
    if (last !== undefined && !this.#sealing.includes(last)) await last.sync();
    for (const directory of this.#newDirectories.splice(0)) this.#runtime.files.syncDirectory(directory);
    this.#fault = undefined;
    return fullUntil;
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
  #addEach(prefix: number, keys: string, request: DispatchRequest): void {
    let from = 0;
    for (let at = 0; at <= keys.length; at++) {
      if (at < keys.length && keys.charCodeAt(at) !== SPACE) continue;
      if (at > from) this.#add(hashOn(prefix, keys, from, at), request);
      from = at + 1;
    }
  }

  #add(hash: number, { physicalOffset, storeTimestamp }: DispatchRequest): void {
    const keyHash = indexHash(hash);
    let file = this.#files.at(-1);
    // Only the record at the point of return may be there in part.
    if (physicalOffset === this.#indexedOffset && file?.has(keyHash, physicalOffset) === true) return;
    if (file === undefined || file.isFull) {
      if (file !== undefined) this.#sealing.push(file);
      file = this.#create(file);
    }
    file.put(keyHash, physicalOffset, storeTimestamp);
  }

  #create(previous: IndexFile | undefined): IndexFile {
    const { files, clock } = this.#runtime;
    this.#newDirectories.push(...makeDirectories(files, this.#directory), this.#directory);
    let time = clock.now();
    let path = "";
    do path = `${this.#directory}/${this.#nameOf(time++)}`;
    while (files.exists(path));
    const made = IndexFile.create(this.#open, path, this.#sizes, previous);
    this.#files.push(made);
    return made;
  }

  /** yyyyMMddHHmmssSSS in local time. */
  #nameOf(time: number): string {
    const local = time + this.#runtime.system.utcOffsetMinutes(time) * 60_000;
    return new Date(local).toISOString().replace(/\D/g, "").slice(0, 17);
  }

  #lastIndexed(): number {
    for (let i = this.#files.length - 1; i >= 0; i--) {
      const file = this.#files[i] as IndexFile;
      if (!file.isEmpty) return file.endPhyOffset;
    }
    return -1;
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
