/**
 * What came in from clients and went out to consumers, as Apache counts it for metrics. That is not what code 315 counts
 * (`../stats.ts`): what the broker puts on its own account (timers that fire, messages of transactions, revived ones, dead
 * letters) came in before and does not again, except from delay levels; and pulls of retry topics do not go out.
 */
import { DLQ_PREFIX, RETRY_PREFIX } from "../../../wire/mix_all.ts";
import { Histogram, LabelSets } from "../../metrics/instruments.ts";
import type { HistogramSample, Labels, Sample } from "../../metrics/metrics.ts";
import type { MessageType } from "../messages/message_type.ts";
import { isSystem, isSystemTopicName } from "../metadata/topics_validator.ts";

/** Messages of one type that came into a topic. */
export class Arrivals {
  messages = 0;
  bytes = 0;
  readonly sizes: Histogram;

  constructor(sizeBounds: readonly number[]) {
    this.sizes = new Histogram(sizeBounds);
  }

  /** A message, or a batch, of which the size is that of its average message, once. */
  add(messages: number, bytes: number): void {
    this.messages += messages;
    this.bytes += bytes;
    this.sizes.record(messages === 1 ? bytes : Math.floor(bytes / messages));
  }
}

/** Messages of a topic that a group was given. */
interface Departures {
  messages: number;
  bytes: number;
}

export class Traffic {
  readonly #in: LabelSets<string, Arrivals>;
  readonly #out: LabelSets<string, Departures>;

  constructor(setsMax: () => number, sizeBounds: readonly number[]) {
    this.#in = new LabelSets(setsMax, arrivalLabels, () => new Arrivals(sizeBounds));
    this.#out = new LabelSets(setsMax, departureLabels, () => ({ messages: 0, bytes: 0 }));
  }

  /** Where messages of that type into that topic are counted; the same each time. */
  arrivals(topic: string, type: MessageType): Arrivals {
    return this.#in.of(`${type} ${topic}`);
  }

  /** By PULL_MESSAGE, or by the broker itself in the name of one of its groups. */
  pulled(topic: string, group: string, messages: number, bytes: number): void {
    if (!isRetryOrDeadLetters(topic)) this.#gave(`pull ${topic} ${group}`, messages, bytes);
  }

  /** @param topic that was asked for, also when the message came from its retry topic */
  popped(topic: string, group: string, isRetry: boolean, messages: number, bytes: number): void {
    this.#gave(`${isRetry ? "retry" : "pop"} ${topic} ${group}`, messages, bytes);
  }

  #gave(key: string, messages: number, bytes: number): void {
    const departures = this.#out.of(key);
    departures.messages += messages;
    departures.bytes += bytes;
  }

  messagesIn(): Sample[] {
    return samplesOf(this.#in, ({ messages }) => messages);
  }

  bytesIn(): Sample[] {
    return samplesOf(this.#in, ({ bytes }) => bytes);
  }

  sizes(): HistogramSample[] {
    return Array.from(this.#in.entries(), ([labels, { sizes }]) => sizes.sample(labels));
  }

  messagesOut(): Sample[] {
    return samplesOf(this.#out, ({ messages }) => messages);
  }

  bytesOut(): Sample[] {
    return samplesOf(this.#out, ({ bytes }) => bytes);
  }
}

/** Neither counts as having come in, but from a delay level, nor as pulled. */
export const isRetryOrDeadLetters = (topic: string): boolean => topic.startsWith(RETRY_PREFIX) || topic.startsWith(DLQ_PREFIX);

function samplesOf<V>(sets: LabelSets<string, V>, value: (set: V) => number): Sample[] {
  return Array.from(sets.entries(), ([labels, set]) => ({ labels, value: value(set) }));
}

/** Of `type topic`; neither has a blank. */
function arrivalLabels(key: string): Labels {
  const [type = "", topic = ""] = key.split(" ");
  return { topic, message_type: type, is_system: String(isSystemTopicName(topic)) };
}

/** Of `how topic group`. As in Apache only what is popped says whether it is a retry. */
function departureLabels(key: string): Labels {
  const [how = "", topic = "", group = ""] = key.split(" ");
  const labels = {
    topic,
    consumer_group: group,
    is_system: String(isSystem(topic, group)),
  };
  return how === "pull" ? labels : { ...labels, is_retry: String(how === "retry") };
}
