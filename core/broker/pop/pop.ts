/**
 * POP_MESSAGE and PEEK_MESSAGE: the broker chooses the queue and hands out messages, invisible to the rest of the group until
 * they are acknowledged or their time is over.
 *
 * The group's offset moves when messages are handed out, after their check point is in the log; what is not acknowledged
 * comes back by way of the retry topic (`revive.ts`). In order mode the offset moves with the acknowledgements instead, and
 * the queue is blocked meanwhile (`order_info.ts`). A queue serves one POP of a group at a time.
 */
import { readInt32, readInt64 } from "../../../wire/bytes.ts";
import type { PeekMessageRequestHeader, PopMessageRequestHeader, PopMessageResponseHeader } from "../../../wire/headers/pop.ts";
import { RECORD_AT } from "../../../wire/message.ts";
import { RETRY_PREFIX } from "../../../wire/mix_all.ts";
import { PERM_READ } from "../../../wire/perm_name.ts";
import {
  joinInfo,
  msgOffsetPart,
  POP_ORDER_REVIVE_QUEUE,
  startOffsetPart,
  TOPIC_ITSELF,
  TOPIC_RETRY_V1,
  TOPIC_RETRY_V2,
  type TopicFlag,
} from "../../../wire/pop_info.ts";
import { ResponseCode } from "../../../wire/response_code.ts";
import { type MaybePromise, RemotingError, type RequestContext } from "../../remoting/processor.ts";
import type { GetResult, RecordFilter, TagsFilter } from "../../store/message_store.ts";
import { passes } from "../filters/passes.ts";
import { checkSqlServed } from "../messages/pull_admission.ts";
import { isTagType, tagFilterOf } from "../messages/pull_filter.ts";
import { brokerName, FAQ } from "../messages/send_checks.ts";
import type { BrokerParts } from "../parts.ts";
import type { CheckPoints } from "./check_points.ts";
import { firstOffset, INIT_MIN } from "./first_offset.ts";
import type { ConsumerOrderInfoManager, QueueOfGroup } from "./order_info.ts";
import { ANY_QUEUE, type PopLongPollingService } from "./polling.ts";
import { popRetryTopic } from "./pop_topics.ts";
import { asOriginal } from "./retried.ts";

/** Messages of one POP: the bits of a check point. */
export const POP_MESSAGES_MAX = 32;
/** A request that was under way for longer than its client waits is not served. */
const LATE_MARGIN_MS = 500;
const QUEUE_UNIT_BYTES = 20;

export interface PopReply {
  readonly code: number;
  readonly remark: string;
  readonly header: PopMessageResponseHeader;
  readonly body?: Uint8Array;
  /** Gives the body's memory back, when it is written. */
  readonly release?: (() => void) | undefined;
}

export type PopPolling = PopLongPollingService<PopReply | undefined>;

interface PopFilter {
  readonly tags: TagsFilter;
  readonly records: RecordFilter | undefined;
}

/** What one request gathers. */
interface Run {
  readonly context: RequestContext;
  readonly header: PopMessageRequestHeader;
  readonly filter: PopFilter;
  readonly popTime: number;
  readonly reviveQid: number;
  /** Nothing is handed out: no check point, no offset moves. */
  readonly peek: boolean;
  readonly bodies: Uint8Array[];
  /** What gives back the memory of `bodies`. */
  readonly releases: (() => void)[];
  bytes: number;
  count: number;
  rest: number;
  startOffsets: string;
  msgOffsets: string;
  orderCounts: string;
}

export interface PopServices {
  readonly checkPoints: CheckPoints;
  readonly orders: ConsumerOrderInfoManager;
  readonly polling: PopPolling;
}

export class PopMessageProcessor {
  readonly #parts: BrokerParts;
  readonly #services: PopServices;
  /** Queues that a POP reads at this moment. */
  readonly #locked = new Set<string>();
  #turn = 0;

  constructor(parts: BrokerParts, services: PopServices) {
    this.#parts = parts;
    this.#services = services;
  }

  /** @throws RemotingError in Apache's order of checks. */
  pop(context: RequestContext, header: PopMessageRequestHeader): MaybePromise<PopReply | undefined> {
    const { settings, runtime, addresses } = this.#parts;
    const bornTime = header.bornTime > 0 ? header.bornTime : runtime.clock.now();
    const born = { ...header, bornTime };
    if (runtime.clock.now() - bornTime - header.pollTime > LATE_MARGIN_MS) {
      throw new RemotingError(
        ResponseCode.POLLING_TIMEOUT,
        `${brokerName({ addresses }, context)} pop message is timeout too much`,
      );
    }
    this.#check(context, header, "pop");
    if (!settings.timerWheelEnable) {
      throw new RemotingError(
        ResponseCode.SYSTEM_ERROR,
        `${brokerName({ addresses }, context)} pop message is forbidden because timerWheelEnable is false`,
      );
    }
    const filter = this.#filterOf(header);
    return this.#run(context, born, filter, false);
  }

  async peek(
    context: RequestContext,
    { topic, queueId, consumerGroup, maxMsgNums }: PeekMessageRequestHeader,
  ): Promise<PopReply> {
    const header: PopMessageRequestHeader = {
      topic,
      queueId,
      consumerGroup,
      maxMsgNums,
      invisibleTime: 0,
      pollTime: 0,
      bornTime: this.#parts.runtime.clock.now(),
      initMode: INIT_MIN,
      order: false,
    };
    this.#check(context, header, "peek");
    const run = this.#newRun(context, header, { tags: undefined, records: undefined }, true);
    await this.#gather(run);
    return this.#answer(run, run.count > 0 ? ResponseCode.SUCCESS : ResponseCode.PULL_NOT_FOUND);
  }

  /** Whether a group may have a message of a queue, or of any; for NOTIFICATION. */
  async hasMessages(
    header: Pick<PopMessageRequestHeader, "topic" | "consumerGroup" | "queueId" | "order" | "attemptId">,
  ): Promise<boolean> {
    const { topics, store, runtime } = this.#parts;
    const group = header.consumerGroup;
    const waiting = (topic: string, queueId: number): boolean => {
      if (header.order && this.#services.orders.isBlocked({ topic, group, queueId }, header.attemptId, runtime.clock.now()))
        return false;
      return store.maxOffset({ topic, queueId }) > this.#offsetOf({ topic, group, queueId });
    };
    const config = topics.find(header.topic);
    const queues = header.queueId >= 0 ? [header.queueId] : Array.from({ length: config?.readQueueNums ?? 0 }, (_, i) => i);
    if (queues.some((queueId) => waiting(header.topic, queueId))) return true;
    return this.#retryTopics(header.topic, group).some(({ topic, queues: count }) =>
      Array.from({ length: count }, (_, i) => i).some((queueId) => waiting(topic, queueId)),
    );
  }

  // --------------------------------------------------------------------------------------------------------- checks

  #check(
    context: RequestContext,
    { topic, queueId, consumerGroup, maxMsgNums }: PopMessageRequestHeader,
    what: "pop" | "peek",
  ): void {
    const { settings, addresses, topics, groups } = this.#parts;
    const broker = brokerName({ addresses }, context);
    const refuse = (code: number, remark: string) => new RemotingError(code, remark);
    if ((settings.brokerPermission & PERM_READ) === 0)
      throw refuse(ResponseCode.NO_PERMISSION, `${broker} ${what} message is forbidden`);
    if (maxMsgNums > POP_MESSAGES_MAX) {
      throw refuse(ResponseCode.INVALID_PARAMETER, `${broker} ${what} message's num is greater than ${POP_MESSAGES_MAX}`);
    }
    const config = topics.find(topic);
    if (config === undefined) throw refuse(ResponseCode.TOPIC_NOT_EXIST, `topic[${topic}] not exist, apply first please! ${FAQ}`);
    if ((config.perm & PERM_READ) === 0)
      throw refuse(ResponseCode.NO_PERMISSION, `the topic[${topic}] peeking message is forbidden`);
    if (queueId >= config.readQueueNums) {
      const { remote } = context.peer;
      throw refuse(
        ResponseCode.INVALID_PARAMETER,
        `queueId[${queueId}] is illegal, topic:[${topic}] topicConfig.readQueueNums:[${config.readQueueNums}] consumer:[/${remote.host}:${remote.port}]`,
      );
    }
    const group = groups.findOrCreate(consumerGroup);
    if (group === undefined) {
      throw refuse(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, `subscription group [${consumerGroup}] does not exist, ${FAQ}`);
    }
    if (!group.consumeEnable) throw refuse(ResponseCode.NO_PERMISSION, `subscription group no permission, ${consumerGroup}`);
  }

  #filterOf({ exp, expType }: PopMessageRequestHeader): PopFilter {
    if (exp === undefined || exp === "") return { tags: undefined, records: undefined };
    if (!isTagType(expType)) checkSqlServed(this.#parts.settings, expType);
    try {
      if (isTagType(expType)) return { tags: tagFilterOf(exp), records: undefined };
      return { tags: undefined, records: passes(this.#parts.filters.compile(exp)) };
    } catch (error) {
      throw new RemotingError(
        ResponseCode.SUBSCRIPTION_PARSE_FAILED,
        `parse the consumer's subscription failed: ${(error as Error).message}`,
      );
    }
  }

  // ------------------------------------------------------------------------------------------------------- requests

  async #run(
    context: RequestContext,
    header: PopMessageRequestHeader,
    filter: PopFilter,
    late: boolean,
  ): Promise<PopReply | undefined> {
    const { polling } = this.#services;
    const run = this.#newRun(context, header, filter, false);
    await this.#gather(run);
    const key = { topic: header.topic, group: header.consumerGroup, queueId: header.queueId };
    if (run.count > 0) {
      if (run.rest > 0) polling.notify(key);
      return this.#answer(run, ResponseCode.SUCCESS);
    }
    if (late || header.pollTime <= 0) return this.#answer(run, ResponseCode.POLLING_TIMEOUT);
    const polled = polling.wait({
      ...key,
      queueId: Math.max(header.queueId, ANY_QUEUE),
      peer: context.peer,
      filter: filter.tags,
      timeoutMs: header.bornTime + header.pollTime - this.#parts.runtime.clock.now(),
      execute: (over) => this.#run(context, header, filter, over),
    });
    if (polled === "full") return this.#answer(run, ResponseCode.POLLING_FULL);
    if (polled === "timeout") return this.#answer(run, ResponseCode.POLLING_TIMEOUT);
    // What came between the look and the wait was not announced to this request.
    if (run.rest > 0) polling.notify(key);
    return polled;
  }

  #newRun(context: RequestContext, header: PopMessageRequestHeader, filter: PopFilter, peek: boolean): Run {
    const { settings, runtime } = this.#parts;
    this.#turn = (this.#turn + 1) % Number.MAX_SAFE_INTEGER;
    return {
      context,
      header,
      filter,
      popTime: runtime.clock.now(),
      reviveQid: header.order ? POP_ORDER_REVIVE_QUEUE : this.#turn % settings.reviveQueueNum,
      peek,
      bodies: [],
      releases: [],
      bytes: 0,
      count: 0,
      rest: 0,
      startOffsets: "",
      msgOffsets: "",
      orderCounts: "",
    };
  }

  #answer(run: Run, code: number): PopReply {
    const header: PopMessageResponseHeader = {
      popTime: run.popTime,
      invisibleTime: run.header.invisibleTime,
      reviveQid: run.reviveQid,
      restNum: run.rest,
      startOffsetInfo: run.startOffsets,
      msgOffsetInfo: run.msgOffsets,
      ...(run.orderCounts === "" ? {} : { orderCountInfo: run.orderCounts }),
    };
    if (code !== ResponseCode.SUCCESS) return { code, remark: "NO_MESSAGE_IN_QUEUE", header };
    const body = joined(run);
    if (run.bodies.length === 1) return { code, remark: "FOUND", header, body, release: run.releases[0] };
    for (const release of run.releases) release();
    return { code, remark: "FOUND", header, body };
  }

  // -------------------------------------------------------------------------------------------------------- gathering

  /** Retry topics first now and then (popFromRetryProbability), else when the topic has too few. */
  async #gather(run: Run): Promise<void> {
    const { settings, topics, runtime } = this.#parts;
    const { topic, consumerGroup, queueId, order } = run.header;
    const random = runtime.random.below(100);
    const byPriority = !order && this.#isByPriority(topic, consumerGroup, random);
    const percent = byPriority ? settings.popFromRetryProbabilityForPriority : settings.popFromRetryProbability;
    const retryFirst = random < percent;
    const turn = byPriority ? 0 : random;
    const retries = order ? [] : this.#retryTopics(topic, consumerGroup);
    // One retry topic a request: the texts of the answer can't tell the offsets of two apart.
    const retry = retries[random % Math.max(retries.length, 1)];
    if (retryFirst && retry !== undefined) await this.#fromTopic(run, retry.topic, retry.flag, retry.queues, turn);
    if (queueId >= 0) await this.#fromQueue(run, topic, TOPIC_ITSELF, queueId);
    else await this.#fromTopic(run, topic, TOPIC_ITSELF, topics.find(topic)?.readQueueNums ?? 0, turn);
    if (!retryFirst && retry !== undefined && run.count < run.header.maxMsgNums) {
      await this.#fromTopic(run, retry.topic, retry.flag, retry.queues, turn);
    }
  }

  /** A topic with priorities has a queue for each; so many percent of the requests (priority.factor) ask them in their order. */
  #isByPriority(topic: string, group: string, random: number): boolean {
    const { topics, groups } = this.#parts;
    if (topics.find(topic)?.attributes["message.type"] !== "PRIORITY") return false;
    return random < Number(groups.find(group)?.attributes?.["priority.factor"] ?? 100);
  }

  #retryTopics(topic: string, group: string): { topic: string; flag: TopicFlag; queues: number }[] {
    const { settings, topics } = this.#parts;
    if (topic.startsWith(RETRY_PREFIX)) return [];
    const { enableRetryTopicV2, retrieveMessageFromPopRetryTopicV1 } = settings;
    const flags: Exclude<TopicFlag, "0">[] = enableRetryTopicV2 ? [TOPIC_RETRY_V2] : [TOPIC_RETRY_V1];
    if (enableRetryTopicV2 && retrieveMessageFromPopRetryTopicV1) flags.push(TOPIC_RETRY_V1);
    return flags.flatMap((flag) => {
      const name = popRetryTopic(topic, group, flag);
      const config = topics.find(name);
      return config === undefined ? [] : [{ topic: name, flag, queues: config.readQueueNums }];
    });
  }

  async #fromTopic(run: Run, topic: string, flag: TopicFlag, queues: number, turn: number): Promise<void> {
    const down = this.#parts.settings.priorityOrderAsc;
    for (let i = 0; i < queues; i++) await this.#fromQueue(run, topic, flag, (turn + (down ? queues - 1 - i : i)) % queues);
  }

  async #fromQueue(run: Run, topic: string, flag: TopicFlag, queueId: number): Promise<void> {
    const { store, runtime } = this.#parts;
    const { header } = run;
    const queue = { topic, group: header.consumerGroup, queueId };
    const lock = `${topic} ${queue.group} ${queueId}`;
    const offset = this.#offsetOf(queue);
    if (run.count >= header.maxMsgNums || this.#locked.has(lock)) {
      if (!header.order) run.rest += Math.max(0, store.maxOffset(queue) - offset);
      return;
    }
    if (header.order && this.#services.orders.isBlocked(queue, header.attemptId, runtime.clock.now())) return;
    // It is no rest: nobody may have it before something is acknowledged, which wakes who waits.
    if (!run.peek && this.#hasEnough(queue)) return;
    this.#locked.add(lock);
    try {
      await this.#read(run, queue, flag);
    } finally {
      this.#locked.delete(lock);
    }
  }

  /** enablePopMessageThreshold: the group holds as many messages of the queue as it may. */
  #hasEnough(queue: QueueOfGroup): boolean {
    const { enablePopMessageThreshold, popInflightMessageThreshold } = this.#parts.settings;
    return enablePopMessageThreshold && this.#services.checkPoints.openOf(queue) > popInflightMessageThreshold;
  }

  async #read(run: Run, queue: QueueOfGroup, flag: TopicFlag): Promise<void> {
    const { settings } = this.#parts;
    const { queueId } = queue;
    let offset = run.peek ? this.#offsetOf(queue) : await this.#takeOffset(queue, run.header.initMode);
    let found = await this.#get(run, queue, offset);
    if (found.nextBeginOffset !== offset && isAstray(found)) {
      if (!run.peek) this.#services.checkPoints.buffer.moveTo(queue, found.nextBeginOffset);
      offset = found.nextBeginOffset;
      found = await this.#get(run, queue, offset);
    }
    run.rest += Math.max(0, found.maxOffset - found.nextBeginOffset);
    if (found.status !== "FOUND") {
      if (found.nextBeginOffset > offset && !run.peek) this.#services.checkPoints.buffer.moveTo(queue, found.nextBeginOffset);
      return;
    }
    const given = offsetsIn(found.body);
    if (!run.peek) this.#handOut(run, queue, flag, offset, given, found);
    run.startOffsets = joinInfo(run.startOffsets, startOffsetPart(flag, queueId, offset));
    run.msgOffsets = joinInfo(run.msgOffsets, msgOffsetPart(flag, queueId, given));
    const { popTime, reviveQid } = run;
    const body =
      flag === TOPIC_ITSELF || settings.popResponseReturnActualRetryTopic || run.peek
        ? found.body
        : asOriginal(found.body, run.header.topic, {
            ckQueueOffset: offset,
            popTime,
            invisibleTime: run.header.invisibleTime,
            reviveQid,
            flag,
            brokerName: settings.brokerName,
            queueId,
          });
    run.bodies.push(body);
    if (body !== found.body) found.release?.();
    else if (found.release !== undefined) run.releases.push(found.release);
    run.bytes += body.length;
    run.count += given.length;
  }

  /** From here on the messages are the client's until their time is over. */
  #handOut(run: Run, queue: QueueOfGroup, flag: TopicFlag, offset: number, given: readonly number[], found: GetResult): void {
    const { offsets, stats, addresses } = this.#parts;
    const { topic, group, queueId } = queue;
    const { popTime, reviveQid, header } = run;
    const { invisibleTime, attemptId } = header;
    if (header.order) {
      run.orderCounts = this.#services.orders.update(queue, { attemptId, popTime, invisibleTime }, given, flag, run.orderCounts);
      offsets.commit(group, topic, queueId, offset);
    } else {
      const ref = { topic, group, queueId, startOffset: offset, popTime, invisibleTime, reviveQid };
      this.#services.checkPoints.add(ref, given, addresses.storeHostFor(run.context.peer), found.nextBeginOffset);
    }
    stats.got(group, topic, queueId, given.length, found.body.length);
    stats.instruments?.traffic.popped(header.topic, group, topic !== header.topic, given.length, found.body.length);
  }

  #get(run: Run, queue: QueueOfGroup, offset: number): MaybePromise<GetResult> {
    const { store, settings } = this.#parts;
    const limits = {
      messagesMax: Math.max(1, run.header.maxMsgNums - run.count),
      bytesMax: settings.maxTransferBytesOnMessageInMemory,
    };
    const { records, tags } = run.filter;
    if (records === undefined) return store.get(queue, offset, limits, tags);
    return store.getMatching(queue, offset, limits, {
      matches: records,
      scannedMax: settings.maxFilterMessageSize / QUEUE_UNIT_BYTES,
    });
  }

  // --------------------------------------------------------------------------------------------------------- offsets

  /** The next offset of the group; a reset that waits for it is taken, and a first one is committed. */
  async #takeOffset(queue: QueueOfGroup, initMode: number): Promise<number> {
    const { offsets } = this.#parts;
    const { topic, group, queueId } = queue;
    const reset = offsets.takeReset(group, topic, queueId);
    const { buffer } = this.#services.checkPoints;
    if (reset >= 0) {
      buffer.forgetOffset(queue);
      this.#services.orders.clear(queue);
      offsets.commit(group, topic, queueId, reset);
      return reset;
    }
    const known = buffer.latestOffset(queue) ?? offsets.query(group, topic, queueId);
    if (known >= 0) return known;
    const first = await firstOffset(this.#parts, queue, initMode);
    offsets.commit(group, topic, queueId, first);
    return first;
  }

  /** What is known of it without a look into the queue. */
  #offsetOf({ topic, group, queueId }: QueueOfGroup): number {
    const { offsets, store } = this.#parts;
    const latest = this.#services.checkPoints.buffer.latestOffset({ topic, group, queueId });
    const known = latest ?? offsets.query(group, topic, queueId);
    return known >= 0 ? known : Math.max(0, store.minOffset({ topic, queueId }));
  }
}

const isAstray = ({ status }: GetResult): boolean =>
  status === "OFFSET_TOO_SMALL" || status === "OFFSET_OVERFLOW_BADLY" || status === "OFFSET_FOUND_NULL";

function offsetsIn(body: Uint8Array): number[] {
  const offsets: number[] = [];
  for (let at = 0; at < body.length; at += readInt32(body, at)) offsets.push(readInt64(body, at + RECORD_AT.queueOffset));
  return offsets;
}

function joined({ bodies, bytes }: Run): Uint8Array {
  const [only, ...more] = bodies;
  if (only !== undefined && more.length === 0) return only;
  const all = new Uint8Array(bytes);
  let at = 0;
  for (const body of bodies) {
    all.set(body, at);
    at += body.length;
  }
  return all;
}
