/** updateSubGroup, updateSubGroupList, getConsumerConfig: make, change and show consumer groups. */
import type { GroupRetryPolicy, SubscriptionGroupConfig } from "../../../wire/bodies/subscription_group.ts";
import { groupRetryPolicy, subscriptionGroupConfig, subscriptionGroupList } from "../../../wire/bodies/subscription_group.ts";
import { WireError } from "../../../wire/errors.ts";
import { MASTER_ID } from "../../../wire/mix_all.ts";
import { CommandError, command, longOnly, optional, required, UsageError } from "../declaration.ts";
import { listFile } from "../files.ts";
import { format } from "../format.ts";
import { eachMaster } from "../targets.ts";
import { attributesOf, integerOr, isTrue, javaMap } from "../values.ts";

export const updateSubGroup = command({
  name: "updateSubGroup",
  package: "consumer",
  description: "Update or create subscription group.",
  options: {
    brokerAddr: optional("b", "create subscription group to which broker"),
    clusterName: optional("c", "create subscription group to which cluster"),
    groupName: required("g", "consumer group name"),
    consumeEnable: optional("s", "consume enable"),
    consumeFromMinEnable: optional("m", "from min offset"),
    consumeBroadcastEnable: optional("d", "broadcast"),
    consumeMessageOrderly: optional("o", "consume message orderly"),
    retryQueueNums: optional("q", "retry queue nums"),
    retryMaxTimes: optional("r", "retry max times"),
    groupRetryPolicy: optional(
      "p",
      'the json string of retry policy ( exp: {"type":"EXPONENTIAL","exponentialRetryPolicy":{"initial":5000,"max":7200000,"multiplier":2}} {"type":"CUSTOMIZED","customizedRetryPolicy":{"next":[1000,5000,10000]}} )',
    ),
    brokerId: optional("i", "consumer from which broker id"),
    whichBrokerWhenConsumeSlowly: optional("w", "which broker id when consume slowly"),
    notifyConsumerIdsChanged: optional("a", "notify consumerId changed"),
    attributes: longOnly("attribute(+a=b,+c=d,-e)"),
  },
  oneOf: ["brokerAddr", "clusterName"],
  example: "-n 127.0.0.1:9876 -c DefaultCluster -g GroupA -r 16",
  async run(context, options) {
    const fallback = subscriptionGroupConfig.read({ groupName: options.groupName }, "");
    const config: SubscriptionGroupConfig = {
      ...fallback,
      consumeEnable: options.consumeEnable === undefined || isTrue(options.consumeEnable),
      // Apache's tool has these two off, where a group that a broker makes by itself has them on.
      consumeFromMinEnable: isTrue(options.consumeFromMinEnable),
      consumeBroadcastEnable: isTrue(options.consumeBroadcastEnable),
      consumeMessageOrderly: isTrue(options.consumeMessageOrderly),
      retryQueueNums: integerOr(options.retryQueueNums, "retryQueueNums", fallback.retryQueueNums),
      retryMaxTimes: integerOr(options.retryMaxTimes, "retryMaxTimes", fallback.retryMaxTimes),
      groupRetryPolicy: retryPolicyOf(options.groupRetryPolicy) ?? fallback.groupRetryPolicy,
      brokerId: integerOr(options.brokerId, "brokerId", fallback.brokerId),
      whichBrokerWhenConsumeSlowly: integerOr(
        options.whichBrokerWhenConsumeSlowly,
        "whichBrokerWhenConsumeSlowly",
        fallback.whichBrokerWhenConsumeSlowly,
      ),
      notifyConsumerIdsChangedEnable:
        options.notifyConsumerIdsChanged === undefined
          ? fallback.notifyConsumerIdsChangedEnable
          : isTrue(options.notifyConsumerIdsChanged),
      attributes: attributesOf(options.attributes ?? ""),
    };
    const brokers = await eachMaster(
      context,
      options,
      (address) => `create subscription group to ${address} success.`,
      (address) => context.admin.groups.createAndUpdateSubscriptionGroupConfig(address, config),
    );
    context.print(`SubscriptionGroupConfig${javaMap(fieldsOf(config))}`);
    return { brokers, subscriptionGroupConfig: config };
  },
});

function retryPolicyOf(json: string | undefined): GroupRetryPolicy | undefined {
  if (json === undefined) return undefined;
  try {
    return groupRetryPolicy.parse(json);
  } catch (fault) {
    if (!(fault instanceof WireError)) throw fault;
    throw new UsageError(`--groupRetryPolicy ${json}: ${fault.message}`);
  }
}

/** The fields in the order of Apache's class, as Java prints them. */
function fieldsOf(config: SubscriptionGroupConfig, absent = "null"): [string, string][] {
  const { exponentialRetryPolicy: exponential, customizedRetryPolicy: customized, type } = config.groupRetryPolicy;
  const policies = [
    `exponentialRetryPolicy=${exponential === undefined ? "null" : `ExponentialRetryPolicy${javaMap(Object.entries(exponential))}`}`,
    `customizedRetryPolicy=${customized === undefined ? "null" : `CustomizedRetryPolicy{next=[${customized.next.join(", ")}]}`}`,
  ];
  const subscriptions = config.subscriptionDataSet?.map(
    (each) => `{"topic":"${each.topic}","expressionType":"${each.expressionType}","expression":"${each.expression}"}`,
  );
  return [
    ["groupName", config.groupName],
    ["consumeEnable", String(config.consumeEnable)],
    ["consumeFromMinEnable", String(config.consumeFromMinEnable)],
    ["consumeBroadcastEnable", String(config.consumeBroadcastEnable)],
    ["consumeMessageOrderly", String(config.consumeMessageOrderly)],
    ["retryQueueNums", String(config.retryQueueNums)],
    ["retryMaxTimes", String(config.retryMaxTimes)],
    ["groupRetryPolicy", `GroupRetryPolicy{type=${type}, ${policies.join(", ")}}`],
    ["brokerId", String(config.brokerId)],
    ["whichBrokerWhenConsumeSlowly", String(config.whichBrokerWhenConsumeSlowly)],
    ["notifyConsumerIdsChangedEnable", String(config.notifyConsumerIdsChangedEnable)],
    ["groupSysFlag", String(config.groupSysFlag)],
    ["consumeTimeoutMinute", String(config.consumeTimeoutMinute)],
    ["subscriptionDataSet", subscriptions === undefined ? absent : `[${subscriptions.join(", ")}]`],
    ["attributes", javaMap(Object.entries(config.attributes))],
  ];
}

export const updateSubGroupList = command({
  name: "updateSubGroupList",
  package: "consumer",
  description: "Update or create subscription group in batch",
  options: {
    brokerAddr: optional("b", "create groups to which broker"),
    clusterName: optional("c", "create groups to which cluster"),
    filename: required(
      "f",
      "Path to a file with a list of org.apache.rocketmq.remoting.protocol.subscription.SubscriptionGroupConfig in json format",
    ),
  },
  oneOf: ["brokerAddr", "clusterName"],
  example: "-n 127.0.0.1:9876 -c DefaultCluster -f groups.json",
  async run(context, options) {
    const { groupConfigList } = listFile(context, options.filename, "groupConfigList", subscriptionGroupList);
    if (groupConfigList.length === 0) throw new CommandError(`${options.filename} has an empty list: nothing was changed`);
    const what = options.brokerAddr === undefined ? "subscription group config" : "group config";
    const brokers = await eachMaster(
      context,
      options,
      (address) => `submit batch of ${what} to ${address} success, please check the result later.`,
      (address) => context.admin.groups.createAndUpdateSubscriptionGroupConfigList(address, groupConfigList),
    );
    return { brokers, groups: groupConfigList.map(({ groupName }) => groupName) };
  },
});

export const getConsumerConfig = command({
  name: "getConsumerConfig",
  package: "consumer",
  description: "Get consumer config by subscription group name.",
  options: { groupName: required("g", "subscription group name") },
  example: "-n 127.0.0.1:9876 -g GroupA",
  async run(context, { groupName }) {
    const { clusterAddrTable, brokerAddrTable } = await context.admin.clusters.examineBrokerClusterInfo();
    const found = [];
    for (const [brokerName, { brokerAddrs }] of brokerAddrTable) {
      const address = brokerAddrs.get(MASTER_ID) ?? [...brokerAddrs.values()][0];
      if (address === undefined) continue;
      const config = await context.admin.groups.examineSubscriptionGroupConfig(address, groupName);
      if (config === undefined) continue;
      const cluster = [...clusterAddrTable].find(([, names]) => names.has(brokerName))?.[0];
      found.push({ cluster, brokerName, ...config });
      context.print(`=============================${cluster}:${brokerName}=============================`);
      for (const [name, value] of fieldsOf(config, "")) context.print(format("%-40s=  %s", name, value));
    }
    if (found.length > 0) return found;
    throw new CommandError(`No broker that ${context.namesrvAddrs.join(";")} knows has a subscription group "${groupName}"`);
  },
});
