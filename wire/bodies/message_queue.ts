import { body, int, long, or, text } from "../body.ts";

/** One queue of a topic on one broker. As a map key it is written as an object (`../json.ts`). */
export interface MessageQueue {
  topic: string;
  brokerName: string;
  /** -1 stands for all queues (POP assignments). */
  queueId: number;
}

export const messageQueue = body<MessageQueue>("MessageQueue", {
  topic: or(text, ""),
  brokerName: or(text, ""),
  queueId: or(int, 0),
});

/** A queue with an offset, for clients whose JSON library knows no maps with object keys (C++). */
export interface MessageQueueForC extends MessageQueue {
  offset: number;
}

export const messageQueueForC = body<MessageQueueForC>("MessageQueueForC", {
  topic: or(text, ""),
  brokerName: or(text, ""),
  queueId: or(int, 0),
  offset: or(long, 0),
});

/** A map keyed by queues, in the order of the wire. */
export type QueueTable<T> = [queue: MessageQueue, value: T][];
