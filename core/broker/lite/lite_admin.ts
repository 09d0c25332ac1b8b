/** What administrators ask of lite topics: mqadmin's commands getBrokerLiteInfo … triggerLiteDispatch. */
import {
  type GetLiteGroupInfoResponseBody,
  getBrokerLiteInfoResponseBody,
  getLiteClientInfoResponseBody,
  getLiteGroupInfoResponseBody,
  getLiteTopicInfoResponseBody,
  getParentTopicInfoResponseBody,
  type LiteLagInfo,
} from "../../../wire/bodies/lite.ts";
import type { GetLiteClientInfoRequestHeader, GetLiteGroupInfoRequestHeader } from "../../../wire/headers/lite.ts";
import { isLmq, LMQ_QUEUE_ID } from "../../../wire/mix_all.ts";
import { ResponseCode } from "../../../wire/response_code.ts";
import { type ProcessorMap, RemotingError } from "../../remoting/processor.ts";
import type { BrokerParts } from "../parts.ts";
import type { ConsumerOrderInfoManager } from "../pop/order_info.ts";
import type { LiteEvents } from "./events.ts";
import type { LiteLifecycle } from "./lifecycle.ts";
import { lagInfo, lagsOf, TIMES_MAX } from "./lite_lag.ts";
import type { LiteMetadata } from "./lite_metadata.ts";
import { lmqNameOf } from "./lite_names.ts";
import type { LiteSharding } from "./sharding.ts";
import type { LiteSubscriptions } from "./subscriptions.ts";

/** Entries of one answer. */
const ENTRIES_MAX = 10_000;
const TOP_DEFAULT = 20;

type AdminRequest =
  | "GET_BROKER_LITE_INFO"
  | "GET_PARENT_TOPIC_INFO"
  | "GET_LITE_TOPIC_INFO"
  | "GET_LITE_CLIENT_INFO"
  | "GET_LITE_GROUP_INFO"
  | "TRIGGER_LITE_DISPATCH";

export interface LiteAdminServices {
  readonly metadata: LiteMetadata;
  readonly subscriptions: LiteSubscriptions;
  readonly events: LiteEvents;
  readonly lifecycle: LiteLifecycle;
  readonly sharding: LiteSharding;
  readonly orders: ConsumerOrderInfoManager;
}

export class LiteAdmin {
  readonly #parts: BrokerParts;
  readonly #services: LiteAdminServices;
  readonly processors: Pick<ProcessorMap<"broker">, AdminRequest>;

  constructor(parts: BrokerParts, services: LiteAdminServices) {
    this.#parts = parts;
    this.#services = services;
    this.processors = {
      GET_BROKER_LITE_INFO: () => ({ body: this.#ofBroker() }),
      GET_PARENT_TOPIC_INFO: (_context, { header }) => ({ body: this.#ofParent(header.topic) }),
      GET_LITE_TOPIC_INFO: async (_context, { header }) => ({
        body: await this.#ofTopic(header.parentTopic ?? "", header.liteTopic ?? ""),
      }),
      GET_LITE_CLIENT_INFO: (_context, { header }) => ({ body: this.#ofClient(header) }),
      GET_LITE_GROUP_INFO: async (_context, { header }) => ({ body: await this.#ofGroup(header) }),
      TRIGGER_LITE_DISPATCH: (_context, { header: { group, clientId } }) => {
        this.#boundTopic(group);
        const { events } = this.#services;
        if (clientId === undefined || clientId === "") events.dispatchAllOf(group);
        else events.dispatchAllTo(clientId, group);
        return {};
      },
    };
  }

  #ofBroker(): Uint8Array {
    const { settings, store, offsets } = this.#parts;
    const { metadata, subscriptions, events, orders } = this.#services;
    const topics = [...store.queues().keys()];
    return getBrokerLiteInfoResponseBody.encode({
      storeType: settings.storeType,
      maxLmqNum: settings.maxLmqConsumeQueueNum,
      currentLmqNum: topics.filter(isLmq).length,
      liteSubscriptionCount: subscriptions.count,
      orderInfoCount: orders.count,
      cqTableSize: topics.length,
      offsetTableSize: offsets.size,
      eventMapSize: events.size,
      topicMeta: metadata.parents(),
      groupMeta: metadata.groupsByTopic(),
    });
  }

  #ofParent(topic: string): Uint8Array {
    this.#checkParent(topic);
    const { metadata, lifecycle } = this.#services;
    return getParentTopicInfoResponseBody.encode({
      topic,
      ttl: metadata.ttlMinutes(topic),
      groups: metadata.groupsByTopic().get(topic),
      lmqNum: [...this.#parts.store.queues().keys()].filter(isLmq).length,
      liteTopicCount: lifecycle.queues(topic).length,
    });
  }

  async #ofTopic(parentTopic: string, liteTopic: string): Promise<Uint8Array> {
    this.#checkParent(parentTopic);
    const { store } = this.#parts;
    const { metadata, subscriptions, sharding } = this.#services;
    const name = lmqNameOf(parentTopic, liteTopic);
    await sharding.refresh(parentTopic);
    const queue = { topic: name, queueId: LMQ_QUEUE_ID };
    const maxOffset = store.maxOffset(queue);
    const subscriber = [...subscriptions.subscribers(name)].flatMap(([group, clients]) =>
      metadata.isWildcard(group) ? [{ clientId: "*", group }] : clients.map(({ clientId }) => ({ clientId, group })),
    );
    return getLiteTopicInfoResponseBody.encode({
      parentTopic,
      liteTopic,
      subscriber: subscriber.slice(0, ENTRIES_MAX),
      topicOffset: {
        minOffset: Math.max(0, store.minOffset(queue)),
        maxOffset,
        lastUpdateTimestamp: maxOffset > 0 ? Math.max(0, await store.storeTimeAt(queue, maxOffset - 1)) : 0,
      },
      shardingToBroker: sharding.isHere(name),
    });
  }

  #ofClient({ parentTopic = "", group = "", clientId = "", maxCount }: GetLiteClientInfoRequestHeader): Uint8Array {
    this.#checkParent(parentTopic);
    if (this.#parts.groups.find(group) === undefined) {
      throw new RemotingError(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, `Group [${group}] not exist.`);
    }
    const { metadata, subscriptions, events } = this.#services;
    if (metadata.boundTopic(group) !== parentTopic) {
      throw new RemotingError(ResponseCode.INVALID_PARAMETER, `Subscription [${group}]-[${parentTopic}] not match.`);
    }
    const client = subscriptions.client(clientId, group);
    const names = client === undefined ? undefined : [...client.lmqNames].slice(0, Math.max(0, Math.min(maxCount, ENTRIES_MAX)));
    return getLiteClientInfoResponseBody.encode({
      parentTopic,
      group,
      clientId,
      liteTopicCount: client?.lmqNames.size ?? -1,
      ...(names === undefined ? {} : { liteTopicSet: new Set(names) }),
      ...events.accessOf(clientId, group),
    });
  }

  async #ofGroup({ group, liteTopic = "", topK }: GetLiteGroupInfoRequestHeader): Promise<Uint8Array> {
    const parentTopic = this.#boundTopic(group);
    const body =
      liteTopic === ""
        ? await this.#lagsOf(group, parentTopic, Math.max(0, Math.min(topK ?? TOP_DEFAULT, ENTRIES_MAX)))
        : await this.#lagOfOne(group, parentTopic, liteTopic);
    return getLiteGroupInfoResponseBody.encode({ group, parentTopic, ...body });
  }

  async #lagsOf(group: string, parent: string, top: number): Promise<GetLiteGroupInfoResponseBody> {
    const lags = lagsOf(this.#parts, group, parent).sort((a, b) => b.count - a.count);
    const infos: LiteLagInfo[] = [];
    for (const lag of lags.slice(0, TIMES_MAX)) infos.push(await lagInfo(this.#parts, lag));
    const byTime = infos
      .filter(({ earliestUnconsumedTimestamp }) => earliestUnconsumedTimestamp >= 0)
      .sort((a, b) => a.earliestUnconsumedTimestamp - b.earliestUnconsumedTimestamp);
    return {
      totalLagCount: lags.reduce((sum, { count }) => sum + count, 0),
      earliestUnconsumedTimestamp: byTime[0]?.earliestUnconsumedTimestamp ?? -1,
      lagCountTopK: infos.slice(0, top),
      lagTimestampTopK: byTime.slice(0, top),
    };
  }

  async #lagOfOne(group: string, parent: string, liteTopic: string): Promise<GetLiteGroupInfoResponseBody> {
    const { store, offsets } = this.#parts;
    const queue = { topic: lmqNameOf(parent, liteTopic), queueId: LMQ_QUEUE_ID };
    const brokerOffset = store.maxOffset(queue);
    if (brokerOffset <= 0) return { liteTopic, totalLagCount: -1, earliestUnconsumedTimestamp: -1 };
    const consumerOffset = offsets.query(group, queue.topic, queue.queueId);
    if (consumerOffset < 0) return { liteTopic, totalLagCount: 0, earliestUnconsumedTimestamp: -1 };
    const lastTimestamp = consumerOffset > 0 ? await store.storeTimeAt(queue, consumerOffset - 1) : 0;
    return {
      liteTopic,
      totalLagCount: brokerOffset - consumerOffset,
      earliestUnconsumedTimestamp: await store.storeTimeAt(queue, consumerOffset),
      liteTopicOffsetWrapper: { brokerOffset, consumerOffset, pullOffset: 0, lastTimestamp: Math.max(0, lastTimestamp) },
    };
  }

  // --------------------------------------------------------------------------------------------------------- checks

  #checkParent(topic: string): void {
    if (this.#parts.topics.find(topic) === undefined) {
      throw new RemotingError(ResponseCode.TOPIC_NOT_EXIST, `Topic [${topic}] not exist.`);
    }
    if (!this.#services.metadata.isParent(topic)) {
      throw new RemotingError(ResponseCode.INVALID_PARAMETER, `Topic [${topic}] type not match.`);
    }
  }

  #boundTopic(group: string): string {
    if (this.#parts.groups.find(group) === undefined) {
      throw new RemotingError(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, `Group [${group}] not exist.`);
    }
    const topic = this.#services.metadata.boundTopic(group);
    if (topic === undefined) throw new RemotingError(ResponseCode.INVALID_PARAMETER, `Group [${group}] is not a LITE group.`);
    return topic;
  }
}
