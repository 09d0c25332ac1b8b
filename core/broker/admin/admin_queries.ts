/** Which group reads which topic: codes 300, 343 and 345. */
import { querySubscriptionResponseBody } from "../../../wire/bodies/subscription.ts";
import { groupList } from "../../../wire/bodies/subscription_group.ts";
import { topicList } from "../../../wire/bodies/topic.ts";
import type { ProcessorMap } from "../../remoting/processor.ts";
import type { AdminParts } from "./admin_parts.ts";

export function groupQueryProcessors(
  parts: AdminParts,
): Pick<ProcessorMap<"broker">, "QUERY_TOPIC_CONSUME_BY_WHO" | "QUERY_TOPICS_BY_CONSUMER" | "QUERY_SUBSCRIPTION_BY_CONSUMER"> {
  const { consumers, offsets } = parts;
  return {
    /** Groups that are connected, and groups that left offsets behind. */
    QUERY_TOPIC_CONSUME_BY_WHO(_context, { header }) {
      const names = consumers.groupsOf(header.topic);
      for (const group of offsets.groupsOf(header.topic)) names.add(group);
      return { body: groupList.encode({ groupList: names }) };
    },

    QUERY_TOPICS_BY_CONSUMER(_context, { header }) {
      const names = offsets.topicsOf(header.group);
      return { body: topicList.encode({ topicList: names, brokerAddr: parts.registeredAddress() }) };
    },

    QUERY_SUBSCRIPTION_BY_CONSUMER(_context, { header }) {
      const { group, topic = "" } = header;
      const subscriptionData = consumers.subscription(group, topic);
      return { body: querySubscriptionResponseBody.encode({ group, topic, subscriptionData }) };
    },
  };
}
