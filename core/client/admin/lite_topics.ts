/** Lite topics (5.5): what brokers know of them and of who is subscribed. */
import {
  type GetBrokerLiteInfoResponseBody,
  type GetLiteClientInfoResponseBody,
  type GetLiteGroupInfoResponseBody,
  type GetLiteTopicInfoResponseBody,
  type GetParentTopicInfoResponseBody,
  getBrokerLiteInfoResponseBody,
  getLiteClientInfoResponseBody,
  getLiteGroupInfoResponseBody,
  getLiteTopicInfoResponseBody,
  getParentTopicInfoResponseBody,
} from "../../../wire/bodies/lite.ts";
import type { AdminCalls } from "./admin_calls.ts";

/** Lite topics listed of one client. */
const CLIENT_TOPICS_MAX = 1_000;

export class LiteTopicAdmin {
  readonly #calls: AdminCalls;

  constructor(calls: AdminCalls) {
    this.#calls = calls;
  }

  async getBrokerLiteInfo(brokerAddr: string): Promise<GetBrokerLiteInfoResponseBody> {
    const answer = await this.#calls.call("count the lite topics", brokerAddr, "GET_BROKER_LITE_INFO", {});
    return answer.read(getBrokerLiteInfoResponseBody);
  }

  async getParentTopicInfo(brokerAddr: string, topic: string): Promise<GetParentTopicInfoResponseBody> {
    const tried = `count the lite topics below "${topic}"`;
    return (await this.#calls.call(tried, brokerAddr, "GET_PARENT_TOPIC_INFO", { topic })).read(getParentTopicInfoResponseBody);
  }

  async getLiteTopicInfo(brokerAddr: string, parentTopic: string, liteTopic: string): Promise<GetLiteTopicInfoResponseBody> {
    const tried = `read lite topic "${liteTopic}" below "${parentTopic}"`;
    const answer = await this.#calls.call(tried, brokerAddr, "GET_LITE_TOPIC_INFO", { parentTopic, liteTopic });
    return answer.read(getLiteTopicInfoResponseBody);
  }

  /** @param maxCount lite topics listed at most */
  async getLiteClientInfo(
    brokerAddr: string,
    parentTopic: string,
    group: string,
    clientId: string,
    maxCount = CLIENT_TOPICS_MAX,
  ): Promise<GetLiteClientInfoResponseBody> {
    const tried = `list the lite topics of client ${clientId}`;
    const header = { parentTopic, group, clientId, maxCount };
    return (await this.#calls.call(tried, brokerAddr, "GET_LITE_CLIENT_INFO", header)).read(getLiteClientInfoResponseBody);
  }

  /** @param liteTopic one, or undefined for the `topK` that lag most */
  async getLiteGroupInfo(
    brokerAddr: string,
    group: string,
    liteTopic: string | undefined,
    topK: number,
  ): Promise<GetLiteGroupInfoResponseBody> {
    const tried = `read how far group "${group}" is in lite topics`;
    const answer = await this.#calls.call(tried, brokerAddr, "GET_LITE_GROUP_INFO", { group, liteTopic, topK });
    return answer.read(getLiteGroupInfoResponseBody);
  }

  /** Looks for messages that wait. @param clientId only this client */
  async triggerLiteDispatch(brokerAddr: string, group: string, clientId?: string): Promise<void> {
    const tried = `dispatch the lite topics of group "${group}"`;
    await this.#calls.call(tried, brokerAddr, "TRIGGER_LITE_DISPATCH", { group, clientId });
  }
}
