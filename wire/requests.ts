/**
 * THE table of request codes: one row a request, from which come the typed processors and calls, the admission lane,
 * the access check and the table-driven tests. Codes and shapes: Apache RocketMQ 5.5.0.
 *
 * A code that is not served yet stands here too: `servedBy` is empty (its later home is in `planned`) and a server
 * answers REQUEST_CODE_NOT_SUPPORTED.
 */
import { type HeaderCodec, noHeader } from "./header.ts";
import * as auth from "./headers/auth.ts";
import * as broker from "./headers/broker.ts";
import * as client from "./headers/client.ts";
import * as controller from "./headers/controller.ts";
import * as group from "./headers/group.ts";
import * as lite from "./headers/lite.ts";
import * as namesrv from "./headers/namesrv.ts";
import * as offset from "./headers/offset.ts";
import * as pop from "./headers/pop.ts";
import * as pull from "./headers/pull.ts";
import * as send from "./headers/send.ts";
import * as topic from "./headers/topic.ts";
import * as transaction from "./headers/transaction.ts";

export type Role = "broker" | "namesrv" | "controller" | "client";

/** What the caller needs the right to do: publish, subscribe, administer, or nothing in particular. */
export type Access = "pub" | "sub" | "admin" | "any";

/** Requests of one lane share a bound; Apache gives each a thread pool. */
export type Lane =
  | "send"
  | "pull"
  | "litePull"
  | "ack"
  | "reply"
  | "query"
  | "heartbeat"
  | "clientManage"
  | "consumerManage"
  | "endTransaction"
  | "loadBalance"
  | "admin"
  | "route"
  | "default";

export interface RequestRow {
  readonly code: number;
  /** Roles that answer it today. */
  readonly servedBy: readonly Role[];
  /** Roles that will. */
  readonly planned?: readonly Role[];
  readonly access: Access;
  readonly lane: Lane;
  /** False: not served on the VIP port (listenPort - 2). */
  readonly fastPort?: boolean;
  // biome-ignore lint/suspicious/noExplicitAny: each row has types of its own
  readonly request: HeaderCodec<any>;
  // biome-ignore lint/suspicious/noExplicitAny: each row has types of its own
  readonly reply: HeaderCodec<any>;
}

// biome-ignore format: a table, one row a request
export const REQUESTS = {
  // broker – messages and consumption
  SEND_MESSAGE: { code: 10, servedBy: ["broker"], access: "pub", lane: "send", request: send.sendMessageRequestHeader, reply: send.sendMessageResponseHeader },
  SEND_MESSAGE_V2: { code: 310, servedBy: ["broker"], access: "pub", lane: "send", request: send.sendMessageRequestHeaderV2, reply: send.sendMessageResponseHeader },
  SEND_BATCH_MESSAGE: { code: 320, servedBy: ["broker"], access: "pub", lane: "send", request: send.sendMessageRequestHeaderV2, reply: send.sendMessageResponseHeader },
  SEND_REPLY_MESSAGE: { code: 324, servedBy: ["broker"], access: "pub", lane: "reply", request: send.sendMessageRequestHeader, reply: send.sendMessageResponseHeader },
  SEND_REPLY_MESSAGE_V2: { code: 325, servedBy: ["broker"], access: "pub", lane: "reply", request: send.sendMessageRequestHeaderV2, reply: send.sendMessageResponseHeader },
  RECALL_MESSAGE: { code: 370, servedBy: ["broker"], access: "pub", lane: "admin", request: send.recallMessageRequestHeader, reply: send.recallMessageResponseHeader },
  PULL_MESSAGE: { code: 11, servedBy: ["broker"], access: "sub", lane: "pull", fastPort: false, request: pull.pullMessageRequestHeader, reply: pull.pullMessageResponseHeader },
  LITE_PULL_MESSAGE: { code: 361, servedBy: ["broker"], access: "sub", lane: "litePull", fastPort: false, request: pull.pullMessageRequestHeader, reply: pull.pullMessageResponseHeader },
  PEEK_MESSAGE: { code: 200052, servedBy: ["broker"], access: "sub", lane: "pull", fastPort: false, request: pop.peekMessageRequestHeader, reply: pop.popMessageResponseHeader },
  POP_MESSAGE: { code: 200050, servedBy: ["broker"], access: "sub", lane: "pull", fastPort: false, request: pop.popMessageRequestHeader, reply: pop.popMessageResponseHeader },
  ACK_MESSAGE: { code: 200051, servedBy: ["broker"], access: "sub", lane: "ack", request: pop.ackMessageRequestHeader, reply: noHeader },
  BATCH_ACK_MESSAGE: { code: 200151, servedBy: ["broker"], access: "sub", lane: "ack", request: noHeader, reply: noHeader },
  CHANGE_MESSAGE_INVISIBLETIME: { code: 200053, servedBy: ["broker"], access: "sub", lane: "ack", request: pop.changeInvisibleTimeRequestHeader, reply: pop.changeInvisibleTimeResponseHeader },
  NOTIFICATION: { code: 200054, servedBy: ["broker"], access: "sub", lane: "pull", fastPort: false, request: pop.notificationRequestHeader, reply: pop.notificationResponseHeader },
  POLLING_INFO: { code: 200055, servedBy: ["broker"], access: "admin", lane: "pull", fastPort: false, request: pop.pollingInfoRequestHeader, reply: pop.pollingInfoResponseHeader },
  POP_ROLLBACK: { code: 200056, servedBy: ["broker"], access: "admin", lane: "admin", request: noHeader, reply: noHeader },
  POP_LITE_MESSAGE: { code: 200070, servedBy: ["broker"], access: "sub", lane: "pull", fastPort: false, request: lite.popLiteMessageRequestHeader, reply: lite.popLiteMessageResponseHeader },
  LITE_SUBSCRIPTION_CTL: { code: 200071, servedBy: ["broker"], access: "sub", lane: "admin", request: lite.liteSubscriptionCtlRequestHeader, reply: noHeader },
  ACK_LITE_MESSAGE: { code: 200072, servedBy: [], access: "admin", lane: "admin", request: noHeader, reply: noHeader },
  GET_BROKER_LITE_INFO: { code: 200074, servedBy: ["broker"], access: "admin", lane: "admin", request: noHeader, reply: noHeader },
  GET_PARENT_TOPIC_INFO: { code: 200075, servedBy: ["broker"], access: "admin", lane: "admin", request: lite.getParentTopicInfoRequestHeader, reply: noHeader },
  GET_LITE_TOPIC_INFO: { code: 200076, servedBy: ["broker"], access: "admin", lane: "admin", request: lite.getLiteTopicInfoRequestHeader, reply: noHeader },
  GET_LITE_CLIENT_INFO: { code: 200077, servedBy: ["broker"], access: "admin", lane: "admin", request: lite.getLiteClientInfoRequestHeader, reply: noHeader },
  GET_LITE_GROUP_INFO: { code: 200078, servedBy: ["broker"], access: "admin", lane: "admin", request: lite.getLiteGroupInfoRequestHeader, reply: noHeader },
  TRIGGER_LITE_DISPATCH: { code: 200079, servedBy: ["broker"], access: "admin", lane: "admin", request: lite.triggerLiteDispatchRequestHeader, reply: noHeader },
  QUERY_MESSAGE: { code: 12, servedBy: ["broker"], access: "any", lane: "query", request: pull.queryMessageRequestHeader, reply: pull.queryMessageResponseHeader },
  VIEW_MESSAGE_BY_ID: { code: 33, servedBy: ["broker"], access: "any", lane: "query", request: pull.viewMessageRequestHeader, reply: noHeader },
  CONSUMER_SEND_MSG_BACK: { code: 36, servedBy: ["broker"], access: "sub", lane: "send", request: send.consumerSendMsgBackRequestHeader, reply: noHeader },
  END_TRANSACTION: { code: 37, servedBy: ["broker"], access: "pub", lane: "endTransaction", request: transaction.endTransactionRequestHeader, reply: noHeader },
  HEART_BEAT: { code: 34, servedBy: ["broker"], access: "any", lane: "heartbeat", request: noHeader, reply: noHeader },
  UNREGISTER_CLIENT: { code: 35, servedBy: ["broker"], access: "any", lane: "clientManage", request: client.unregisterClientRequestHeader, reply: noHeader },
  CHECK_CLIENT_CONFIG: { code: 46, servedBy: ["broker"], access: "any", lane: "clientManage", request: noHeader, reply: noHeader },
  GET_CLIENT_CONFIG: { code: 47, servedBy: [], access: "admin", lane: "admin", request: noHeader, reply: noHeader },
  GET_CONSUMER_LIST_BY_GROUP: { code: 38, servedBy: ["broker"], access: "sub", lane: "consumerManage", request: client.getConsumerListByGroupRequestHeader, reply: noHeader },
  QUERY_CONSUMER_OFFSET: { code: 14, servedBy: ["broker"], access: "sub", lane: "consumerManage", request: offset.queryConsumerOffsetRequestHeader, reply: offset.queryConsumerOffsetResponseHeader },
  UPDATE_CONSUMER_OFFSET: { code: 15, servedBy: ["broker"], access: "sub", lane: "consumerManage", request: offset.updateConsumerOffsetRequestHeader, reply: noHeader },
  LOCK_BATCH_MQ: { code: 41, servedBy: ["broker"], access: "sub", lane: "admin", request: noHeader, reply: noHeader },
  UNLOCK_BATCH_MQ: { code: 42, servedBy: ["broker"], access: "sub", lane: "admin", request: noHeader, reply: noHeader },
  QUERY_ASSIGNMENT: { code: 400, servedBy: ["broker"], access: "sub", lane: "loadBalance", request: noHeader, reply: noHeader },
  SET_MESSAGE_REQUEST_MODE: { code: 401, servedBy: ["broker"], access: "admin", lane: "loadBalance", request: noHeader, reply: noHeader },
  GET_ALL_MESSAGE_REQUEST_MODE: { code: 402, servedBy: ["broker"], access: "admin", lane: "admin", request: noHeader, reply: noHeader },
  QUERY_BROKER_OFFSET: { code: 13, servedBy: [], access: "admin", lane: "admin", request: noHeader, reply: noHeader },
  GET_TOPIC_NAME_LIST: { code: 23, servedBy: [], access: "admin", lane: "admin", request: noHeader, reply: noHeader },
  GET_TOPIC_CONFIG_LIST: { code: 22, servedBy: [], access: "admin", lane: "admin", request: noHeader, reply: noHeader },
  TRIGGER_DELETE_FILES: { code: 27, servedBy: [], access: "admin", lane: "admin", request: noHeader, reply: noHeader },

  // broker – admin processor (default processor)
  UPDATE_AND_CREATE_TOPIC: { code: 17, servedBy: ["broker"], access: "admin", lane: "admin", request: topic.createTopicRequestHeader, reply: noHeader },
  UPDATE_AND_CREATE_TOPIC_LIST: { code: 18, servedBy: ["broker"], access: "admin", lane: "admin", request: topic.createTopicListRequestHeader, reply: noHeader },
  UPDATE_AND_CREATE_STATIC_TOPIC: { code: 513, servedBy: ["broker"], access: "admin", lane: "admin", request: topic.createTopicRequestHeader, reply: noHeader },
  GET_ALL_TOPIC_CONFIG: { code: 21, servedBy: ["broker"], access: "admin", lane: "admin", request: topic.getAllTopicConfigRequestHeader, reply: topic.getAllTopicConfigResponseHeader },
  GET_TOPIC_CONFIG: { code: 351, servedBy: ["broker"], access: "any", lane: "admin", request: topic.getTopicConfigRequestHeader, reply: noHeader },
  DELETE_TOPIC_IN_BROKER: { code: 215, servedBy: ["broker"], access: "admin", lane: "admin", request: topic.deleteTopicRequestHeader, reply: noHeader },
  UPDATE_AND_CREATE_SUBSCRIPTIONGROUP: { code: 200, servedBy: ["broker"], access: "admin", lane: "admin", request: noHeader, reply: noHeader },
  UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST: { code: 225, servedBy: ["broker"], access: "admin", lane: "admin", request: noHeader, reply: noHeader },
  GET_ALL_SUBSCRIPTIONGROUP_CONFIG: { code: 201, servedBy: ["broker"], access: "admin", lane: "admin", request: group.getAllSubscriptionGroupRequestHeader, reply: group.getAllSubscriptionGroupResponseHeader },
  GET_SUBSCRIPTIONGROUP_CONFIG: { code: 352, servedBy: ["broker"], access: "admin", lane: "admin", request: group.getSubscriptionGroupConfigRequestHeader, reply: noHeader },
  DELETE_SUBSCRIPTIONGROUP: { code: 207, servedBy: ["broker"], access: "admin", lane: "admin", request: group.deleteSubscriptionGroupRequestHeader, reply: noHeader },
  UPDATE_AND_GET_GROUP_FORBIDDEN: { code: 353, servedBy: ["broker"], access: "admin", lane: "admin", request: group.updateGroupForbiddenRequestHeader, reply: noHeader },
  UPDATE_BROKER_CONFIG: { code: 25, servedBy: ["broker"], access: "admin", lane: "admin", request: noHeader, reply: noHeader },
  GET_BROKER_CONFIG: { code: 26, servedBy: ["broker"], access: "admin", lane: "admin", request: noHeader, reply: broker.getBrokerConfigResponseHeader },
  GET_BROKER_RUNTIME_INFO: { code: 28, servedBy: ["broker"], access: "admin", lane: "admin", request: noHeader, reply: noHeader },
  SEARCH_OFFSET_BY_TIMESTAMP: { code: 29, servedBy: ["broker"], access: "any", lane: "admin", request: offset.searchOffsetRequestHeader, reply: offset.searchOffsetResponseHeader },
  GET_MAX_OFFSET: { code: 30, servedBy: ["broker"], access: "any", lane: "admin", request: offset.getMaxOffsetRequestHeader, reply: offset.getMaxOffsetResponseHeader },
  GET_MIN_OFFSET: { code: 31, servedBy: ["broker"], access: "any", lane: "admin", request: offset.getMinOffsetRequestHeader, reply: offset.getMinOffsetResponseHeader },
  GET_EARLIEST_MSG_STORETIME: { code: 32, servedBy: ["broker"], access: "any", lane: "admin", request: offset.getEarliestMsgStoretimeRequestHeader, reply: offset.getEarliestMsgStoretimeResponseHeader },
  GET_TOPIC_STATS_INFO: { code: 202, servedBy: ["broker"], access: "admin", lane: "admin", request: topic.getTopicStatsInfoRequestHeader, reply: noHeader },
  GET_CONSUMER_CONNECTION_LIST: { code: 203, servedBy: ["broker"], access: "admin", lane: "admin", request: client.getConsumerConnectionListRequestHeader, reply: noHeader },
  GET_PRODUCER_CONNECTION_LIST: { code: 204, servedBy: ["broker"], access: "admin", lane: "admin", request: client.getProducerConnectionListRequestHeader, reply: noHeader },
  GET_ALL_PRODUCER_INFO: { code: 328, servedBy: ["broker"], access: "admin", lane: "admin", request: noHeader, reply: noHeader },
  GET_CONSUME_STATS: { code: 208, servedBy: ["broker"], access: "admin", lane: "admin", request: group.getConsumeStatsRequestHeader, reply: noHeader },
  GET_ALL_CONSUMER_OFFSET: { code: 43, servedBy: ["broker"], access: "admin", lane: "admin", request: noHeader, reply: noHeader },
  GET_ALL_DELAY_OFFSET: { code: 45, servedBy: ["broker"], access: "admin", lane: "admin", request: noHeader, reply: noHeader },
  GET_TIMER_CHECK_POINT: { code: 60, servedBy: ["broker"], access: "admin", lane: "admin", request: noHeader, reply: noHeader },
  GET_TIMER_METRICS: { code: 61, servedBy: ["broker"], access: "admin", lane: "admin", request: noHeader, reply: noHeader },
  INVOKE_BROKER_TO_RESET_OFFSET: { code: 222, servedBy: ["broker"], access: "admin", lane: "admin", request: offset.resetOffsetRequestHeader, reply: noHeader },
  INVOKE_BROKER_TO_GET_CONSUMER_STATUS: { code: 223, servedBy: ["broker"], access: "admin", lane: "admin", request: client.getConsumerStatusRequestHeader, reply: noHeader },
  QUERY_TOPIC_CONSUME_BY_WHO: { code: 300, servedBy: ["broker"], access: "admin", lane: "admin", request: topic.queryTopicConsumeByWhoRequestHeader, reply: noHeader },
  QUERY_TOPICS_BY_CONSUMER: { code: 343, servedBy: ["broker"], access: "admin", lane: "admin", request: topic.queryTopicsByConsumerRequestHeader, reply: noHeader },
  QUERY_SUBSCRIPTION_BY_CONSUMER: { code: 345, servedBy: ["broker"], access: "admin", lane: "admin", request: group.querySubscriptionByConsumerRequestHeader, reply: noHeader },
  QUERY_CONSUME_TIME_SPAN: { code: 303, servedBy: ["broker"], access: "admin", lane: "admin", request: group.queryConsumeTimeSpanRequestHeader, reply: noHeader },
  GET_SYSTEM_TOPIC_LIST_FROM_BROKER: { code: 305, servedBy: ["broker"], access: "admin", lane: "admin", request: noHeader, reply: noHeader },
  CLEAN_EXPIRED_CONSUMEQUEUE: { code: 306, servedBy: ["broker"], access: "admin", lane: "admin", request: noHeader, reply: noHeader },
  DELETE_EXPIRED_COMMITLOG: { code: 329, servedBy: ["broker"], access: "admin", lane: "admin", request: noHeader, reply: noHeader },
  CLEAN_UNUSED_TOPIC: { code: 316, servedBy: ["broker"], access: "admin", lane: "admin", request: noHeader, reply: noHeader },
  GET_CONSUMER_RUNNING_INFO: { code: 307, servedBy: ["broker", "client"], access: "admin", lane: "admin", request: client.getConsumerRunningInfoRequestHeader, reply: noHeader },
  CONSUME_MESSAGE_DIRECTLY: { code: 309, servedBy: ["broker", "client"], access: "admin", lane: "admin", request: client.consumeMessageDirectlyResultRequestHeader, reply: noHeader },
  QUERY_CORRECTION_OFFSET: { code: 308, servedBy: ["broker"], access: "admin", lane: "admin", request: offset.queryCorrectionOffsetHeader, reply: noHeader },
  CLONE_GROUP_OFFSET: { code: 314, servedBy: ["broker"], access: "admin", lane: "admin", request: offset.cloneGroupOffsetRequestHeader, reply: noHeader },
  VIEW_BROKER_STATS_DATA: { code: 315, servedBy: ["broker"], access: "admin", lane: "admin", request: broker.viewBrokerStatsDataRequestHeader, reply: noHeader },
  GET_BROKER_CONSUME_STATS: { code: 317, servedBy: ["broker"], access: "admin", lane: "admin", request: group.getConsumeStatsInBrokerHeader, reply: noHeader },
  QUERY_CONSUME_QUEUE: { code: 321, servedBy: ["broker"], access: "admin", lane: "admin", request: pull.queryConsumeQueueRequestHeader, reply: noHeader },
  RESUME_CHECK_HALF_MESSAGE: { code: 323, servedBy: ["broker"], access: "admin", lane: "admin", request: transaction.resumeCheckHalfMessageRequestHeader, reply: noHeader },
  CHECK_ROCKSDB_CQ_WRITE_PROGRESS: { code: 354, servedBy: ["broker"], access: "admin", lane: "admin", request: broker.checkRocksdbCqWriteProgressRequestHeader, reply: noHeader },
  EXPORT_ROCKSDB_CONFIG_TO_JSON: { code: 355, servedBy: [], planned: ["broker"], access: "admin", lane: "admin", request: broker.exportRocksDBConfigToJsonRequestHeader, reply: noHeader },
  UPDATE_COLD_DATA_FLOW_CTR_CONFIG: { code: 2001, servedBy: ["broker"], access: "admin", lane: "admin", request: noHeader, reply: noHeader },
  REMOVE_COLD_DATA_FLOW_CTR_CONFIG: { code: 2002, servedBy: ["broker"], access: "admin", lane: "admin", request: noHeader, reply: noHeader },
  GET_COLD_DATA_FLOW_CTR_INFO: { code: 2003, servedBy: ["broker"], access: "admin", lane: "admin", request: noHeader, reply: noHeader },
  SET_COMMITLOG_READ_MODE: { code: 2004, servedBy: ["broker"], access: "admin", lane: "admin", request: noHeader, reply: noHeader },
  SWITCH_TIMER_ENGINE: { code: 5001, servedBy: ["broker"], access: "admin", lane: "admin", request: noHeader, reply: noHeader },
  AUTH_CREATE_USER: { code: 3001, servedBy: ["broker"], access: "admin", lane: "admin", request: auth.createUserRequestHeader, reply: noHeader },
  AUTH_UPDATE_USER: { code: 3002, servedBy: ["broker"], access: "admin", lane: "admin", request: auth.updateUserRequestHeader, reply: noHeader },
  AUTH_DELETE_USER: { code: 3003, servedBy: ["broker"], access: "admin", lane: "admin", request: auth.deleteUserRequestHeader, reply: noHeader },
  AUTH_GET_USER: { code: 3004, servedBy: ["broker"], access: "admin", lane: "admin", request: auth.getUserRequestHeader, reply: noHeader },
  AUTH_LIST_USER: { code: 3005, servedBy: ["broker"], access: "admin", lane: "admin", request: auth.listUsersRequestHeader, reply: noHeader },
  AUTH_CREATE_ACL: { code: 3006, servedBy: ["broker"], access: "admin", lane: "admin", request: auth.createAclRequestHeader, reply: noHeader },
  AUTH_UPDATE_ACL: { code: 3007, servedBy: ["broker"], access: "admin", lane: "admin", request: auth.updateAclRequestHeader, reply: noHeader },
  AUTH_DELETE_ACL: { code: 3008, servedBy: ["broker"], access: "admin", lane: "admin", request: auth.deleteAclRequestHeader, reply: noHeader },
  AUTH_GET_ACL: { code: 3009, servedBy: ["broker"], access: "admin", lane: "admin", request: auth.getAclRequestHeader, reply: noHeader },
  AUTH_LIST_ACL: { code: 3010, servedBy: ["broker"], access: "admin", lane: "admin", request: auth.listAclsRequestHeader, reply: noHeader },
  // ACL 1.0, which Apache 5.5.0 has no more: as in 5.3.2
  UPDATE_AND_CREATE_ACL_CONFIG: { code: 50, servedBy: ["broker"], access: "admin", lane: "admin", request: auth.createAccessConfigRequestHeader, reply: noHeader },
  DELETE_ACL_CONFIG: { code: 51, servedBy: ["broker"], access: "admin", lane: "admin", request: auth.deleteAccessConfigRequestHeader, reply: noHeader },
  GET_BROKER_CLUSTER_ACL_INFO: { code: 52, servedBy: ["broker"], access: "admin", lane: "admin", request: noHeader, reply: auth.getBrokerAclConfigResponseHeader },
  UPDATE_GLOBAL_WHITE_ADDRS_CONFIG: { code: 53, servedBy: ["broker"], access: "admin", lane: "admin", request: auth.updateGlobalWhiteAddrsConfigRequestHeader, reply: noHeader },
  NOTIFY_MIN_BROKER_ID_CHANGE: { code: 905, servedBy: ["broker"], access: "admin", lane: "admin", request: broker.notifyMinBrokerIdChangeRequestHeader, reply: noHeader },
  EXCHANGE_BROKER_HA_INFO: { code: 906, servedBy: [], planned: ["broker"], access: "admin", lane: "admin", request: broker.exchangeHAInfoRequestHeader, reply: broker.exchangeHAInfoResponseHeader },
  GET_BROKER_HA_STATUS: { code: 907, servedBy: ["broker"], access: "admin", lane: "admin", request: noHeader, reply: noHeader },
  RESET_MASTER_FLUSH_OFFSET: { code: 908, servedBy: ["broker"], access: "admin", lane: "admin", request: broker.resetMasterFlushOffsetHeader, reply: noHeader },
  GET_BROKER_EPOCH_CACHE: { code: 1007, servedBy: [], planned: ["broker"], access: "admin", lane: "admin", request: noHeader, reply: noHeader },
  NOTIFY_BROKER_ROLE_CHANGED: { code: 1008, servedBy: [], planned: ["broker"], access: "admin", lane: "admin", request: broker.notifyBrokerRoleChangedRequestHeader, reply: noHeader },
  ADD_BROKER: { code: 902, servedBy: [], planned: ["broker"], access: "admin", lane: "admin", request: broker.addBrokerRequestHeader, reply: noHeader },
  REMOVE_BROKER: { code: 903, servedBy: [], planned: ["broker"], access: "admin", lane: "admin", request: broker.removeBrokerRequestHeader, reply: noHeader },

  // broker → client
  CHECK_TRANSACTION_STATE: { code: 39, servedBy: ["client"], access: "admin", lane: "admin", request: transaction.checkTransactionStateRequestHeader, reply: noHeader },
  NOTIFY_CONSUMER_IDS_CHANGED: { code: 40, servedBy: ["client"], access: "admin", lane: "admin", request: client.notifyConsumerIdsChangedRequestHeader, reply: noHeader },
  RESET_CONSUMER_CLIENT_OFFSET: { code: 220, servedBy: ["client"], access: "admin", lane: "admin", request: offset.resetOffsetRequestHeader, reply: noHeader },
  GET_CONSUMER_STATUS_FROM_CLIENT: { code: 221, servedBy: ["client"], access: "admin", lane: "admin", request: client.getConsumerStatusRequestHeader, reply: noHeader },
  PUSH_REPLY_MESSAGE_TO_CLIENT: { code: 326, servedBy: ["client"], access: "admin", lane: "admin", request: send.replyMessageRequestHeader, reply: noHeader },
  NOTIFY_UNSUBSCRIBE_LITE: { code: 200073, servedBy: ["client"], access: "admin", lane: "admin", request: lite.notifyUnsubscribeLiteRequestHeader, reply: noHeader },

  // name server
  PUT_KV_CONFIG: { code: 100, servedBy: ["namesrv"], access: "admin", lane: "default", request: namesrv.putKVConfigRequestHeader, reply: noHeader },
  GET_KV_CONFIG: { code: 101, servedBy: ["namesrv"], access: "admin", lane: "default", request: namesrv.getKVConfigRequestHeader, reply: namesrv.getKVConfigResponseHeader },
  DELETE_KV_CONFIG: { code: 102, servedBy: ["namesrv"], access: "admin", lane: "default", request: namesrv.deleteKVConfigRequestHeader, reply: noHeader },
  REGISTER_BROKER: { code: 103, servedBy: ["namesrv"], access: "admin", lane: "default", request: namesrv.registerBrokerRequestHeader, reply: namesrv.registerBrokerResponseHeader },
  UNREGISTER_BROKER: { code: 104, servedBy: ["namesrv"], access: "admin", lane: "default", request: namesrv.unRegisterBrokerRequestHeader, reply: noHeader },
  GET_ROUTEINFO_BY_TOPIC: { code: 105, servedBy: ["namesrv"], access: "any", lane: "route", request: namesrv.getRouteInfoRequestHeader, reply: noHeader },
  GET_BROKER_CLUSTER_INFO: { code: 106, servedBy: ["namesrv"], access: "admin", lane: "default", request: noHeader, reply: noHeader },
  WIPE_WRITE_PERM_OF_BROKER: { code: 205, servedBy: ["namesrv"], access: "admin", lane: "default", request: namesrv.wipeWritePermOfBrokerRequestHeader, reply: namesrv.wipeWritePermOfBrokerResponseHeader },
  ADD_WRITE_PERM_OF_BROKER: { code: 327, servedBy: ["namesrv"], access: "admin", lane: "default", request: namesrv.addWritePermOfBrokerRequestHeader, reply: namesrv.addWritePermOfBrokerResponseHeader },
  GET_ALL_TOPIC_LIST_FROM_NAMESERVER: { code: 206, servedBy: ["namesrv"], access: "admin", lane: "default", request: noHeader, reply: noHeader },
  DELETE_TOPIC_IN_NAMESRV: { code: 216, servedBy: ["namesrv"], access: "admin", lane: "default", request: namesrv.deleteTopicFromNamesrvRequestHeader, reply: noHeader },
  REGISTER_TOPIC_IN_NAMESRV: { code: 217, servedBy: ["namesrv"], access: "admin", lane: "default", request: namesrv.registerTopicRequestHeader, reply: noHeader },
  GET_KVLIST_BY_NAMESPACE: { code: 219, servedBy: ["namesrv"], access: "admin", lane: "default", request: namesrv.getKVListByNamespaceRequestHeader, reply: noHeader },
  GET_TOPICS_BY_CLUSTER: { code: 224, servedBy: ["namesrv"], access: "admin", lane: "default", request: namesrv.getTopicsByClusterRequestHeader, reply: noHeader },
  GET_SYSTEM_TOPIC_LIST_FROM_NS: { code: 304, servedBy: ["namesrv"], access: "admin", lane: "default", request: noHeader, reply: noHeader },
  GET_UNIT_TOPIC_LIST: { code: 311, servedBy: ["namesrv"], access: "admin", lane: "default", request: noHeader, reply: noHeader },
  GET_HAS_UNIT_SUB_TOPIC_LIST: { code: 312, servedBy: ["namesrv"], access: "admin", lane: "default", request: noHeader, reply: noHeader },
  GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST: { code: 313, servedBy: ["namesrv"], access: "admin", lane: "default", request: noHeader, reply: noHeader },
  UPDATE_NAMESRV_CONFIG: { code: 318, servedBy: ["namesrv"], access: "admin", lane: "default", request: noHeader, reply: noHeader },
  GET_NAMESRV_CONFIG: { code: 319, servedBy: ["namesrv"], access: "admin", lane: "default", request: noHeader, reply: noHeader },
  QUERY_DATA_VERSION: { code: 322, servedBy: ["namesrv"], access: "admin", lane: "default", request: namesrv.queryDataVersionRequestHeader, reply: namesrv.queryDataVersionResponseHeader },
  GET_BROKER_MEMBER_GROUP: { code: 901, servedBy: ["namesrv"], access: "admin", lane: "default", request: namesrv.getBrokerMemberGroupRequestHeader, reply: noHeader },
  BROKER_HEARTBEAT: { code: 904, servedBy: ["namesrv"], planned: ["controller"], access: "admin", lane: "default", request: namesrv.brokerHeartbeatRequestHeader, reply: noHeader },

  // controller
  CONTROLLER_ALTER_SYNC_STATE_SET: { code: 1001, servedBy: [], planned: ["controller"], access: "admin", lane: "default", request: controller.alterSyncStateSetRequestHeader, reply: controller.alterSyncStateSetResponseHeader },
  CONTROLLER_ELECT_MASTER: { code: 1002, servedBy: [], planned: ["controller"], access: "admin", lane: "default", request: controller.electMasterRequestHeader, reply: controller.electMasterResponseHeader },
  CONTROLLER_REGISTER_BROKER: { code: 1003, servedBy: [], planned: ["controller"], access: "admin", lane: "default", request: controller.registerBrokerToControllerRequestHeader, reply: controller.registerBrokerToControllerResponseHeader },
  CONTROLLER_GET_REPLICA_INFO: { code: 1004, servedBy: [], planned: ["controller"], access: "admin", lane: "default", request: controller.getReplicaInfoRequestHeader, reply: controller.getReplicaInfoResponseHeader },
  CONTROLLER_GET_METADATA_INFO: { code: 1005, servedBy: [], planned: ["controller"], access: "admin", lane: "default", request: noHeader, reply: controller.getMetaDataResponseHeader },
  CONTROLLER_GET_SYNC_STATE_DATA: { code: 1006, servedBy: [], planned: ["controller"], access: "admin", lane: "default", request: noHeader, reply: noHeader },
  UPDATE_CONTROLLER_CONFIG: { code: 1009, servedBy: [], planned: ["controller"], access: "admin", lane: "default", request: noHeader, reply: noHeader },
  GET_CONTROLLER_CONFIG: { code: 1010, servedBy: [], planned: ["controller"], access: "admin", lane: "default", request: noHeader, reply: noHeader },
  CLEAN_BROKER_DATA: { code: 1011, servedBy: [], planned: ["controller"], access: "admin", lane: "default", request: controller.cleanControllerBrokerDataRequestHeader, reply: noHeader },
  CONTROLLER_GET_NEXT_BROKER_ID: { code: 1012, servedBy: [], planned: ["controller"], access: "admin", lane: "default", request: controller.getNextBrokerIdRequestHeader, reply: controller.getNextBrokerIdResponseHeader },
  CONTROLLER_APPLY_BROKER_ID: { code: 1013, servedBy: [], planned: ["controller"], access: "admin", lane: "default", request: controller.applyBrokerIdRequestHeader, reply: controller.applyBrokerIdResponseHeader },
  BROKER_CLOSE_CHANNEL_REQUEST: { code: 1014, servedBy: [], access: "admin", lane: "default", request: noHeader, reply: noHeader },
  CHECK_NOT_ACTIVE_BROKER_REQUEST: { code: 1015, servedBy: [], access: "admin", lane: "default", request: noHeader, reply: noHeader },
  GET_BROKER_LIVE_INFO_REQUEST: { code: 1016, servedBy: [], access: "admin", lane: "default", request: noHeader, reply: noHeader },
  GET_SYNC_STATE_DATA_REQUEST: { code: 1017, servedBy: [], access: "admin", lane: "default", request: noHeader, reply: noHeader },
  RAFT_BROKER_HEART_BEAT_EVENT_REQUEST: { code: 1018, servedBy: [], access: "admin", lane: "default", request: noHeader, reply: noHeader },

  // defined, no handler in 5.5.0
  SUSPEND_CONSUMER: { code: 209, servedBy: [], access: "admin", lane: "default", request: noHeader, reply: noHeader },
  RESUME_CONSUMER: { code: 210, servedBy: [], access: "admin", lane: "default", request: noHeader, reply: noHeader },
  RESET_CONSUMER_OFFSET_IN_CONSUMER: { code: 211, servedBy: [], access: "admin", lane: "default", request: noHeader, reply: noHeader },
  RESET_CONSUMER_OFFSET_IN_BROKER: { code: 212, servedBy: [], access: "admin", lane: "default", request: noHeader, reply: noHeader },
  ADJUST_CONSUMER_THREAD_POOL: { code: 213, servedBy: [], access: "admin", lane: "default", request: noHeader, reply: noHeader },
  WHO_CONSUME_THE_MESSAGE: { code: 214, servedBy: [], access: "admin", lane: "default", request: noHeader, reply: noHeader },
  REGISTER_FILTER_SERVER: { code: 301, servedBy: [], access: "admin", lane: "default", request: noHeader, reply: noHeader },
  REGISTER_MESSAGE_FILTER_CLASS: { code: 302, servedBy: [], access: "admin", lane: "default", request: noHeader, reply: noHeader },
} as const satisfies Record<string, RequestRow>;

export type RequestName = keyof typeof REQUESTS;

/** Names of the requests that `R` answers today. */
export type ServedBy<R extends Role> = {
  [N in RequestName]: R extends (typeof REQUESTS)[N]["servedBy"][number] ? N : never;
}[RequestName];

type Decoded<C> = C extends HeaderCodec<infer T> ? T : never;
export type RequestHeaderOf<N extends RequestName> = Decoded<(typeof REQUESTS)[N]["request"]>;
export type ReplyHeaderOf<N extends RequestName> = Decoded<(typeof REQUESTS)[N]["reply"]>;
