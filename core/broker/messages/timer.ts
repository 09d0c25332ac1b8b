/**
 * Messages with a time of their own (TIMER_DELAY_SEC, TIMER_DELAY_MS, TIMER_DELIVER_MS): which are parked until when, and
 * which are refused. What is parked waits in `core/store/timer`; whoever puts messages asks `park` first.
 */
import { utf8Length } from "../../../wire/bytes.ts";
import { PROPERTIES_BYTES_MAX } from "../../../wire/message.ts";
import { MessageConst } from "../../../wire/message_const.ts";
import { RETRY_PREFIX } from "../../../wire/mix_all.ts";
import { propertyOf } from "../../../wire/properties.ts";
import { RecallHandles } from "../../../wire/recall_handle.ts";
import { ResponseCode } from "../../../wire/response_code.ts";
import { RemotingError } from "../../remoting/processor.ts";
import type { MessageInput } from "../../store/message_store.ts";
import { ParkedForm, type ParkedMessage } from "../../store/timer/timer_forms.ts";
import { parkedUntil, parseTime, TIMER_PROPERTIES_BYTES_MAX } from "../../store/timer/timer_message.ts";
import { TimerMessageStore } from "../../store/timer/timer_message_store.ts";
import { TIMER_TOPIC } from "../metadata/topics_validator.ts";
import { OffsetsFile } from "../offsets/offsets_file.ts";
import type { BrokerParts } from "../parts.ts";
import { illegalMessage } from "./send_status.ts";

/** Values of the properties of the same name; `PropertyScan` is one. */
export interface TimerProperties {
  readonly timerDelaySec: string | undefined;
  readonly timerDelayMs: string | undefined;
  readonly timerDeliverMs: string | undefined;
  /** Set on what is no new message: it waits, or has waited, already. */
  readonly timerOutMs: string | undefined;
  /** TIMER_DEL_UNIQKEY. */
  readonly timerDelete: string | undefined;
}

/** For runtime statistics. */
export interface TimerState {
  readonly dequeueBehindMs: number;
  readonly enqueueBehind: number;
  readonly waiting: number;
  readonly enqueueTps: number;
  readonly dequeueTps: number;
}

const IDLE: TimerState = { dequeueBehindMs: 0, enqueueBehind: 0, waiting: 0, enqueueTps: 0, dequeueTps: 0 };

type Parts = Pick<BrokerParts, "runtime" | "log" | "settings" | "store" | "stats" | "topics">;

export class TimerMessages {
  readonly #parts: Parts;
  readonly #parked = new ParkedForm();
  readonly #handles = new RecallHandles();
  /** Undefined with timerWheelEnable=false. */
  readonly store: TimerMessageStore | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    const { runtime, log, settings, store, stats, topics } = parts;
    if (!settings.timerWheelEnable) return;
    this.store = new TimerMessageStore({
      runtime,
      log,
      settings,
      store,
      metricsFile: new OffsetsFile(runtime.files, log, `${settings.storePathRootDir}/config/timermetrics`),
      counted: (topic, bytes) => {
        stats.put(topic, 1, bytes);
        stats.instruments?.timerDequeued.add(topic);
      },
      enqueued: (topic, delayMs) => {
        stats.instruments?.timerEnqueued.add(topic);
        stats.instruments?.delayLatency.record(topic, Math.max(0, Math.floor(delayMs / 1000)));
      },
      topicExists: (topic) => topics.find(topic) !== undefined,
    });
  }

  /** @throws Error naming the file that can't be used. */
  async load(): Promise<void> {
    await this.store?.load();
  }

  start(): void {
    this.store?.start();
  }

  async stop(): Promise<void> {
    await this.store?.stop();
  }

  async close(): Promise<void> {
    await this.store?.close();
  }

  state(): TimerState {
    const { store } = this;
    if (store === undefined) return IDLE;
    const { dequeueBehindMs, enqueueBehind, enqueueTps, dequeueTps } = store;
    return { dequeueBehindMs, enqueueBehind, waiting: store.progress.waiting, enqueueTps, dequeueTps };
  }

  /**
   * What is to be stored for `message`: itself when it is not delayed or its time has come, else the same parked in the
   * timer topic. In Apache's order and words (HookUtils.handleScheduleMessage). Messages with a delay level are none of
   * these: the level counts.
   * @throws RemotingError when the time is no number or too far away, or too many wait for it.
   */
  park(message: MessageInput, times: TimerProperties): MessageInput | ParkedMessage {
    if (message.topic === TIMER_TOPIC) return this.#checked(message);
    if (times.timerOutMs !== undefined) return message;
    const { settings, runtime } = this.#parts;
    if (this.store === undefined) throw notEnabled();
    const now = runtime.clock.now();
    const deliverMs = deliverTime(times, now);
    if (deliverMs === undefined || deliverMs - now > settings.timerMaxDelaySec * 1000) throw timerIllegal(settings);
    if (deliverMs <= now) {
      if (times.timerDelete !== undefined) throw timerIllegal(settings);
      return message;
    }
    const outTimeMs = parkedUntil(deliverMs, this.store.progress.precisionMs);
    if (this.store.isReject(outTimeMs)) throw flowControl(settings);
    const parked = this.#parked.of(message, outTimeMs);
    checkRoom(parked, settings);
    return parked;
  }

  /**
   * With which a parked message can be taken back, as Apache's: its time is one ms after the slot's, so that the message
   * that cancels is parked in the same slot. Undefined where Apache gives none, or the message is not parked.
   * @param uniqKey UNIQ_KEY of the message
   */
  recallHandleOf(message: MessageInput | ParkedMessage, uniqKey: string): string | undefined {
    if (!("outTimeMs" in message)) return undefined;
    const { realTopic, outTimeMs } = message;
    if (realTopic.startsWith(RETRY_PREFIX)) return undefined;
    return this.#handles.of(realTopic, this.#parts.settings.brokerName, outTimeMs + 1, uniqKey);
  }

  /** Sent to the timer topic itself, as brokers do for each other: it must say a time, and a topic that there is. */
  #checked(message: MessageInput): MessageInput {
    const { settings, topics } = this.#parts;
    if (this.store === undefined) throw notEnabled();
    const realTopic = propertyOf(message.properties, MessageConst.REAL_TOPIC);
    const time = parseTime(propertyOf(message.properties, MessageConst.TIMER_OUT_MS));
    const queueId = propertyOf(message.properties, MessageConst.REAL_QID);
    if (
      realTopic === undefined ||
      topics.find(realTopic) === undefined ||
      time === undefined ||
      !/^\d{1,9}$/.test(queueId ?? "")
    ) {
      throw illegalMessage(
        settings,
        `A message to ${TIMER_TOPIC} needs REAL_TOPIC, a topic of this broker, REAL_QID and TIMER_OUT_MS; send it to its topic with a delay instead.`,
      );
    }
    return message;
  }
}

/** In Apache's order of precedence; undefined when the first that is set is no int64. */
function deliverTime({ timerDelaySec, timerDelayMs, timerDeliverMs }: TimerProperties, now: number): number | undefined {
  if (timerDelaySec !== undefined) {
    const seconds = parseTime(timerDelaySec);
    return seconds === undefined ? undefined : now + seconds * 1000;
  }
  if (timerDelayMs !== undefined) {
    const ms = parseTime(timerDelayMs);
    return ms === undefined ? undefined : now + ms;
  }
  return parseTime(timerDeliverMs);
}

/** Properties grow when the message is delivered; it must not turn out too large then, when nobody is there to be told. */
function checkRoom({ properties, commonProperties }: MessageInput, settings: { readonly maxMessageSize: number }): void {
  const most = PROPERTIES_BYTES_MAX - TIMER_PROPERTIES_BYTES_MAX;
  const common = commonProperties?.length ?? 0;
  if (properties.length * 3 + common <= most) return;
  const bytes = utf8Length(properties) + common;
  if (bytes > most)
    throw illegalMessage(settings, `The properties of a delayed message have ${bytes} bytes and may have ${most}.`);
}

const notEnabled = (): RemotingError =>
  new RemotingError(ResponseCode.SYSTEM_ERROR, "accurate timer message is not enabled, timerWheelEnable is false");

const timerIllegal = (settings: { readonly timerMaxDelaySec: number }): RemotingError =>
  new RemotingError(
    ResponseCode.MESSAGE_ILLEGAL,
    `timer message illegal, the delay time should not be bigger than the max delay ${settings.timerMaxDelaySec * 1000}ms; or if set del msg, the delay time should be bigger than the current time`,
  );

function flowControl({ timerCongestNumEachSlot: limit }: { readonly timerCongestNumEachSlot: number }): RemotingError {
  return new RemotingError(
    ResponseCode.SYSTEM_ERROR,
    `timer message is under flow control, max num limit is ${limit * 2} or the current value is greater than ${limit} and less than ${limit * 2}, trigger random flow control`,
  );
}
