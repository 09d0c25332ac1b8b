/**
 * Counters of what passes through the broker: code 315 (VIEW_BROKER_STATS_DATA), the rates of code 28, the TPS columns of
 * the statistics codes. Counting is a map look-up and two additions; every ten seconds one timer takes a snapshot of each
 * counter, from which minute, hour and day follow.
 */

import type { BrokerStatsData, BrokerStatsItem } from "../../wire/bodies/stats.ts";
import { isLmq, LMQ_PREFIX } from "../../wire/mix_all.ts";
import type { Clock, TimerHandle } from "../runtime.ts";
import type { MessageType } from "./messages/message_type.ts";
import { isSystemGroup, isSystemTopicName } from "./metadata/topics_validator.ts";
import type { BrokerInstruments } from "./metrics/instruments.ts";
import { type Arrivals, isRetryOrDeadLetters } from "./metrics/traffic.ts";
import type { Stats } from "./parts.ts";

/** Names of Apache's statistics. Keys: a topic, `topic@group`, `queueId@topic`, or the cluster's name for `BROKER_…`. */
const NAMES = [
  "TOPIC_PUT_NUMS",
  "TOPIC_PUT_SIZE",
  "TOPIC_PUT_LATENCY",
  "GROUP_GET_NUMS",
  "GROUP_GET_SIZE",
  "SNDBCK_PUT_NUMS",
  "DLQ_PUT_NUMS",
  "BROKER_PUT_NUMS",
  "BROKER_GET_NUMS",
  "BROKER_PUT_NUMS_WITHOUT_SYSTEM_TOPIC",
  "BROKER_GET_NUMS_WITHOUT_SYSTEM_TOPIC",
] as const;
type StatsName = (typeof NAMES)[number];

const SAMPLE_INTERVAL_MS = 10_000;
/** A window of n intervals needs n + 1 snapshots: one minute of 10 s, one hour of 10 min, one day of 1 h. */
const WINDOWS = [
  { everySamples: 1, snapshots: 7 },
  { everySamples: 60, snapshots: 7 },
  { everySamples: 360, snapshots: 25 },
] as const;
/** Ten minutes in tens of seconds. */
const RATE_SNAPSHOTS = 61;
/** Upper bounds, in ms, of the classes of put times; names as Apache prints them. */
const PUT_TIME_CLASSES = [
  [0, "[<=0ms]"],
  [10, "[0~10ms]"],
  [50, "[10~50ms]"],
  [100, "[50~100ms]"],
  [200, "[100~200ms]"],
  [500, "[200~500ms]"],
  [1000, "[500ms~1s]"],
  [2000, "[1~2s]"],
  [3000, "[2~3s]"],
  [4000, "[3~4s]"],
  [5000, "[4~5s]"],
  [10_000, "[5~10s]"],
  [Number.POSITIVE_INFINITY, "[10s~]"],
] as const;
const PUT_TIME_BOUNDS: readonly number[] = PUT_TIME_CLASSES.map(([bound]) => bound);
/** Put times that percentiles are taken from. */
const PUT_TIMES_KEPT = 1000;
/** Put times are those of the current minute and the one before. */
const PUT_TIMES_TURN_SAMPLES = 6;
/** A counter that stood still for a day is dropped; names come from clients, so they must not pile up. */
const IDLE_SAMPLES_MAX = 24 * 360;

/** Value, calls and when: what a window is computed from. */
interface Snapshot {
  readonly at: number;
  readonly value: number;
  readonly times: number;
}

class Counter {
  value = 0;
  times = 0;
  #idleSamples = 0;
  #lastTimes = 0;
  readonly #windows: Snapshot[][] = [[], [], []];

  add(amount: number): void {
    this.value += amount;
    this.times += 1;
  }

  /** False when nothing has been counted for a day. */
  sample(at: number, sampleNumber: number): boolean {
    this.#idleSamples = this.times === this.#lastTimes ? this.#idleSamples + 1 : 0;
    this.#lastTimes = this.times;
    for (const [index, window] of WINDOWS.entries()) {
      if (sampleNumber % window.everySamples !== 0) continue;
      const snapshots = this.#windows[index] as Snapshot[];
      snapshots.push({ at, value: this.value, times: this.times });
      if (snapshots.length > window.snapshots) snapshots.shift();
    }
    return this.#idleSamples < IDLE_SAMPLES_MAX;
  }

  data(): BrokerStatsData {
    const [minute, hour, day] = this.#windows as [Snapshot[], Snapshot[], Snapshot[]];
    return { statsMinute: itemOf(minute), statsHour: itemOf(hour), statsDay: itemOf(day) };
  }
}

function itemOf(snapshots: readonly Snapshot[]): BrokerStatsItem {
  const first = snapshots[0];
  const last = snapshots[snapshots.length - 1];
  if (first === undefined || last === undefined || last.at <= first.at) return { sum: 0, tps: 0, avgpt: 0 };
  const sum = last.value - first.value;
  const times = last.times - first.times;
  return { sum, tps: (sum * 1000) / (last.at - first.at), avgpt: times > 0 ? sum / times : 0 };
}

/** Totals since start, for the rates of code 28. */
interface Totals {
  readonly at: number;
  readonly put: number;
  readonly found: number;
  readonly missed: number;
  readonly transferred: number;
}

export type RateName = "put" | "found" | "missed" | "total" | "transferred";

type Counters = Map<string, Counter>;

/** The counters of one topic, found by one look-up: a send counts in all of them. */
interface TopicCounters {
  readonly nums: Counter;
  readonly size: Counter;
  /** By queue. */
  readonly latency: Counter[];
  /** What clients sent, where metrics are exported and something was. */
  readonly arrivals: { [T in MessageType]?: Arrivals };
  /** Its messages count as sent by clients. */
  readonly arrives: boolean;
  readonly isSystem: boolean;
}

export class BrokerStats implements Stats {
  instruments: BrokerInstruments | undefined;
  readonly #clock: Clock;
  readonly #tables = Object.fromEntries(NAMES.map((name) => [name, new Map()])) as Record<StatsName, Counters>;
  readonly #topics = new Map<string, TopicCounters>();
  #last: { readonly topic: string; readonly counters: TopicCounters } | undefined;
  readonly #brokerPut: Counter;
  readonly #brokerGot: Counter;
  readonly #usersPut: Counter;
  readonly #usersGot: Counter;
  /** By `queueId@topic@group`: how far a group is behind, as of its last pull. */
  readonly #behind = new Map<string, { readonly bytes: number; readonly ms: number }>();
  readonly #totals: Totals[] = [];
  #putTimes: number[] = PUT_TIME_CLASSES.map(() => 0);
  #putTimesBefore: number[] = PUT_TIME_CLASSES.map(() => 0);
  /** A ring of the last put times, ms. */
  readonly #lastPutTimes = new Float64Array(PUT_TIMES_KEPT);
  #putTimesSeen = 0;
  #sampleNumber = 0;
  #timer: TimerHandle | undefined;
  #found = 0;
  #missed = 0;
  /** Totals at the last two midnights. */
  #putAtMidnight: readonly [yesterday: number, today: number] = [0, 0];
  #gotAtMidnight: readonly [yesterday: number, today: number] = [0, 0];

  /** @param cluster Name of the cluster: the key of the broker-wide counters. */
  constructor(clock: Clock, cluster: string) {
    this.#clock = clock;
    this.#brokerPut = this.#counter("BROKER_PUT_NUMS", cluster);
    this.#brokerGot = this.#counter("BROKER_GET_NUMS", cluster);
    this.#usersPut = this.#counter("BROKER_PUT_NUMS_WITHOUT_SYSTEM_TOPIC", cluster);
    this.#usersGot = this.#counter("BROKER_GET_NUMS_WITHOUT_SYSTEM_TOPIC", cluster);
  }

  start(): void {
    this.#sample();
    this.#timer = this.#clock.setInterval(() => this.#sample(), SAMPLE_INTERVAL_MS);
  }

  stop(): void {
    this.#timer?.cancel();
  }

  // ------------------------------------------------------------------------------------------------------- counting

  put(topic: string, count: number, bytes: number): void {
    this.#put(this.#topicOf(topic), count, bytes);
  }

  #put(counters: TopicCounters, count: number, bytes: number): void {
    counters.nums.add(count);
    counters.size.add(bytes);
    this.#brokerPut.add(count);
    if (!counters.isSystem) this.#usersPut.add(count);
  }

  sent(topic: string, type: MessageType, count: number, bytes: number): void {
    const counters = this.#topicOf(topic);
    this.#put(counters, count, bytes);
    if (this.instruments === undefined || !counters.arrives) return;
    counters.arrivals[type] ??= this.instruments.traffic.arrivals(merged(topic), type);
    counters.arrivals[type].add(count, bytes);
  }

  got(group: string, topic: string, _queueId: number, count: number, bytes: number): void {
    const key = `${merged(topic)}@${merged(group)}`;
    this.#found += 1;
    this.#counter("GROUP_GET_NUMS", key).add(count);
    this.#counter("GROUP_GET_SIZE", key).add(bytes);
    this.#brokerGot.add(count);
    if (!isSystemTopicName(topic) && !isSystemGroup(group)) this.#usersGot.add(count);
  }

  getMissed(): void {
    this.#missed += 1;
  }

  sendBack(group: string, topic: string): void {
    this.#counter("SNDBCK_PUT_NUMS", `${merged(topic)}@${merged(group)}`).add(1);
  }

  deadLetter(group: string, topic: string): void {
    this.#counter("DLQ_PUT_NUMS", `${merged(topic)}@${merged(group)}`).add(1);
  }

  putLatency(topic: string, queueId: number, ms: number): void {
    const { latency } = this.#topicOf(topic);
    latency[queueId] ??= this.#counter("TOPIC_PUT_LATENCY", `${queueId}@${merged(topic)}`);
    latency[queueId].add(ms);
    this.#lastPutTimes[this.#putTimesSeen++ % PUT_TIMES_KEPT] = ms;
    // Whole milliseconds, as Java's clock has them: what takes less counts as none.
    let index = 0;
    while (Math.floor(ms) > (PUT_TIME_BOUNDS[index] as number)) index++;
    this.#putTimes[index] = (this.#putTimes[index] as number) + 1;
  }

  fellBehind(group: string, topic: string, queueId: number, bytes: number, ms: number): void {
    this.#behind.set(`${queueId}@${merged(topic)}@${merged(group)}`, { bytes, ms });
  }

  // -------------------------------------------------------------------------------------------------------- reading

  /** Undefined when nothing was counted under these names. */
  view(name: string, key: string): BrokerStatsData | undefined {
    return Object.hasOwn(this.#tables, name) ? this.#tables[name as StatsName].get(key)?.data() : undefined;
  }

  /** Totals since the start, by key; a counter that stood still for a day begins again at 0. */
  *counted(name: StatsName): Iterable<readonly [key: string, total: number]> {
    for (const [key, { value }] of this.#tables[name]) yield [key, value];
  }

  /** Distance from the tail of a queue, as of the group's last pull. */
  behind(group: string, topic: string, queueId: number): { readonly bytes: number; readonly ms: number } | undefined {
    return this.#behind.get(`${queueId}@${merged(topic)}@${merged(group)}`);
  }

  /** Messages per second into the topic, over the last minute. */
  topicPutTps(topic: string): number {
    return this.view("TOPIC_PUT_NUMS", topic)?.statsMinute.tps ?? 0;
  }

  /** Messages per second out of the topic to the group, over the last minute. */
  groupGetTps(group: string, topic: string): number {
    return this.view("GROUP_GET_NUMS", `${topic}@${group}`)?.statsMinute.tps ?? 0;
  }

  /** Calls or messages per second over the last 10 s, minute and ten minutes (less, right after the start). */
  rates(name: RateName): readonly [number, number, number] {
    const newest = this.#totals[this.#totals.length - 1];
    const over = (samples: number): number => {
      const older = this.#totals[Math.max(0, this.#totals.length - 1 - samples)];
      if (newest === undefined || older === undefined || newest.at <= older.at) return 0;
      return ((totalOf(newest, name) - totalOf(older, name)) * 1000) / (newest.at - older.at);
    };
    return [over(1), over(6), over(60)];
  }

  /** How many puts took how long, of the last one to two minutes: `[<=0ms]:12 [0~10ms]:3 …`. */
  putTimesText(): string {
    const counts = this.#putTimes.map((count, index) => count + (this.#putTimesBefore[index] as number));
    return PUT_TIME_CLASSES.map(([, name], index) => `${name}:${counts[index]} `).join("");
  }

  /** The put time, ms, that `share` (0..1) of the last thousand puts did not exceed; 0 when there was none. */
  putTimePercentile(share: number): number {
    const times = this.#lastPutTimes.slice(0, Math.min(this.#putTimesSeen, PUT_TIMES_KEPT)).sort();
    return times[Math.max(0, Math.ceil(share * times.length) - 1)] ?? 0;
  }

  /** Groups that are further behind than `bytes` in any queue, as of their last pulls. */
  *slowGroups(bytes: number): Iterable<{ readonly group: string; readonly topic: string; readonly bytes: number }> {
    for (const [key, behind] of this.#behind) {
      const [, topic = "", group = ""] = key.split("@");
      if (behind.bytes > bytes) yield { group, topic, bytes: behind.bytes };
    }
  }

  /** Messages of users put and got: up to the midnight before last, up to the last one, up to now. */
  totals(): { put: readonly [number, number, number]; got: readonly [number, number, number] } {
    return { put: [...this.#putAtMidnight, this.#usersPut.value], got: [...this.#gotAtMidnight, this.#usersGot.value] };
  }

  /** Called at local midnight. */
  turnDay(): void {
    this.#putAtMidnight = [this.#putAtMidnight[1], this.#usersPut.value];
    this.#gotAtMidnight = [this.#gotAtMidnight[1], this.#usersGot.value];
  }

  /** Forgets what was counted for a topic. */
  topicDeleted(topic: string): void {
    this.#drop((key) => key === topic || key.startsWith(`${topic}@`) || key.endsWith(`@${topic}`) || key.includes(`@${topic}@`));
  }

  /** Forgets what was counted for a group. */
  groupDeleted(group: string): void {
    this.#drop((key) => key.endsWith(`@${group}`));
  }

  // ------------------------------------------------------------------------------------------------------- inwards

  #topicOf(topic: string): TopicCounters {
    // Asked twice a message, and messages of a topic come one after another.
    if (this.#last?.topic === topic) return this.#last.counters;
    const name = merged(topic);
    const counters = this.#topics.get(name) ?? this.#newTopic(name);
    this.#last = { topic, counters };
    return counters;
  }

  #newTopic(topic: string): TopicCounters {
    const counters: TopicCounters = {
      nums: this.#counter("TOPIC_PUT_NUMS", topic),
      size: this.#counter("TOPIC_PUT_SIZE", topic),
      latency: [],
      arrivals: {},
      arrives: !isRetryOrDeadLetters(topic),
      isSystem: isSystemTopicName(topic),
    };
    this.#topics.set(topic, counters);
    return counters;
  }

  #counter(name: StatsName, key: string): Counter {
    const table = this.#tables[name];
    let counter = table.get(key);
    if (counter === undefined) {
      counter = new Counter();
      // The windows begin before the first event, so that it counts.
      counter.sample(this.#clock.monotonic(), 0);
      table.set(key, counter);
    }
    return counter;
  }

  #sample(): void {
    const at = this.#clock.monotonic();
    this.#sampleNumber += 1;
    for (const [name, table] of Object.entries(this.#tables)) {
      for (const [key, counter] of table) {
        if (!counter.sample(at, this.#sampleNumber) && !name.startsWith("BROKER_")) this.#forget(table, key);
      }
    }
    if (this.#sampleNumber % PUT_TIMES_TURN_SAMPLES === 0) {
      this.#putTimesBefore = this.#putTimes;
      this.#putTimes = PUT_TIME_CLASSES.map(() => 0);
    }
    this.#totals.push({
      at,
      put: this.#brokerPut.value,
      found: this.#found,
      missed: this.#missed,
      transferred: this.#brokerGot.value,
    });
    if (this.#totals.length > RATE_SNAPSHOTS) this.#totals.shift();
  }

  /** The quick look-up of the key's topic goes with it, and is made again from what is left. */
  #forget(table: Counters, key: string): void {
    table.delete(key);
    this.#last = undefined;
    this.#topics.delete(key.slice(key.lastIndexOf("@") + 1));
  }

  #drop(matches: (key: string) => boolean): void {
    for (const [name, table] of Object.entries(this.#tables)) {
      if (name.startsWith("BROKER_")) continue;
      for (const key of table.keys()) if (matches(key)) this.#forget(table, key);
    }
    for (const key of this.#behind.keys()) if (matches(key)) this.#behind.delete(key);
  }
}

function totalOf(totals: Totals, name: RateName): number {
  return name === "total" ? totals.found + totals.missed : totals[name];
}

/** Light queues and their groups need not be made, so there is no bound of their names: they are counted together. */
const merged = (name: string): string => (isLmq(name) ? LMQ_PREFIX : name);
