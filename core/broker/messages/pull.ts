/**
 * PULL_MESSAGE and LITE_PULL_MESSAGE: may this group read this queue, what does it want of it, and what is there. A pull
 * that finds nothing new and may be suspended goes to `pull_hold.ts` and comes back once.
 *
 * What is recent is read synchronously, and then the answer is made in the same call.
 */
import { readInt32, readInt64 } from "../../../wire/bytes.ts";
import type { PullMessageRequestHeader, PullMessageResponseHeader } from "../../../wire/headers/pull.ts";
import { RECORD_AT } from "../../../wire/message.ts";
import { readStoreTimestamp } from "../../../wire/message_reader.ts";
import { MASTER_ID } from "../../../wire/mix_all.ts";
import { ResponseCode } from "../../../wire/response_code.ts";
import type { SqlFilter } from "../../filter/sql_filter.ts";
import type { MaybePromise, ProcessorMap, RequestContext } from "../../remoting/processor.ts";
import type { GetLimits, GetResult, GetStatus, QueueRef, RecordScan } from "../../store/message_store.ts";
import type { FilterThreads } from "../filters/filter_threads.ts";
import { lmqNameOf } from "../lite/lite_names.ts";
import { brokerOptions } from "../options.ts";
import type { BrokerParts } from "../parts.ts";
import type { ColdDataFlowControl } from "./cold_data.ts";
import { type Admitted, isRefusal, PullAdmission } from "./pull_admission.ts";
import type { PullReply, PullRequestHoldService } from "./pull_hold.ts";
import { type PullOf, ScanPace } from "./scan_pace.ts";

const FLAG_COMMIT_OFFSET = 1;
const FLAG_SUSPEND = 2;

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

/** A pull whose filter passed nothing is answered so long after the first arrival, as Apache's check every five seconds. */
const UNMATCHED_HOLD_MS = 5_000;
/** maxFilterMessageSize counts consume queue units. */
const QUEUE_UNIT_BYTES = 20;

const NOTHING = new Uint8Array(0);

export class PullMessageProcessor {
  readonly #parts: BrokerParts;
  readonly #hold: PullRequestHoldService;
  readonly #cold: ColdDataFlowControl;
  readonly #admission: PullAdmission;
  readonly #filterThreads: FilterThreads;
  readonly #pace: ScanPace;
  /** End of the log for statistics: the store's figures cost more than a pull may. */
  #tailOffset = 0;
  #tailExpiresAt = 0;

  constructor(parts: BrokerParts, hold: PullRequestHoldService, cold: ColdDataFlowControl, filterThreads: FilterThreads) {
    this.#parts = parts;
    this.#filterThreads = filterThreads;
    this.#pace = new ScanPace(parts.runtime.clock);
    this.#hold = hold;
    this.#cold = cold;
    this.#admission = new PullAdmission(parts);
  }

  /**
   * @param lite LITE_PULL_MESSAGE.
   * @param heldUntil Clock.monotonic() until when a held pull that is executed again may wait on; it commits nothing again.
   * @param coldHeld It was held for reading cold data, and is not again.
   */
  pull(
    context: RequestContext,
    header: PullMessageRequestHeader,
    lite: boolean,
    heldUntil?: number,
    coldHeld = false,
  ): MaybePromise<PullReply | undefined> {
    const admitted = this.#admission.admit(context, header, lite);
    if (isRefusal(admitted)) return admitted;
    const { settings, store, offsets } = this.#parts;
    const queue = queueOf(header);
    // Now, not when the messages are read: meanwhile the client may store a later offset, and close.
    if (heldUntil === undefined && !coldHeld && (header.sysFlag & FLAG_COMMIT_OFFSET) !== 0) {
      offsets.commit(header.consumerGroup, queue.topic, header.queueId, header.commitOffset);
    }
    if (settings.useServerSideResetOffset) {
      const reset = offsets.takeReset(header.consumerGroup, queue.topic, header.queueId);
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
        return this.#answer(context, header, lite, heldUntil, admitted, result);
      }
    }
    if (this.#cold.isLimited(header.consumerGroup)) {
      return this.#pullLimited(context, header, lite, heldUntil, admitted, coldHeld);
    }
    const found = this.#read(context, header, admitted, header.maxMsgNums);
    return found instanceof Promise
      ? found.then((result) => this.#answer(context, header, lite, heldUntil, admitted, result))
      : this.#answer(context, header, lite, heldUntil, admitted, found);
  }

  #read(
    { peer }: RequestContext,
    header: PullMessageRequestHeader,
    admitted: Admitted,
    messagesAsked: number,
  ): MaybePromise<GetResult> {
    const { settings, store } = this.#parts;
    const queue = queueOf(header);
    const limits = {
      // A pull that asks for none gets one, as in Apache.
      messagesMax: Math.max(1, Math.min(messagesAsked, settings.pullBatchMaxMessageCount)),
      bytesMax: settings.maxTransferBytesOnMessageInMemory,
      asker: peer,
    };
    const { records } = admitted;
    if (records === undefined) return store.get(queue, header.queueOffset, limits, admitted.filter);
    const here = { matches: records, scannedMax: settings.maxFilterMessageSize / QUEUE_UNIT_BYTES };
    const { sql } = admitted;
    if (sql === undefined) return store.getMatching(queue, header.queueOffset, limits, here);
    return this.#readBySql({ ...queue, group: header.consumerGroup, peer }, header.queueOffset, limits, here, sql);
  }

  /** Only beside the event loop may one pull look at more than usual: on it it would hold up others. */
  #readBySql(pull: PullOf, offset: number, limits: GetLimits, here: RecordScan, sql: SqlFilter): MaybePromise<GetResult> {
    const { store, settings } = this.#parts;
    // Who changed the key means just that.
    const learns = settings.maxFilterMessageSize === brokerOptions.maxFilterMessageSize.fallback;
    const times = learns ? this.#pace.asked(pull) : 1;
    const scannedMax = times * here.scannedMax;
    const beside = this.#filterThreads.beside(sql, scannedMax);
    const found = store.getMatching(pull, offset, limits, { ...here, beside });
    if (!learns || beside === undefined || !(found instanceof Promise)) return found;
    return found.then((result) => {
      const looked = result.nextBeginOffset - offset;
      if (looked >= here.scannedMax) this.#pace.answered(pull, times, looked >= scannedMax);
      return result;
    });
  }

  /**
   * The pull of a group that has read its share of cold data. One message tells whether this pull asks for such; what is not
   * cold is given as ever.
   * @throws RemotingError SYSTEM_BUSY when it is and the group is pushed to.
   */
  async #pullLimited(
    context: RequestContext,
    header: PullMessageRequestHeader,
    lite: boolean,
    heldUntil: number | undefined,
    admitted: Admitted,
    coldHeld: boolean,
  ): Promise<PullReply | undefined> {
    const { consumerGroup, topic, subscription } = header;
    const first = await this.#read(context, header, admitted, 1);
    const isCold = first.status === "FOUND" && this.#cold.coldBytesOf(first.body) > 0;
    if (first.status !== "FOUND" || (isCold && coldHeld)) {
      return this.#answer(context, header, lite, heldUntil, admitted, first);
    }
    first.release?.();
    if (!isCold) {
      const all = await this.#read(context, header, admitted, header.maxMsgNums);
      return this.#answer(context, header, lite, heldUntil, admitted, all);
    }
    if (this.#parts.consumers.group(consumerGroup)?.consumeType === "CONSUME_PASSIVELY") throw this.#cold.refusal(consumerGroup);
    return this.#cold.hold({
      bytes: 2 * ((subscription?.length ?? 0) + topic.length + consumerGroup.length),
      execute: () => (context.peer.closed ? undefined : this.pull(context, header, lite, heldUntil, true)),
    });
  }

  // ---------------------------------------------------------------------------------------------------------- answer

  #answer(
    context: RequestContext,
    header: PullMessageRequestHeader,
    lite: boolean,
    heldUntil: number | undefined,
    admitted: Admitted,
    result: GetResult,
  ): MaybePromise<PullReply | undefined> {
    const { offsets, settings, stats, log } = this.#parts;
    const { consumerGroup, topic, queueId } = header;
    const storedTopic = storedTopicOf(header);
    offsets.notePull(consumerGroup, storedTopic, queueId, result.nextBeginOffset);
    const firstPass = heldUntil === undefined;
    const code = CODE_OF[result.status][header.queueOffset === 0 ? 1 : 0];
    if (code === ResponseCode.SUCCESS) {
      stats.got(consumerGroup, topic, queueId, result.messageCount, result.body.length);
      stats.instruments?.traffic.pulled(topic, consumerGroup, result.messageCount, result.body.length);
      this.#cold.count(consumerGroup, result.body);
      this.#noteDistance(header, result);
    } else {
      if (firstPass) stats.getMissed();
      if (code === ResponseCode.PULL_NOT_FOUND && firstPass && (header.sysFlag & FLAG_SUSPEND) !== 0) {
        const { longPollingEnable, shortPollingTimeMills } = settings;
        const timeoutMs = longPollingEnable ? Math.max(0, header.suspendTimeoutMillis) : shortPollingTimeMills;
        return this.#suspend(context, header, lite, admitted, result, timeoutMs);
      }
      // With more behind what one pull looks at, the client goes on at once.
      const atEnd = result.nextBeginOffset >= result.maxOffset;
      if (atEnd && result.status === "NO_MATCHED_MESSAGE" && admitted.records !== undefined && heldUntil !== undefined) {
        // Every arrival wakes a pull whose filter asks for properties; one that passes nothing goes on waiting, so that its
        // client does not come back for each. After a while it is answered all the same, with an offset that moved.
        const leftMs = Math.min(heldUntil - this.#parts.runtime.clock.monotonic(), UNMATCHED_HOLD_MS);
        const moved = { ...header, queueOffset: result.nextBeginOffset };
        if (leftMs > 0 && !this.#hold.closed) return this.#suspend(context, moved, lite, admitted, result, leftMs);
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
    return { code, remark: result.status, header: reply, body: result.body, release: result.release };
  }

  #suspend(
    context: RequestContext,
    header: PullMessageRequestHeader,
    lite: boolean,
    admitted: Admitted,
    result: GetResult,
    timeoutMs: number,
  ): MaybePromise<PullReply | undefined> {
    const { store, runtime } = this.#parts;
    const { topic, queueOffset } = header;
    const queue = queueOf(header);
    const until = runtime.clock.monotonic() + timeoutMs;
    // An answer that took its time may be older than what arrived meanwhile, which will not be announced again.
    if (store.maxOffset(queue) > (result.queueEnd ?? result.maxOffset)) return this.pull(context, header, lite, until);
    return this.#hold.hold({
      peer: context.peer,
      queue,
      offset: queueOffset,
      filter: admitted.filter,
      timeoutMs,
      // UTF-16 units of what the client chose; the rest is bounded by the protocol.
      bytes: 2 * ((header.subscription?.length ?? 0) + topic.length + header.consumerGroup.length),
      execute: () => this.pull(context, header, lite, until),
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

/** The topic whose queue is read: of a lite topic its light queue. */
const storedTopicOf = ({ topic, liteTopic = "" }: PullMessageRequestHeader): string =>
  liteTopic === "" ? topic : lmqNameOf(topic, liteTopic);

const queueOf = (header: PullMessageRequestHeader): QueueRef => ({ topic: storedTopicOf(header), queueId: header.queueId });

export function pullProcessors(pull: PullMessageProcessor): Pick<ProcessorMap<"broker">, "PULL_MESSAGE" | "LITE_PULL_MESSAGE"> {
  return {
    PULL_MESSAGE: (context, { header }) => pull.pull(context, header, false),
    LITE_PULL_MESSAGE: (context, { header }) => pull.pull(context, header, true),
  };
}
