/**
 * The texts in which POP says where messages came from.
 *
 * ```
 * extraInfo (POP_CK)   ckQueueOffset popTime invisibleTime reviveQid flag brokerName queueId [msgQueueOffset]
 * startOffsetInfo      flag queueId startOffset ; …
 * msgOffsetInfo        flag queueId offset,offset,… ; …
 * orderCountInfo       flag queueId count ; …   and   flag qo<queueId>%<offset> count ; …
 * ```
 * `flag` tells the topic from its retry topics: 0 itself, 1 `%RETRY%group_topic`, 2 `%RETRY%group+topic`.
 */
import { WireError } from "./errors.ts";
import { RETRY_PREFIX } from "./mix_all.ts";

/** Queue of the revive topic that stands for orderly POP, which has no check points. */
export const POP_ORDER_REVIVE_QUEUE = 999;

export const TOPIC_ITSELF = "0";
export const TOPIC_RETRY_V1 = "1";
export const TOPIC_RETRY_V2 = "2";
export type TopicFlag = typeof TOPIC_ITSELF | typeof TOPIC_RETRY_V1 | typeof TOPIC_RETRY_V2;

/** Where messages of `topic` wait that `group` did not acknowledge in time. */
export const popRetryTopicV1 = (topic: string, group: string): string => `${RETRY_PREFIX}${group}_${topic}`;
export const popRetryTopicV2 = (topic: string, group: string): string => `${RETRY_PREFIX}${group}+${topic}`;

export function popRetryTopic(topic: string, group: string, flag: Exclude<TopicFlag, "0">): string {
  return flag === TOPIC_RETRY_V2 ? popRetryTopicV2(topic, group) : popRetryTopicV1(topic, group);
}

/** The real topic behind what a client names, with the flag it was given. */
export const topicOf = (topic: string, group: string, flag: TopicFlag): string =>
  flag === TOPIC_ITSELF ? topic : popRetryTopic(topic, group, flag);

/** A message as it was popped: what its acknowledgement must bring back. */
export interface PopExtraInfo {
  /** First queue offset of the check point. */
  readonly ckQueueOffset: number;
  /** ms since 1970. */
  readonly popTime: number;
  /** ms. */
  readonly invisibleTime: number;
  readonly reviveQid: number;
  readonly flag: TopicFlag;
  readonly brokerName: string;
  readonly queueId: number;
  /** Old clients leave it out. */
  readonly msgQueueOffset?: number;
}

export function formatExtraInfo(info: PopExtraInfo): string {
  const { ckQueueOffset, popTime, invisibleTime, reviveQid, flag, brokerName, queueId, msgQueueOffset } = info;
  const text = `${ckQueueOffset} ${popTime} ${invisibleTime} ${reviveQid} ${flag} ${brokerName} ${queueId}`;
  return msgQueueOffset === undefined ? text : `${text} ${msgQueueOffset}`;
}

/** @throws WireError naming the part that is wrong. */
export function parseExtraInfo(text: string): PopExtraInfo {
  const parts = text.split(" ");
  if (parts.length < 7 || parts.length > 8) throw new WireError(`extraInfo has ${parts.length} parts; 7 or 8 are expected`);
  const number = (index: number, name: string): number => {
    const part = parts[index] as string;
    const value = Number(part);
    if (!/^-?\d{1,16}$/.test(part) || !Number.isSafeInteger(value)) {
      throw new WireError(`extraInfo: ${name} is "${part.slice(0, 40)}", no number`);
    }
    return value;
  };
  const flag = parts[4];
  if (flag !== TOPIC_ITSELF && flag !== TOPIC_RETRY_V1 && flag !== TOPIC_RETRY_V2) {
    throw new WireError(`extraInfo: the topic's flag is "${flag?.slice(0, 40)}"; 0, 1 and 2 are known`);
  }
  const info = {
    ckQueueOffset: number(0, "ckQueueOffset"),
    popTime: number(1, "popTime"),
    invisibleTime: number(2, "invisibleTime"),
    reviveQid: number(3, "reviveQid"),
    flag,
    brokerName: parts[5] as string,
    queueId: number(6, "queueId"),
  } as const;
  return parts.length === 8 ? { ...info, msgQueueOffset: number(7, "msgQueueOffset") } : info;
}

/** Puts a part behind those that are there. */
export const joinInfo = (text: string, part: string): string => (text === "" ? part : `${text};${part}`);

export const startOffsetPart = (flag: TopicFlag, queueId: number, offset: number): string => `${flag} ${queueId} ${offset}`;

export const msgOffsetPart = (flag: TopicFlag, queueId: number, offsets: readonly number[]): string =>
  `${flag} ${queueId} ${offsets.join(",")}`;

export const queueCountPart = (flag: TopicFlag, queueId: number, count: number): string => `${flag} ${queueId} ${count}`;

export const offsetCountPart = (flag: TopicFlag, queueId: number, offset: number, count: number): string =>
  `${flag} qo${queueId}%${offset} ${count}`;

/** The numbers of `startOffsetInfo`, by `flag queueId`. What has another shape is left out. */
export function parseStartOffsetInfo(text: string): ReadonlyMap<string, number> {
  const starts = new Map<string, number>();
  for (const part of text.split(";")) {
    const [flag, queueId, offset, more] = part.split(" ");
    const value = Number(offset);
    if (more === undefined && offset !== undefined && Number.isSafeInteger(value)) starts.set(`${flag} ${queueId}`, value);
  }
  return starts;
}
