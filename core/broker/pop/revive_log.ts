/**
 * What POP writes down: check points (messages handed out) and acknowledgements, as records of the revive topic that the
 * timer delivers when the invisible time is nearly over. The forms are Apache's, so that either broker reads the other's.
 *
 * Acknowledgements of one check point that come in one turn are one record.
 */
import { type PopAck, type PopCheckPoint, popAck, popCheckPoint } from "../../../wire/bodies/pop_revive.ts";
import { encodeUtf8 } from "../../../wire/bytes.ts";
import { tagsCode } from "../../../wire/java_hash.ts";
import { MessageConst } from "../../../wire/message_const.ts";
import { formatProperties } from "../../../wire/properties.ts";
import { ResponseCode } from "../../../wire/response_code.ts";
import { RemotingError } from "../../remoting/processor.ts";
import { ownMessage } from "../messages/renewed.ts";
import { PropertyScan } from "../messages/send_properties.ts";
import type { TimerMessages } from "../messages/timer.ts";
import type { BrokerParts } from "../parts.ts";
import { reviveTopicOf } from "./pop_topics.ts";

export const CK_TAG = "ck";
export const ACK_TAG = "ack";
export const BATCH_ACK_TAG = "bAck";

/** Check points surface this long before their time, acknowledgements at it: so they are there when it is judged. */
export const CK_AHEAD_MS = 1_000;

/** Which check point an acknowledgement is for. */
export interface CheckPointRef {
  readonly topic: string;
  readonly group: string;
  readonly queueId: number;
  readonly startOffset: number;
  readonly popTime: number;
  readonly invisibleTime: number;
  readonly reviveQid: number;
  /** The consumer put the message off: that it comes again counts as no failure. */
  readonly suspend?: boolean;
}

interface Host {
  readonly host: string;
  readonly port: number;
}

export class ReviveLog {
  readonly topic: string;
  readonly #parts: BrokerParts;
  readonly #timer: Pick<TimerMessages, "park">;
  readonly #scan = new PropertyScan();

  constructor(parts: BrokerParts, timer: Pick<TimerMessages, "park">) {
    this.#parts = parts;
    this.#timer = timer;
    this.topic = reviveTopicOf(parts.settings.brokerClusterName);
  }

  /** @throws RemotingError when it can't be stored: nothing may be handed out then. */
  checkPoint(ref: CheckPointRef, offsets: readonly number[], host: Host): void {
    const { settings } = this.#parts;
    const { topic, group, queueId, startOffset, popTime, invisibleTime } = ref;
    const record: PopCheckPoint = {
      so: startOffset,
      pt: popTime,
      it: invisibleTime,
      bm: 0,
      n: offsets.length,
      q: queueId,
      t: topic,
      c: group,
      ro: 0,
      d: offsets.map((offset) => offset - startOffset),
      bn: settings.brokerName,
      ...(ref.suspend === true ? { sp: true } : {}),
    };
    const key = `${topic}@${queueId}@${startOffset}@${group}@${popTime}@${settings.brokerName}@${CK_TAG}`;
    this.#put(popCheckPoint.format(record), CK_TAG, key, popTime + invisibleTime - CK_AHEAD_MS, ref.reviveQid, host);
    this.#parts.stats.instruments?.reviveIn("CK", topic, group);
  }

  /** @throws RemotingError when it can't be stored: the messages come again. */
  acknowledge(ref: CheckPointRef, offsets: readonly number[], host: Host): void {
    const { settings } = this.#parts;
    const { topic, group, queueId, startOffset, popTime, invisibleTime } = ref;
    const [first = 0] = offsets;
    const batch = offsets.length > 1;
    const record: PopAck = {
      ao: batch ? 0 : first,
      so: startOffset,
      c: group,
      t: topic,
      q: queueId,
      pt: popTime,
      bn: settings.brokerName,
      ...(batch ? { aol: [...offsets] } : {}),
    };
    const key = batch
      ? `${topic}@${queueId}@[${offsets.join(", ")}]@${group}@${popTime}@${BATCH_ACK_TAG}`
      : `${topic}@${queueId}@${first}@${group}@${popTime}@${settings.brokerName}@${ACK_TAG}`;
    this.#put(popAck.format(record), batch ? BATCH_ACK_TAG : ACK_TAG, key, popTime + invisibleTime, ref.reviveQid, host);
    this.#parts.stats.instruments?.reviveIn("ACK", topic, group);
  }

  #put(body: string, tag: string, key: string, deliverMs: number, reviveQid: number, host: Host): void {
    const { runtime, store } = this.#parts;
    const properties = formatProperties([
      [MessageConst.TAGS, tag],
      [MessageConst.TIMER_DELIVER_MS, String(deliverMs)],
      [MessageConst.UNIQ_KEY, key],
    ]);
    const own = {
      topic: this.topic,
      queueId: reviveQid,
      bornTimestamp: runtime.clock.now(),
      body: encodeUtf8(body),
      properties,
      tagsCode: tagsCode(tag),
    };
    this.#scan.scan(properties);
    const receipt = store.append(this.#timer.park(ownMessage(own, host), this.#scan));
    if (receipt.status === "PUT_OK") return;
    throw new RemotingError(ResponseCode.SYSTEM_ERROR, `Cannot note the ${tag} of a POP in "${this.topic}": ${receipt.reason}`);
  }
}
