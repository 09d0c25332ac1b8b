/**
 * ACK_MESSAGE, BATCH_ACK_MESSAGE and CHANGE_MESSAGE_INVISIBLETIME: what becomes of messages that were popped.
 *
 * An acknowledgement is answered when it is written. In order mode it moves the group's offset, up to the first message that
 * is still open, and may free the queue for whoever waits.
 */
import { type BatchAck, batchAckMessageRequestBody } from "../../../wire/bodies/pop.ts";
import { WireError } from "../../../wire/errors.ts";
import type {
  AckMessageRequestHeader,
  ChangeInvisibleTimeRequestHeader,
  ChangeInvisibleTimeResponseHeader,
} from "../../../wire/headers/pop.ts";
import {
  type PopExtraInfo,
  parseExtraInfo,
  TOPIC_ITSELF,
  TOPIC_RETRY_V1,
  TOPIC_RETRY_V2,
  type TopicFlag,
} from "../../../wire/pop_info.ts";
import { ResponseCode } from "../../../wire/response_code.ts";
import { RemotingError, type RequestContext } from "../../remoting/processor.ts";
import type { BrokerParts } from "../parts.ts";
import type { PopServices } from "./pop.ts";
import { isOrderRevive, topicOf } from "./pop_topics.ts";
import type { CheckPointRef } from "./revive_log.ts";

/** Bits of a batch acknowledgement: the messages of a POP, which may lie apart where a filter stood between. */
const BATCH_BITS_MAX = 65_536;

type Services = PopServices & { readonly freed: (queue: { topic: string; group: string; queueId: number }) => void };

export class AckMessageProcessor {
  readonly #parts: BrokerParts;
  readonly #services: Services;

  constructor(parts: BrokerParts, services: Services) {
    this.#parts = parts;
    this.#services = services;
  }

  async acknowledge(context: RequestContext, header: AckMessageRequestHeader): Promise<Record<string, never>> {
    const info = extraInfoOf(header.extraInfo);
    const { topic, consumerGroup: group, queueId, offset } = header;
    this.#check(context, topic, queueId, offset);
    if (isOrderRevive(info.reviveQid)) {
      this.#acknowledgeInOrder(topic, group, queueId, offset, info.popTime);
      return {};
    }
    await this.#services.checkPoints.acknowledge(this.#refOf(header, info), [offset], this.#host(context));
    this.#wake({ topic, group, queueId });
    return {};
  }

  /** A group that had as many messages as it may gets more. */
  #wake(queue: { topic: string; group: string; queueId: number }): void {
    if (this.#parts.settings.enablePopMessageThreshold) this.#services.polling.notify(queue);
  }

  /** Each part by itself: one that is wrong keeps none of the others from being taken. */
  async acknowledgeBatch(context: RequestContext, body: Uint8Array): Promise<Record<string, never>> {
    const { acks } = batchAckMessageRequestBody.decode(body);
    const results = await Promise.allSettled(acks.map((ack) => this.#acknowledgePart(context, ack)));
    const failed = results.find((result) => result.status === "rejected");
    if (failed !== undefined && results.every((result) => result.status === "rejected")) throw failed.reason;
    return {};
  }

  async #acknowledgePart(context: RequestContext, ack: BatchAck): Promise<void> {
    const topic = topicOf(ack.topic, ack.consumerGroup, flagOfText(ack.retry));
    const offsets = offsetsOf(ack);
    for (const offset of offsets) this.#check(context, topic, ack.queueId, offset);
    if (isOrderRevive(ack.reviveQueueId)) {
      for (const offset of offsets) this.#acknowledgeInOrder(topic, ack.consumerGroup, ack.queueId, offset, ack.popTime);
      return;
    }
    const ref: CheckPointRef = {
      topic,
      group: ack.consumerGroup,
      queueId: ack.queueId,
      startOffset: ack.startOffset,
      popTime: ack.popTime,
      invisibleTime: ack.invisibleTime,
      reviveQid: this.#checkedReviveQueue(ack.reviveQueueId),
    };
    await this.#services.checkPoints.acknowledge(ref, offsets, this.#host(context));
    this.#wake(ref);
  }

  /**
   * The message is hidden anew from now on, as a check point of its own; the old one is acknowledged. With `suspend` its coming
   * again counts as no failure; in order, as in Apache, it does all the same.
   */
  async changeInvisibleTime(
    context: RequestContext,
    header: ChangeInvisibleTimeRequestHeader,
  ): Promise<{ header: ChangeInvisibleTimeResponseHeader }> {
    const { runtime } = this.#parts;
    const info = extraInfoOf(header.extraInfo);
    const { topic, consumerGroup: group, queueId, offset, invisibleTime } = header;
    this.#check(context, topic, queueId, offset);
    const now = runtime.clock.now();
    if (isOrderRevive(info.reviveQid)) {
      this.#services.orders.postpone({ topic, group, queueId }, offset, info.popTime, now + invisibleTime);
      this.#services.freed({ topic, group, queueId });
      return { header: { popTime: info.popTime, invisibleTime: now + invisibleTime - info.popTime, reviveQid: info.reviveQid } };
    }
    const old = this.#refOf(header, info);
    const host = this.#host(context);
    const renewed = { ...old, startOffset: offset, popTime: now, invisibleTime, suspend: header.suspend };
    this.#services.checkPoints.add(renewed, [offset], host);
    await this.#services.checkPoints.acknowledge(old, [offset], host);
    return { header: { popTime: now, invisibleTime, reviveQid: info.reviveQid } };
  }

  // -------------------------------------------------------------------------------------------------------- inwards

  #acknowledgeInOrder(topic: string, group: string, queueId: number, offset: number, popTime: number): void {
    const { offsets } = this.#parts;
    if (offset < offsets.query(group, topic, queueId)) return;
    const next = this.#services.orders.commit({ topic, group, queueId }, offset, popTime);
    if (next === -1) {
      throw new RemotingError(
        ResponseCode.MESSAGE_ILLEGAL,
        `offset is illegal, key:${topic}@${group}, queue ${queueId}, offset ${offset}: it was not given out`,
      );
    }
    // -2: it was given out again since; that one counts.
    if (next < 0) return;
    if (offsets.pendingReset(group, topic, queueId) < 0) offsets.commit(group, topic, queueId, next);
    this.#services.freed({ topic, group, queueId });
  }

  #check(context: RequestContext, topic: string, queueId: number, offset: number): void {
    const { topics, store } = this.#parts;
    const config = topics.find(topic);
    if (config === undefined)
      throw new RemotingError(ResponseCode.TOPIC_NOT_EXIST, `topic[${topic}] not exist, apply first please!`);
    if (queueId < 0 || queueId >= config.readQueueNums) {
      const { remote } = context.peer;
      throw new RemotingError(
        ResponseCode.MESSAGE_ILLEGAL,
        `queueId[${queueId}] is illegal, topic:[${topic}] topicConfig.readQueueNums:[${config.readQueueNums}] consumer:[/${remote.host}:${remote.port}]`,
      );
    }
    const min = store.minOffset({ topic, queueId });
    const max = store.maxOffset({ topic, queueId });
    if (offset >= min && offset <= max) return;
    throw new RemotingError(
      ResponseCode.NO_MESSAGE,
      `offset is illegal, key:${topic}@${queueId}, offset:${offset}, min:${min}, max:${max}`,
    );
  }

  #refOf(header: { topic: string; consumerGroup: string; queueId: number }, info: PopExtraInfo): CheckPointRef {
    return {
      topic: header.topic,
      group: header.consumerGroup,
      queueId: header.queueId,
      startOffset: info.ckQueueOffset,
      popTime: info.popTime,
      invisibleTime: info.invisibleTime,
      reviveQid: this.#checkedReviveQueue(info.reviveQid),
    };
  }

  #checkedReviveQueue(reviveQid: number): number {
    const { reviveQueueNum } = this.#parts.settings;
    if (reviveQid >= 0 && reviveQid < reviveQueueNum) return reviveQid;
    throw new RemotingError(
      ResponseCode.INVALID_PARAMETER,
      `there is no revive queue ${reviveQid}; reviveQueueNum is ${reviveQueueNum}`,
    );
  }

  #host(context: RequestContext): { host: string; port: number } {
    return this.#parts.addresses.storeHostFor(context.peer);
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

function flagOfText(text: string): TopicFlag {
  if (text === TOPIC_ITSELF || text === TOPIC_RETRY_V1 || text === TOPIC_RETRY_V2) return text;
  throw new RemotingError(ResponseCode.INVALID_PARAMETER, `the topic's flag is "${text.slice(0, 40)}"; 0, 1 and 2 are known`);
}

/** Bit i of the little-endian bit set is queue offset startOffset + i. */
function offsetsOf({ bitSet, startOffset }: BatchAck): number[] {
  const offsets: number[] = [];
  let bytes: string;
  try {
    bytes = atob(bitSet);
  } catch {
    throw new RemotingError(ResponseCode.INVALID_PARAMETER, "the bit set of a batch acknowledgement is no Base64");
  }
  if (bytes.length * 8 > BATCH_BITS_MAX) {
    throw new RemotingError(
      ResponseCode.INVALID_PARAMETER,
      `the bit set of a batch acknowledgement has ${bytes.length * 8} bits; ${BATCH_BITS_MAX} are allowed`,
    );
  }
  for (let i = 0; i < bytes.length; i++) {
    for (let bit = 0; bit < 8; bit++) if ((bytes.charCodeAt(i) & (1 << bit)) !== 0) offsets.push(startOffset + i * 8 + bit);
  }
  return offsets;
}
