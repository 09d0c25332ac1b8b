/**
 * The filter expressions of consumer groups, by topic: registered with their heartbeats, compiled once, persisted as
 * consumerFilter.json so that the bits of a group in the bitmaps of old messages keep their meaning.
 *
 * A group whose last consumer left, or that dropped the topic, stays as dead for filterDataCleanTimeSpan: when it comes back
 * with the same expression, bitmaps made in between still count. An expression that can't be compiled is not registered;
 * pulls of that group get FILTER_DATA_NOT_EXIST, and the client was told why by CHECK_CLIENT_CONFIG when it started.
 */
import {
  type ConsumerFilterData,
  consumerFilterWrapper,
  type FilterDataMapByTopic,
} from "../../../wire/bodies/consumer_filter.ts";
import type { SubscriptionData } from "../../../wire/bodies/subscription.ts";
import { BloomFilter, setBits } from "../../filter/bloom_filter.ts";
import { SqlFilter } from "../../filter/sql_filter.ts";
import type { Log, Runtime, TimerHandle } from "../../runtime.ts";
import { ConfigFile } from "../../store/config_file.ts";
import type { BrokerSettings } from "../options.ts";
import { CompiledFilters } from "./compiled_filters.ts";

export const SQL92 = "SQL92";

/** Expressions kept at once: each may be 64 KiB, and clients name groups and topics as they like. */
const FILTERS_MAX = 20_000;
/** Compiled expressions of pulls that bring their own. */
const COMPILED_MAX = 128;
const PERSIST_INTERVAL_MS = 10_000;
/** A broker that starts can't know when the consumers left; Apache's guess. */
const DEAD_BEFORE_START_MS = 30_000;

/** A group's expression on one topic. */
export interface ConsumerFilter {
  readonly data: Readonly<ConsumerFilterData>;
  readonly sql: SqlFilter;
}

interface Entry extends ConsumerFilter {
  readonly data: ConsumerFilterData;
}

/** What the pull path and the heartbeats see. */
export interface ConsumerFilters {
  readonly bloom: BloomFilter;
  /** See `ConsumerFilterManager.bitMap`. */
  bitMap(topic: string, bytes: Uint8Array, at: number, end: number): Uint8Array | undefined;
  find(topic: string, group: string): ConsumerFilter | undefined;
  /** For pulls that bring their expression. @throws SqlExpressionError */
  compile(expression: string): SqlFilter;
  /** All subscriptions of a group, from a heartbeat: what is not among them is dead. */
  register(group: string, subscriptions: readonly SubscriptionData[]): void;
  /** The last consumer of the group left. */
  unregister(group: string): void;
}

export interface ConsumerFilterManagerParts {
  readonly runtime: Pick<Runtime, "clock" | "files">;
  readonly log: Log;
  readonly settings: Pick<
    BrokerSettings,
    "storePathRootDir" | "maxErrorRateOfBloomFilter" | "expectConsumerNumUseFilter" | "filterDataCleanTimeSpan"
  >;
}

export class ConsumerFilterManager implements ConsumerFilters {
  readonly bloom: BloomFilter;
  readonly #parts: ConsumerFilterManagerParts;
  readonly #file: ConfigFile;
  /** By topic, then by group. */
  readonly #topics = new Map<string, Map<string, Entry>>();
  /** Topics in which a group has a filter. */
  readonly #topicsOf = new Map<string, Set<string>>();
  readonly #compiled = new CompiledFilters(COMPILED_MAX);
  #count = 0;
  #changed = false;
  #timer: TimerHandle | undefined;

  constructor(parts: ConsumerFilterManagerParts) {
    const { runtime, log, settings } = parts;
    this.#parts = parts;
    this.bloom = new BloomFilter(settings.maxErrorRateOfBloomFilter, settings.expectConsumerNumUseFilter);
    this.#file = new ConfigFile(runtime.files, log, `${settings.storePathRootDir}/config/consumerFilter.json`);
  }

  // ----------------------------------------------------------------------------------------------------- life cycle

  /**
   * Reads consumerFilter.json. What was made for a Bloom filter of another size is dropped: its bits mean something else.
   * @throws Error when the file is there and can't be read.
   */
  load(): void {
    const saved = this.#file.load((text) => consumerFilterWrapper.parse(text));
    const now = this.#parts.runtime.clock.now();
    for (const [topic, { groupFilterData }] of saved?.filterDataByTopic ?? []) {
      for (const [group, data] of groupFilterData) {
        if (!this.bloom.isValid(data.bloomFilterData)) {
          this.#parts.log.info("a consumer filter is dropped: the Bloom filter has another size now", { topic, group });
          continue;
        }
        const sql = this.#tryCompile(group, topic, data.expression);
        if (sql === undefined) continue;
        const deadTime = data.deadTime === 0 ? Math.max(data.bornTime, now - DEAD_BEFORE_START_MS) : data.deadTime;
        this.#put({ data: { ...data, topic, consumerGroup: group, deadTime, dead: true }, sql });
      }
    }
    this.#changed = false;
  }

  start(): void {
    this.#timer ??= this.#parts.runtime.clock.setInterval(() => this.#persistOrSay(), PERSIST_INTERVAL_MS);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Saves when something changed. @throws RuntimeFault */
  persist(): void {
    this.#clean();
    if (!this.#changed) return;
    const filterDataByTopic = new Map<string, FilterDataMapByTopic>();
    for (const [topic, groups] of this.#topics) {
      filterDataByTopic.set(topic, { topic, groupFilterData: new Map([...groups].map(([name, { data }]) => [name, data])) });
    }
    this.#file.save(consumerFilterWrapper.format({ filterDataByTopic }, { pretty: true }));
    this.#changed = false;
  }

  // ------------------------------------------------------------------------------------------------------- filters

  find(topic: string, group: string): ConsumerFilter | undefined {
    return this.#topics.get(topic)?.get(group);
  }

  compile(expression: string): SqlFilter {
    return this.#compiled.of(expression);
  }

  register(group: string, subscriptions: readonly SubscriptionData[]): void {
    const dropped = new Set(this.#topicsOf.get(group));
    for (const subscription of subscriptions) {
      dropped.delete(subscription.topic);
      if (subscription.expressionType === SQL92 && subscription.subString !== "") this.#registerOne(group, subscription);
    }
    this.#markDead(group, dropped);
  }

  unregister(group: string): void {
    this.#markDead(group, this.#topicsOf.get(group) ?? []);
  }

  /**
   * Which groups' expressions a message passes, as bits of the Bloom filter; undefined where no group of the topic has one.
   * The properties lie in `bytes[at, end)`.
   */
  bitMap(topic: string, bytes: Uint8Array, at: number, end: number): Uint8Array | undefined {
    const groups = this.#topics.get(topic);
    if (groups === undefined) return undefined;
    const bits = this.bloom.newBits();
    for (const { data, sql } of groups.values()) {
      if (data.bloomFilterData !== undefined && sql.matches(bytes, at, end)) setBits(data.bloomFilterData, bits);
    }
    return bits;
  }

  // -------------------------------------------------------------------------------------------------------- inwards

  #registerOne(group: string, { topic, subString, expressionType, subVersion }: SubscriptionData): void {
    const { log, runtime } = this.#parts;
    const known = this.find(topic, group) as Entry | undefined;
    if (known !== undefined) {
      const { data } = known;
      if (subVersion < data.clientVersion) return;
      const same = data.expression === subString;
      if (same || subVersion === data.clientVersion) {
        if (!same) log.warn("two expressions of one version; the first one counts", { group, topic, first: data.expression });
        if (data.dead) this.#changed = true;
        Object.assign(data, { clientVersion: subVersion, dead: false, deadTime: 0 });
        return;
      }
    }
    const sql = this.#tryCompile(group, topic, subString);
    if (sql === undefined) {
      if (known !== undefined) this.#remove(known);
      return;
    }
    if (known === undefined && this.#count >= FILTERS_MAX) {
      log.error("a consumer's filter is not taken: there are too many", { group, topic, max: FILTERS_MAX });
      return;
    }
    this.#put({
      data: {
        topic,
        consumerGroup: group,
        expression: subString,
        expressionType,
        clientVersion: subVersion,
        bornTime: runtime.clock.now(),
        deadTime: 0,
        dead: false,
        bloomFilterData: this.bloom.generate(group, topic),
      },
      sql,
    });
    log.info("consumer filter registered", { group, topic, expression: subString });
  }

  #tryCompile(group: string, topic: string, expression: string): SqlFilter | undefined {
    try {
      return new SqlFilter(expression);
    } catch (error) {
      this.#parts.log.warn("a consumer's filter can't be compiled", { group, topic, why: (error as Error).message });
      return undefined;
    }
  }

  #put(entry: Entry): void {
    const { topic, consumerGroup } = entry.data;
    const groups = this.#topics.get(topic) ?? new Map<string, Entry>();
    if (!groups.has(consumerGroup)) this.#count++;
    this.#topics.set(topic, groups.set(consumerGroup, entry));
    this.#topicsOf.set(consumerGroup, (this.#topicsOf.get(consumerGroup) ?? new Set()).add(topic));
    this.#changed = true;
  }

  #remove({ data: { topic, consumerGroup } }: Entry): void {
    const groups = this.#topics.get(topic);
    if (groups?.delete(consumerGroup) !== true) return;
    this.#count--;
    this.#changed = true;
    if (groups.size === 0) this.#topics.delete(topic);
    const topics = this.#topicsOf.get(consumerGroup);
    if (topics?.delete(topic) === true && topics.size === 0) this.#topicsOf.delete(consumerGroup);
  }

  #markDead(group: string, topics: Iterable<string>): void {
    for (const topic of topics) {
      const data = this.#topics.get(topic)?.get(group)?.data;
      if (data === undefined || data.dead) continue;
      Object.assign(data, { dead: true, deadTime: this.#parts.runtime.clock.now() });
      this.#changed = true;
    }
  }

  /** Forgets what is dead for too long. */
  #clean(): void {
    const before = this.#parts.runtime.clock.now() - this.#parts.settings.filterDataCleanTimeSpan;
    for (const groups of [...this.#topics.values()]) {
      for (const entry of [...groups.values()]) if (entry.data.dead && entry.data.deadTime <= before) this.#remove(entry);
    }
  }

  #persistOrSay(): void {
    try {
      this.persist();
    } catch (error) {
      this.#parts.log.error("consumerFilter.json can't be written; tried again later", {
        path: this.#file.path,
        error: error instanceof Error ? error.message : String(error),
      });
    }
  }
}
