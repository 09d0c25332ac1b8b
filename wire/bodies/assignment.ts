/** Who consumes which queues when the broker decides it, and how: by pull or by POP. Files: messageRequestMode.json. */
import { body, FROM_CLIENTS, int, listOf, map, mapOf, maybe, oneOf, or, orNew, text } from "../body.ts";
import { MESSAGE_MODELS, type MessageModel } from "./heartbeat.ts";
import { type MessageQueue, messageQueue } from "./message_queue.ts";

export const MESSAGE_REQUEST_MODES = ["PULL", "POP"] as const;
export type MessageRequestMode = (typeof MESSAGE_REQUEST_MODES)[number];

/** Body of QUERY_ASSIGNMENT. */
export interface QueryAssignmentRequestBody {
  topic: string;
  consumerGroup: string;
  clientId: string;
  /** `AVG` or `AVG_BY_CIRCLE`. */
  strategyName: string;
  messageModel: MessageModel;
}

export const queryAssignmentRequestBody = body<QueryAssignmentRequestBody>(
  "QueryAssignmentRequestBody",
  {
    topic: or(text, ""),
    consumerGroup: or(text, ""),
    clientId: or(text, ""),
    strategyName: or(text, ""),
    messageModel: or(oneOf(MESSAGE_MODELS), "CLUSTERING"),
  },
  FROM_CLIENTS,
);

export interface MessageQueueAssignment {
  /** queueId -1 with POP: all queues of the broker. */
  messageQueue: MessageQueue;
  mode: MessageRequestMode;
  attachments?: Map<string, string> | undefined;
}

export const messageQueueAssignment = body<MessageQueueAssignment>("MessageQueueAssignment", {
  messageQueue: orNew(messageQueue, () => ({ topic: "", brokerName: "", queueId: 0 })),
  mode: or(oneOf(MESSAGE_REQUEST_MODES), "PULL"),
  attachments: maybe(mapOf(text)),
});

export interface QueryAssignmentResponseBody {
  /** undefined: the broker can't say, and the client keeps what it has. */
  messageQueueAssignments?: MessageQueueAssignment[] | undefined;
}

export const queryAssignmentResponseBody = body<QueryAssignmentResponseBody>("QueryAssignmentResponseBody", {
  messageQueueAssignments: maybe(listOf(messageQueueAssignment)),
});

/** Body of SET_MESSAGE_REQUEST_MODE. */
export interface SetMessageRequestModeRequestBody {
  topic: string;
  consumerGroup: string;
  mode: MessageRequestMode;
  /** POP: how many further clients' queues a client may take from; 0 and negative: all. */
  popShareQueueNum: number;
}

export const setMessageRequestModeRequestBody = body<SetMessageRequestModeRequestBody>(
  "SetMessageRequestModeRequestBody",
  {
    topic: or(text, ""),
    consumerGroup: or(text, ""),
    mode: or(oneOf(MESSAGE_REQUEST_MODES), "PULL"),
    popShareQueueNum: or(int, 0),
  },
  FROM_CLIENTS,
);

/** messageRequestMode.json: topic -> group -> mode. */
export interface MessageRequestModeSerializeWrapper {
  messageRequestModeMap: Map<string, Map<string, SetMessageRequestModeRequestBody>>;
}

export const messageRequestModeSerializeWrapper = body<MessageRequestModeSerializeWrapper>("MessageRequestModeSerializeWrapper", {
  messageRequestModeMap: map(mapOf(setMessageRequestModeRequestBody)),
});
