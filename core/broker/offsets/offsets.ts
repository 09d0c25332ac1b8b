/**
 * How far each group has consumed: the offsets that consumers commit, the positions they pulled up to, and resets that wait
 * for the next pull. Kept in memory by `topic@group` and queue, persisted as consumerOffset.json in Apache's form every
 * flushConsumerOffsetInterval and at the end.
 *
 * What is committed between two saves may be lost in a crash, as with Apache: messages are then delivered again, none is
 * skipped. Resets are not persisted; the offset they set is.
 */
import { type ConsumerOffsetFile, consumerOffsetFile } from "../../../wire/bodies/offset.ts";
import type { DataVersion } from "../../../wire/bodies/topic.ts";
import { encodeUtf8 } from "../../../wire/bytes.ts";
import { isLmq, LMQ_QUEUE_ID } from "../../../wire/mix_all.ts";
import type { Log, Runtime, TimerHandle } from "../../runtime.ts";
import type { BrokerSettings } from "../options.ts";
import type { Offsets } from "../parts.ts";
import { OffsetsFile } from "./offsets_file.ts";
import { COMPACT, type OffsetTable, type OffsetTables, offsetsText, PRETTY } from "./offsets_text.ts";

const SEPARATOR = "@";
/** Entries of a table beyond which none of a light queue, or of its groups, is added. */
const LIGHT_ENTRIES_MAX = 1_000_000;
/** Entries of the tables that are turned into text before other work gets its turn: a millisecond or so. */
const SLICE_ENTRIES = 1_000;

export interface ConsumerOffsetOptions {
  readonly runtime: Pick<Runtime, "clock" | "files">;
  readonly log: Log;
  readonly settings: Pick<
    BrokerSettings,
    | "storePathRootDir"
    | "flushConsumerOffsetInterval"
    | "consumerOffsetUpdateVersionStep"
    | "useServerSideResetOffset"
    | "enableLmq"
  >;
}

export class ConsumerOffsetManager implements Offsets {
  readonly #options: ConsumerOffsetOptions;
  readonly #file: OffsetsFile;
  readonly #dataVersion: DataVersion;
  readonly #committed: OffsetTable = new Map();
  readonly #pulled: OffsetTable = new Map();
  readonly #resets: OffsetTable = new Map();
  /** Which topics a group has offsets for, and the other way round: what statistics ask all the time. */
  readonly #topicsByGroup = new Map<string, Set<string>>();
  readonly #groupsByTopic = new Map<string, Set<string>>();
  /** Since the data version last moved. */
  #commits = 0;
  #changed = false;
  #saidTooMany = false;
  #saving = false;
  #timer: TimerHandle | undefined;

  constructor(options: ConsumerOffsetOptions) {
    this.#options = options;
    this.#file = new OffsetsFile(
      options.runtime.files,
      options.log,
      `${options.settings.storePathRootDir}/config/${options.settings.enableLmq ? "lmqConsumerOffset" : "consumerOffset"}.json`,
    );
    this.#dataVersion = { counter: 0, stateVersion: 0, timestamp: options.runtime.clock.now() };
  }

  get dataVersion(): DataVersion {
    return this.#dataVersion;
  }

  /** Reads consumerOffset.json or its `.bak`. @throws Error naming the file when it is there and can't be read. */
  load(): void {
    const loaded = this.#file.load((text) => consumerOffsetFile.parse(text)) ?? this.#ofThePlainFile();
    if (loaded === undefined) return;
    Object.assign(this.#dataVersion, loaded.dataVersion);
    for (const [key, offsets] of loaded.offsetTable) {
      this.#committed.set(key, offsets);
      this.#index(key);
    }
    for (const [key, offset] of loaded.lmqOffsetTable ?? []) {
      this.#committed.set(key, new Map([[LMQ_QUEUE_ID, offset]]));
      this.#index(key);
    }
    for (const [key, offsets] of loaded.pullOffsetTable) this.#pulled.set(key, offsets);
  }

  /** enableLmq was just switched on: offsets are still in the other file. (Apache would start without any.) */
  #ofThePlainFile(): ConsumerOffsetFile | undefined {
    const { settings, runtime, log } = this.#options;
    if (!settings.enableLmq) return undefined;
    const plain = new OffsetsFile(runtime.files, log, `${settings.storePathRootDir}/config/consumerOffset.json`);
    const loaded = plain.load((text) => consumerOffsetFile.parse(text));
    if (loaded !== undefined) {
      this.#changed = true;
      log.info("offsets are taken over from the file of brokers without enableLmq", { from: plain.path, to: this.#file.path });
    }
    return loaded;
  }

  /** Saves every flushConsumerOffsetInterval from now on, when something changed. */
  start(): void {
    this.#timer ??= this.#options.runtime.clock.setInterval(() => {
      this.#saveInBackground().catch((error: unknown) => {
        this.#changed = true;
        this.#options.log.error("cannot save consumer offsets; they are kept in memory and saved at the next turn", {
          path: this.#file.path,
          error: error instanceof Error ? error.message : String(error),
        });
      });
    }, this.#options.settings.flushConsumerOffsetInterval);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  // ------------------------------------------------------------------------------------------------------- offsets

  query(group: string, topic: string, queueId: number): number {
    const key = topic + SEPARATOR + group;
    if (this.#options.settings.useServerSideResetOffset && this.#resets.size > 0) {
      const reset = this.#resets.get(key)?.get(queueId);
      if (reset !== undefined) return reset;
    }
    return this.#committed.get(key)?.get(this.#queueOf(group, queueId)) ?? -1;
  }

  commit(group: string, topic: string, queueId: number, offset: number): void {
    if (this.#isTooMany(this.#committed, group, topic)) return;
    const former = this.#store(topic + SEPARATOR + group, this.#queueOf(group, queueId), offset);
    if (former !== undefined && offset < former) {
      this.#options.log.warn("a consumer committed an offset before the one stored", { group, topic, queueId, offset, former });
    }
    if (++this.#commits % this.#options.settings.consumerOffsetUpdateVersionStep === 0) {
      this.#dataVersion.counter++;
      this.#dataVersion.timestamp = this.#options.runtime.clock.now();
    }
  }

  /** A group of a light queue has one offset a topic. */
  #queueOf(group: string, queueId: number): number {
    return this.#options.settings.enableLmq && isLmq(group) ? LMQ_QUEUE_ID : queueId;
  }

  /** Light queues and their groups need not be made, so anybody may name as many as he likes. */
  #isTooMany(table: OffsetTable, group: string, topic: string): boolean {
    if (table.size < LIGHT_ENTRIES_MAX || !(isLmq(group) || isLmq(topic))) return false;
    if (table.has(topic + SEPARATOR + group)) return false;
    if (!this.#saidTooMany) {
      this.#saidTooMany = true;
      this.#options.log.warn("there are too many offsets for another of a light queue", { group, topic, max: LIGHT_ENTRIES_MAX });
    }
    return true;
  }

  notePull(group: string, topic: string, queueId: number, offset: number): void {
    const key = topic + SEPARATOR + group;
    const offsets = this.#pulled.get(key);
    if (offsets === undefined) {
      if (this.#isTooMany(this.#pulled, group, topic)) return;
      this.#pulled.set(key, new Map([[queueId, offset]]));
    } else if (offsets.get(queueId) === offset) return;
    else offsets.set(queueId, offset);
    this.#changed = true;
  }

  pulled(group: string, topic: string, queueId: number): number {
    return this.#pulled.get(topic + SEPARATOR + group)?.get(queueId) ?? -1;
  }

  pendingReset(group: string, topic: string, queueId: number): number {
    if (this.#resets.size === 0) return -1;
    return this.#resets.get(topic + SEPARATOR + group)?.get(queueId) ?? -1;
  }

  /** The offset is committed at once as well, so that it outlives a restart. */
  assignReset(group: string, topic: string, queueId: number, offset: number): void {
    if (group === "" || topic === "" || queueId < 0 || offset < 0) {
      this.#options.log.warn("a reset of an offset is not possible", { group, topic, queueId, offset });
      return;
    }
    const key = topic + SEPARATOR + group;
    const resets = this.#resets.get(key);
    if (resets === undefined) this.#resets.set(key, new Map([[queueId, offset]]));
    else resets.set(queueId, offset);
    this.#store(key, this.#queueOf(group, queueId), offset);
  }

  takeReset(group: string, topic: string, queueId: number): number {
    if (this.#resets.size === 0) return -1;
    const key = topic + SEPARATOR + group;
    const resets = this.#resets.get(key);
    const offset = resets?.get(queueId);
    if (resets === undefined || offset === undefined) return -1;
    resets.delete(queueId);
    if (resets.size === 0) this.#resets.delete(key);
    return offset;
  }

  // ----------------------------------------------------------------------------------------------------- whole groups

  get size(): number {
    return this.#committed.size;
  }

  topicsOf(group: string): Set<string> {
    return new Set(this.#topicsByGroup.get(group));
  }

  groupsOf(topic: string): Set<string> {
    return new Set(this.#groupsByTopic.get(topic));
  }

  offsetsOf(group: string, topic: string): ReadonlyMap<number, number> | undefined {
    return this.#committed.get(topic + SEPARATOR + group);
  }

  cloneGroup(from: string, to: string, topic: string): void {
    const offsets = this.#committed.get(topic + SEPARATOR + from);
    if (offsets === undefined) return;
    const key = topic + SEPARATOR + to;
    this.#committed.set(key, new Map(offsets));
    this.#index(key);
    this.#changed = true;
  }

  removeGroup(group: string): void {
    const end = SEPARATOR + group;
    this.#remove((key) => key.endsWith(end));
  }

  removeTopic(topic: string): void {
    const begin = topic + SEPARATOR;
    this.#remove((key) => key.startsWith(begin));
  }

  removeTopics(topics: ReadonlySet<string>): void {
    this.#remove((key) => topics.has(halvesOf(key)[0]));
  }

  // ----------------------------------------------------------------------------------------------------------- saving

  toJson(): string {
    return [...offsetsText(this.#tables(), COMPACT)].join("");
  }

  /**
   * Nothing when nothing changed: a broker whose start failed (another one holds the directory, the file can't be read) must
   * not write over what it did not read.
   */
  persist(): void {
    if (!this.#changed && !this.#saving) return;
    this.#changed = false;
    this.#file.save([...offsetsText(this.#tables(), PRETTY)].join(""));
  }

  /** Like `persist`, in slices; does nothing when nothing changed. */
  async #saveInBackground(): Promise<void> {
    if (!this.#changed || this.#saving) return;
    this.#changed = false;
    this.#saving = true;
    try {
      let text = "";
      let entries = 0;
      for (const part of offsetsText(this.#tables(), PRETTY)) {
        text += part;
        if (++entries % SLICE_ENTRIES === 0) await this.#nextTurn();
      }
      await this.#file.saveInBackground(encodeUtf8(text));
    } finally {
      this.#saving = false;
    }
  }

  #nextTurn(): Promise<void> {
    return new Promise((resolve) => {
      this.#options.runtime.clock.setTimeout(resolve, 0);
    });
  }

  #tables(): OffsetTables {
    return {
      dataVersion: this.#dataVersion,
      groupTopicMap: this.#topicsByGroup,
      offsetTable: this.#committed,
      pullOffsetTable: this.#pulled,
      lmq: this.#options.settings.enableLmq,
    };
  }

  #store(key: string, queueId: number, offset: number): number | undefined {
    this.#changed = true;
    const offsets = this.#committed.get(key);
    if (offsets === undefined) {
      this.#committed.set(key, new Map([[queueId, offset]]));
      this.#index(key);
      return undefined;
    }
    const former = offsets.get(queueId);
    offsets.set(queueId, offset);
    return former;
  }

  #index(key: string): void {
    const [topic, group] = halvesOf(key);
    const topics = this.#topicsByGroup.get(group);
    if (topics === undefined) this.#topicsByGroup.set(group, new Set([topic]));
    else topics.add(topic);
    const groups = this.#groupsByTopic.get(topic);
    if (groups === undefined) this.#groupsByTopic.set(topic, new Set([group]));
    else groups.add(group);
  }

  #remove(matches: (key: string) => boolean): void {
    for (const table of [this.#committed, this.#pulled, this.#resets]) {
      for (const key of table.keys()) {
        if (!matches(key)) continue;
        table.delete(key);
        this.#changed = true;
        if (table === this.#committed) this.#unindex(key);
      }
    }
  }

  #unindex(key: string): void {
    const [topic, group] = halvesOf(key);
    const topics = this.#topicsByGroup.get(group);
    if (topics?.delete(topic) === true && topics.size === 0) this.#topicsByGroup.delete(group);
    const groups = this.#groupsByTopic.get(topic);
    if (groups?.delete(group) === true && groups.size === 0) this.#groupsByTopic.delete(topic);
  }
}

/** Neither topics nor groups may contain the separator. */
function halvesOf(key: string): [topic: string, group: string] {
  // Groups never contain the separator, names of lite topics may.
  const at = key.lastIndexOf(SEPARATOR);
  return [key.slice(0, at), key.slice(at + 1)];
}
