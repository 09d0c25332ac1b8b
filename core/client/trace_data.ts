/**
 * A message's trace as text, the form of Java's `TraceDataEncoder`, which `mqadmin queryMsgTraceById` and dashboards read:
 *
 *     record   := kind \1 value … \1 value \2
 *     Pub            time region group topic msgId tags keys storeHost bodyLength costMs messageType offsetMsgId success
 *     Recall         time region group topic msgId success
 *     SubBefore      time region group requestId msgId retryTimes keys
 *     SubAfter       requestId msgId costMs success keys contextCode time group
 *     EndTransaction time region group topic msgId tags keys storeHost messageType transactionId state fromCheck
 *
 * A value that is not there is `null`: readers take no empty last one. Values hold no \1 and no \2: message properties can't.
 */
export interface TracedMessage {
  readonly msgId: string;
  readonly tags: string | undefined;
  /** Separated by spaces. */
  readonly keys: string | undefined;
}

/** Ordinals of Java's MessageType. */
export const TRACED_TYPE = { normal: 0, half: 1, commit: 2, delay: 3 } as const;
export type TracedType = (typeof TRACED_TYPE)[keyof typeof TRACED_TYPE];

/** Ordinals of Java's ConsumeReturnType, as far as this client has them. */
export const CONSUMED = { success: 0, exception: 2 } as const;

/** A record, and the keys that it is to be found by. */
export interface TraceRecord {
  readonly text: string;
  readonly keys: readonly string[];
}

const text = (...values: readonly (string | number | boolean | undefined)[]): string =>
  `${values.map((value) => (value === undefined || value === "" ? "null" : String(value))).join("\u0001")}\u0002`;

const keysOf = ({ msgId, keys }: TracedMessage): string[] => [
  ...msgId.split(",").filter((each) => each !== ""),
  ...(keys ?? "").split(" ").filter((each) => each !== ""),
];

export interface TracedSend extends TracedMessage {
  /** When the send began, ms since 1970. */
  readonly time: number;
  readonly region: string;
  readonly group: string;
  readonly topic: string;
  /** `host:port` of the broker. */
  readonly storeHost: string;
  readonly bodyLength: number;
  readonly costMs: number;
  readonly type: TracedType;
  readonly offsetMsgId: string;
  readonly success: boolean;
}

export function sendRecord(it: TracedSend): TraceRecord {
  const { time, region, group, topic, msgId, tags, keys, storeHost, bodyLength, costMs, type, offsetMsgId, success } = it;
  const values = [time, region, group, topic, msgId, tags, keys, storeHost, bodyLength, costMs, type, offsetMsgId, success];
  return { text: text("Pub", ...values), keys: keysOf(it) };
}

export interface TracedRecall {
  /** When the broker answered, ms since 1970. */
  readonly time: number;
  readonly region: string;
  readonly group: string;
  readonly topic: string;
  /** Of the message that is taken back. */
  readonly msgId: string;
  readonly success: boolean;
}

export function recallRecord({ time, region, group, topic, msgId, success }: TracedRecall): TraceRecord {
  return { text: text("Recall", time, region, group, topic, msgId, success), keys: [msgId] };
}

export interface TracedConsumption extends TracedMessage {
  /** One a call of the listener; ties the two records of a message together. */
  readonly requestId: string;
  readonly time: number;
  readonly region: string;
  readonly group: string;
  readonly retryTimes: number;
}

export function consumeBeforeRecord(it: TracedConsumption): TraceRecord {
  const { time, region, group, requestId, msgId, retryTimes, keys } = it;
  return { text: text("SubBefore", time, region, group, requestId, msgId, retryTimes, keys), keys: keysOf(it) };
}

export function consumeAfterRecord(it: TracedConsumption, costMs: number, success: boolean): TraceRecord {
  const { time, group, requestId, msgId, keys } = it;
  const code = success ? CONSUMED.success : CONSUMED.exception;
  return { text: text("SubAfter", requestId, msgId, costMs, success, keys, code, time, group), keys: keysOf(it) };
}

export interface TracedEnd extends TracedMessage {
  readonly time: number;
  readonly region: string;
  readonly group: string;
  readonly topic: string;
  readonly storeHost: string;
  readonly transactionId: string | undefined;
  readonly state: string;
  readonly fromCheck: boolean;
}

export function endRecord(it: TracedEnd): TraceRecord {
  const { time, region, group, topic, msgId, tags, keys, storeHost, transactionId, state, fromCheck } = it;
  const values = [time, region, group, topic, msgId, tags, keys, storeHost, TRACED_TYPE.commit, transactionId, state, fromCheck];
  return { text: text("EndTransaction", ...values), keys: keysOf(it) };
}
