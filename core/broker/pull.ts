/**
 * PULL_MESSAGE and LITE_PULL_MESSAGE: may this group read this queue, what does it want of it, and what is there. A pull
 * that finds nothing new and may be suspended goes to `pull_hold.ts` and comes back once.
 *
 * What is recent is read synchronously, and then the answer is made in the same call.
 */
import type { SubscriptionGroupConfig } from "../../wire/bodies/subscription_group.ts";
import type { TopicConfig } from "../../wire/bodies/topic.ts";
import { readInt32, readInt64 } from "../../wire/bytes.ts";
import type { PullMessageRequestHeader, PullMessageResponseHeader } from "../../wire/headers/pull.ts";
import { RECORD_AT } from "../../wire/message.ts";
import { readStoreTimestamp } from "../../wire/message_reader.ts";
import { ResponseCode } from "../../wire/response_code.ts";
import { type MaybePromise, type ProcessorMap, RemotingError, type RequestContext } from "../remoting/processor.ts";
import type { GetResult, GetStatus, TagsFilter } from "../store/message_store.ts";
import type { BrokerParts, ConsumerGroup } from "./parts.ts";
import { isTagType, SubscriptionFilters, tagFilterOf } from "./pull_filter.ts";
import type { PullReply, PullRequestHoldService } from "./pull_hold.ts";
import { brokerName, FAQ, PERM_READ } from "./send_checks.ts";
import { isSystemGroup } from "./topics_validator.ts";

const FLAG_COMMIT_OFFSET = 1;
const FLAG_SUSPEND = 2;
const FLAG_SUBSCRIPTION = 4;

/** forbiddenType of the response: what was missing. */
const FORBIDDEN = { broker: "1", group: "2", topic: "3", broadcast: "4", subscription: "5" } as const;

const MASTER_ID = 0;

/** Response code of what was found; where two stand, the second is for a pull from offset 0. */
const CODE_OF: Readonly<Record<GetStatus, readonly [code: number, atZero: number]>> = {
  FOUND: [ResponseCode.SUCCESS, ResponseCode.SUCCESS],
  MESSAGE_WAS_REMOVING: [ResponseCode.PULL_RETRY_IMMEDIATELY, ResponseCode.PULL_RETRY_IMMEDIATELY],
  NO_MATCHED_MESSAGE: [ResponseCode.PULL_RETRY_IMMEDIATELY, ResponseCode.PULL_RETRY_IMMEDIATELY],
  NO_MATCHED_LOGIC_QUEUE: [ResponseCode.PULL_OFFSET_MOVED, ResponseCode.PULL_NOT_FOUND],
  NO_MESSAGE_IN_QUEUE: [ResponseCode.PULL_OFFSET_MOVED, ResponseCode.PULL_NOT_FOUND],
  OFFSET_FOUND_NULL: [ResponseCode.PULL_NOT_FOUND, ResponseCode.PULL_NOT_FOUND],
  OFFSET_OVERFLOW_ONE: [ResponseCode.PULL_NOT_FOUND, ResponseCode.PULL_NOT_FOUND],
  OFFSET_OVERFLOW_BADLY: [ResponseCode.PULL_OFFSET_MOVED, ResponseCode.PULL_OFFSET_MOVED],
  OFFSET_RESET: [ResponseCode.PULL_OFFSET_MOVED, ResponseCode.PULL_OFFSET_MOVED],
  OFFSET_TOO_SMALL: [ResponseCode.PULL_OFFSET_MOVED, ResponseCode.PULL_OFFSET_MOVED],
};

/** For how long the end of the log is taken for statistics. */
const TAIL_FRESH_MS = 1_000;

const NOTHING = new Uint8Array(0);

/** What the checks found out. */
interface Admitted {
  readonly group: SubscriptionGroupConfig;
  readonly topic: TopicConfig;
  readonly filter: TagsFilter;
}

export class PullMessageProcessor {
  readonly #parts: BrokerParts;
  readonly #hold: PullRequestHoldService;
  readonly #filters = new SubscriptionFilters();
  /** End of the log for statistics: the store's figures cost more than a pull may. */
  #tailOffset = 0;
  #tailExpiresAt = 0;

  constructor(parts: BrokerParts, hold: PullRequestHoldService) {
    this.#parts = parts;
    this.#hold = hold;
  }

  /**
   * @param lite LITE_PULL_MESSAGE.
   * @param firstPass false when a held pull is executed again: it is not held twice, and commits nothing again.
   */
  pull(
    context: RequestContext,
    header: PullMessageRequestHeader,
    lite: boolean,
    firstPass: boolean,
  ): MaybePromise<PullReply | undefined> {
    const admitted = this.#admit(context, header, lite);
    if (isRefusal(admitted)) return admitted;
    const { settings, store, offsets } = this.#parts;
    const queue = { topic: header.topic, queueId: header.queueId };
    if (settings.useServerSideResetOffset) {
      const reset = offsets.takeReset(header.consumerGroup, header.topic, header.queueId);
      if (reset >= 0) {
        const result: GetResult = {
          status: "OFFSET_RESET",
          nextBeginOffset: reset,
          minOffset: store.minOffset(queue),
          maxOffset: store.maxOffset(queue),
          body: NOTHING,
          messageCount: 0,
          suggestSlave: false,
        };
        return this.#answer(context, header, lite, firstPass, admitted, result);
      }
    }
    const limits = {
      // A pull that asks for none gets one, as in Apache.
      messagesMax: Math.max(1, Math.min(header.maxMsgNums, settings.pullBatchMaxMessageCount)),
      bytesMax: settings.maxTransferBytesOnMessageInMemory,
    };
    const found = store.get(queue, header.queueOffset, limits, admitted.filter);
    return found instanceof Promise
      ? found.then((result) => this.#answer(context, header, lite, firstPass, admitted, result))
      : this.#answer(context, header, lite, firstPass, admitted, found);
  }

  // ---------------------------------------------------------------------------------------------------------- checks

  /** In Apache's order. Refusals with a forbiddenType are replies, the others are thrown. */
  #admit(context: RequestContext, header: PullMessageRequestHeader, lite: boolean): Admitted | PullReply {
    const { settings, groups, topics } = this.#parts;
    const { consumerGroup, topic } = header;
    if ((settings.brokerPermission & PERM_READ) === 0) {
      return forbidden(FORBIDDEN.broker, `${brokerName(this.#parts, context)} pulling message is forbidden`);
    }
    if (lite && !settings.litePullMessageEnable) {
      return forbidden(FORBIDDEN.broker, `${brokerName(this.#parts, context)} for lite pull consumer is forbidden`);
    }
    const group = groups.findOrCreate(consumerGroup);
    if (group === undefined) {
      throw new RemotingError(
        ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST,
        `subscription group [${consumerGroup}] does not exist, ${FAQ}`,
      );
    }
    if (!group.consumeEnable) return forbidden(FORBIDDEN.group, `subscription group no permission, ${consumerGroup}`);
    const topicConfig = topics.find(topic);
    if (topicConfig === undefined) {
      throw new RemotingError(ResponseCode.TOPIC_NOT_EXIST, `topic[${topic}] not exist, apply first please! ${FAQ}`);
    }
    if ((topicConfig.perm & PERM_READ) === 0) {
      return forbidden(FORBIDDEN.topic, `the topic[${topic}] pulling message is forbidden`);
    }
    if (header.queueId < 0 || header.queueId >= topicConfig.readQueueNums) {
      const { remote } = context.peer;
      throw new RemotingError(
        ResponseCode.INVALID_PARAMETER,
        `queueId[${header.queueId}] is illegal, topic:[${topic}] topicConfig.readQueueNums:[${topicConfig.readQueueNums}] consumer:[/${remote.host}:${remote.port}]`,
      );
    }
    const filter =
      (header.sysFlag & FLAG_SUBSCRIPTION) === 0 ? this.#filterOfHeartbeat(header, group) : this.#filterOfRequest(header);
    if (typeof filter === "object") return filter;
    if (settings.rejectPullConsumerEnable) this.#checkPushConsumer(context, consumerGroup);
    return { group, topic: topicConfig, filter };
  }

  #filterOfRequest(header: PullMessageRequestHeader): TagsFilter {
    checkTagType(header.expressionType);
    try {
      return tagFilterOf(header.subscription);
    } catch {
      throw new RemotingError(ResponseCode.SUBSCRIPTION_PARSE_FAILED, "parse the consumer's subscription failed");
    }
  }

  #filterOfHeartbeat(header: PullMessageRequestHeader, group: SubscriptionGroupConfig): TagsFilter | PullReply {
    const { consumers, groups } = this.#parts;
    const { consumerGroup, topic } = header;
    const connected: ConsumerGroup | undefined = consumers.group(consumerGroup);
    if (connected === undefined) {
      throw new RemotingError(ResponseCode.SUBSCRIPTION_NOT_EXIST, `the consumer's group info not exist${FAQ}`);
    }
    if (!group.consumeBroadcastEnable && connected.messageModel === "BROADCASTING") {
      return forbidden(FORBIDDEN.broadcast, `the consumer group[${consumerGroup}] can not consume by broadcast way`);
    }
    if (!groups.mayRead(consumerGroup, topic)) {
      return forbidden(FORBIDDEN.subscription, `the consumer group[${consumerGroup}] is forbidden for topic[${topic}]`);
    }
    const subscription = connected.subscriptions.get(topic);
    if (subscription === undefined) {
      throw new RemotingError(ResponseCode.SUBSCRIPTION_NOT_EXIST, `the consumer's subscription not exist${FAQ}`);
    }
    if (subscription.subVersion < header.subVersion) {
      throw new RemotingError(ResponseCode.SUBSCRIPTION_NOT_LATEST, "the consumer's subscription not latest");
    }
    checkTagType(subscription.expressionType);
    return this.#filters.of(subscription);
  }

  #checkPushConsumer(context: RequestContext, consumerGroup: string): void {
    const connected = this.#parts.consumers.group(consumerGroup);
    const push = connected?.consumeType === "CONSUME_PASSIVELY" && connected.channels.has(context.peer);
    if (push || isSystemGroup(consumerGroup)) return;
    throw new RemotingError(
      ResponseCode.SUBSCRIPTION_NOT_EXIST,
      `the consumer's group info not exist, or the pull consumer is rejected by server.${FAQ}`,
    );
  }

  // ---------------------------------------------------------------------------------------------------------- answer

  #answer(
    context: RequestContext,
    header: PullMessageRequestHeader,
    lite: boolean,
    firstPass: boolean,
    admitted: Admitted,
    result: GetResult,
  ): MaybePromise<PullReply | undefined> {
    const { offsets, settings, stats, log } = this.#parts;
    const { consumerGroup, topic, queueId } = header;
    offsets.notePull(consumerGroup, topic, queueId, result.nextBeginOffset);
    if (firstPass && (header.sysFlag & FLAG_COMMIT_OFFSET) !== 0) {
      offsets.commit(consumerGroup, topic, queueId, header.commitOffset);
    }
    const code = CODE_OF[result.status][header.queueOffset === 0 ? 1 : 0];
    if (code === ResponseCode.SUCCESS) {
      stats.got(consumerGroup, topic, queueId, result.messageCount, result.body.length);
      this.#noteDistance(header, result);
    } else {
      if (firstPass) stats.getMissed();
      if (code === ResponseCode.PULL_NOT_FOUND && firstPass && (header.sysFlag & FLAG_SUSPEND) !== 0) {
        return this.#suspend(context, header, lite, admitted);
      }
      if (code === ResponseCode.PULL_OFFSET_MOVED) {
        log.info("a pull asked for an offset that is not there; it is told where to go on", {
          group: consumerGroup,
          topic,
          queueId,
          offset: header.queueOffset,
          next: result.nextBeginOffset,
          status: result.status,
        });
      }
    }
    const reply: PullMessageResponseHeader = {
      suggestWhichBrokerId: !settings.slaveReadEnable
        ? MASTER_ID
        : result.suggestSlave
          ? admitted.group.whichBrokerWhenConsumeSlowly
          : admitted.group.brokerId,
      nextBeginOffset: result.nextBeginOffset,
      // Apache answers 0 for a queue that never had a message.
      minOffset: Math.max(0, result.minOffset),
      maxOffset: result.maxOffset,
      topicSysFlag: admitted.topic.topicSysFlag,
      groupSysFlag: admitted.group.groupSysFlag,
    };
    return { code, remark: result.status, header: reply, body: result.body };
  }

  #suspend(
    context: RequestContext,
    header: PullMessageRequestHeader,
    lite: boolean,
    admitted: Admitted,
  ): MaybePromise<PullReply | undefined> {
    const { settings } = this.#parts;
    const { topic, queueId, queueOffset } = header;
    return this.#hold.hold({
      peer: context.peer,
      queue: { topic, queueId },
      offset: queueOffset,
      filter: admitted.filter,
      timeoutMs: settings.longPollingEnable ? Math.max(0, header.suspendTimeoutMillis) : settings.shortPollingTimeMills,
      // UTF-16 units of what the client chose; the rest is bounded by the protocol.
      bytes: 2 * ((header.subscription?.length ?? 0) + topic.length + header.consumerGroup.length),
      execute: () => this.pull(context, header, lite, false),
    });
  }

  /** How far the group is behind the tail, by the last record delivered. */
  #noteDistance({ consumerGroup, topic, queueId }: PullMessageRequestHeader, { body }: GetResult): void {
    const { stats, store, runtime } = this.#parts;
    let last = 0;
    for (let at = 0; at < body.length; at += readInt32(body, at)) last = at;
    const now = runtime.clock.monotonic();
    if (now >= this.#tailExpiresAt) {
      this.#tailOffset = store.stats().maxPhysicalOffset;
      this.#tailExpiresAt = now + TAIL_FRESH_MS;
    }
    const behindBytes = Math.max(0, this.#tailOffset - readInt64(body, last + RECORD_AT.physicalOffset));
    stats.fellBehind(consumerGroup, topic, queueId, behindBytes, runtime.clock.now() - readStoreTimestamp(body, last));
  }
}

const isRefusal = (admitted: Admitted | PullReply): admitted is PullReply => !("group" in admitted);

const forbidden = (type: string, remark: string): PullReply => ({
  code: ResponseCode.NO_PERMISSION,
  remark,
  extFields: { forbiddenType: type },
});

/** Only tags: expressions (SQL92) are refused as Apache does with enablePropertyFilter=false. */
function checkTagType(expressionType: string | undefined): void {
  if (isTagType(expressionType)) return;
  throw new RemotingError(
    ResponseCode.SYSTEM_ERROR,
    `The broker does not support consumer to filter message by ${expressionType}`,
  );
}

export function pullProcessors(pull: PullMessageProcessor): Pick<ProcessorMap<"broker">, "PULL_MESSAGE" | "LITE_PULL_MESSAGE"> {
  return {
    PULL_MESSAGE: (context, { header }) => pull.pull(context, header, false, true),
    LITE_PULL_MESSAGE: (context, { header }) => pull.pull(context, header, true, true),
  };
}
