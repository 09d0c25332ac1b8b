/**
 * POP_LITE_MESSAGE: messages of those lite topics that have news for a client, in order within each. As with orderly POP, what
 * was handed out blocks its lite topic for the group until it is acknowledged or its time is over, and the group's offset moves
 * with the acknowledgements; there are no check points and no retry topics.
 *
 * One answer carries messages of several lite topics. They are the records of the parent topic as they lie in the log; which
 * lite topic each is of, and its offset there, clients read from its properties.
 */
import type { PopLiteMessageRequestHeader, PopLiteMessageResponseHeader } from "../../../wire/headers/lite.ts";
import { MessageConst } from "../../../wire/message_const.ts";
import { decodeRecords } from "../../../wire/message_reader.ts";
import { LMQ_QUEUE_ID } from "../../../wire/mix_all.ts";
import { PERM_READ } from "../../../wire/perm_name.ts";
import { POP_ORDER_REVIVE_QUEUE, TOPIC_ITSELF } from "../../../wire/pop_info.ts";
import { propertyOf } from "../../../wire/properties.ts";
import { ResponseCode } from "../../../wire/response_code.ts";
import { RemotingError, type RequestContext } from "../../remoting/processor.ts";
import type { GetResult } from "../../store/message_store.ts";
import { brokerName, FAQ } from "../messages/send_checks.ts";
import type { BrokerParts } from "../parts.ts";
import { firstOffset, INIT_MAX } from "../pop/first_offset.ts";
import type { ConsumerOrderInfoManager, QueueOfGroup } from "../pop/order_info.ts";
import type { PollKey, PopLongPollingService } from "../pop/polling.ts";
import type { LiteEvents } from "./events.ts";
import type { LiteMetadata } from "./lite_metadata.ts";

/** Messages of one POP. */
const MESSAGES_MAX = 32;
/** A request that was under way for longer than its client waits is not served. */
const LATE_MARGIN_MS = 500;

export interface PopLiteReply {
  readonly code: number;
  readonly remark: string;
  readonly header: PopLiteMessageResponseHeader;
  readonly body?: Uint8Array;
}

/** Waiting requests stand under their client. */
export const pollKeyOf = (clientId: string, group: string): PollKey => ({ topic: clientId, group, queueId: LMQ_QUEUE_ID });

export interface PopLiteServices {
  readonly metadata: LiteMetadata;
  readonly events: LiteEvents;
  readonly orders: ConsumerOrderInfoManager;
  readonly polling: PopLongPollingService<PopLiteReply | undefined>;
  /** What was given out of a light queue blocks it until then. */
  readonly blocked: (queue: QueueOfGroup) => void;
}

interface Run {
  readonly header: PopLiteMessageRequestHeader;
  readonly popTime: number;
  readonly bodies: Uint8Array[];
  bytes: number;
  /** Of each message: how often it was given before. */
  readonly counts: number[];
}

export class PopLiteMessageProcessor {
  readonly #parts: BrokerParts;
  readonly #services: PopLiteServices;
  /** Light queues of groups that a POP reads at this moment -> whether another one came by. */
  readonly #locked = new Map<string, boolean>();

  constructor(parts: BrokerParts, services: PopLiteServices) {
    this.#parts = parts;
    this.#services = services;
  }

  /** @throws RemotingError in Apache's order of checks. */
  pop(context: RequestContext, header: PopLiteMessageRequestHeader): Promise<PopLiteReply | undefined> {
    const bornTime = header.bornTime > 0 ? header.bornTime : this.#parts.runtime.clock.now();
    this.#check(context, header, bornTime);
    return this.#run(context, { ...header, bornTime }, false);
  }

  #check(context: RequestContext, header: PopLiteMessageRequestHeader, bornTime: number): void {
    const { settings, runtime, topics, groups } = this.#parts;
    const { topic, consumerGroup, maxMsgNum } = header;
    const broker = brokerName(this.#parts, context);
    const refuse = (code: number, remark: string) => new RemotingError(code, remark);
    if (runtime.clock.now() - bornTime - header.pollTime > LATE_MARGIN_MS) {
      throw refuse(ResponseCode.POLLING_TIMEOUT, `${broker} pop message is timeout too much`);
    }
    if ((settings.brokerPermission & PERM_READ) === 0) {
      throw refuse(ResponseCode.NO_PERMISSION, `${broker} pop message is forbidden`);
    }
    if (maxMsgNum > MESSAGES_MAX) {
      throw refuse(ResponseCode.INVALID_PARAMETER, `${broker} pop message's num is greater than ${MESSAGES_MAX}`);
    }
    const config = topics.find(topic);
    if (config === undefined) {
      throw refuse(ResponseCode.TOPIC_NOT_EXIST, `topic [${topic}] not exist, apply first please! ${FAQ}`);
    }
    if ((config.perm & PERM_READ) === 0) {
      throw refuse(ResponseCode.NO_PERMISSION, `the topic [${topic}] peeking message is forbidden`);
    }
    if (!this.#services.metadata.isParent(topic)) {
      throw refuse(ResponseCode.INVALID_PARAMETER, `the topic [${topic}] message type not match`);
    }
    const group = groups.findOrCreate(consumerGroup);
    if (group === undefined) {
      throw refuse(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, `subscription group [${consumerGroup}] not exist, ${FAQ}`);
    }
    if (!group.consumeEnable) throw refuse(ResponseCode.NO_PERMISSION, `subscription group no permission, ${consumerGroup}`);
    if (this.#services.metadata.boundTopic(consumerGroup) !== topic) {
      throw refuse(ResponseCode.INVALID_PARAMETER, `subscription bind topic not match, ${consumerGroup}`);
    }
  }

  async #run(context: RequestContext, header: PopLiteMessageRequestHeader, late: boolean): Promise<PopLiteReply | undefined> {
    const { clientId, consumerGroup: group } = header;
    const { events, polling } = this.#services;
    const run: Run = { header, popTime: this.#parts.runtime.clock.now(), bodies: [], bytes: 0, counts: [] };
    events.asked(clientId, group);
    const queues = events.queuesFor(clientId, group);
    // Looked at before an event is taken: what there is no room for keeps its own.
    while (run.counts.length < header.maxMsgNum) {
      const next = queues.next();
      if (next.done === true) break;
      await this.#fromQueue(run, next.value);
    }
    if (run.counts.length > 0) {
      if (events.hasEvents(clientId, group)) polling.notify(pollKeyOf(clientId, group));
      return this.#answer(run, ResponseCode.SUCCESS);
    }
    if (late || header.pollTime <= 0) return this.#answer(run, ResponseCode.POLLING_TIMEOUT);
    const polled = polling.wait({
      ...pollKeyOf(clientId, group),
      peer: context.peer,
      filter: undefined,
      timeoutMs: header.bornTime + header.pollTime - this.#parts.runtime.clock.now(),
      execute: (over) => this.#run(context, header, over),
    });
    if (polled === "full") return this.#answer(run, ResponseCode.POLLING_FULL);
    if (polled === "timeout") return this.#answer(run, ResponseCode.POLLING_TIMEOUT);
    // What came between the look and the wait was not announced to this request.
    if (events.hasEvents(clientId, group)) polling.notify(pollKeyOf(clientId, group));
    return polled;
  }

  #answer(run: Run, code: number): PopLiteReply {
    const { popTime, counts, bodies, bytes } = run;
    const header: PopLiteMessageResponseHeader = {
      popTime,
      invisibleTime: run.header.invisibleTime,
      reviveQid: POP_ORDER_REVIVE_QUEUE,
      orderCountInfo: counts.join(";"),
    };
    if (code !== ResponseCode.SUCCESS) return { code, remark: "NO_MESSAGE_IN_QUEUE", header };
    const body = new Uint8Array(bytes);
    let at = 0;
    for (const each of bodies) {
      body.set(each, at);
      at += each.length;
    }
    return { code, remark: "FOUND", header, body };
  }

  // -------------------------------------------------------------------------------------------------------- gathering

  async #fromQueue(run: Run, lmqName: string): Promise<void> {
    const { runtime } = this.#parts;
    const { consumerGroup: group, attemptId } = run.header;
    const { orders, events } = this.#services;
    const queue = { topic: lmqName, group, queueId: LMQ_QUEUE_ID };
    const lock = `${lmqName}@${group}`;
    if (this.#locked.has(lock)) {
      this.#locked.set(lock, true);
      return;
    }
    if (orders.isBlocked(queue, attemptId, runtime.clock.now())) return;
    this.#locked.set(lock, false);
    try {
      await this.#read(run, queue);
    } finally {
      const passed = this.#locked.get(lock) === true;
      this.#locked.delete(lock);
      // Its event was for that one to take.
      if (passed) events.dispatch(lmqName, group);
    }
  }

  async #read(run: Run, queue: QueueOfGroup): Promise<void> {
    const { offsets, stats } = this.#parts;
    const { topic: lmqName, group, queueId } = queue;
    const { invisibleTime, attemptId, topic: parent } = run.header;
    const offset = await this.#takeOffset(queue);
    let found = await this.#get(run, queue, offset);
    if (found.nextBeginOffset !== offset && found.status !== "FOUND" && found.status !== "OFFSET_OVERFLOW_ONE") {
      offsets.commit(group, lmqName, queueId, found.nextBeginOffset);
      found = await this.#get(run, queue, found.nextBeginOffset);
    }
    if (found.status !== "FOUND") return;
    const given = offsetsIn(found.body, lmqName);
    const { popTime } = run;
    this.#services.orders.update(queue, { attemptId, popTime, invisibleTime }, given, TOPIC_ITSELF, "");
    this.#services.blocked(queue);
    run.counts.push(...this.#services.orders.countsOf(queue, given));
    run.bodies.push(found.body.slice());
    run.bytes += found.body.length;
    stats.got(group, parent, LMQ_QUEUE_ID, given.length, found.body.length);
    stats.instruments?.traffic.popped(parent, group, false, given.length, found.body.length);
    found.release?.();
  }

  #get(run: Run, queue: QueueOfGroup, offset: number): GetResult | Promise<GetResult> {
    const limits = {
      messagesMax: Math.max(1, run.header.maxMsgNum - run.counts.length),
      bytesMax: this.#parts.settings.maxTransferBytesOnMessageInMemory,
    };
    return this.#parts.store.get(queue, offset, limits, undefined);
  }

  /** The next offset of the group; a reset that waits for it is taken, and a first one is committed. */
  async #takeOffset(queue: QueueOfGroup): Promise<number> {
    const { offsets } = this.#parts;
    const { topic, group, queueId } = queue;
    const reset = offsets.takeReset(group, topic, queueId);
    if (reset >= 0) {
      this.#services.orders.clear(queue);
      offsets.commit(group, topic, queueId, reset);
      return reset;
    }
    const committed = offsets.query(group, topic, queueId);
    if (committed >= 0) return committed;
    const first = await firstOffset(this.#parts, queue, INIT_MAX);
    offsets.commit(group, topic, queueId, first);
    return first;
  }
}

/** Offsets that the records have in a light queue; a record's own queue offset is the one in its topic. */
function offsetsIn(body: Uint8Array, lmqName: string): number[] {
  return decodeRecords(body).map(({ properties }) => {
    const names = propertyOf(properties, MessageConst.INNER_MULTI_DISPATCH)?.trim().split(",") ?? [];
    const offsets = propertyOf(properties, MessageConst.INNER_MULTI_QUEUE_OFFSET)?.split(",") ?? [];
    return Number(offsets[names.indexOf(lmqName)]);
  });
}
