/** Names of the properties that clients and brokers give a meaning (`MessageConst`). */
export const MessageConst = {
  /** The user's keys, separated by a space; each is indexed. */
  KEYS: "KEYS",
  TAGS: "TAGS",
  /** "true" or absent: the sender waits for the flush; anything else: it does not. */
  WAIT: "WAIT",
  /** Delay level, 1..18. */
  DELAY: "DELAY",
  /** Where a retried message came from. */
  RETRY_TOPIC: "RETRY_TOPIC",
  ORIGIN_GROUP: "ORIGIN_GROUP",
  /** Topic and queue of a message that is parked in a system topic. */
  REAL_TOPIC: "REAL_TOPIC",
  REAL_QID: "REAL_QID",
  /** "true" on half messages. */
  TRAN_MSG: "TRAN_MSG",
  PGROUP: "PGROUP",
  MIN_OFFSET: "MIN_OFFSET",
  MAX_OFFSET: "MAX_OFFSET",
  BUYER_ID: "BUYER_ID",
  /** offsetMsgId of the first message behind retries. */
  ORIGIN_MESSAGE_ID: "ORIGIN_MESSAGE_ID",
  TRANSFER_FLAG: "TRANSFER_FLAG",
  CORRECTION_FLAG: "CORRECTION_FLAG",
  MQ2_FLAG: "MQ2_FLAG",
  RECONSUME_TIME: "RECONSUME_TIME",
  MSG_REGION: "MSG_REGION",
  TRACE_ON: "TRACE_ON",
  /** The id that the sending client made; indexed. */
  UNIQ_KEY: "UNIQ_KEY",
  TRANS_OFFSET: "TRANS_OFFSET",
  EXTEND_UNIQ_INFO: "EXTEND_UNIQ_INFO",
  MAX_RECONSUME_TIMES: "MAX_RECONSUME_TIMES",
  CONSUME_START_TIME: "CONSUME_START_TIME",
  PRIORITY: "_SYS_MSG_PRIORITY_",
  /** Count and first queue offset of an inner batch. */
  INNER_NUM: "INNER_NUM",
  INNER_BASE: "INNER_BASE",
  DUP_INFO: "DUP_INFO",
  CHECK_IMMUNITY_TIME_IN_SECONDS: "CHECK_IMMUNITY_TIME_IN_SECONDS",
  TRAN_PREPARED_QUEUE_OFFSET: "TRAN_PREPARED_QUEUE_OFFSET",
  TRANSACTION_ID: "__transactionId__",
  TRANSACTION_CHECK_TIMES: "TRANSACTION_CHECK_TIMES",
  INSTANCE_ID: "INSTANCE_ID",
  CORRELATION_ID: "CORRELATION_ID",
  REPLY_TO_CLIENT: "REPLY_TO_CLIENT",
  TTL: "TTL",
  ARRIVE_TIME: "ARRIVE_TIME",
  PUSH_REPLY_TIME: "PUSH_REPLY_TIME",
  CLUSTER: "CLUSTER",
  /** "reply" on the answer of a request-reply pair. */
  MSG_TYPE: "MSG_TYPE",
  POP_CK: "POP_CK",
  POP_CK_OFFSET: "POP_CK_OFFSET",
  FIRST_POP_TIME: "1ST_POP_TIME",
  SHARDINGKEY: "__SHARDINGKEY",
  LITE_TOPIC: "__LITE_TOPIC",
  FORWARD_QUEUE_ID: "PROPERTY_FORWARD_QUEUE_ID",
  REDIRECT: "REDIRECT",
  /** Names of light message queues and their offsets, separated by commas. */
  INNER_MULTI_DISPATCH: "INNER_MULTI_DISPATCH",
  INNER_MULTI_QUEUE_OFFSET: "INNER_MULTI_QUEUE_OFFSET",
  TRACE_CONTEXT: "TRACE_CONTEXT",
  /** Delivery at any time: relative s, relative ms, absolute ms. */
  TIMER_DELAY_SEC: "TIMER_DELAY_SEC",
  TIMER_DELAY_MS: "TIMER_DELAY_MS",
  TIMER_DELIVER_MS: "TIMER_DELIVER_MS",
  TIMER_ENQUEUE_MS: "TIMER_ENQUEUE_MS",
  TIMER_DEQUEUE_MS: "TIMER_DEQUEUE_MS",
  TIMER_ROLL_TIMES: "TIMER_ROLL_TIMES",
  TIMER_OUT_MS: "TIMER_OUT_MS",
  TIMER_DEL_UNIQKEY: "TIMER_DEL_UNIQKEY",
  TIMER_ROLL_LABEL: "TIMER_ROLL_LABEL",
  TIMER_DELAY_LEVEL: "TIMER_DELAY_LEVEL",
  TIMER_ENGINE_TYPE: "E_T",
  BORN_HOST: "__BORNHOST",
  BORN_TIMESTAMP: "BORN_TIMESTAMP",
  /** Names that begin so are taken off before a message is stored. */
  TRANSIENT_PREFIX: "__RMQ.TRANSIENT.",
  TRANSIENT_TOPIC_SYS_FLAG: "__RMQ.TRANSIENT.TOPIC_SYS_FLAG",
  TRANSIENT_GROUP_SYS_FLAG: "__RMQ.TRANSIENT.GROUP_SYS_FLAG",
  /** CRC of the record, reserved (`message.ts`). */
  CRC32: "__CRC32#",
  DLQ_ORIGIN_TOPIC: "DLQ_ORIGIN_TOPIC",
  DLQ_ORIGIN_MESSAGE_ID: "DLQ_ORIGIN_MESSAGE_ID",
} as const;
