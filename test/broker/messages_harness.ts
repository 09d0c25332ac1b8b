/** A broker's message side over the real store on the simulator; what surrounds it is in memory and can be set by a test. */
import { type SimRuntime, simRuntime } from "../../adapters/sim/sim.ts";
import { ConsumerFilterManager } from "../../core/broker/filters/consumer_filters.ts";
import { BrokerMessages, type MessageProcessors } from "../../core/broker/messages/messages.ts";
import { ConsumerOffsetManager } from "../../core/broker/offsets/offsets.ts";
import { type BrokerSettings, type BrokerSettingsInput, brokerOptions } from "../../core/broker/options.ts";
import type { BrokerParts, ClientChannel, ConsumerGroup } from "../../core/broker/parts.ts";
import { settingsWith } from "../../core/config.ts";
import type { Peer, RequestContext, TypedReply } from "../../core/remoting/processor.ts";
import { RemotingError } from "../../core/remoting/processor.ts";
import type { Log } from "../../core/runtime.ts";
import { DefaultMessageStore } from "../../core/store/default_message_store.ts";
import type { SubscriptionData } from "../../wire/bodies/subscription.ts";
import { type SubscriptionGroupConfig, subscriptionGroupConfig } from "../../wire/bodies/subscription_group.ts";
import { type TopicConfig, topicConfig } from "../../wire/bodies/topic.ts";
import { encodeUtf8 } from "../../wire/bytes.ts";
import { hashCode } from "../../wire/java_hash.ts";
import { decodeRecords, type StoredMessage } from "../../wire/message_reader.ts";
import { formatProperties } from "../../wire/properties.ts";
import type { ExtFields } from "../../wire/remoting_command.ts";
import type { RequestHeaderOf } from "../../wire/requests.ts";
import { VERSION_CURRENT } from "../../wire/version.ts";

export type MessageRequest = keyof MessageProcessors;

/** What a call came to, whether it was answered or refused. */
export interface Outcome {
  readonly code: number;
  readonly remark: string | undefined;
  readonly header: Record<string, unknown>;
  readonly extFields: ExtFields;
  readonly body: Uint8Array;
}

export class FakePeer implements Peer {
  readonly remote;
  readonly local = { host: "127.0.0.1", port: 10911 };
  closed = false;
  readonly #onClose: (() => void)[] = [];

  constructor(port = 50_000) {
    this.remote = { host: "127.0.0.1", port };
  }

  oneway(): void {}

  invoke(): Promise<never> {
    return Promise.reject(new Error("not expected"));
  }

  caughtUp(): Promise<void> | undefined {
    return undefined;
  }

  onClose(callback: () => void): void {
    if (this.closed) callback();
    else this.#onClose.push(callback);
  }

  close(): void {
    this.closed = true;
    for (const callback of this.#onClose.splice(0)) callback();
  }
}

export const silentLog: Log = { error() {}, warn() {}, info() {}, debug() {} };

export const newTopic = (topicName: string, more: Partial<TopicConfig> = {}): TopicConfig => ({
  ...topicConfig.parse("{}"),
  topicName,
  readQueueNums: 4,
  writeQueueNums: 4,
  ...more,
});

export const newGroup = (groupName: string, more: Partial<SubscriptionGroupConfig> = {}): SubscriptionGroupConfig => ({
  ...subscriptionGroupConfig.parse("{}"),
  groupName,
  ...more,
});

export const tagSubscription = (topic: string, subString: string, more: Partial<SubscriptionData> = {}): SubscriptionData => {
  const tags = subString === "*" ? [] : subString.split("||").map((tag) => tag.trim());
  return {
    classFilterMode: false,
    topic,
    subString,
    tagsSet: new Set(tags),
    codeSet: new Set(tags.map(hashCode)),
    subVersion: 1,
    expressionType: "TAG",
    ...more,
  };
};

export interface HarnessOptions {
  readonly settings?: BrokerSettingsInput;
  /** Starts on what another left. */
  readonly runtime?: SimRuntime;
}

export class Harness {
  readonly runtime: SimRuntime;
  readonly settings: BrokerSettings;
  readonly store: DefaultMessageStore;
  readonly offsets: ConsumerOffsetManager;
  readonly filters: ConsumerFilterManager;
  readonly messages: BrokerMessages;
  readonly topics = new Map<string, TopicConfig>();
  readonly groups = new Map<string, SubscriptionGroupConfig>();
  readonly consumers = new Map<string, ConsumerGroup>();
  /** By group. */
  readonly producers = new Map<string, ClientChannel>();
  readonly unreadable = new Set<string>();
  readonly counted: string[] = [];
  readonly peer = new FakePeer();

  private constructor(options: HarnessOptions) {
    this.runtime = options.runtime ?? simRuntime();
    this.settings = settingsWith(
      brokerOptions,
      {
        brokerName: "broker-a",
        storePathRootDir: "/store",
        mappedFileSizeCommitLog: 1024 * 1024,
        mappedFileSizeConsumeQueue: 6000,
        autoCreateSubscriptionGroup: false,
        autoCreateTopicEnable: false,
        ...options.settings,
      },
      this.runtime.system,
    );
    const { runtime, settings } = this;
    this.store = new DefaultMessageStore(runtime, silentLog, settings, (topic) => this.topics.get(topic)?.attributes);
    this.offsets = new ConsumerOffsetManager({ runtime, log: silentLog, settings });
    this.filters = new ConsumerFilterManager({ runtime, log: silentLog, settings });
    this.messages = new BrokerMessages(this.#parts());
    this.topics.set("T", newTopic("T"));
    this.groups.set("G", newGroup("G"));
  }

  static async open(options: HarnessOptions = {}): Promise<Harness> {
    const harness = new Harness(options);
    await harness.store.load();
    harness.offsets.load();
    return harness;
  }

  /** Orderly. */
  async close(): Promise<void> {
    await this.messages.close();
    this.offsets.stop();
    this.offsets.persist();
    await this.store.close();
  }

  /** Calls a processor as the dispatcher would; a refusal is an outcome too. Undefined: nobody is answered. */
  async call<N extends MessageRequest>(
    name: N,
    header: RequestHeaderOf<N>,
    body: Uint8Array = new Uint8Array(0),
    context: Partial<RequestContext> = {},
  ): Promise<Outcome | undefined> {
    const whole: RequestContext = {
      peer: this.peer,
      version: VERSION_CURRENT,
      language: 0,
      oneway: false,
      extFields: {},
      receivedAt: this.runtime.clock.monotonic(),
      ...context,
    };
    try {
      const processor = this.messages.processors[name] as (
        context: RequestContext,
        request: { header: RequestHeaderOf<N>; body: Uint8Array },
      ) => TypedReply<N> | undefined | Promise<TypedReply<N> | undefined>;
      const reply = await processor(whole, { header, body });
      if (reply === undefined) return undefined;
      return {
        code: reply.code ?? 0,
        remark: reply.remark,
        header: (reply.header ?? {}) as Record<string, unknown>,
        extFields: reply.extFields ?? {},
        body: reply.body ?? new Uint8Array(0),
      };
    } catch (error) {
      if (!(error instanceof RemotingError)) throw error;
      return { code: error.code, remark: error.message, header: {}, extFields: {}, body: new Uint8Array(0) };
    }
  }

  send(more: SendInput = {}): Promise<Outcome> {
    const { body = "hello", properties = {}, version, ...header } = more;
    return this.call(
      "SEND_MESSAGE_V2",
      sendHeader({ properties: formatProperties(Object.entries(properties)), ...header }),
      typeof body === "string" ? encodeUtf8(body) : body,
      version === undefined ? {} : { version },
    ) as Promise<Outcome>;
  }

  pull(more: Partial<RequestHeaderOf<"PULL_MESSAGE">> = {}, context: Partial<RequestContext> = {}): Promise<Outcome | undefined> {
    return this.call("PULL_MESSAGE", pullHeader(more), undefined, context);
  }

  /** All messages of a queue, unfiltered. */
  async messagesOf(topic: string, queueId = 0): Promise<StoredMessage[]> {
    const queue = { topic, queueId };
    const messages: StoredMessage[] = [];
    for (let offset = Math.max(0, this.store.minOffset(queue)); offset < this.store.maxOffset(queue); ) {
      const result = await this.store.get(queue, offset, { messagesMax: 32, bytesMax: 1_000_000 }, undefined);
      if (result.status !== "FOUND") throw new Error(`${topic} ${queueId} at ${offset}: ${result.status}`);
      messages.push(...decodeRecords(result.body));
      offset = result.nextBeginOffset;
    }
    return messages;
  }

  connect(group: string, subscriptions: SubscriptionData[], more: Partial<ConsumerGroup> = {}): void {
    this.consumers.set(group, {
      name: group,
      consumeType: "CONSUME_PASSIVELY",
      messageModel: "CLUSTERING",
      consumeFromWhere: "CONSUME_FROM_LAST_OFFSET",
      subscriptions: new Map(subscriptions.map((each) => [each.topic, each])),
      channels: new Map(),
      ...more,
    });
  }

  #parts(): BrokerParts {
    const { runtime, settings, store, offsets, filters, topics, groups, consumers, producers, unreadable, counted } = this;
    const dataVersion = { counter: 0, stateVersion: 0, timestamp: 0 };
    return {
      runtime,
      log: silentLog,
      settings,
      store,
      offsets,
      filters,
      topics: {
        dataVersion,
        find: (topic) => topics.get(topic),
        all: () => topics,
        createOnSend(topic, template, clientQueues) {
          const from = topics.get(template);
          if (from === undefined || (from.perm & 1) === 0) return undefined;
          const queues = Math.min(clientQueues, from.writeQueueNums);
          const config = newTopic(topic, { readQueueNums: queues, writeQueueNums: queues, perm: from.perm & ~1 });
          topics.set(topic, config);
          return config;
        },
        ensure(topic, queues, perm, topicSysFlag) {
          const known = topics.get(topic);
          if (known !== undefined) return known;
          const config = newTopic(topic, { readQueueNums: queues, writeQueueNums: queues, perm, topicSysFlag });
          topics.set(topic, config);
          return config;
        },
        update: (config) => topics.set(config.topicName, config),
        delete: (topic) => topics.delete(topic),
        isSystemTopic: () => false,
      },
      groups: {
        dataVersion,
        findOrCreate(group) {
          if (!groups.has(group) && settings.autoCreateSubscriptionGroup) groups.set(group, newGroup(group));
          return groups.get(group);
        },
        find: (group) => groups.get(group),
        all: () => groups,
        update: (config) => groups.set(config.groupName, config),
        delete: (group) => groups.delete(group),
        mayRead: (group, topic) => !unreadable.has(`${group} ${topic}`),
        setReadable() {},
      },
      consumers: {
        group: (name) => consumers.get(name),
        subscription: (group, topic) => consumers.get(group)?.subscriptions.get(topic),
        clientIds: () => [],
        channel: () => undefined,
        groups: () => consumers.values(),
        groupsOf: () => new Set(),
      },
      producers: {
        channels: () => [],
        anyChannel: (group) => producers.get(group),
        byClientId: (clientId) => [...producers.values()].find((channel) => channel.clientId === clientId),
        groups: () => producers.keys(),
      },
      stats: {
        put: (topic, count) => counted.push(`put ${topic} ${count}`),
        sent: (topic, _type, count) => counted.push(`put ${topic} ${count}`),
        got: (group, topic, _queueId, count) => counted.push(`got ${group} ${topic} ${count}`),
        sendBack: (group, topic) => counted.push(`sendBack ${group} ${topic}`),
        deadLetter: (group, topic) => counted.push(`deadLetter ${group} ${topic}`),
        getMissed() {},
        putLatency() {},
        fellBehind() {},
      },
      addresses: {
        storeHostFor: () => ({ host: "127.0.0.1", port: 10911 }),
        brokerAddressFor: () => "127.0.0.1:10911",
      },
    };
  }
}

export type SendInput = Partial<Omit<RequestHeaderOf<"SEND_MESSAGE_V2">, "properties">> & {
  readonly properties?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** Version ordinal of the client. */
  readonly version?: number;
};

export const sendHeader = (more: Partial<RequestHeaderOf<"SEND_MESSAGE_V2">> = {}): RequestHeaderOf<"SEND_MESSAGE_V2"> => ({
  producerGroup: "PG",
  topic: "T",
  defaultTopic: "TBW102",
  defaultTopicQueueNums: 4,
  queueId: 0,
  sysFlag: 0,
  bornTimestamp: 1_795_225_250_966,
  flag: 0,
  reconsumeTimes: 0,
  unitMode: false,
  batch: false,
  ...more,
});

/** Without suspension, with the subscription `*` in the request. */
export const pullHeader = (more: Partial<RequestHeaderOf<"PULL_MESSAGE">> = {}): RequestHeaderOf<"PULL_MESSAGE"> => ({
  consumerGroup: "G",
  topic: "T",
  queueId: 0,
  queueOffset: 0,
  maxMsgNums: 32,
  sysFlag: 4,
  commitOffset: 0,
  suspendTimeoutMillis: 15_000,
  subscription: "*",
  subVersion: 0,
  ...more,
});
