/**
 * What each request needs the right to do: one rule a request, found by its name in `wire/requests.ts`.
 *
 * Rules are the annotations and special cases of Apache 5.5.0. Stricter, on purpose: a request that no rule names needs Update
 * on the cluster, and one whose fields name nothing needs the right of its rule on the cluster. Apache lets every
 * authenticated user do these, changing the broker's configuration among them.
 */
import { queryAssignmentRequestBody, setMessageRequestModeRequestBody } from "../../wire/bodies/assignment.ts";
import { heartbeatData } from "../../wire/bodies/heartbeat.ts";
import { liteSubscriptionCtlRequestBody } from "../../wire/bodies/lite.ts";
import { lockBatchRequestBody } from "../../wire/bodies/lock.ts";
import { batchAckMessageRequestBody } from "../../wire/bodies/pop.ts";
import { checkClientRequestBody } from "../../wire/bodies/subscription.ts";
import { subscriptionGroupConfig, subscriptionGroupList } from "../../wire/bodies/subscription_group.ts";
import { createTopicListRequestBody } from "../../wire/bodies/topic.ts";
import { RETRY_PREFIX } from "../../wire/mix_all.ts";
import type { RequestName } from "../../wire/requests.ts";
import type { Action, Need } from "./resource.ts";

/** What a rule looks at: the header by property, and the body. */
type Fields = Readonly<Record<string, unknown>>;
type Rule = (header: Fields, body: Uint8Array) => Need[];

/** @throws WireError when the body, which a rule must read, is broken */
export function needsOf(name: RequestName, header: object, body: Uint8Array, clusterName: string): readonly Need[] {
  const rule = RULES[name];
  if (rule === undefined) return [{ type: "Cluster", name: clusterName, actions: ["Update"] }];
  return rule(header as Fields, body).map((need) => (need.type === "Cluster" ? { ...need, name: clusterName } : need));
}

/** A request that a rule names; the others need Update on the cluster. For the reference and for tests. */
export const hasRule = (name: RequestName): boolean => RULES[name] !== undefined;

const group = (name: string, ...actions: Action[]): Need => ({ type: "Group", name, actions });

/** A retry topic is its group. */
const topic = (name: string, ...actions: Action[]): Need =>
  name.startsWith(RETRY_PREFIX)
    ? { type: "Group", name: name.slice(RETRY_PREFIX.length), actions }
    : { type: "Topic", name, actions };

const cluster = (...actions: Action[]): Rule => {
  const needs: Need[] = [{ type: "Cluster", name: "", actions }];
  return () => needs;
};

const TOPIC_FIELDS = ["topic", "originTopic", "parentTopic"];
const GROUP_FIELDS = ["consumerGroup", "group", "groupName", "destGroup", "srcGroup", "compareGroup"];

/** The topics and groups that the header's fields name; the cluster when they name none. */
const named =
  (...actions: Action[]): Rule =>
  (header) => {
    const needs = [...namedGroups(header, actions), ...namedTopics(header, actions)];
    return needs.length > 0 ? needs : [{ type: "Cluster", name: "", actions }];
  };

const texts = (header: Fields, fields: readonly string[]): string[] =>
  fields.map((field) => header[field]).filter((value): value is string => typeof value === "string" && value !== "");

function namedGroups(header: Fields, actions: readonly Action[]): Need[] {
  const listed = texts(header, ["filterGroups"]).flatMap((list) => list.split(",").filter((name) => name !== ""));
  return [...texts(header, GROUP_FIELDS), ...listed].map((name) => ({ type: "Group", name, actions }));
}

function namedTopics(header: Fields, actions: readonly Action[]): Need[] {
  const listed = texts(header, ["topicList"]).flatMap((list) => list.split(";").filter((name) => name !== ""));
  const names = [...texts(header, TOPIC_FIELDS), ...listed];
  const own = texts(header, GROUP_FIELDS);
  return names.filter((name) => !own.some((of) => isRetryTopicOf(name, of))).map((name) => topic(name, ...actions));
}

/** The retry topics of a group, those of POP (`_topic`, `+topic`) included: who may use the group may use them. */
function isRetryTopicOf(name: string, of: string): boolean {
  if (!name.startsWith(`${RETRY_PREFIX}${of}`)) return false;
  const next = name.charAt(RETRY_PREFIX.length + of.length);
  return next === "" || next === "_" || next === "+";
}

/** What consumers of a group subscribe to; a retry topic goes with its group. */
const subscribed = (groupName: string, topics: Iterable<string>): Need[] => [
  group(groupName, "Sub"),
  ...[...topics].filter((name) => !name.startsWith(RETRY_PREFIX)).map((name) => topic(name, "Sub")),
];

const locks: Rule = (_header, body) => {
  const { consumerGroup, mqSet } = lockBatchRequestBody.decode(body);
  return subscribed(consumerGroup, new Set(mqSet.map((queue) => queue.topic)));
};

/** Senders name the topic; a retry topic is for the consumers of its group. */
const publish: Rule = ({ topic: name }) => {
  const text = typeof name === "string" ? name : "";
  return text.startsWith(RETRY_PREFIX) ? [topic(text, "Sub")] : [topic(text, "Pub")];
};

/** The topic through which answers find their requester has no owner: the broker hands them on, whoever may sign in may answer. */
const reply: Rule = (header, body) => {
  const { topic: name } = header;
  return typeof name === "string" && name.endsWith("_REPLY_TOPIC") ? [] : publish(header, body);
};

const clusterGet = cluster("Get");
const clusterUpdate = cluster("Update");

const RULES: { readonly [N in RequestName]?: Rule } = {
  SEND_MESSAGE: publish,
  SEND_MESSAGE_V2: publish,
  SEND_BATCH_MESSAGE: publish,
  SEND_REPLY_MESSAGE: reply,
  SEND_REPLY_MESSAGE_V2: reply,
  RECALL_MESSAGE: publish,
  // Clients before 5.0 name no topic: what they end is a half message of their own, found by its offset and group.
  END_TRANSACTION: ({ topic: name }) => (typeof name === "string" && name !== "" ? [topic(name, "Pub")] : []),
  CONSUMER_SEND_MSG_BACK: ({ group: name }) => [group(String(name), "Sub")],
  PULL_MESSAGE: named("Sub"),
  LITE_PULL_MESSAGE: named("Sub"),
  PEEK_MESSAGE: named("Sub"),
  POP_MESSAGE: named("Sub"),
  POP_LITE_MESSAGE: named("Sub"),
  ACK_MESSAGE: named("Sub"),
  CHANGE_MESSAGE_INVISIBLETIME: named("Sub"),
  NOTIFICATION: named("Sub"),
  POLLING_INFO: named("Get"),
  BATCH_ACK_MESSAGE: (_header, body) =>
    batchAckMessageRequestBody
      .decode(body)
      .acks.flatMap(({ consumerGroup, topic: name }) => [group(consumerGroup, "Sub"), topic(name, "Sub")]),
  LITE_SUBSCRIPTION_CTL: (_header, body) =>
    liteSubscriptionCtlRequestBody
      .decode(body)
      .subscriptionSet.flatMap(({ group: name, topic: parent }) => [group(name, "Sub"), topic(parent, "Sub")]),
  QUERY_ASSIGNMENT: (_header, body) => {
    const { consumerGroup, topic: name } = queryAssignmentRequestBody.decode(body);
    return subscribed(consumerGroup, [name]);
  },
  SET_MESSAGE_REQUEST_MODE: (_header, body) => {
    const { consumerGroup, topic: name } = setMessageRequestModeRequestBody.decode(body);
    return [group(consumerGroup, "Update"), topic(name, "Update")];
  },
  GET_ALL_MESSAGE_REQUEST_MODE: clusterGet,
  QUERY_MESSAGE: named("Sub", "Get"),
  VIEW_MESSAGE_BY_ID: named("Get"),
  HEART_BEAT: (_header, body) =>
    heartbeatData
      .decode(body)
      .consumerDataSet.flatMap(({ groupName, subscriptionDataSet }) =>
        subscribed(groupName, new Set(subscriptionDataSet.map((one) => one.topic))),
      ),
  UNREGISTER_CLIENT: ({ consumerGroup: name }) => (typeof name === "string" && name !== "" ? [group(name, "Sub")] : []),
  CHECK_CLIENT_CONFIG: (_header, body) => {
    const { group: name, subscriptionData } = checkClientRequestBody.decode(body);
    return subscribed(name, subscriptionData === undefined ? [] : [subscriptionData.topic]);
  },
  GET_CONSUMER_LIST_BY_GROUP: named("Sub", "Get"),
  QUERY_CONSUMER_OFFSET: named("Sub", "Get"),
  UPDATE_CONSUMER_OFFSET: named("Sub", "Update"),
  LOCK_BATCH_MQ: locks,
  UNLOCK_BATCH_MQ: locks,
  GET_ROUTEINFO_BY_TOPIC: ({ topic: name }) => {
    const text = String(name);
    return text.startsWith(RETRY_PREFIX) ? [topic(text, "Sub", "Get")] : [topic(text, "Pub", "Sub", "Get")];
  },

  UPDATE_AND_CREATE_TOPIC: named("Create"),
  UPDATE_AND_CREATE_STATIC_TOPIC: named("Create"),
  UPDATE_AND_CREATE_TOPIC_LIST: (_header, body) =>
    createTopicListRequestBody.decode(body).topicConfigList.map(({ topicName }) => topic(topicName, "Create")),
  DELETE_TOPIC_IN_BROKER: named("Delete"),
  GET_TOPIC_CONFIG: named("Get"),
  GET_TOPIC_STATS_INFO: named("Get"),
  SEARCH_OFFSET_BY_TIMESTAMP: named("Get"),
  GET_MAX_OFFSET: named("Get"),
  GET_MIN_OFFSET: named("Get"),
  GET_EARLIEST_MSG_STORETIME: named("Get"),
  QUERY_TOPIC_CONSUME_BY_WHO: named("Get"),
  QUERY_CONSUME_QUEUE: named("Get"),
  RESUME_CHECK_HALF_MESSAGE: named("Update"),
  CHECK_ROCKSDB_CQ_WRITE_PROGRESS: named("Get"),

  UPDATE_AND_CREATE_SUBSCRIPTIONGROUP: (_header, body) => [
    group(subscriptionGroupConfig.decode(body).groupName, "Create", "Update"),
  ],
  UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST: (_header, body) =>
    subscriptionGroupList.decode(body).groupConfigList.map(({ groupName }) => group(groupName, "Create", "Update")),
  DELETE_SUBSCRIPTIONGROUP: named("Delete"),
  GET_SUBSCRIPTIONGROUP_CONFIG: named("Get"),
  UPDATE_AND_GET_GROUP_FORBIDDEN: named("Update"),
  GET_CONSUMER_CONNECTION_LIST: named("Get"),
  GET_CONSUME_STATS: named("Get"),
  QUERY_TOPICS_BY_CONSUMER: named("Get"),
  QUERY_SUBSCRIPTION_BY_CONSUMER: named("Get"),
  QUERY_CONSUME_TIME_SPAN: named("Get"),
  QUERY_CORRECTION_OFFSET: named("Get"),
  GET_CONSUMER_RUNNING_INFO: named("Get"),
  CONSUME_MESSAGE_DIRECTLY: named("Sub"),
  INVOKE_BROKER_TO_RESET_OFFSET: named("Update"),
  INVOKE_BROKER_TO_GET_CONSUMER_STATUS: named("Get"),
  // The offsets go to one group and come from another, which is only read.
  CLONE_GROUP_OFFSET: ({ srcGroup, destGroup, topic: name }) => [
    group(String(destGroup), "Update"),
    group(String(srcGroup), "Get", "Update"),
    ...(typeof name === "string" && name !== "" ? [topic(name, "Update")] : []),
  ],

  GET_PARENT_TOPIC_INFO: named("Get"),
  GET_LITE_TOPIC_INFO: named("Get"),
  GET_LITE_CLIENT_INFO: named("Get"),
  GET_LITE_GROUP_INFO: named("Get"),
  TRIGGER_LITE_DISPATCH: named("Update"),
  GET_BROKER_LITE_INFO: clusterGet,
  GET_ALL_TOPIC_CONFIG: clusterGet,
  GET_ALL_SUBSCRIPTIONGROUP_CONFIG: clusterGet,
  GET_BROKER_CONFIG: clusterGet,
  GET_BROKER_RUNTIME_INFO: clusterGet,
  GET_PRODUCER_CONNECTION_LIST: clusterGet,
  GET_ALL_PRODUCER_INFO: clusterGet,
  GET_ALL_CONSUMER_OFFSET: clusterGet,
  GET_ALL_DELAY_OFFSET: clusterGet,
  GET_TIMER_CHECK_POINT: clusterGet,
  GET_TIMER_METRICS: clusterGet,
  GET_SYSTEM_TOPIC_LIST_FROM_BROKER: clusterGet,
  VIEW_BROKER_STATS_DATA: clusterGet,
  GET_BROKER_CONSUME_STATS: clusterGet,
  GET_COLD_DATA_FLOW_CTR_INFO: clusterGet,
  EXPORT_ROCKSDB_CONFIG_TO_JSON: clusterGet,
  GET_BROKER_HA_STATUS: clusterGet,
  GET_BROKER_EPOCH_CACHE: clusterGet,
  UPDATE_BROKER_CONFIG: clusterUpdate,
  CLEAN_EXPIRED_CONSUMEQUEUE: clusterUpdate,
  DELETE_EXPIRED_COMMITLOG: clusterUpdate,
  CLEAN_UNUSED_TOPIC: clusterUpdate,
  NOTIFY_MIN_BROKER_ID_CHANGE: clusterUpdate,
  AUTH_CREATE_USER: clusterUpdate,
  AUTH_UPDATE_USER: clusterUpdate,
  AUTH_DELETE_USER: clusterUpdate,
  AUTH_GET_USER: clusterGet,
  AUTH_LIST_USER: clusterGet,
  AUTH_CREATE_ACL: clusterUpdate,
  AUTH_UPDATE_ACL: clusterUpdate,
  AUTH_DELETE_ACL: clusterUpdate,
  AUTH_GET_ACL: clusterGet,
  AUTH_LIST_ACL: clusterGet,

  PUT_KV_CONFIG: clusterUpdate,
  GET_KV_CONFIG: clusterGet,
  DELETE_KV_CONFIG: clusterUpdate,
  REGISTER_BROKER: clusterUpdate,
  UNREGISTER_BROKER: clusterUpdate,
  BROKER_HEARTBEAT: clusterUpdate,
  QUERY_DATA_VERSION: clusterGet,
  GET_BROKER_CLUSTER_INFO: clusterGet,
  WIPE_WRITE_PERM_OF_BROKER: clusterUpdate,
  ADD_WRITE_PERM_OF_BROKER: clusterUpdate,
  GET_ALL_TOPIC_LIST_FROM_NAMESERVER: clusterGet,
  DELETE_TOPIC_IN_NAMESRV: clusterUpdate,
  REGISTER_TOPIC_IN_NAMESRV: clusterUpdate,
  GET_KVLIST_BY_NAMESPACE: clusterGet,
  GET_TOPICS_BY_CLUSTER: clusterGet,
  GET_SYSTEM_TOPIC_LIST_FROM_NS: clusterGet,
  GET_UNIT_TOPIC_LIST: clusterGet,
  GET_HAS_UNIT_SUB_TOPIC_LIST: clusterGet,
  GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST: clusterGet,
  UPDATE_NAMESRV_CONFIG: clusterUpdate,
  GET_NAMESRV_CONFIG: clusterGet,
  GET_BROKER_MEMBER_GROUP: clusterGet,
};
