/**
 * Consumer groups of this broker: subscriptionGroup.json, the groups that every broker has, and the bits that forbid a
 * group a topic (code 353). Same invariants as `topics.ts`.
 */
import {
  newSubscriptionGroupConfig,
  type SubscriptionGroupConfig,
  subscriptionGroupWrapper,
} from "../../../wire/bodies/subscription_group.ts";
import type { DataVersion } from "../../../wire/bodies/topic.ts";
import { isLmq } from "../../../wire/mix_all.ts";
import { ResponseCode } from "../../../wire/response_code.ts";
import { RemotingError } from "../../remoting/processor.ts";
import type { Log, Runtime } from "../../runtime.ts";
import { ConfigFile } from "../../store/config_file.ts";
import type { BrokerSettings } from "../options.ts";
import type { Groups } from "../parts.ts";
import { putPersisted } from "./persisted.ts";
import { alterAttributes, GROUP_ATTRIBUTES } from "./topics_attributes.ts";
import { groupFault, isSystemGroupByPrefix } from "./topics_validator.ts";
import { nextVersion } from "./versions.ts";

/** Groups made at start. */
const SYSTEM_GROUPS = [
  "TOOLS_CONSUMER",
  "FILTERSRV_CONSUMER",
  "SELF_TEST_C_GROUP",
  "CID_ONS-HTTP-PROXY",
  "CID_ONSAPI_PULL",
  "CID_ONSAPI_PERMISSION",
  "CID_ONSAPI_OWNER",
  "CID_RMQ_SYS_TRANS",
];

/** Bit of a forbidden value (that of the read permission): the group may not read the topic. */
const FORBIDDEN_READ = 4;

export interface SubscriptionGroupManagerParts {
  readonly runtime: Runtime;
  readonly log: Log;
  readonly settings: BrokerSettings;
  readonly deleted?: (group: string) => void;
}

export class SubscriptionGroupManager implements Groups {
  readonly #parts: SubscriptionGroupManagerParts;
  readonly #table = new Map<string, SubscriptionGroupConfig>();
  /** Group -> topic -> bits. */
  readonly #forbidden = new Map<string, Map<string, number>>();
  readonly #file: ConfigFile;
  #dataVersion: DataVersion;

  constructor(parts: SubscriptionGroupManagerParts) {
    this.#parts = parts;
    const { runtime, settings, log } = parts;
    this.#file = new ConfigFile(runtime.files, log, `${settings.storePathRootDir}/config/subscriptionGroup.json`);
    this.#dataVersion = { stateVersion: 0, timestamp: runtime.clock.now(), counter: 0 };
    for (const name of SYSTEM_GROUPS) this.#table.set(name, newSubscriptionGroupConfig(name));
  }

  /** Reads subscriptionGroup.json. Throws when the file is there and can't be read. */
  load(): void {
    const saved = this.#file.load((text) => subscriptionGroupWrapper.parse(text));
    if (saved === undefined) return;
    for (const [name, config] of saved.subscriptionGroupTable) this.#table.set(name, { ...config, groupName: name });
    for (const [group, topics] of saved.forbiddenTable) this.#forbidden.set(group, topics);
    this.#dataVersion = saved.dataVersion;
  }

  persist(): void {
    const wrapper = { dataVersion: this.#dataVersion, forbiddenTable: this.#forbidden, subscriptionGroupTable: this.#table };
    this.#file.save(subscriptionGroupWrapper.format(wrapper, { pretty: true }));
  }

  // -------------------------------------------------------------------------------------------------------- reading

  get dataVersion(): DataVersion {
    return this.#dataVersion;
  }

  find(group: string): SubscriptionGroupConfig | undefined {
    const known = this.#table.get(group);
    if (known !== undefined || !isLmq(group) || !this.#parts.settings.enableLmq) return known;
    // Groups of light queues are not made and not listed.
    return newSubscriptionGroupConfig(group);
  }

  findOrCreate(group: string): SubscriptionGroupConfig | undefined {
    const known = this.find(group);
    if (known !== undefined) return known;
    const { settings, log } = this.#parts;
    const mayCreate = settings.autoCreateSubscriptionGroup || (settings.enableCreateSysGroup && isSystemGroupByPrefix(group));
    if (!mayCreate || groupFault(group) !== undefined) return undefined;
    const created = newSubscriptionGroupConfig(group);
    this.#table.set(group, created);
    try {
      this.#nextVersion();
      log.info("consumer group created on first use", { group });
    } catch (fault) {
      // Reading goes on when the disk is full. Without the file the group is made again on its next first use.
      log.error("consumer group created on first use, in memory only until the file can be written", {
        group,
        error: fault instanceof Error ? fault.message : String(fault),
      });
    }
    return created;
  }

  all(): ReadonlyMap<string, SubscriptionGroupConfig> {
    return this.#table;
  }

  /** Group -> topic -> bits. */
  forbiddenTable(): ReadonlyMap<string, Map<string, number>> {
    return this.#forbidden;
  }

  mayRead(group: string, topic: string): boolean {
    return ((this.#forbidden.get(group)?.get(topic) ?? 0) & FORBIDDEN_READ) === 0;
  }

  // ------------------------------------------------------------------------------------------------------- changing

  /**
   * Creates or replaces. `config.attributes` are changes (`+key`, `-key`) to those the group has.
   * @throws RemotingError INVALID_PARAMETER for a bad name, SYSTEM_ERROR for bad attributes.
   */
  update(config: SubscriptionGroupConfig): void {
    this.#put([this.checked(config)]);
  }

  /** Several at once: all are checked before the first is changed, and the file is written once. */
  updateAll(configs: readonly SubscriptionGroupConfig[]): void {
    if (configs.length > 0) this.#put(configs.map((config) => this.checked(config)));
  }

  /** What the group would be after `update(config)`; throws as that does. */
  checked(config: SubscriptionGroupConfig): SubscriptionGroupConfig {
    const fault = groupFault(config.groupName);
    if (fault !== undefined) throw new RemotingError(ResponseCode.INVALID_PARAMETER, fault);
    const known = this.#table.get(config.groupName);
    const attributes = alterAttributes(known === undefined, GROUP_ATTRIBUTES, known?.attributes ?? {}, config.attributes);
    return { ...config, attributes };
  }

  delete(group: string): void {
    const existed = this.#table.delete(group);
    const wasForbidden = this.#forbidden.delete(group);
    if (!existed && !wasForbidden) return;
    this.#parts.log.info("consumer group deleted", { group });
    this.#nextVersion();
    this.#parts.deleted?.(group);
  }

  setReadable(group: string, topic: string, readable: boolean): void {
    const topics = this.#forbidden.get(group) ?? new Map<string, number>();
    const bits = topics.get(topic) ?? 0;
    const changed = readable ? bits & ~FORBIDDEN_READ : bits | FORBIDDEN_READ;
    if (changed === bits) return;
    if (changed === 0) topics.delete(topic);
    else topics.set(topic, changed);
    if (topics.size === 0) this.#forbidden.delete(group);
    else this.#forbidden.set(group, topics);
    this.#nextVersion();
  }

  /** In memory and in the file: groups that can't be persisted are not there. */
  #put(configs: readonly SubscriptionGroupConfig[]): void {
    const entries = configs.map((config) => [config.groupName, config] as const);
    putPersisted("the consumer group", this.#table, entries, () => this.#nextVersion());
  }

  #nextVersion(): void {
    this.#dataVersion = nextVersion(this.#dataVersion, this.#parts.runtime.clock.now());
    this.persist();
  }
}
