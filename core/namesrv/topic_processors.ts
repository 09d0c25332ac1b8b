/** What operators ask and set about topics: lists, write permission, registration and deletion of one topic. */
import { topicRouteData } from "../../wire/bodies/route.ts";
import { topicList } from "../../wire/bodies/topic.ts";
import { ResponseCode } from "../../wire/response_code.ts";
import { type Processor, RemotingError, type RequestContext } from "../remoting/processor.ts";
import { clipped } from "../routing/names.ts";
import type { RouteInfoManager } from "../routing/route_info_manager.ts";
import { UNIT_LISTS } from "../routing/topic_lists.ts";
import type { Log } from "../runtime.ts";
import type { NamesrvSettings } from "./options.ts";

export interface TopicParts {
  readonly log: Log;
  readonly settings: NamesrvSettings;
  readonly routes: RouteInfoManager;
}

type Served =
  | "WIPE_WRITE_PERM_OF_BROKER"
  | "ADD_WRITE_PERM_OF_BROKER"
  | "GET_ALL_TOPIC_LIST_FROM_NAMESERVER"
  | "DELETE_TOPIC_IN_NAMESRV"
  | "REGISTER_TOPIC_IN_NAMESRV"
  | "GET_TOPICS_BY_CLUSTER"
  | "GET_SYSTEM_TOPIC_LIST_FROM_NS"
  | "GET_UNIT_TOPIC_LIST"
  | "GET_HAS_UNIT_SUB_TOPIC_LIST"
  | "GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST";

export function topicProcessors({ log, settings, routes }: TopicParts): { readonly [N in Served]: Processor<N> } {
  const listAll = () => allow(settings.enableAllTopicList, "enableAllTopicList");
  const list = () => allow(settings.enableTopicList, "enableTopicList");

  return {
    WIPE_WRITE_PERM_OF_BROKER(context, { header: { brokerName } }) {
      const wipeTopicCount = routes.setWritePerm(brokerName, false);
      log.info("wipe write perm of broker", { broker: clipped(brokerName), topics: wipeTopicCount, client: client(context) });
      return { header: { wipeTopicCount } };
    },
    ADD_WRITE_PERM_OF_BROKER(context, { header: { brokerName } }) {
      const addTopicCount = routes.setWritePerm(brokerName, true);
      log.info("add write perm of broker", { broker: clipped(brokerName), topics: addTopicCount, client: client(context) });
      return { header: { addTopicCount } };
    },
    REGISTER_TOPIC_IN_NAMESRV(_context, { header: { topic }, body }) {
      if (body.length > 0) routes.registerTopic(topic, topicRouteData.decode(body).queueDatas);
      return {};
    },
    DELETE_TOPIC_IN_NAMESRV(context, { header: { topic, clusterName } }) {
      routes.deleteTopic(topic, clusterName);
      log.info("delete topic", { topic: clipped(topic), cluster: clipped(clusterName ?? ""), client: client(context) });
      return {};
    },
    GET_ALL_TOPIC_LIST_FROM_NAMESERVER() {
      listAll();
      return { body: namesOf(routes.allTopics()) };
    },
    GET_TOPICS_BY_CLUSTER(_context, { header: { cluster } }) {
      list();
      return { body: namesOf(routes.topicsOfCluster(cluster)) };
    },
    GET_SYSTEM_TOPIC_LIST_FROM_NS() {
      const { topics, brokerAddr } = routes.systemTopics();
      return { body: namesOf(topics, brokerAddr) };
    },
    GET_UNIT_TOPIC_LIST() {
      list();
      return { body: namesOf(routes.topicsByFlag(UNIT_LISTS.unit)) };
    },
    GET_HAS_UNIT_SUB_TOPIC_LIST() {
      list();
      return { body: namesOf(routes.topicsByFlag(UNIT_LISTS.unitSub)) };
    },
    GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST() {
      list();
      return { body: namesOf(routes.topicsByFlag(UNIT_LISTS.unitSubNotUnit)) };
    },
  };
}

function allow(enabled: boolean, key: string): void {
  if (!enabled) throw new RemotingError(ResponseCode.SYSTEM_ERROR, `disable: ${key}=false in the name server's configuration`);
}

const namesOf = (topics: readonly string[], brokerAddr?: string): Uint8Array =>
  topicList.encode({ topicList: new Set(topics), brokerAddr });

const client = ({ peer }: RequestContext): string => `${peer.remote.host}:${peer.remote.port}`;
