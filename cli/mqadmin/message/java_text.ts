/** Messages, queues and results as Java's `toString` prints them: people's scripts read these lines. */
import type { MessageExt } from "../../../core/client/mod.ts";
import type { MessageQueue } from "../../../wire/bodies/message_queue.ts";
import type { ConsumeMessageDirectlyResult } from "../../../wire/bodies/running_info.ts";
import { hashCode } from "../../../wire/java_hash.ts";
import { javaMap } from "../values.ts";

/** A message, and what a client would have added to its properties or knows of it besides. */
export interface Shown {
  readonly message: MessageExt;
  readonly properties: ReadonlyMap<string, string>;
  /** Of a message that was pulled. */
  readonly brokerName?: string | undefined;
  readonly transactionId?: string | undefined;
  /** False: from a file, without its body. */
  readonly withBody?: boolean;
}

export function messageText({ message, properties, brokerName, transactionId, withBody = true }: Shown): string {
  const { queueId, storeSize, queueOffset, sysFlag, bornTimestamp, bornHost, storeTimestamp, storeHost } = message;
  const { commitLogOffset, bodyCRC, reconsumeTimes, preparedTransactionOffset, topic, flag, body, offsetMsgId } = message;
  const inner =
    `Message{topic='${topic}', flag=${flag}, properties=${propertiesText(properties)}, ` +
    `body=${withBody ? `[${[...signed(body)].join(", ")}]` : null}, transactionId='${transactionId ?? null}'}`;
  return (
    `MessageExt [brokerName=${brokerName ?? null}, queueId=${queueId}, storeSize=${storeSize}, queueOffset=${queueOffset}, ` +
    `sysFlag=${sysFlag}, bornTimestamp=${bornTimestamp}, bornHost=/${bornHost}, storeTimestamp=${storeTimestamp}, ` +
    `storeHost=/${storeHost}, msgId=${offsetMsgId}, commitLogOffset=${commitLogOffset}, bodyCRC=${bodyCRC}, ` +
    `reconsumeTimes=${reconsumeTimes}, preparedTransactionOffset=${preparedTransactionOffset}, toString()=${inner}]`
  );
}

export const queueText = ({ topic, brokerName, queueId }: MessageQueue): string =>
  `MessageQueue [topic=${topic}, brokerName=${brokerName}, queueId=${queueId}]`;

export const directResultText = (result: ConsumeMessageDirectlyResult): string =>
  `ConsumeMessageDirectlyResult [order=${result.order}, autoCommit=${result.autoCommit}, ` +
  `consumeResult=${result.consumeResult ?? null}, remark=${result.remark ?? null}, spentTimeMills=${result.spentTimeMills}]`;

/** Of `new HashMap(128)`, which Java's client keeps properties in, for as many entries as it has room. */
const BUCKETS = 128;
const FILL = 0.75;

/** In the order of Java's HashMap: by bucket, in each as they came. */
export function propertiesText(properties: ReadonlyMap<string, string>): string {
  let buckets = BUCKETS;
  while (properties.size > buckets * FILL) buckets *= 2;
  const bucketOf = (key: string): number => {
    const hash = hashCode(key);
    return (hash ^ (hash >>> 16)) & (buckets - 1);
  };
  return javaMap([...properties].sort(([a], [b]) => bucketOf(a) - bucketOf(b)));
}

const signed = (bytes: Uint8Array): Int8Array => new Int8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
