/**
 * One seed, one story of a broker: a machine with a broker on a faulty disk, another with clients, and a network between them
 * that drops, delays, cuts, resets and silences. Clients send, pull and hold pulls, commit offsets and query by key, several
 * at a time; the broker ends in order, by kill -9 or by a power cut, at any event of the world or any operation of its disk.
 *
 * What the clients were told is held against what they find: every acknowledged message is there once, at the offset it was
 * given, in order; nobody's attempt is stored twice; what a consumer read once it reads again; committed offsets lose at
 * most the interval at which they are saved.
 */
import { Prng } from "../../adapters/sim/prng.ts";
import { type SimRuntime, type SimWorld, simWorld } from "../../adapters/sim/sim.ts";
import { Broker } from "../../core/broker/broker.ts";
import { type BrokerSettingsInput, brokerOptions } from "../../core/broker/options.ts";
import { settingsWith } from "../../core/config.ts";
import { RemotingClient } from "../../core/remoting/client.ts";
import type { PeerReply } from "../../core/remoting/processor.ts";
import { encodeUtf8 } from "../../wire/bytes.ts";
import { decodeRecords, type StoredMessage } from "../../wire/message_reader.ts";
import type { RequestHeaderOf, RequestName } from "../../wire/requests.ts";
import { ResponseCode } from "../../wire/response_code.ts";
import { linesLog } from "../store/support.ts";
import { must, SimFailure } from "./failure.ts";
import { idOf } from "./store_check.ts";
import type { SimReport } from "./store_sim.ts";
import { Trace } from "./trace.ts";

export interface BrokerSimOptions {
  readonly seed: number;
  /** Times the broker is started; default 4. */
  readonly lives?: number;
}

type End = "orderly" | "kill" | "power";

/** What a producer knows of one attempt to send. */
interface Attempt {
  readonly id: number;
  readonly queue: string;
  readonly key: string;
  /** Where it stands, once the broker has said so. */
  offset: number | undefined;
  acknowledgedAt: number;
}

const ADDRESS = "10.0.0.1:10911";
const TOPICS = ["TopicA", "TopicB"];
const QUEUES = 2;
const GROUP = "GroupA";
const TIMEOUT_MS = 3000;
const UNDER_WAY_MAX = 12;
const HANG_MS = 600_000;
const OFFSETS_INTERVAL_MS = 1000;
const FLUSH_INTERVAL_MS = 200;

/** Runs the seed. @throws SimFailure, with the seed in front, when a promise is broken */
export async function runBrokerSim(options: BrokerSimOptions): Promise<SimReport> {
  const sim = new BrokerSim(options);
  try {
    await sim.run();
  } catch (error) {
    const { message, stack } = error as Error;
    throw Object.assign(new SimFailure(`broker seed ${options.seed}: ${message}`), {
      trace: sim.trace.last,
      stack: error instanceof SimFailure ? message : stack,
    });
  }
  return sim.report();
}

class BrokerSim {
  readonly trace = new Trace();
  readonly #options: BrokerSimOptions;
  readonly #dice: Prng;
  readonly #world: SimWorld;
  readonly #input: BrokerSettingsInput;
  readonly #isFlushed: boolean;
  readonly #network: Record<"drop" | "reset" | "silence" | "refuse" | "fragment", number>;
  readonly #attempts = new Map<number, Attempt>();
  /** `queue offset` to id, of what consumers have got. */
  readonly #consumed = new Map<string, number>();
  /** Per queue what was committed, newest last, and when the broker said so. */
  readonly #commits = new Map<string, { offset: number; at: number }[]>();
  readonly #attempted = new Map<string, number>();
  #server: SimRuntime;
  readonly #clientMachine: SimRuntime;
  #clients: RemotingClient[] = [];
  #ended: End | undefined;
  #fuse = Number.POSITIVE_INFINITY;
  #fuseKind: "kill" | "power" = "kill";
  #underWay = 0;
  #nextId = 0;
  #crashes = 0;
  #acknowledged = 0;
  #lost = 0;

  constructor(options: BrokerSimOptions) {
    this.#options = options;
    const { seed } = options;
    const dice = new Prng(seed, 2000);
    this.#dice = dice;
    this.#world = simWorld({
      seed,
      network: { poisonChunks: true, delayMs: this.#pick([[0, 0] as const, [0, 3] as const, [1, 40] as const]) },
    });
    this.#world.time.shuffle = this.#pick([0, 0.5]);
    this.#network = {
      drop: this.#pick([0, 0.02]),
      reset: this.#pick([0, 0.01]),
      silence: this.#pick([0, 0.004]),
      refuse: this.#pick([0, 0.1]),
      fragment: this.#pick([0, 0.3]),
    };
    this.#isFlushed = dice.chance(0.5);
    this.#input = {
      brokerName: "broker-a",
      storePathRootDir: "/store",
      namesrvAddr: "",
      flushDiskType: this.#isFlushed ? "SYNC_FLUSH" : "ASYNC_FLUSH",
      flushIntervalCommitLog: FLUSH_INTERVAL_MS,
      flushConsumerOffsetInterval: OFFSETS_INTERVAL_MS,
      flushConsumeQueueThoroughInterval: this.#pick([100, 5000]),
      mappedFileSizeCommitLog: this.#pick([8192, 65_536]),
      mappedFileSizeConsumeQueue: this.#pick([400, 20_000]),
      maxHashSlotNum: 50,
      maxIndexNum: this.#pick([30, 1000]),
    };
    this.#server = this.#world.process({
      addresses: ["10.0.0.1"],
      disk: {
        unsyncedPageKept: this.#pick([0, 0.5, 1]),
        unsyncedEntriesKept: this.#pick([0, 0.5, 1]),
        writeMs: this.#pick([[0, 0] as const, [0, 6] as const]),
        readMs: this.#pick([[0, 0] as const, [0, 2] as const]),
        syncMs: this.#pick([[0, 0] as const, [0, 20] as const]),
      },
    });
    this.#clientMachine = this.#world.process({ addresses: ["10.0.0.2"] });
    this.#world.time.beforeEvent = () => this.#burn();
    this.#server.disk.beforeOperation = (operation, path, position, bytes) => {
      this.trace.add(`${operation} ${path} ${position} ${bytes}`);
      this.#burn();
    };
  }

  report(): SimReport {
    return {
      hash: this.trace.hash,
      trace: this.trace.last,
      acknowledged: this.#acknowledged,
      lost: this.#lost,
      crashes: this.#crashes,
    };
  }

  async run(): Promise<void> {
    const { lives = 4 } = this.#options;
    let before: End = "orderly";
    for (let life = 0; life < lives; life++) before = await this.#live(before);
  }

  async #live(before: End): Promise<End> {
    const dice = this.#dice;
    this.#ended = undefined;
    this.trace.add(`life after ${before} at ${this.#now()}`);
    this.#calm();
    const settings = settingsWith(brokerOptions, this.#input, this.#server.system);
    const log = linesLog();
    const broker = new Broker({ runtime: this.#server, log, settings });
    await this.#outcome(broker.start());
    this.#clients = Array.from({ length: 3 }, () => new RemotingClient({ runtime: this.#clientMachine, log: linesLog() }));
    await this.#check(before, broker);

    Object.assign(this.#world.network.faults, this.#network);
    const startedAt = this.#crashes;
    if (dice.chance(0.6)) {
      this.#fuse = 20 + dice.below(2500);
      this.#fuseKind = dice.chance(0.5) ? "kill" : "power";
    }
    for (let step = 40 + dice.below(80); step > 0 && this.#ended === undefined; step--) {
      this.#act();
      await this.#world.clock.advance(this.#pick([0, 0, 1, 3, 10, 50, 300]));
      if (this.#ended !== undefined) break;
      const { tailBufferBytes } = this.#server.disk.sparing(() => broker.store.stats());
      must(tailBufferBytes <= 16 * 1024 * 1024, () => `${tailBufferBytes} bytes wait in the tail buffer`);
    }
    this.#fuse = Number.POSITIVE_INFINITY;
    if (this.#ended === undefined) {
      if (dice.chance(0.4)) {
        this.#calm();
        await this.#outcome(broker.stop());
        this.#ended ??= "orderly";
      } else this.#crash(dice.chance(0.5) ? "kill" : "power");
    }
    this.#calm();
    for (const client of this.#clients) client.stop();
    // What is under way is answered, or times out, before the next life: a late answer would be taken for one of its own.
    await this.#world.clock.until(() => this.#underWay === 0, HANG_MS);
    must(this.#crashes - startedAt <= 1, () => "one life crashed twice");
    return this.#ended ?? "kill";
  }

  // ----------------------------------------------------------------------------------------------------------- clients

  #act(): void {
    if (this.#underWay >= UNDER_WAY_MAX) return;
    const dice = this.#dice;
    const choice = dice.below(100);
    const topic = this.#pick(TOPICS);
    const queueId = dice.below(QUEUES);
    if (choice < 50) for (let count = this.#pick([1, 1, 3]); count > 0; count--) this.#begin(this.#send(topic, queueId));
    else if (choice < 75) this.#begin(this.#consume(topic, queueId));
    else if (choice < 85) this.#begin(this.#commit(topic, queueId));
    else this.#begin(this.#query(topic));
  }

  #begin(work: Promise<void>): void {
    this.#underWay++;
    work
      .catch((error: unknown) => {
        if (error instanceof SimFailure) this.#failure ??= error;
      })
      .finally(() => {
        this.#underWay--;
      });
  }

  /** The first promise that a client saw broken. */
  #failure: SimFailure | undefined;

  #call<N extends RequestName>(
    name: N,
    header: RequestHeaderOf<N>,
    body?: Uint8Array,
    timeoutMs = TIMEOUT_MS,
  ): Promise<PeerReply> {
    return this.#pick(this.#clients).invoke(ADDRESS, name, header, body, timeoutMs);
  }

  async #send(topic: string, queueId: number): Promise<void> {
    const id = this.#nextId++;
    const key = `k${this.#dice.below(4)}`;
    const attempt: Attempt = { id, queue: `${topic} ${queueId}`, key, offset: undefined, acknowledgedAt: 0 };
    this.#attempts.set(id, attempt);
    const body = encodeUtf8(`m${id}:${"abcdefghij".repeat(this.#dice.below(40))}`);
    const reply = await this.#call(
      "SEND_MESSAGE_V2",
      {
        producerGroup: "PG",
        topic,
        defaultTopic: "TBW102",
        defaultTopicQueueNums: QUEUES,
        queueId,
        sysFlag: 0,
        bornTimestamp: this.#world.clock.now(),
        flag: 0,
        properties: `KEYS\u0001${key}\u0002UNIQ_KEY\u0001u${id}\u0002`,
        reconsumeTimes: 0,
        unitMode: false,
        batch: false,
      },
      body,
    );
    this.trace.add(`send ${id}: ${reply.code}`);
    if (reply.code !== ResponseCode.SUCCESS) return;
    must(reply.extFields?.["queueId"] === String(queueId), () => `message ${id} went to queue ${reply.extFields?.["queueId"]}`);
    attempt.offset = Number(reply.extFields?.["queueOffset"]);
    attempt.acknowledgedAt = this.#now();
    this.#acknowledged++;
  }

  #pullHeader(topic: string, queueId: number, queueOffset: number, suspend: boolean): RequestHeaderOf<"PULL_MESSAGE"> {
    return {
      consumerGroup: GROUP,
      topic,
      queueId,
      queueOffset,
      maxMsgNums: 32,
      sysFlag: 4 | (suspend ? 2 : 0),
      commitOffset: 0,
      suspendTimeoutMillis: 1000,
      subscription: "*",
      subVersion: 0,
    };
  }

  async #consume(topic: string, queueId: number): Promise<void> {
    const queue = `${topic} ${queueId}`;
    const offset = this.#dice.below((this.#attempted.get(`read ${queue}`) ?? 0) + 1);
    const reply = await this.#call("PULL_MESSAGE", this.#pullHeader(topic, queueId, offset, this.#dice.chance(0.5)));
    this.trace.add(`pull ${queue} at ${offset}: ${reply.code} ${reply.body.length}`);
    if (reply.code === ResponseCode.SUCCESS) this.#got(queue, offset, reply);
  }

  /** What a pull brought; returns the messages. */
  #got(queue: string, offset: number, reply: PeerReply): StoredMessage[] {
    const messages = decodeRecords(reply.body);
    let next = offset;
    for (const message of messages) {
      const id = idOf(message);
      const attempt = this.#attempts.get(id);
      if (attempt === undefined) throw new SimFailure(`queue ${queue}: message ${id} was never sent`);
      must(attempt.queue === queue, () => `message ${id} for queue ${attempt.queue} is in ${queue}`);
      must(message.queueOffset >= next, () => `queue ${queue}: ${message.queueOffset} comes after ${next}`);
      next = message.queueOffset + 1;
      const before = this.#consumed.get(`${queue} ${message.queueOffset}`);
      must(
        before === undefined || before === id,
        () => `queue ${queue}: at ${message.queueOffset} stood message ${before}, now ${id}`,
      );
      this.#consumed.set(`${queue} ${message.queueOffset}`, id);
      this.#attempted.set(`read ${queue}`, Math.max(this.#attempted.get(`read ${queue}`) ?? 0, message.queueOffset));
    }
    return messages;
  }

  async #commit(topic: string, queueId: number): Promise<void> {
    const queue = `${topic} ${queueId}`;
    const offset = this.#attempted.get(`read ${queue}`) ?? 0;
    this.#attempted.set(queue, Math.max(this.#attempted.get(queue) ?? 0, offset));
    const reply = await this.#call("UPDATE_CONSUMER_OFFSET", { consumerGroup: GROUP, topic, queueId, commitOffset: offset });
    this.trace.add(`commit ${queue} ${offset}: ${reply.code}`);
    if (reply.code !== ResponseCode.SUCCESS) return;
    const commits = this.#commits.get(queue) ?? [];
    this.#commits.set(queue, commits);
    commits.push({ offset, at: this.#now() });
  }

  async #query(topic: string): Promise<void> {
    const key = `k${this.#dice.below(4)}`;
    const reply = await this.#call("QUERY_MESSAGE", this.#queryHeader(topic, key));
    this.trace.add(`query ${topic} ${key}: ${reply.code} ${reply.body.length}`);
    if (reply.code !== ResponseCode.SUCCESS) return;
    for (const message of decodeRecords(reply.body)) {
      const attempt = this.#attempts.get(idOf(message));
      must(attempt?.key === key && message.topic === topic, () => `a query for ${topic} ${key} finds message ${idOf(message)}`);
    }
  }

  #queryHeader(topic: string, key: string): RequestHeaderOf<"QUERY_MESSAGE"> {
    return { topic, key, maxNum: 32, beginTimestamp: 0, endTimestamp: Number.MAX_SAFE_INTEGER };
  }

  // ------------------------------------------------------------------------------------------------------------ checks

  /** All that the clients were told, against what they find after a start on a network without faults. */
  async #check(before: End, broker: Broker): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    const mayLose = before === "power" && !this.#isFlushed;
    // What was read before a power cut may be another message afterwards, where it was not flushed.
    if (before === "power") this.#consumed.clear();
    const found = new Map<number, StoredMessage>();
    for (const topic of TOPICS) {
      for (let queueId = 0; queueId < QUEUES; queueId++) {
        for (const message of await this.#readAll(topic, queueId)) {
          const id = idOf(message);
          must(!found.has(id), () => `message ${id} is stored twice`);
          found.set(id, message);
        }
      }
    }
    for (const attempt of [...this.#attempts.values()]) {
      const message = found.get(attempt.id);
      if (message !== undefined) {
        const { queueOffset } = message;
        must(
          attempt.offset === undefined || attempt.offset === queueOffset,
          () => `message ${attempt.id} was given offset ${attempt.offset} and stands at ${queueOffset}`,
        );
        continue;
      }
      if (attempt.offset !== undefined) {
        // The sync of what came FLUSH_INTERVAL_MS before has begun, and syncs of this disk take 20 ms a file at most.
        const ageMs = this.#endedAt - attempt.acknowledgedAt;
        must(
          mayLose && ageMs < 2 * FLUSH_INTERVAL_MS + 200,
          () => `message ${attempt.id} was acknowledged ${ageMs} ms before ${before} and is gone`,
        );
        this.#lost++;
      }
      // Not stored, and no longer under way: it must never appear.
      this.#attempts.delete(attempt.id);
    }
    await this.#checkOffsets(before, broker);
    this.trace.add(`checked: ${found.size} messages`);
  }

  async #readAll(topic: string, queueId: number): Promise<StoredMessage[]> {
    const all: StoredMessage[] = [];
    for (let offset = 0; ; ) {
      const header = this.#pullHeader(topic, queueId, offset, false);
      const { value: reply, error } = await this.#outcome(this.#call("PULL_MESSAGE", header, undefined, 60_000));
      if (reply === undefined) throw new SimFailure(`${topic} ${queueId}: a pull on a good network fails: ${error?.message}`);
      if (reply.code !== ResponseCode.SUCCESS) return all;
      const messages = this.#got(`${topic} ${queueId}`, offset, reply);
      all.push(...messages);
      const next = Number(reply.extFields?.["nextBeginOffset"]);
      must(next > offset, () => `${topic} ${queueId}: a pull at ${offset} leads to ${next}`);
      offset = next;
    }
  }

  async #checkOffsets(before: End, broker: Broker): Promise<void> {
    for (const [queue, commits] of this.#commits) {
      const [topic, queueId] = queue.split(" ") as [string, string];
      const offset = broker.offsets.query(GROUP, topic, Number(queueId));
      const most = this.#attempted.get(queue) ?? 0;
      must(offset <= most, () => `queue ${queue}: offset ${offset} was never committed, ${most} is the most`);
      // Saved every second, and synced with it; a stop saves what there is.
      const savedBy = before === "orderly" ? this.#endedAt : this.#endedAt - OFFSETS_INTERVAL_MS - 300;
      const saved = commits.filter(({ at }) => at <= savedBy).at(-1);
      must(
        saved === undefined || offset >= saved.offset,
        () =>
          `queue ${queue}: offset ${saved?.offset} was committed ${this.#endedAt - (saved?.at ?? 0)} ms before ${before}, now it is ${offset}`,
      );
      this.#commits.set(queue, [{ offset, at: this.#now() }]);
    }
  }

  // ------------------------------------------------------------------------------------------------------------- tools

  #endedAt = 0;

  #now(): number {
    return this.#world.clock.monotonic();
  }

  #calm(): void {
    Object.assign(this.#world.network.faults, { drop: 0, reset: 0, silence: 0, refuse: 0, fragment: 0 });
    this.#endedAt = this.#now();
  }

  /** Each event and each operation of the disk is a step, before which the broker may die. */
  #burn(): void {
    if (this.#fuse-- <= 0) this.#crash(this.#fuseKind);
  }

  #crash(kind: "kill" | "power"): void {
    this.#fuse = Number.POSITIVE_INFINITY;
    this.#ended = kind;
    this.#crashes++;
    this.trace.add(`crash: ${kind} at ${this.#now()}`);
    this.#server = this.#server.crash(kind);
  }

  /** Moves time until the promise settles. */
  async #outcome<T>(promise: Promise<T>): Promise<{ value?: T; error?: Error }> {
    let settled: { value?: T; error?: Error } | undefined;
    promise.then(
      (value) => {
        settled = { value };
      },
      (error: Error) => {
        settled = { error };
      },
    );
    await this.#world.clock.until(() => settled !== undefined, HANG_MS);
    return settled ?? {};
  }

  #pick<T>(items: readonly T[]): T {
    return items[this.#dice.below(items.length)]!;
  }
}
