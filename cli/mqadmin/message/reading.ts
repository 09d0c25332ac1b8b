/** Messages read from their queues, as a consumer of the tools' group would. */
import type { MessageExt } from "../../../core/client/mod.ts";
import { type PullStatus, pull } from "../../../core/client/pull.ts";
import { maxOffset, minOffset, searchOffset } from "../../../core/client/queue_offsets.ts";
import { subscriptionOf } from "../../../core/client/subscription.ts";
import { compareQueues } from "../../../core/client/topic_route.ts";
import type { MessageQueue } from "../../../wire/bodies/message_queue.ts";
import { MessageConst } from "../../../wire/message_const.ts";
import { MASTER_ID } from "../../../wire/mix_all.ts";
import type { CommandContext } from "../context.ts";
import { pointInTime } from "../values.ts";
import type { Shown } from "./java_text.ts";

/** The group that every broker has for tools (`MixAll.TOOLS_CONSUMER_GROUP`). */
export const TOOLS_GROUP = "TOOLS_CONSUMER";

export interface Pulled {
  readonly status: PullStatus;
  readonly nextOffset: number;
  readonly messages: readonly Shown[];
}

/** @param expression tags joined by `||`, or `*` */
export async function pullAt(
  context: CommandContext,
  queue: MessageQueue,
  {
    offset,
    expression = "*",
    count = 32,
    group = TOOLS_GROUP,
  }: { offset: number; expression?: string; count?: number; group?: string },
): Promise<Pulled> {
  const result = await pull(context.client, {
    consumerGroup: group,
    queue,
    offset,
    subscription: subscriptionOf(queue.topic, expression, context.now()),
    maxMsgNums: count,
    suspendTimeoutMillis: 0,
    brokerId: MASTER_ID,
    withSubscription: true,
  });
  const shown = (message: MessageExt): Shown => {
    const bounds = [["MIN_OFFSET", String(result.minOffset)] as const, ["MAX_OFFSET", String(result.maxOffset)] as const];
    const inTransaction = message.properties.get(MessageConst.TRAN_MSG) === "true";
    return {
      message,
      properties: new Map([...message.properties, ...bounds]),
      brokerName: queue.brokerName,
      transactionId: inTransaction ? message.properties.get(MessageConst.UNIQ_KEY) : undefined,
    };
  };
  return { status: result.pullStatus, nextOffset: result.nextBeginOffset, messages: result.messages().map(shown) };
}

/** All queues of a topic that can be read, in order. @param routeTopic has the route of a light topic */
export async function readQueuesOf(context: CommandContext, topic: string, routeTopic = topic): Promise<MessageQueue[]> {
  const { readQueues } = await context.client.route(routeTopic);
  return readQueues.map((queue) => ({ ...queue, topic })).sort(compareQueues);
}

/** Where to begin and end: the bounds of the queue, or points in time. */
export async function rangeOf(
  context: CommandContext,
  queue: MessageQueue,
  { beginTimestamp, endTimestamp }: { beginTimestamp?: string | undefined; endTimestamp?: string | undefined },
): Promise<{ minOffset: number; maxOffset: number }> {
  const at = (text: string, name: string) => searchOffset(context.client, queue, pointInTime(text, name, context.now()));
  return {
    minOffset: await (beginTimestamp === undefined ? minOffset(context.client, queue) : at(beginTimestamp, "beginTimestamp")),
    maxOffset: await (endTimestamp === undefined ? maxOffset(context.client, queue) : at(endTimestamp, "endTimestamp")),
  };
}
