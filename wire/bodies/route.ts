/** Where topics and brokers are: answers of the nameserver. */
import { body, bool, int, intMap, list, listOf, map, mapOf, maybe, or, setOf, text } from "../body.ts";
import type { JsonStyle } from "../json_writer.ts";
import { type TopicQueueMappingInfo, topicQueueMappingInfo } from "./static_topic.ts";

/** A topic's queues on one broker name. */
export interface QueueData {
  brokerName: string;
  readQueueNums: number;
  writeQueueNums: number;
  /** Bits: 8 priority, 4 read, 2 write, 1 inherit. */
  perm: number;
  /** Bits: 1 unit, 2 unit subscription. */
  topicSysFlag: number;
}

export const queueData = body<QueueData>("QueueData", {
  brokerName: or(text, ""),
  readQueueNums: or(int, 0),
  writeQueueNums: or(int, 0),
  perm: or(int, 0),
  topicSysFlag: or(int, 0),
});

/** The brokers of one name: a master and its slaves. */
export interface BrokerData {
  cluster: string;
  brokerName: string;
  /** brokerId -> `host:port`; 0 is the master. */
  brokerAddrs: Map<number, string>;
  zoneName?: string | undefined;
  /** A slave may stand in for a missing master. */
  enableActingMaster: boolean;
}

export const brokerData = body<BrokerData>("BrokerData", {
  cluster: or(text, ""),
  brokerName: or(text, ""),
  brokerAddrs: intMap(text),
  zoneName: maybe(text),
  enableActingMaster: or(bool, false),
});

/**
 * Answer of GET_ROUTEINFO_BY_TOPIC. Clients from 4.9.4 on, and who sends acceptStandardJsonOnly, get it as `strict` JSON
 * (`ROUTE_STRICT`); older ones in fastjson's form.
 */
export interface TopicRouteData {
  /** `brokerName:queues;…`, from the KV configuration. */
  orderTopicConf?: string | undefined;
  queueDatas: QueueData[];
  brokerDatas: BrokerData[];
  /** `host:port` of the broker -> its filter servers; empty since 4.9, but a client wants the key. */
  filterServerTable: Map<string, string[]>;
  /** brokerName -> what it leads of a static topic. */
  topicQueueMappingByBroker?: Map<string, TopicQueueMappingInfo> | undefined;
}

export const topicRouteData = body<TopicRouteData>("TopicRouteData", {
  orderTopicConf: maybe(text),
  queueDatas: list(queueData),
  brokerDatas: list(brokerData),
  filterServerTable: map(listOf(text)),
  topicQueueMappingByBroker: maybe(mapOf(topicQueueMappingInfo)),
});

export const ROUTE_STRICT: JsonStyle = { form: "strict" };

/** Answer of GET_BROKER_CLUSTER_INFO. */
export interface ClusterInfo {
  /** brokerName -> its brokers. */
  brokerAddrTable: Map<string, BrokerData>;
  /** cluster -> broker names. */
  clusterAddrTable: Map<string, Set<string>>;
}

export const clusterInfo = body<ClusterInfo>("ClusterInfo", {
  brokerAddrTable: map(brokerData),
  clusterAddrTable: map(setOf(text)),
});

export interface BrokerMemberGroup {
  cluster: string;
  brokerName: string;
  /** brokerId -> `host:port`. */
  brokerAddrs: Map<number, string>;
}

export const brokerMemberGroup = body<BrokerMemberGroup>("BrokerMemberGroup", {
  cluster: or(text, ""),
  brokerName: or(text, ""),
  brokerAddrs: intMap(text),
});

export interface GetBrokerMemberGroupResponseBody {
  brokerMemberGroup?: BrokerMemberGroup | undefined;
}

export const getBrokerMemberGroupResponseBody = body<GetBrokerMemberGroupResponseBody>("GetBrokerMemberGroupResponseBody", {
  brokerMemberGroup: maybe(brokerMemberGroup),
});
