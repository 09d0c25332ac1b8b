/** The histograms and counters of a broker that are counted as things happen. Names and bounds: `../../metrics/catalogue.ts`. */
import { REQUESTS } from "../../../wire/requests.ts";
import { responseCodeName } from "../../../wire/response_code.ts";
import type { MetricName } from "../../metrics/catalogue.ts";
import { CATALOGUE } from "../../metrics/catalogue.ts";
import { Counters, Histograms, keyOf, labelsOfKey } from "../../metrics/instruments.ts";
import type { HistogramSample, Labels, Sample } from "../../metrics/metrics.ts";
import type { RequestObserver } from "../../remoting/dispatcher.ts";
import { Traffic } from "./traffic.ts";

const REQUEST_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(REQUESTS).map(([name, { code }]) => [code, name.toLowerCase()]),
);
/** Results of a request, in the order of their numbers in a key. */
const RESULTS = ["success", "oneway", "write_channel_failed", "process_request_failed"] as const;
const RESPONSE_CODES = 4_096;
const STORE: Labels = { storage_type: "local", storage_medium: "disk" };

type HistogramName = { [N in MetricName]: (typeof CATALOGUE)[N] extends { kind: "histogram" } ? N : never }[MetricName];

export class BrokerInstruments {
  readonly traffic: Traffic;
  readonly #rpcLatency: Histograms<number>;
  /** By topic; seconds. */
  readonly finishLatency: Histograms<string>;
  /** By topic; seconds from birth until the time asked for. */
  readonly delayLatency: Histograms<string>;
  readonly #popScan: Histograms<string>;
  readonly #topicCreate: Histograms<string>;
  readonly #groupCreate: Histograms<string>;
  /** By topic. */
  readonly commits: Counters<string>;
  readonly rollbacks: Counters<string>;
  readonly timerEnqueued: Counters<string>;
  readonly timerDequeued: Counters<string>;
  readonly #reviveIn: Counters<string>;
  readonly #reviveOut: Counters<string>;
  readonly #reviveRetry: Counters<string>;

  /** @param setsMax of label values, of each */
  constructor(setsMax: () => number) {
    const histograms = <K>(name: HistogramName, labelsOf: (key: K) => Labels) =>
      new Histograms<K>(CATALOGUE[name].bounds, setsMax, labelsOf);
    const byTopic = (topic: string): Labels => ({ topic });
    const inStore = (topic: string): Labels => ({ ...STORE, topic });
    this.traffic = new Traffic(setsMax, CATALOGUE.rocketmq_message_size.bounds);
    this.#rpcLatency = histograms("rocketmq_rpc_latency", rpcLabels);
    this.finishLatency = histograms("rocketmq_finish_message_latency", byTopic);
    this.delayLatency = histograms("rocketmq_delay_message_latency", inStore);
    this.#popScan = histograms("rocketmq_pop_buffer_scan_time_consume", labelsOfKey);
    this.#topicCreate = histograms("rocketmq_topic_create_execution_time", labelsOfKey);
    this.#groupCreate = histograms("rocketmq_consumer_group_create_execution_time", labelsOfKey);
    this.commits = new Counters(setsMax, byTopic);
    this.rollbacks = new Counters(setsMax, byTopic);
    this.timerEnqueued = new Counters(setsMax, inStore);
    this.timerDequeued = new Counters(setsMax, inStore);
    this.#reviveIn = new Counters(setsMax, labelsOfKey);
    this.#reviveOut = new Counters(setsMax, labelsOfKey);
    this.#reviveRetry = new Counters(setsMax, labelsOfKey);
  }

  /** For requests that were answered, or had no answer to expect. */
  readonly observer: RequestObserver = (requestCode, responseCode, result, held) => {
    const answered = requestCode * RESPONSE_CODES + Math.min(responseCode, RESPONSE_CODES - 1);
    return this.#rpcLatency.of((answered * 2 + (held ? 1 : 0)) * RESULTS.length + RESULTS.indexOf(result));
  };

  topicCreated(ms: number, isSystem: boolean, success: boolean): void {
    this.#topicCreate.record(keyOf({ invocation_status: status(success), is_system: String(isSystem) }), ms);
  }

  groupCreated(ms: number, success: boolean): void {
    this.#groupCreate.record(keyOf({ invocation_status: status(success) }), ms);
  }

  /** A round over the check points of POP. */
  popScanned(ms: number): void {
    this.#popScan.record("{}", ms);
  }

  /** A check point (CK) or acknowledgement (ACK) was written to the revive topic. */
  reviveIn(kind: "CK" | "ACK", topic: string, group: string): void {
    this.#reviveIn.add(keyOf({ topic, consumer_group: group, revive_message_type: kind, put_status: "PUT_OK" }));
  }

  /** One was read from it. */
  reviveOut(kind: "CK" | "ACK", topic: string, group: string, queueId: number): void {
    this.#reviveOut.add(keyOf({ topic, consumer_group: group, revive_message_type: kind, queue_id: String(queueId) }));
  }

  /** A message was given back. */
  reviveRetry(topic: string, group: string, putStatus: string): void {
    this.#reviveRetry.add(keyOf({ topic, consumer_group: group, put_status: putStatus }));
  }

  histogram(name: string): HistogramSample[] | undefined {
    return this.#histograms()[name]?.samples();
  }

  counter(name: string): Sample[] | undefined {
    return this.#counters()[name]?.samples();
  }

  #histograms(): { readonly [name: string]: { samples(): HistogramSample[] } | undefined } {
    return {
      rocketmq_message_size: { samples: () => this.traffic.sizes() },
      rocketmq_rpc_latency: this.#rpcLatency,
      rocketmq_finish_message_latency: this.finishLatency,
      rocketmq_delay_message_latency: this.delayLatency,
      rocketmq_pop_buffer_scan_time_consume: this.#popScan,
      rocketmq_topic_create_execution_time: this.#topicCreate,
      rocketmq_consumer_group_create_execution_time: this.#groupCreate,
    };
  }

  #counters(): { readonly [name: string]: { samples(): Sample[] } | undefined } {
    const { traffic } = this;
    return {
      rocketmq_messages_in_total: { samples: () => traffic.messagesIn() },
      rocketmq_throughput_in_total: { samples: () => traffic.bytesIn() },
      rocketmq_messages_out_total: { samples: () => traffic.messagesOut() },
      rocketmq_throughput_out_total: { samples: () => traffic.bytesOut() },
      rocketmq_commit_messages_total: this.commits,
      rocketmq_rollback_messages_total: this.rollbacks,
      rocketmq_timer_enqueue_total: this.timerEnqueued,
      rocketmq_timer_dequeue_total: this.timerDequeued,
      rocketmq_pop_revive_in_message_total: this.#reviveIn,
      rocketmq_pop_revive_out_message_total: this.#reviveOut,
      rocketmq_pop_revive_retry_messages_total: this.#reviveRetry,
    };
  }
}

const status = (success: boolean): string => (success ? "success" : "failure");

function rpcLabels(key: number): Labels {
  const result = RESULTS[key % RESULTS.length] as string;
  const rest = Math.floor(key / RESULTS.length);
  const answered = Math.floor(rest / 2);
  const requestCode = Math.floor(answered / RESPONSE_CODES);
  const responseCode = answered % RESPONSE_CODES;
  return {
    protocol_type: "remoting",
    request_code: REQUEST_NAMES.get(requestCode) ?? String(requestCode),
    response_code: responseCodeName(responseCode).toLowerCase(),
    is_long_polling: String(rest % 2 === 1),
    result,
  };
}
