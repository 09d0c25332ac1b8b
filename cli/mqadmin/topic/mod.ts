import type { Command } from "../declaration.ts";
import { allocateMQ } from "./allocate_mq.ts";
import { deleteTopic } from "./delete_topic.ts";
import { updateOrderConf } from "./order_conf.ts";
import { remappingStaticTopic, updateStaticTopic } from "./static_topic.ts";
import { updateTopic, updateTopicList, updateTopicPerm } from "./topic_config.ts";
import { topicClusterList, topicList } from "./topic_list.ts";
import { topicRoute } from "./topic_route.ts";
import { topicStatus } from "./topic_status.ts";

export const topicCommands: readonly Command[] = [
  updateTopic,
  updateTopicList,
  deleteTopic,
  updateTopicPerm,
  topicRoute,
  topicStatus,
  topicClusterList,
  topicList,
  updateOrderConf,
  allocateMQ,
  updateStaticTopic,
  remappingStaticTopic,
];
