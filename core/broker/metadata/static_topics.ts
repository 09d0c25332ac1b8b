/**
 * Static topics: logic queues that are numbered over all brokers, and which of them this broker holds, in which of its own
 * (physical) queues: topicQueueMapping.json.
 *
 * A logic queue lies in one physical queue, until it is moved to another broker (remappingStaticTopic): then it has several
 * stretches (`static_topic_stretches.ts`), of which the last one's broker leads it and the others know that they do not.
 */
import {
  type LogicQueueMappingItem,
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
import { putPersisted } from "./persisted.ts";
import { whyNotAfter } from "./static_topic_stretches.ts";
import { nextVersion } from "./versions.ts";

/** Logic queues of a topic: as many as it may have queues. */
const LOGIC_QUEUES_MAX = 65_535;
/** A queue is moved by hand. */
const STRETCHES_MAX = 1000;

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
    for (const [topic, detail] of saved.topicQueueMappingInfoMap) this.#table.set(topic, { ...detail, topic });
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
      const why = force || now === undefined ? undefined : whyNotAfter(items, now);
      if (why !== undefined) throw refused(`logic queue ${id} of ${detail.topic}: ${why}`);
    }
    const hostedQueues = new Map([...(old?.hostedQueues ?? []), ...detail.hostedQueues]);
    putPersisted("the queue mapping of", this.#table, [[detail.topic, { ...detail, hostedQueues }]], () => this.#changed());
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
      if (id < 0 || id >= totalQueues) throw refused(`logic queue ${id} of ${topic} is not below totalQueues=${totalQueues}`);
      if (items.length === 0 || items.length > STRETCHES_MAX) {
        throw refused(`logic queue ${id} of ${topic} has ${items.length} stretches: 1 to ${STRETCHES_MAX}`);
      }
      let before: LogicQueueMappingItem | undefined;
      for (const item of items) {
        const { queueId, gen, startOffset, logicOffset } = item;
        if (queueId < 0 || queueId >= LOGIC_QUEUES_MAX) throw refused(`logic queue ${id} of ${topic} lies in queue ${queueId}`);
        const isInOrder = before === undefined || (gen > before.gen && (logicOffset < 0 || logicOffset >= before.logicOffset));
        if (item.bname === "" || startOffset < 0 || !isInOrder) {
          throw refused(
            `logic queue ${id} of ${topic}: stretch ${gen} has no broker, begins before 0, or does not follow the one before`,
          );
        }
        before = item;
      }
    }
  }

  #changed(): void {
    this.#dataVersion = nextVersion(this.#dataVersion, this.#parts.runtime.clock.now());
    const wrapper = { dataVersion: this.#dataVersion, topicQueueMappingInfoMap: this.#table };
    this.#file.save(topicQueueMappingSerializeWrapper.format(wrapper, { pretty: true }));
  }
}

const refused = (why: string): RemotingError => new RemotingError(ResponseCode.SYSTEM_ERROR, why);
