/** One PULL_MESSAGE: what PushConsumer and LitePullConsumer read with. */
import type { MessageQueue } from "../../wire/bodies/message_queue.ts";
import type { SubscriptionData } from "../../wire/bodies/subscription.ts";
import { pullMessageResponseHeader } from "../../wire/headers/pull.ts";
import { MASTER_ID } from "../../wire/mix_all.ts";
import { viewRecords } from "../../wire/record_view.ts";
import { ResponseCode } from "../../wire/response_code.ts";
import type { ClientInstance } from "./client_instance.ts";
import { MQBrokerError, readReply } from "./errors.ts";
import { BODY_BYTES_MAX, MessageExt } from "./message.ts";
import { wanted } from "./subscription.ts";
import { queueText } from "./topic_route.ts";

export type PullStatus = "FOUND" | "NO_NEW_MSG" | "NO_MATCHED_MSG" | "OFFSET_ILLEGAL";

export interface PullResult {
  /** Where it began. */
  readonly offset: number;
  readonly tookMs: number;
  readonly pullStatus: PullStatus;
  /** Of the records that came, before they are read. */
  readonly bodyBytes: number;
  /** Reads them, once: those that the subscription wants. @throws MQClientError kind bad-reply */
  readonly messages: () => readonly MessageExt[];
  readonly nextBeginOffset: number;
  readonly minOffset: number;
  readonly maxOffset: number;
  /** Where to pull from next time. */
  readonly suggestWhichBrokerId: number;
}

export interface PullInput {
  readonly consumerGroup: string;
  readonly queue: MessageQueue;
  readonly offset: number;
  readonly subscription: SubscriptionData;
  readonly maxMsgNums: number;
  /** How long the broker may hold the pull when there is nothing, ms; 0: not at all. */
  readonly suspendTimeoutMillis: number;
  readonly brokerId: number;
  /** Sent along, and stored by the broker. */
  readonly commitOffset?: number | undefined;
  /** The subscription travels with the pull: for consumers that no heartbeat announced with it. */
  readonly withSubscription: boolean;
  /** Counts in the broker's lane of lite pull consumers. */
  readonly lite?: boolean | undefined;
}

const SYS_COMMIT = 1;
const SYS_SUSPEND = 2;
const SYS_SUBSCRIPTION = 4;
const SYS_LITE = 16;
/** What a broker needs to answer, on top of how long it may hold the pull. */
const ANSWER_MS = 15_000;

const STATUS: Readonly<Record<number, PullStatus>> = {
  [ResponseCode.SUCCESS]: "FOUND",
  [ResponseCode.PULL_NOT_FOUND]: "NO_NEW_MSG",
  [ResponseCode.PULL_RETRY_IMMEDIATELY]: "NO_MATCHED_MSG",
  [ResponseCode.PULL_OFFSET_MOVED]: "OFFSET_ILLEGAL",
};

/** @throws MQBrokerError, MQClientError; the signal's reason */
export async function pull(client: ClientInstance, input: PullInput, signal?: AbortSignal): Promise<PullResult> {
  const { queue, subscription, suspendTimeoutMillis } = input;
  const startedAt = client.runtime.clock.monotonic();
  const bname = client.brokerNameOf(queue);
  const suggested = client.brokerAddr(bname, input.brokerId);
  // Nothing is waited for where the route is known, so that the request leaves with the others of its turn.
  const address = suggested ?? client.brokerAddr(bname) ?? (await client.masterOf(queue, signal));
  // A slave stores no offsets.
  const commit = (suggested === undefined || input.brokerId === MASTER_ID) && input.commitOffset !== undefined;
  const tried = `pull from ${queueText(queue)} at ${input.offset}`;
  const reply = await client.invoke(
    tried,
    address,
    input.lite === true ? "LITE_PULL_MESSAGE" : "PULL_MESSAGE",
    {
      consumerGroup: input.consumerGroup,
      topic: queue.topic,
      queueId: queue.queueId,
      queueOffset: input.offset,
      maxMsgNums: input.maxMsgNums,
      sysFlag:
        (commit ? SYS_COMMIT : 0) |
        (suspendTimeoutMillis > 0 ? SYS_SUSPEND : 0) |
        (input.withSubscription ? SYS_SUBSCRIPTION : 0) |
        (input.lite === true ? SYS_LITE : 0),
      commitOffset: commit ? (input.commitOffset ?? 0) : 0,
      suspendTimeoutMillis,
      subscription: input.withSubscription ? subscription.subString : undefined,
      subVersion: subscription.subVersion,
      expressionType: subscription.expressionType,
      bname,
    },
    { timeoutMs: suspendTimeoutMillis + ANSWER_MS, signal },
  );
  const pullStatus = STATUS[reply.code];
  if (pullStatus === undefined) throw new MQBrokerError(tried, address, reply);
  const header = readReply(tried, address, () => pullMessageResponseHeader.decode(reply.extFields));
  const { nextBeginOffset, minOffset, maxOffset, suggestWhichBrokerId, offsetDelta } = header;
  return {
    offset: input.offset,
    tookMs: client.runtime.clock.monotonic() - startedAt,
    pullStatus,
    bodyBytes: reply.body.length,
    messages: () =>
      pullStatus === "FOUND" ? readReply(tried, address, () => messagesOf(client, input, reply.body, offsetDelta)) : [],
    nextBeginOffset,
    minOffset,
    maxOffset,
    suggestWhichBrokerId,
  };
}

function messagesOf(
  { runtime, namespace }: ClientInstance,
  { queue, subscription }: PullInput,
  body: Uint8Array,
  offsetDelta: number | undefined,
): MessageExt[] {
  const { compression } = runtime;
  const messages: MessageExt[] = [];
  for (const record of viewRecords(body)) {
    const message = new MessageExt(record, queue.brokerName, compression, BODY_BYTES_MAX);
    message.topic = namespace.unwrap(message.topic);
    // Of a static topic: records know only the physical queue they lie in.
    if (offsetDelta !== undefined) {
      message.queueId = queue.queueId;
      message.queueOffset += offsetDelta;
    }
    if (wanted(subscription, message)) messages.push(message);
  }
  return messages;
}
