/**
 * Topics of this broker: topics.json, the topics that every broker has, and the making of new ones on a send.
 *
 * Invariants: a topic in the table has a legal name; a change is in the file before anybody is told of it; the data version
 * moves with every change, so that nameservers see it.
 */
import { type DataVersion, type TopicConfig, topicConfigSerializeWrapper } from "../../../wire/bodies/topic.ts";
import { AUTO_CREATE_TOPIC, isLmq } from "../../../wire/mix_all.ts";
import { PERM_INHERIT, PERM_MAX, PERM_READ, PERM_WRITE } from "../../../wire/perm_name.ts";
import { ResponseCode } from "../../../wire/response_code.ts";
import { RemotingError } from "../../remoting/processor.ts";
import type { Log, Runtime } from "../../runtime.ts";
import { ConfigFile } from "../../store/config_file.ts";
import type { BrokerSettings } from "../options.ts";
import type { Topics } from "../parts.ts";
import { putPersisted } from "./persisted.ts";
import { TopicQueueMappingManager } from "./static_topics.ts";
import { alterAttributes, TOPIC_ATTRIBUTES } from "./topics_attributes.ts";
import { newTopic } from "./topics_config.ts";
import { systemTopicsOf } from "./topics_system.ts";
import { isSystemTopicName, topicFault } from "./topics_validator.ts";
import { nextVersion } from "./versions.ts";

/** What a name read from our own file may not be, since it becomes part of a path. */
const NO_PATH = /[/\\\0]|^\.{1,2}$/;

export interface TopicConfigManagerParts {
  readonly runtime: Runtime;
  readonly log: Log;
  readonly settings: BrokerSettings;
  /** Told of every new or changed topic, after it is persisted. */
  readonly changed: (config: TopicConfig) => void;
  /** Told of a deleted topic, after it is persisted. */
  readonly deleted?: (topic: string) => void;
}

export class TopicConfigManager implements Topics {
  readonly #parts: TopicConfigManagerParts;
  readonly #table = new Map<string, TopicConfig>();
  readonly #systemTopics: ReadonlySet<string>;
  readonly #file: ConfigFile;
  /** Which of the topics are static. */
  readonly mappings: TopicQueueMappingManager;
  #dataVersion: DataVersion;

  constructor(parts: TopicConfigManagerParts) {
    this.#parts = parts;
    const { runtime, settings, log } = parts;
    this.#file = new ConfigFile(runtime.files, log, `${settings.storePathRootDir}/config/topics.json`);
    this.#dataVersion = { stateVersion: 0, timestamp: runtime.clock.now(), counter: 0 };
    this.mappings = new TopicQueueMappingManager(parts);
    const system = systemTopicsOf(settings);
    this.#systemTopics = new Set(system.map((topic) => topic.topicName));
    for (const topic of system) this.#table.set(topic.topicName, topic);
  }

  /** Reads topics.json; what it says of a system topic holds. Throws when the file is there and can't be read. */
  load(): void {
    this.mappings.load();
    const saved = this.#file.load((text) => topicConfigSerializeWrapper.parse(text));
    if (saved === undefined) return;
    for (const [name, config] of saved.topicConfigTable) {
      if (NO_PATH.test(name)) this.#parts.log.warn("a topic in topics.json has a name that can't be a path", { topic: name });
      else this.#table.set(name, { ...config, topicName: name });
    }
    this.#dataVersion = saved.dataVersion;
    // A template from an earlier start would have clients believe that their topics will be made.
    if (!this.#parts.settings.autoCreateTopicEnable) this.#table.delete(AUTO_CREATE_TOPIC);
  }

  persist(): void {
    const wrapper = { dataVersion: this.#dataVersion, topicConfigTable: this.#table };
    this.#file.save(topicConfigSerializeWrapper.format(wrapper, { pretty: true }));
  }

  // -------------------------------------------------------------------------------------------------------- reading

  get dataVersion(): DataVersion {
    return this.#dataVersion;
  }

  find(topic: string): TopicConfig | undefined {
    const known = this.#table.get(topic);
    if (known !== undefined || !isLmq(topic) || !this.#parts.settings.enableLmq) return known;
    // Light queues are not made and not listed: each has one queue that may be read and written.
    return newTopic(topic, 1, PERM_READ | PERM_WRITE);
  }

  all(): ReadonlyMap<string, TopicConfig> {
    return this.#table;
  }

  isSystemTopic(topic: string): boolean {
    return this.#systemTopics.has(topic) || isSystemTopicName(topic);
  }

  /** The system topics that this broker made or would make. */
  systemTopics(): ReadonlySet<string> {
    return this.#systemTopics;
  }

  // ------------------------------------------------------------------------------------------------------- changing

  createOnSend(topic: string, template: string, clientQueues: number, topicSysFlag: number): TopicConfig | undefined {
    const known = this.#table.get(topic);
    if (known !== undefined) return known;
    if (topicFault(topic) !== undefined) return undefined;
    const { log, settings } = this.#parts;
    const model = this.#table.get(template);
    if (model === undefined || (template === AUTO_CREATE_TOPIC && !settings.autoCreateTopicEnable)) {
      log.warn("topic not created on send: its template is not there", { topic, template, key: "autoCreateTopicEnable" });
      return undefined;
    }
    if ((model.perm & PERM_INHERIT) === 0) {
      log.warn("topic not created on send: its template may not be inherited from", { topic, template, perm: model.perm });
      return undefined;
    }
    const queues = Math.max(0, Math.min(clientQueues, model.writeQueueNums));
    const created: TopicConfig = {
      ...newTopic(topic, queues, model.perm & ~PERM_INHERIT),
      topicFilterType: model.topicFilterType,
      topicSysFlag,
    };
    log.info("topic created on send", { topic, template, queues, perm: created.perm });
    this.#put([created]);
    return created;
  }

  ensure(topic: string, queues: number, perm: number, topicSysFlag: number, order = false): TopicConfig {
    const known = this.#table.get(topic);
    if (known !== undefined) {
      if (!order || known.order) return known;
      const ordered = { ...known, order };
      this.#put([ordered]);
      return ordered;
    }
    const created: TopicConfig = { ...newTopic(topic, Math.max(0, queues), perm), topicSysFlag, order };
    this.#put([created]);
    return created;
  }

  /**
   * Creates or replaces. `config.attributes` are changes (`+key`, `-key`) to those the topic has.
   * @throws RemotingError INVALID_PARAMETER for a bad name, count or perm, SYSTEM_ERROR for bad attributes.
   */
  update(config: TopicConfig): void {
    this.updateAll([config]);
  }

  /** Several at once: all are checked before the first is changed, and the file is written once. */
  updateAll(configs: readonly TopicConfig[]): void {
    // Light queues are as they are.
    const { enableLmq } = this.#parts.settings;
    const made = configs.filter(({ topicName }) => !(enableLmq && isLmq(topicName)));
    if (made.length > 0) this.#put(made.map((config) => this.checked(config)));
  }

  /** What the topic would be after `update(config)`; throws as that does. */
  checked(config: TopicConfig): TopicConfig {
    const { topicName, readQueueNums, writeQueueNums, perm } = config;
    const fault = topicFault(topicName);
    if (fault !== undefined && !this.#systemTopics.has(topicName)) throw new RemotingError(ResponseCode.INVALID_PARAMETER, fault);
    if (!(readQueueNums >= 0 && writeQueueNums >= 0 && readQueueNums <= QUEUES_MAX && writeQueueNums <= QUEUES_MAX)) {
      throw new RemotingError(
        ResponseCode.INVALID_PARAMETER,
        `topic ${topicName}: readQueueNums=${readQueueNums}, writeQueueNums=${writeQueueNums}: allowed is 0 to ${QUEUES_MAX}`,
      );
    }
    if (!(perm >= 0 && perm <= PERM_MAX)) {
      throw new RemotingError(ResponseCode.INVALID_PARAMETER, `topic ${topicName}: perm=${perm}: allowed is 0 to ${PERM_MAX}`);
    }
    const known = this.#table.get(topicName);
    const attributes = alterAttributes(known === undefined, TOPIC_ATTRIBUTES, known?.attributes ?? {}, config.attributes);
    return { ...config, attributes };
  }

  delete(topic: string): void {
    if (!this.#table.delete(topic)) return;
    this.mappings.delete(topic);
    this.#parts.log.info("topic deleted", { topic });
    this.#nextVersion();
    this.#parts.deleted?.(topic);
  }

  /** Topics with order configuration at the nameserver are ordered here too; Apache never takes that back by itself. */
  markOrdered(topics: Iterable<string>): void {
    const changed: string[] = [];
    for (const name of topics) {
      const config = this.#table.get(name);
      if (config === undefined || config.order) continue;
      this.#table.set(name, { ...config, order: true });
      changed.push(name);
    }
    if (changed.length === 0) return;
    this.#parts.log.info("topics are ordered by the nameserver's configuration", { topics: changed.join(",") });
    this.#nextVersion();
  }

  /** Makes the system topics that the settings ask for by now (TBW102, when auto-creation was switched on). */
  ensureSystemTopics(): void {
    const missing = systemTopicsOf(this.#parts.settings).filter(({ topicName }) => !this.#table.has(topicName));
    if (missing.length > 0) this.#put(missing);
  }

  /** Something that registrations carry changed beside the topics (brokerPermission). */
  touch(): void {
    this.#nextVersion();
  }

  /** In memory, in the file, told: topics that can't be persisted are not there. */
  #put(configs: readonly TopicConfig[]): void {
    const entries = configs.map((config) => [config.topicName, config] as const);
    putPersisted("the topic", this.#table, entries, () => this.#nextVersion());
    for (const config of configs) this.#parts.changed(config);
  }

  #nextVersion(): void {
    this.#dataVersion = nextVersion(this.#dataVersion, this.#parts.runtime.clock.now());
    this.persist();
  }
}

/** A queue costs files; Apache has no bound, and nobody has this many. */
const QUEUES_MAX = 65_535;
