import { body, FROM_CLIENTS, int, list, long, named, or, text } from "../body.ts";

/** Acknowledgements of one POP; the wire has the letters. */
export interface BatchAck {
  consumerGroup: string;
  topic: string;
  /** "0" the topic, "1" and "2" its retry topics. */
  retry: string;
  startOffset: number;
  queueId: number;
  reviveQueueId: number;
  popTime: number;
  invisibleTime: number;
  /** Base64 of a little-endian bit set: bit i is queue offset startOffset + i. */
  bitSet: string;
}

export const batchAck = body<BatchAck>("BatchAck", {
  consumerGroup: named("c", or(text, "")),
  topic: named("t", or(text, "")),
  retry: named("r", or(text, "")),
  startOffset: named("so", or(long, 0)),
  queueId: named("q", or(int, 0)),
  reviveQueueId: named("rq", or(int, 0)),
  popTime: named("pt", or(long, 0)),
  invisibleTime: named("it", or(long, 0)),
  bitSet: named("b", or(text, "")),
});

/** Body of BATCH_ACK_MESSAGE. */
export interface BatchAckMessageRequestBody {
  brokerName: string;
  acks: BatchAck[];
}

export const batchAckMessageRequestBody = body<BatchAckMessageRequestBody>(
  "BatchAckMessageRequestBody",
  {
    brokerName: or(text, ""),
    acks: list(batchAck),
  },
  FROM_CLIENTS,
);
