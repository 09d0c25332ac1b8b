/** deleteSubGroup, setConsumeMode: what else is done to a group. */
import { MESSAGE_REQUEST_MODES } from "../../../wire/bodies/assignment.ts";
import { DLQ_PREFIX, RETRY_PREFIX } from "../../../wire/mix_all.ts";
import { command, optional, required, UsageError } from "../declaration.ts";
import { eachMaster } from "../targets.ts";
import { integerOr, isTrue } from "../values.ts";

export const deleteSubGroup = command({
  name: "deleteSubGroup",
  package: "consumer",
  description: "Delete subscription group from broker.",
  options: {
    brokerAddr: optional("b", "delete subscription group from which broker"),
    clusterName: optional("c", "delete subscription group from which cluster"),
    groupName: required("g", "subscription group name"),
    removeOffset: optional("r", "remove offset"),
  },
  oneOf: ["brokerAddr", "clusterName"],
  example: "-n 127.0.0.1:9876 -c DefaultCluster -g GroupA -r true",
  async run(context, { groupName, removeOffset, ...options }) {
    const cluster = options.clusterName === undefined ? "" : ` in cluster [${options.clusterName}]`;
    const brokers = await eachMaster(
      context,
      options,
      (address) => `delete subscription group [${groupName}] from broker [${address}]${cluster} success.`,
      (address) => context.admin.groups.deleteSubscriptionGroup(address, groupName, isTrue(removeOffset)),
    );
    if (options.clusterName !== undefined) {
      for (const prefix of [RETRY_PREFIX, DLQ_PREFIX]) {
        await context.admin.topics.deleteTopic(prefix + groupName, options.clusterName);
      }
    }
    return { groupName, brokers };
  },
});

export const setConsumeMode = command({
  name: "setConsumeMode",
  package: "consumer",
  description: "Set consume message mode. pull/pop etc.",
  options: {
    brokerAddr: optional("b", "create subscription group to which broker"),
    clusterName: optional("c", "create subscription group to which cluster"),
    topicName: required("t", "topic name"),
    groupName: required("g", "consumer group name"),
    mode: required("m", "consume mode. PULL/POP"),
    popShareQueueNum: optional("q", "num of queue which share in pop mode"),
  },
  oneOf: ["brokerAddr", "clusterName"],
  example: "-n 127.0.0.1:9876 -c DefaultCluster -t TopicTest -g GroupA -m POP -q 8",
  async run(context, { topicName, groupName, mode, popShareQueueNum, ...options }) {
    const wanted = MESSAGE_REQUEST_MODES.find((each) => each === mode);
    if (wanted === undefined) throw new UsageError(`--mode ${mode}: allowed is one of ${MESSAGE_REQUEST_MODES.join(", ")}`);
    const share = integerOr(popShareQueueNum, "popShareQueueNum", 0);
    const brokers = await eachMaster(
      context,
      options,
      (address) => `set consume mode to ${address} success.`,
      (address) => context.admin.groups.setMessageRequestMode(address, topicName, groupName, wanted, share),
    );
    context.print(`topic[${topicName}] group[${groupName}] consume mode[${wanted}] popShareQueueNum[${share}]`);
    return { topicName, groupName, mode: wanted, popShareQueueNum: share, brokers };
  },
});
