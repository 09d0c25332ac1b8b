/** getLiteTopicInfo, getLiteClientInfo, getLiteGroupInfo: one lite topic, one client, one group. */
import type { OffsetWrapper } from "../../../wire/bodies/consume_stats.ts";
import type { LiteLagInfo } from "../../../wire/bodies/lite.ts";
import type { CommandContext } from "../context.ts";
import { command, flag, optional, required } from "../declaration.ts";
import { dateTime, format, front } from "../format.ts";
import { integerOr } from "../values.ts";
import { askEach, brokersOfTopic } from "./each_broker.ts";

const parentTopic = required("p", "Parent topic name");
const group = required("g", "Consumer group");

const timeOr = (timeMs: number, otherwise: string): string => (timeMs > 0 ? dateTime(timeMs, ",") : otherwise);

/** The light queue that holds a lite topic. */
const lmqName = (parent: string, lite: string): string => `%LMQ%$${parent}$${lite}`;

const TOPIC = "%-50s %-14s %-14s %-30s %-12s %-18s ";

export const getLiteTopicInfo = command({
  name: "getLiteTopicInfo",
  package: "lite",
  description: "Get lite topic info.",
  options: {
    parentTopic,
    liteTopic: required("l", "Lite topic name"),
    showClientId: flag("s", "Show all clientId"),
  },
  example: "-n 127.0.0.1:9876 -p ParentTopic -l lite-1 -s",
  async run(context, options) {
    const brokers = await brokersOfTopic(context, options.parentTopic);
    const { liteTopic, showClientId } = options;
    context.print(`Lite Topic Info: [${options.parentTopic}] [${liteTopic}] [${lmqName(options.parentTopic, liteTopic)}]`);
    context.print(format(TOPIC, "#Broker Name", "#MinOffset", "#MaxOffset", "#LastUpdate", "#Sharding", "#SubClientCount"));
    return await askEach(
      context,
      brokers,
      ({ address }) => context.admin.liteTopics.getLiteTopicInfo(address, options.parentTopic, liteTopic),
      ({ topicOffset, shardingToBroker, subscriber = [] }, { brokerName }) => {
        const { minOffset = 0, maxOffset = 0, lastUpdateTimestamp = 0 } = topicOffset ?? {};
        const cells = [minOffset, maxOffset, timeOr(lastUpdateTimestamp, "-"), shardingToBroker, subscriber.length];
        context.print(format(TOPIC, front(brokerName, 40), ...cells));
        if (showClientId) context.print(`[${subscriber.map((each) => `${each.clientId}@${each.group}`).join(", ")}]`);
      },
    );
  },
});

const CLIENT = "%-30s %-20s %-30s %-30s ";

export const getLiteClientInfo = command({
  name: "getLiteClientInfo",
  package: "lite",
  description: "Get lite client info.",
  options: { parentTopic, group, clientId: required("c", "Client id"), showDetail: flag("s", "Show details") },
  example: "-n 127.0.0.1:9876 -p ParentTopic -g GroupA -c 10.0.0.1@1#2 -s",
  async run(context, options) {
    const brokers = await brokersOfTopic(context, options.parentTopic);
    context.print(`Lite Client Info: [${options.parentTopic}] [${options.group}] [${options.clientId}]`);
    context.print(format(CLIENT, "#Broker", "#LiteTopicCount", "#LastAccessTime", "#LastConsumeTime"));
    return await askEach(
      context,
      brokers,
      ({ address }) => context.admin.liteTopics.getLiteClientInfo(address, options.parentTopic, options.group, options.clientId),
      ({ liteTopicCount, lastAccessTime, lastConsumeTime, liteTopicSet }, { brokerName }) => {
        const count = liteTopicCount > 0 ? liteTopicCount : "N/A";
        context.print(format(CLIENT, brokerName, count, timeOr(lastAccessTime, "N/A"), timeOr(lastConsumeTime, "N/A")));
        if (!options.showDetail || liteTopicSet === undefined) return;
        context.print(`Lite Topics: [${[...liteTopicSet].join(", ")}]`);
        context.print("");
      },
    );
  },
});

const GROUP = "%-50s %-16s %-16s %-16s %-30s";
const LAG = "%-6s %-40s %-12s %-30s";
const TOP_K_DEFAULT = 20;

export const getLiteGroupInfo = command({
  name: "getLiteGroupInfo",
  package: "lite",
  description: "Get lite group info.",
  options: {
    parentTopic,
    group,
    liteTopic: optional("l", "query lite topic detail"),
    topK: optional("k", "topK value of each broker"),
  },
  example: "-n 127.0.0.1:9876 -p ParentTopic -g GroupA -k 10",
  async run(context, options) {
    const brokers = await brokersOfTopic(context, options.parentTopic);
    const topK = integerOr(options.topK, "topK", TOP_K_DEFAULT, 1);
    const one = options.liteTopic !== undefined && options.liteTopic !== "";
    context.print(`Lite Group Info: [${options.group}] [${options.parentTopic}]`);
    if (one) context.print(format(GROUP, "#Broker Name", "#BrokerOffset", "#ConsumeOffset", "#LagCount", "#LastUpdate"));
    const answers = await askEach(
      context,
      brokers,
      ({ address }) => context.admin.liteTopics.getLiteGroupInfo(address, options.group, options.liteTopic, topK),
      ({ liteTopicOffsetWrapper }, { brokerName }) => {
        if (one) context.print(offsetsLine(brokerName, liteTopicOffsetWrapper));
      },
    );
    const lag = answers.reduce((sum, { totalLagCount }) => sum + Math.max(0, totalLagCount), 0);
    const times = answers.map((each) => each.earliestUnconsumedTimestamp).filter((each) => each > 0);
    const oldest = Math.min(context.now(), ...times);
    context.print(`Total Lag Count: ${lag}`);
    context.print(`Min Unconsumed Timestamp: ${oldest} (${Math.floor((context.now() - oldest) / 1000)} s ago)`);
    context.print("");
    if (one) return answers;
    context.print("------TopK by lag count-----");
    printLags(
      context,
      answers.flatMap(({ lagCountTopK = [] }) => lagCountTopK).sort((a, b) => b.lagCount - a.lagCount),
    );
    context.print("");
    context.print("------TopK by lag time------");
    const byTime = answers.flatMap(({ lagTimestampTopK = [] }) => lagTimestampTopK);
    printLags(
      context,
      byTime.sort((a, b) => a.earliestUnconsumedTimestamp - b.earliestUnconsumedTimestamp),
    );
    return answers;
  },
});

function offsetsLine(brokerName: string, offsets: OffsetWrapper | undefined): string {
  if (offsets === undefined) return format(GROUP, brokerName, "-", "-", "-", "-");
  const { brokerOffset, consumerOffset, lastTimestamp } = offsets;
  return format(GROUP, brokerName, brokerOffset, consumerOffset, brokerOffset - consumerOffset, timeOr(lastTimestamp, "-"));
}

function printLags(context: CommandContext, lags: readonly LiteLagInfo[]): void {
  context.print(format(LAG, "NO", "Lite Topic", "Lag Count", "UnconsumedTimestamp"));
  for (const [i, { liteTopic, lagCount, earliestUnconsumedTimestamp }] of lags.entries()) {
    context.print(format(LAG, i + 1, liteTopic, lagCount, timeOr(earliestUnconsumedTimestamp, "-")));
  }
}
