/** updateTopic, updateTopicList, updateTopicPerm: make and change topics. */
import { createTopicListRequestBody, type TopicConfig } from "../../../wire/bodies/topic.ts";
import { MASTER_ID } from "../../../wire/mix_all.ts";
import { PERM_INHERIT, PERM_READ, PERM_WRITE } from "../../../wire/perm_name.ts";
import type { CommandContext } from "../context.ts";
import { CommandError, command, optional, required } from "../declaration.ts";
import { listFile } from "../files.ts";
import { allOf, eachMaster, targetsOf } from "../targets.ts";
import { attributesOf, integerOr, isTrue, javaMap } from "../values.ts";

const brokerAddr = optional("b", "create topic to which broker");
const clusterName = optional("c", "create topic to which cluster");
const topic = required("t", "topic name");

/** Bits of topicSysFlag. */
const FLAG_UNIT = 1;
const FLAG_UNIT_SUB = 2;
const QUEUES_DEFAULT = 8;

export const updateTopic = command({
  name: "updateTopic",
  package: "topic",
  description: "Update or create topic.",
  options: {
    brokerAddr,
    clusterName,
    attributes: optional("a", "attribute(+a=b,+c=d,-e)"),
    topic,
    readQueueNums: optional("r", "set read queue nums"),
    writeQueueNums: optional("w", "set write queue nums"),
    perm: optional("p", "set topic's permission(2|4|6), intro[2:W 4:R; 6:RW]"),
    order: optional("o", "set topic's order(true|false)"),
    unit: optional("u", "is unit topic (true|false)"),
    hasUnitSub: optional("s", "has unit sub (true|false)"),
  },
  oneOf: ["brokerAddr", "clusterName"],
  example: "-n 127.0.0.1:9876 -c DefaultCluster -t TopicTest -r 8 -w 8",
  async run(context, options) {
    const config: TopicConfig = {
      topicName: options.topic,
      readQueueNums: integerOr(options.readQueueNums, "readQueueNums", QUEUES_DEFAULT),
      writeQueueNums: integerOr(options.writeQueueNums, "writeQueueNums", QUEUES_DEFAULT),
      perm: integerOr(options.perm, "perm", PERM_READ | PERM_WRITE),
      topicFilterType: "SINGLE_TAG",
      topicSysFlag: (isTrue(options.unit) ? FLAG_UNIT : 0) | (isTrue(options.hasUnitSub) ? FLAG_UNIT_SUB : 0),
      order: isTrue(options.order),
      attributes: attributesOf(options.attributes ?? ""),
    };
    const targets = await eachMaster(
      context,
      options,
      (address) => (options.clusterName === undefined ? undefined : `create topic to ${address} success.`),
      (address) => context.admin.topics.createAndUpdateTopicConfig(address, config),
    );
    if (config.order) await orderedTopic(context, config, options);
    if (options.brokerAddr !== undefined) context.print(`create topic to ${options.brokerAddr} success.`);
    context.print(topicConfigText(config));
    return { brokers: targets, topicConfig: config };
  },
});

/** The order of an ordered topic goes to the nameservers: one broker's part, or the whole of a cluster. */
async function orderedTopic(
  context: CommandContext,
  { topicName, writeQueueNums }: TopicConfig,
  { brokerAddr, clusterName = "" }: { brokerAddr: string | undefined; clusterName: string | undefined },
): Promise<void> {
  if (brokerAddr !== undefined) {
    const orderConf = `${await context.admin.clusters.brokerNameAt(brokerAddr)}:${writeQueueNums}`;
    await context.admin.nameServers.createOrUpdateOrderConf(topicName, orderConf, false);
    context.print(`set broker orderConf. isOrder=true, orderConf=[${orderConf}]`);
    return;
  }
  const names = await context.admin.clusters.brokerNames(clusterName);
  const orderConf = names.map((name) => `${name}:${writeQueueNums}`).join(";");
  await context.admin.nameServers.createOrUpdateOrderConf(topicName, orderConf, true);
  context.print(`set cluster orderConf. isOrder=true, orderConf=[${orderConf}]`);
}

/** As Java prints a TopicConfig. */
export function topicConfigText(config: TopicConfig): string {
  const perm = [
    [PERM_READ, "R"],
    [PERM_WRITE, "W"],
    [PERM_INHERIT, "X"],
  ].map(([bit, letter]) => ((config.perm & (bit as number)) === 0 ? "-" : letter));
  return (
    `TopicConfig [topicName=${config.topicName}, readQueueNums=${config.readQueueNums}, ` +
    `writeQueueNums=${config.writeQueueNums}, perm=${perm.join("")}, topicFilterType=${config.topicFilterType}, ` +
    `topicSysFlag=${config.topicSysFlag}, order=${config.order}, attributes=${javaMap(Object.entries(config.attributes))}]`
  );
}

export const updateTopicList = command({
  name: "updateTopicList",
  package: "topic",
  description: "create or update topic in batch",
  options: {
    brokerAddr,
    clusterName,
    filename: required("f", "Path to a file with list of org.apache.rocketmq.common.TopicConfig in json format"),
  },
  oneOf: ["brokerAddr", "clusterName"],
  example: "-n 127.0.0.1:9876 -c DefaultCluster -f topics.json",
  async run(context, options) {
    const { topicConfigList } = listFile(context, options.filename, "topicConfigList", createTopicListRequestBody);
    if (topicConfigList.length === 0) throw new CommandError(`${options.filename} has an empty list: nothing was changed`);
    const targets = await eachMaster(
      context,
      options,
      (address) => `submit batch of topic config to ${address} success, please check the result later.`,
      (address) => context.admin.topics.createAndUpdateTopicConfigList(address, topicConfigList),
    );
    return { brokers: targets, topics: topicConfigList.map(({ topicName }) => topicName) };
  },
});

export const updateTopicPerm = command({
  name: "updateTopicPerm",
  package: "topic",
  description: "Update topic perm.",
  options: { brokerAddr, clusterName, topic, perm: required("p", "set topic's permission(2|4|6), intro[2:W; 4:R; 6:RW]") },
  oneOf: ["brokerAddr", "clusterName"],
  example: "-n 127.0.0.1:9876 -b 127.0.0.1:10911 -t TopicTest -p 4",
  async run(context, options) {
    const route = await context.admin.topics.examineTopicRouteInfo(options.topic);
    const first = route.queueDatas[0];
    if (first === undefined) throw new CommandError(`The route of topic ${options.topic} names no queues`);
    const perm = integerOr(options.perm, "perm", 0);
    const config: TopicConfig = {
      topicName: options.topic,
      readQueueNums: first.readQueueNums,
      writeQueueNums: first.writeQueueNums,
      perm,
      topicFilterType: "SINGLE_TAG",
      topicSysFlag: first.topicSysFlag,
      order: false,
      attributes: {},
    };
    if (options.brokerAddr === undefined) {
      const masters = await targetsOf(context, { clusterName: options.clusterName });
      await allOf(context, masters, async (address) => {
        await context.admin.topics.createAndUpdateTopicConfig(address, config);
        context.print(`update topic perm from ${first.perm} to ${perm} in ${address} success.`);
      });
      return { brokers: masters, from: first.perm, to: perm };
    }
    const broker = route.brokerDatas.find(({ brokerAddrs }) => brokerAddrs.get(MASTER_ID) === options.brokerAddr);
    if (broker === undefined) {
      throw new CommandError(
        `updateTopicPerm error broker not exit or broker is not master!. ${options.brokerAddr} is no master in the route of ${options.topic}`,
      );
    }
    const from = route.queueDatas.find(({ brokerName }) => brokerName === broker.brokerName)?.perm ?? 0;
    if (from === perm) context.print("new perm equals to the old one!");
    else {
      await context.admin.topics.createAndUpdateTopicConfig(options.brokerAddr, config);
      context.print(`update topic perm from ${from} to ${perm} in ${options.brokerAddr} success.`);
      context.print(`${topicConfigText(config)}.`);
    }
    return { brokers: [options.brokerAddr], from, to: perm };
  },
});
