/** What brokers ask of a client, passed on to the member (producer or consumer) of the group that is meant. */

import type { ConsumerData } from "../../wire/bodies/heartbeat.ts";
import type { MessageQueue } from "../../wire/bodies/message_queue.ts";
import { getConsumerStatusBody, resetOffsetBody } from "../../wire/bodies/offset.ts";
import type { ConsumeMessageDirectlyResult, ConsumerRunningInfo } from "../../wire/bodies/running_info.ts";
import { consumeMessageDirectlyResult, consumerRunningInfo } from "../../wire/bodies/running_info.ts";
import type { ReplyMessageRequestHeader } from "../../wire/headers/send.ts";
import type { CheckTransactionStateRequestHeader } from "../../wire/headers/transaction.ts";
import { MessageConst } from "../../wire/message_const.ts";
import { decodeRecord, type StoredMessage } from "../../wire/message_reader.ts";
import { propertyOf } from "../../wire/properties.ts";
import { ResponseCode } from "../../wire/response_code.ts";
import { type Peer, type ProcessorMap, RemotingError } from "../remoting/processor.ts";

/** A producer as brokers see it. */
export interface ProducerMember {
  readonly producerGroup: string;
  /** Asked what became of a half message; answers over `broker`. */
  checkTransactionState?(broker: Peer, header: CheckTransactionStateRequestHeader, record: StoredMessage): void;
  /** The answer of a request–reply pair. `body` is this call's to keep. */
  takeReply?(header: ReplyMessageRequestHeader, body: Uint8Array): boolean;
}

/** A consumer as brokers see it. */
export interface ConsumerMember {
  readonly consumerGroup: string;
  heartbeat(): ConsumerData;
  topics(): Iterable<string>;
  /** Members of the group, or routes, may have changed. */
  rebalanceSoon(): void;
  runningInfo(): ConsumerRunningInfo;
  consumeDirectly(record: StoredMessage, brokerName: string): Promise<ConsumeMessageDirectlyResult>;
  /** What the group has consumed, as this client knows it. */
  offsets(topic: string): [queue: MessageQueue, offset: number][];
  resetOffsets(topic: string, offsets: readonly [queue: MessageQueue, offset: number][]): Promise<void>;
}

export interface Members {
  readonly producers: Iterable<ProducerMember>;
  readonly consumers: ReadonlyMap<string, ConsumerMember>;
  /** What is said of every consumer of this client, beside its own: PROP_NAMESERVER_ADDR, PROP_CONSUMER_START_TIMESTAMP. */
  readonly properties: () => readonly (readonly [string, string])[];
}

export function clientProcessors(members: Members): ProcessorMap<"client"> {
  const consumer = (group: string): ConsumerMember => {
    const found = members.consumers.get(group);
    if (found !== undefined) return found;
    throw new RemotingError(ResponseCode.SYSTEM_ERROR, `The Consumer Group <${group}> not exist in this consumer`);
  };
  return {
    CHECK_TRANSACTION_STATE({ peer }, { header, body }) {
      const record = decodeRecord(body.slice());
      const group = propertyOf(record.properties, MessageConst.PGROUP);
      for (const producer of members.producers) {
        if (producer.producerGroup === group) producer.checkTransactionState?.(peer, header, record);
      }
      return undefined;
    },

    NOTIFY_CONSUMER_IDS_CHANGED(_context, { header }) {
      members.consumers.get(header.consumerGroup)?.rebalanceSoon();
      return undefined;
    },

    async RESET_CONSUMER_CLIENT_OFFSET(_context, { header, body }) {
      const { offsetTable } = resetOffsetBody.decode(body);
      await consumer(header.group).resetOffsets(header.topic, offsetTable);
      return {};
    },

    GET_CONSUMER_STATUS_FROM_CLIENT(_context, { header }) {
      const messageQueueTable = consumer(header.group).offsets(header.topic);
      return { body: getConsumerStatusBody.encode({ messageQueueTable, consumerTable: new Map() }) };
    },

    GET_CONSUMER_RUNNING_INFO(_context, { header }) {
      const info = consumer(header.consumerGroup).runningInfo();
      return {
        body: consumerRunningInfo.encode({ ...info, properties: new Map([...members.properties(), ...info.properties]) }),
      };
    },

    async CONSUME_MESSAGE_DIRECTLY(_context, { header, body }) {
      const record = decodeRecord(body.slice());
      const result = await consumer(header.consumerGroup).consumeDirectly(record, header.brokerName ?? "");
      return { body: consumeMessageDirectlyResult.encode(result) };
    },

    PUSH_REPLY_MESSAGE_TO_CLIENT(_context, { header, body }) {
      const kept = body.slice();
      for (const producer of members.producers) if (producer.takeReply?.(header, kept) === true) return {};
      // The asker gave up meanwhile; Apache's client says SUCCESS too.
      return {};
    },

    NOTIFY_UNSUBSCRIBE_LITE() {
      throw new RemotingError(ResponseCode.REQUEST_CODE_NOT_SUPPORTED, "this client subscribes to no lite topics");
    },
  };
}
