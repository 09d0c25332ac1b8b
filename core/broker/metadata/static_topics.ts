/**
 * Static topics: logic queues that are numbered over all brokers, and which of them this broker holds, in which of its own
 * (physical) queues: topicQueueMapping.json.
 *
 * A logic queue lies in one physical queue for good: one that was moved between brokers (remappingStaticTopic) has several
 * stretches, which is refused when it is asked for. So logic offsets are the offsets of the physical queue. A moved queue in a
 * file that Apache wrote is kept as it is, and not served (`../static_topic_requests.ts`).
 */
import {
  type TopicQueueMappingDetail,
  type TopicQueueMappingInfo,
  topicQueueMappingSerializeWrapper,
} from "../../../wire/bodies/static_topic.ts";
import type { DataVersion } from "../../../wire/bodies/topic.ts";
import { ResponseCode } from "../../../wire/response_code.ts";
import { RemotingError } from "../../remoting/processor.ts";
import type { Log, Runtime } from "../../runtime.ts";
import { ConfigFile } from "../../store/config_file.ts";
import type { BrokerSettings } from "../options.ts";
import { notPersisted } from "./not_persisted.ts";
import { nextVersion } from "./versions.ts";

/** Logic queues of a topic: as many as it may have queues. */
const LOGIC_QUEUES_MAX = 65_535;

export interface TopicQueueMappingParts {
  readonly runtime: Runtime;
  readonly log: Log;
  readonly settings: BrokerSettings;
}

export class TopicQueueMappingManager {
  readonly #parts: TopicQueueMappingParts;
  readonly #file: ConfigFile;
  readonly #table = new Map<string, TopicQueueMappingDetail>();
  #dataVersion: DataVersion;

  constructor(parts: TopicQueueMappingParts) {
    this.#parts = parts;
    const { runtime, settings, log } = parts;
    this.#file = new ConfigFile(runtime.files, log, `${settings.storePathRootDir}/config/topicQueueMapping.json`);
    this.#dataVersion = { stateVersion: 0, timestamp: runtime.clock.now(), counter: 0 };
  }

  /** @throws Error when the file is there and can't be read. */
  load(): void {
    const saved = this.#file.load((text) => topicQueueMappingSerializeWrapper.parse(text));
    if (saved === undefined) return;
    for (const [topic, detail] of saved.topicQueueMappingInfoMap) {
      this.#table.set(topic, { ...detail, topic });
      const moved = [...detail.hostedQueues].filter(([, items]) => items.length > 1).map(([id]) => id);
      if (moved.length > 0) {
        const queues = moved.join(",");
        this.#parts.log.warn("queues of a static topic were moved between brokers, and are not served yet", { topic, queues });
      }
    }
    this.#dataVersion = saved.dataVersion;
  }

  get dataVersion(): DataVersion {
    return this.#dataVersion;
  }

  /** No static topics at all: then requests need not be looked at. */
  get isEmpty(): boolean {
    return this.#table.size === 0;
  }

  find(topic: string): TopicQueueMappingDetail | undefined {
    return this.#table.get(topic);
  }

  all(): ReadonlyMap<string, TopicQueueMappingDetail> {
    return this.#table;
  }

  /** Of those of `topics` that are static, which logic queues are here: what nameservers are told. */
  infosOf(topics: Iterable<string>): Map<string, TopicQueueMappingInfo> {
    const infos = new Map<string, TopicQueueMappingInfo>();
    for (const topic of topics) {
      const detail = this.#table.get(topic);
      if (detail === undefined) continue;
      const { scope, totalQueues, bname, epoch } = detail;
      const currIdMap = new Map<number, number>();
      for (const [id, items] of detail.hostedQueues) {
        const leader = items.at(-1);
        if (leader?.bname === bname) currIdMap.set(id, leader.queueId);
      }
      infos.set(topic, { topic, scope, totalQueues, bname, epoch, dirty: false, currIdMap });
    }
    return infos;
  }

  /**
   * Takes a mapping in and persists it.
   * @param force Whatever epoch and scope were before.
   * @throws RemotingError SYSTEM_ERROR when it is refused: nothing is changed.
   */
  update(detail: TopicQueueMappingDetail, force: boolean): void {
    this.#check(detail);
    const old = this.#table.get(detail.topic);
    if (old !== undefined && !force) {
      if (detail.epoch < old.epoch) throw refused(`Can't accept data with small epoch ${detail.epoch} < ${old.epoch}`);
      if (detail.scope !== old.scope) throw refused(`Can't accept data with unmatched scope ${detail.scope} != ${old.scope}`);
    }
    for (const [id, items] of old?.hostedQueues ?? []) {
      const now = detail.hostedQueues.get(id);
      if (!force && now !== undefined && now[0]?.queueId !== items[0]?.queueId) {
        throw refused(
          `logic queue ${id} of ${detail.topic} lies in queue ${items[0]?.queueId} and can't lie in ${now[0]?.queueId}`,
        );
      }
    }
    const hostedQueues = new Map([...(old?.hostedQueues ?? []), ...detail.hostedQueues]);
    this.#table.set(detail.topic, { ...detail, hostedQueues });
    try {
      this.#changed();
    } catch (fault) {
      if (old === undefined) this.#table.delete(detail.topic);
      else this.#table.set(detail.topic, old);
      throw notPersisted(`the queue mapping of ${detail.topic}`, fault);
    }
    this.#parts.log.info("static topic updated", { topic: detail.topic, queues: hostedQueues.size, epoch: detail.epoch });
  }

  delete(topic: string): void {
    if (this.#table.delete(topic)) this.#changed();
  }

  #check({ topic, bname, totalQueues, hostedQueues }: TopicQueueMappingDetail): void {
    const { brokerName } = this.#parts.settings;
    if (bname !== brokerName) throw refused(`the mapping of ${topic} is for the broker ${bname}, and this is ${brokerName}`);
    if (totalQueues > LOGIC_QUEUES_MAX || hostedQueues.size > totalQueues) {
      throw refused(
        `the mapping of ${topic} has ${hostedQueues.size} of ${totalQueues} queues here: at most ${LOGIC_QUEUES_MAX}`,
      );
    }
    for (const [id, items] of hostedQueues) {
      const [only] = items;
      if (
        only === undefined ||
        items.length > 1 ||
        only.bname !== brokerName ||
        only.logicOffset !== 0 ||
        only.startOffset !== 0
      ) {
        throw refused(
          `logic queue ${id} of ${topic} lies in ${items.length} stretches: static topics can't be moved between brokers yet (remappingStaticTopic)`,
        );
      }
      if (id < 0 || id >= totalQueues) throw refused(`logic queue ${id} of ${topic} is not below totalQueues=${totalQueues}`);
      if (only.queueId < 0 || only.queueId >= LOGIC_QUEUES_MAX)
        throw refused(`logic queue ${id} of ${topic} lies in queue ${only.queueId}`);
    }
  }

  #changed(): void {
    this.#dataVersion = nextVersion(this.#dataVersion, this.#parts.runtime.clock.now());
    const wrapper = { dataVersion: this.#dataVersion, topicQueueMappingInfoMap: this.#table };
    this.#file.save(topicQueueMappingSerializeWrapper.format(wrapper, { pretty: true }));
  }
}

const refused = (why: string): RemotingError => new RemotingError(ResponseCode.SYSTEM_ERROR, why);
