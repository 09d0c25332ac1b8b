/** The client's door: re-exports only. */
export { Admin } from "./admin/admin.ts";
export type { AdminOptions, BrokerOperatorResult } from "./admin/admin_calls.ts";
export type { RocksDBConfigType } from "./admin/brokers.ts";
export type { TopicConfigInput } from "./admin/create_topic.ts";
export type { SubscriptionGroupInput } from "./admin/groups.ts";
export type { MessageTrack, TrackType } from "./admin/message_tracks.ts";
export type { QueryMessage, QueryResult } from "./admin/messages.ts";
export type { ResetByTime } from "./admin/offsets.ts";
export type { AclInput } from "./admin/users.ts";
export {
  type AllocateMessageQueueStrategy,
  allocateAveragely,
  allocateAveragelyByCircle,
  allocateByConfig,
  allocateByMachineRoom,
  allocateByMachineRoomNearby,
  type MachineRoomResolver,
} from "./allocate.ts";
export { allocateByConsistentHash } from "./allocate_consistent_hash.ts";
export type { CompressType } from "./body_compression.ts";
export { ClientInstance, type ClientOptions } from "./client_instance.ts";
export type { BatchListener, ConsumeContext } from "./consumption.ts";
export type { CredentialsSource, SessionCredentials } from "./credentials.ts";
export { MQBrokerError, MQClientError, type MQClientErrorKind } from "./errors.ts";
export { LitePullConsumer, type LitePullConsumerOptions, type PollOptions } from "./lite_pull_consumer.ts";
export { jsonBody, type Message, MessageExt } from "./message.ts";
export { Producer, type ProducerOptions, type SendOptions } from "./producer.ts";
export { type MessageListener, PushConsumer, type PushConsumerOptions } from "./push_consumer.ts";
export type { ConsumeFromWhere } from "./queue_offsets.ts";
export { createReplyMessage } from "./request_reply.ts";
export type { SendResult, SendStatus } from "./send_request.ts";
export { type ReceiveOptions, SimpleConsumer, type SimpleConsumerOptions } from "./simple_consumer.ts";
export type { FilterExpression } from "./subscription.ts";
export {
  type LocalTransactionState,
  TransactionProducer,
  type TransactionProducerOptions,
  type TransactionSendResult,
} from "./transaction_producer.ts";
