/**
 * One walk over the properties of a message that waits: the values the timer asks for, and which of those it is about to
 * write are there already. Of a name that occurs twice the last counts, as everywhere.
 */
import { MessageConst } from "../../../wire/message_const.ts";

const NAME_END = "\u0001";
const PAIR_END = "\u0002";

/** Values of the last `scan`; undefined where there is none. */
export class TimerScan {
  outTime: string | undefined;
  realTopic: string | undefined;
  realQueueId: string | undefined;
  uniqKey: string | undefined;
  /** TIMER_DEL_UNIQKEY. */
  cancels: string | undefined;
  rollTimes: string | undefined;
  tags: string | undefined;
  /** None of what delivering sets, or takes off, is there. */
  isFresh = true;

  scan(text: string): void {
    this.outTime = undefined;
    this.realTopic = undefined;
    this.realQueueId = undefined;
    this.uniqKey = undefined;
    this.cancels = undefined;
    this.rollTimes = undefined;
    this.tags = undefined;
    this.isFresh = true;
    let nameEnd = -1;
    for (let from = 0; from < text.length; ) {
      if (nameEnd < from) nameEnd = text.indexOf(NAME_END, from);
      if (nameEnd < 0) return;
      const found = text.indexOf(PAIR_END, from);
      const end = found < 0 ? text.length : found;
      if (nameEnd > from && nameEnd < end) this.#take(text, from, nameEnd, end);
      from = end + 1;
    }
  }

  /** The length of the name rules out most pairs. */
  #take(text: string, from: number, nameEnd: number, end: number): void {
    const is = (name: string): boolean => text.startsWith(name, from);
    // An empty value is none.
    const value = (before: string | undefined): string | undefined => (nameEnd + 1 < end ? text.slice(nameEnd + 1, end) : before);
    switch (nameEnd - from) {
      case MessageConst.TAGS.length:
        if (is(MessageConst.TAGS)) this.tags = value(this.tags);
        break;
      case MessageConst.UNIQ_KEY.length:
        if (is(MessageConst.UNIQ_KEY)) this.uniqKey = value(this.uniqKey);
        else if (is(MessageConst.REAL_QID)) this.realQueueId = value(this.realQueueId);
        else if (is(MessageConst.CRC32)) this.isFresh = false;
        break;
      case MessageConst.REAL_TOPIC.length:
        if (is(MessageConst.REAL_TOPIC)) this.realTopic = value(this.realTopic);
        break;
      case MessageConst.TIMER_OUT_MS.length:
        if (is(MessageConst.TIMER_OUT_MS)) this.outTime = value(this.outTime);
        break;
      case MessageConst.TIMER_ENQUEUE_MS.length:
        if (is(MessageConst.TIMER_ENQUEUE_MS) || is(MessageConst.TIMER_DEQUEUE_MS)) this.isFresh = false;
        else if (is(MessageConst.TIMER_ROLL_TIMES)) {
          this.isFresh = false;
          this.rollTimes = value(this.rollTimes);
        }
        break;
      case MessageConst.TIMER_DEL_UNIQKEY.length:
        if (is(MessageConst.TIMER_DEL_UNIQKEY)) this.cancels = value(this.cancels);
        break;
      default:
    }
  }
}
