/** ACK_MESSAGE and CHANGE_MESSAGE_INVISIBLETIME with a lite topic: what becomes of messages that were popped of one. */
import { WireError } from "../../../wire/errors.ts";
import type {
  AckMessageRequestHeader,
  ChangeInvisibleTimeRequestHeader,
  ChangeInvisibleTimeResponseHeader,
} from "../../../wire/headers/pop.ts";
import { LMQ_QUEUE_ID } from "../../../wire/mix_all.ts";
import { POP_ORDER_REVIVE_QUEUE, type PopExtraInfo, parseExtraInfo } from "../../../wire/pop_info.ts";
import { ResponseCode } from "../../../wire/response_code.ts";
import { RemotingError, type RequestContext } from "../../remoting/processor.ts";
import { FAQ } from "../messages/send_checks.ts";
import type { BrokerParts } from "../parts.ts";
import type { ConsumerOrderInfoManager, QueueOfGroup } from "../pop/order_info.ts";
import type { LiteMetadata } from "./lite_metadata.ts";
import { lmqNameOf } from "./lite_names.ts";

export interface LiteAckServices {
  readonly metadata: LiteMetadata;
  readonly orders: ConsumerOrderInfoManager;
  /** What is open of a light queue changed: it is free, or will be at another time. */
  readonly changed: (queue: QueueOfGroup) => void;
}

type Acknowledged = { readonly header?: ChangeInvisibleTimeResponseHeader };

export class LiteAcks {
  readonly #parts: BrokerParts;
  readonly #services: LiteAckServices;

  constructor(parts: BrokerParts, services: LiteAckServices) {
    this.#parts = parts;
    this.#services = services;
  }

  /** @throws RemotingError in Apache's order of checks. */
  acknowledge(context: RequestContext, header: AckMessageRequestHeader, lite: string): Acknowledged {
    const { offsets } = this.#parts;
    const { topic, consumerGroup: group, offset } = header;
    this.#checkQueue(context, header);
    if (this.#services.metadata.boundTopic(group) !== topic) {
      throw new RemotingError(ResponseCode.INVALID_PARAMETER, "group type or bind topic not match.");
    }
    const queue = { topic: lmqNameOf(topic, lite), group, queueId: LMQ_QUEUE_ID };
    this.#checkOffset(queue, offset, "ack offset illegal.");
    const info = extraInfoOf(header.extraInfo);
    if (header.queueId !== LMQ_QUEUE_ID || info.reviveQid !== POP_ORDER_REVIVE_QUEUE) {
      throw new RemotingError(ResponseCode.INVALID_PARAMETER, "ack queue illegal.");
    }
    if (offset < offsets.query(group, queue.topic, queue.queueId)) return {};
    const next = this.#services.orders.commit(queue, offset, info.popTime);
    if (next === -1) throw new RemotingError(ResponseCode.MESSAGE_ILLEGAL, "ack offset illegal.");
    // -2: it was given out again since; that one counts.
    if (next < 0) return {};
    if (offsets.pendingReset(group, queue.topic, queue.queueId) < 0) offsets.commit(group, queue.topic, queue.queueId, next);
    this.#services.changed(queue);
    return {};
  }

  /** With `suspend` all that is open of the lite topic waits until then. */
  changeInvisibleTime(context: RequestContext, header: ChangeInvisibleTimeRequestHeader, lite: string): Acknowledged {
    const { offsets, runtime } = this.#parts;
    const { topic, consumerGroup: group, offset, invisibleTime } = header;
    this.#checkQueue(context, header);
    const queue = { topic: lmqNameOf(topic, lite), group, queueId: LMQ_QUEUE_ID };
    this.#checkOffset(queue, offset, "change offset illegal.");
    const { popTime, reviveQid } = extraInfoOf(header.extraInfo);
    const due = runtime.clock.now() + invisibleTime;
    // What is acknowledged stays so; the client is told a time all the same, since it needs the fields.
    if (offset >= offsets.query(group, queue.topic, queue.queueId)) {
      if (header.suspend === true) this.#services.orders.suspend(queue, popTime, due);
      else this.#services.orders.postpone(queue, offset, popTime, due);
      this.#services.changed(queue);
    }
    return { header: { popTime, invisibleTime: due - popTime, reviveQid } };
  }

  #checkQueue(context: RequestContext, { topic, queueId }: { topic: string; queueId: number }): void {
    const config = this.#parts.topics.find(topic);
    if (config === undefined) {
      throw new RemotingError(ResponseCode.TOPIC_NOT_EXIST, `topic[${topic}] not exist, apply first please! ${FAQ}`);
    }
    if (queueId >= 0 && queueId < config.readQueueNums) return;
    const { remote } = context.peer;
    throw new RemotingError(
      ResponseCode.MESSAGE_ILLEGAL,
      `queueId[${queueId}] is illegal, topic:[${topic}] topicConfig.readQueueNums:[${config.readQueueNums}] consumer:[/${remote.host}:${remote.port}]`,
    );
  }

  #checkOffset(queue: QueueOfGroup, offset: number, remark: string): void {
    if (offset > this.#parts.store.maxOffset(queue)) throw new RemotingError(ResponseCode.NO_MESSAGE, remark);
  }
}

function extraInfoOf(text: string): PopExtraInfo {
  try {
    return parseExtraInfo(text);
  } catch (error) {
    if (error instanceof WireError) throw new RemotingError(ResponseCode.INVALID_PARAMETER, error.message);
    throw error;
  }
}
